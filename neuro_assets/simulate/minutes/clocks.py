"""Which zone each person's clock shows on each day, and where local days begin in true time.

The grid of a study is true minutes. Its minute 0 lies 14 hours before the first midnight in UTC, so that the first
local day of every zone is on it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Days, Ints
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.plan import MinutePlan

Number = TypeVar("Number", np.int16, np.int8)

DAY_MIN = 1440
EAST_MIN, WEST_MIN = 14 * 60, 12 * 60
"""Zones lie between UTC+14 and UTC-12."""
CELL_MIN = 15
"""Every zone offset and shift of the years with wearables is a multiple of 15 minutes."""


@dataclass(frozen=True)
class Trips:
    """Days [from_day, until_day) of `person` in zone number `zone`."""

    person: Ints
    from_day: Ints
    until_day: Ints
    zone: Ints


@dataclass(frozen=True)
class Clocks:
    """Local time of all people (P), days (D), zones (Z) and minutes of the grid (T).

    `zone_of_day` (P x D) and `home` (P) index `zones`; `offset_min` (Z x T) is minutes east of UTC; `zone_midnight`
    (Z x (D + 1)) is the minute at which a local day begins in a zone; `trips` hold who is away.
    """

    days: Days
    zones: tuple[str, ...]
    home: Ints
    zone_of_day: Ints
    offset_min: NDArray[np.int16]
    zone_midnight: Ints
    trips: Trips

    @property
    def minutes(self) -> int:
        """Length of the grid."""
        return self.offset_min.shape[1]

    @property
    def day_start(self) -> Ints:
        """Minute at which each person's local day begins (P x (D + 1)); the last column ends the last day."""
        zone = np.concatenate([self.zone_of_day, self.zone_of_day[:, -1:]], axis=1)
        return self.zone_midnight[zone, np.arange(len(self.days) + 1)]

    @property
    def changes(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Person, day and zones before and after, of every change of zone."""
        person, day = np.nonzero(np.diff(self.zone_of_day, axis=1))
        return person, day + 1, self.zone_of_day[person, day], self.zone_of_day[person, day + 1]

    @property
    def shown_again(self) -> Intervals:
        """Minutes that people lived of a day before travel set the clock back to the beginning of that day.

        The wall clock shows that part of the day again. A record has one value for a minute of the wall clock: here
        that of the later pass, the only one in the zone that the day is in.
        """
        person, day, old, new = self.changes
        all_of_them = Intervals(person, self.zone_midnight[old, day], self.zone_midnight[new, day])
        return all_of_them.within(np.zeros(len(self.home), dtype=np.int64), np.full(len(self.home), self.minutes))

    def offsets(self, first: int, last: int, step: int = 1) -> NDArray[np.int16]:
        """Minutes east of UTC of people first..last-1, at every `step`-th minute ((last - first) x T / step)."""
        return self._where_they_are(self.offset_min, first, last, step)

    def passes(self, first: int, last: int, step: int = 1) -> NDArray[np.int8]:
        """0 for a wall-clock time that a zone shows once, 1 and 2 for the passes of a repeated hour."""
        return self._where_they_are(self._passes_of_zones, first, last, step)

    @cached_property
    def _passes_of_zones(self) -> NDArray[np.int8]:
        local = np.arange(self.minutes) + self.offset_min.astype(np.int64)
        before = np.maximum.accumulate(local, axis=1)
        after = np.minimum.accumulate(local[:, ::-1], axis=1)[:, ::-1]
        passes = np.zeros(local.shape, dtype=np.int8)
        passes[:, :-1][local[:, :-1] >= after[:, 1:]] = 1
        passes[:, 1:][local[:, 1:] <= before[:, :-1]] = 2
        return passes

    def _where_they_are(self, by_zone: NDArray[Number], first: int, last: int, step: int) -> NDArray[Number]:
        by_zone = np.ascontiguousarray(by_zone[:, ::step])
        mine, trips = by_zone[self.home[first:last]], self.trips
        for k in np.flatnonzero((trips.person >= first) & (trips.person < last)):
            person, zone = trips.person[k], trips.zone[k]
            leaves = self.zone_midnight[zone, trips.from_day[k]] // step
            returns = self.zone_midnight[self.home[person], trips.until_day[k]] // step
            mine[person - first, leaves:returns] = by_zone[zone, leaves:returns]
        return mine

    def local_min(self, first: int, last: int, step: int = 1) -> NDArray[np.int32]:
        """Wall-clock minutes since the first local midnight, as `offsets`."""
        return self.offsets(first, last, step) + (np.arange(0, self.minutes, step, dtype=np.int32) - EAST_MIN)

    def utc(self, minute: Ints) -> np.ndarray:
        """Instants of the grid as naive UTC datetimes."""
        return self.days[0].astype("datetime64[us]") + (minute - EAST_MIN).astype("timedelta64[m]")

    def local(self, person: Ints, minute: Ints) -> np.ndarray:
        """Wall-clock times of instants of people, naive."""
        day = np.clip(np.searchsorted(self.days, self.utc(minute).astype("datetime64[D]")), 1, len(self.days) - 1)
        zone = self.home[person].copy()
        start = self.day_start
        for near in (-1, 0, 1):
            here = np.clip(day + near, 0, len(self.days) - 1)
            zone = np.where(minute >= start[person, here], self.zone_of_day[person, here], zone)
        offset = self.offset_min[zone, np.clip(minute, 0, self.minutes - 1)].astype(np.int64)
        return self.utc(minute) + offset.astype("timedelta64[m]")


def draw_clocks(plan: MinutePlan) -> Clocks:
    """Home zones by their weights, and one trip for each of the share that travels."""
    rng = plan.generator("clocks")
    homes = list(plan.zones)
    zones = tuple(dict.fromkeys([*homes, *plan.travel.destinations]))
    weight = np.array([plan.zones[z] for z in homes])
    home = rng.choice(len(homes), plan.participants, p=weight / weight.sum())
    trips = _draw_trips(plan, rng, home, np.array([zones.index(z) for z in plan.travel.destinations]))
    zone_of_day = np.repeat(home[:, None], plan.days, axis=1)
    for k, person in enumerate(trips.person):
        zone_of_day[person, trips.from_day[k] : trips.until_day[k]] = trips.zone[k]
    offset = np.stack([_offsets(plan, zone) for zone in zones])
    days = np.arange(np.datetime64(plan.start), np.datetime64(plan.start) + plan.days)
    midnight = np.stack([_midnights(plan, row) for row in offset])
    return Clocks(days, zones, home, zone_of_day, offset, midnight, trips)


def _draw_trips(plan: MinutePlan, rng: np.random.Generator, home: Ints, destinations: Ints) -> Trips:
    low, high = plan.travel.days
    travels = np.flatnonzero(rng.random(len(home)) < plan.travel.rate)
    length = rng.integers(low, high + 1, len(travels))
    # A full day at home before and after, so that both changes of the clock lie inside the study.
    latest = plan.days - 1 - length
    leaves = 1 + np.floor(rng.random(len(travels)) * latest.clip(min=1)).astype(np.int64)
    zone = destinations[rng.integers(0, len(destinations), len(travels))]
    goes = (zone != home[travels]) & (latest >= 1)
    return Trips(travels[goes], leaves[goes], (leaves + length)[goes], zone[goes])


def _offsets(plan: MinutePlan, zone: str) -> NDArray[np.int16]:
    begin = pd.Timestamp(plan.start) - pd.Timedelta(minutes=EAST_MIN)
    cells = (plan.days * DAY_MIN + EAST_MIN + WEST_MIN) // CELL_MIN
    utc = pd.date_range(begin, periods=cells, freq=f"{CELL_MIN}min", tz="UTC")
    local = utc.tz_convert(ZoneInfo(zone)).tz_localize(None).to_numpy()
    offset = (local - utc.tz_localize(None).to_numpy()) // np.timedelta64(1, "m")
    return np.repeat(offset.astype(np.int16), CELL_MIN)


def _midnights(plan: MinutePlan, offset: NDArray[np.int16]) -> Ints:
    furthest = np.maximum.accumulate(np.arange(len(offset)) - EAST_MIN + offset)
    return np.searchsorted(furthest, np.arange(plan.days + 1) * DAY_MIN)
