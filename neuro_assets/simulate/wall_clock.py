"""The local clock of the simulated study: its days, its hour slots, and how long they truly are.

Knows nothing of people or of files.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from neuro_assets.simulate.arrays import Bools, Days, Floats, Instants, Ints
from neuro_assets.simulate.plan import SimulationPlan

CELL_MIN = 15
"""Every zone offset and shift of the years with wearables is a multiple of 15 minutes."""


@dataclass(frozen=True)
class WallClock:
    """Hour slots in true order of time. A slot is a run of time with one local date, hour and UTC offset.

    `days` (D) local dates. Of the slots (S): `day` index into days; `local` first wall-clock instant of the
    slot (1:30 where a clock goes back from 2:00 to 1:30); `elapsed_min` true minutes since the start of the
    study; `length_min` true length, 60 except around a shift that is no whole hour; `is_repeated` whether
    this wall-clock hour occurs twice.
    """

    days: Days
    day: Ints
    local: Instants
    elapsed_min: Ints
    length_min: Ints
    is_repeated: Bools

    @property
    def first_slot_of_day(self) -> Ints:
        """Index of the first slot of each day (D)."""
        return np.searchsorted(self.day, np.arange(len(self.days))).astype(np.int64)

    @property
    def day_start_min(self) -> Ints:
        """True minutes from the start of the study to the start of each day (D)."""
        return self.elapsed_min[self.first_slot_of_day]

    @property
    def day_length_min(self) -> Ints:
        """True length of each day (D): 1440, 1380 in spring, 1500 in autumn, or what the zone makes of it."""
        return np.add.reduceat(self.length_min, self.first_slot_of_day)

    @property
    def local_hour(self) -> Floats:
        """Wall-clock hour of the slot (S), with fraction."""
        since_midnight = self.local - self.days[self.day].astype("datetime64[s]")
        return since_midnight.astype(np.int64) / 3600.0

    @property
    def is_weekend(self) -> Bools:
        """Whether each day (D) is a Saturday or Sunday."""
        return ~np.is_busday(self.days)


def wall_clock(plan: SimulationPlan) -> WallClock:
    """The clock of the plan's zone from the first instant of its first local day to the last of its last.

    A calendar day that the zone skipped altogether (Pacific/Apia, 2011-12-30) is not among the days.
    """
    first, last = pd.Timestamp(plan.start), pd.Timestamp(plan.last_day)
    around = pd.Timedelta(days=2)
    utc = pd.date_range(first - around, last + around, freq=f"{CELL_MIN}min", tz="UTC")
    local = utc.tz_convert(ZoneInfo(plan.zone)).tz_localize(None).to_numpy().astype("datetime64[s]")
    offset = local - utc.tz_localize(None).to_numpy().astype("datetime64[s]")
    date = local.astype("datetime64[D]")
    is_inside = (date >= np.datetime64(plan.start)) & (date <= np.datetime64(plan.last_day))
    local, offset, date = local[is_inside], offset[is_inside], date[is_inside]

    hour = local.astype("datetime64[h]")
    is_start = np.ones(len(local), dtype=np.bool_)
    is_start[1:] = (hour[1:] != hour[:-1]) | (offset[1:] != offset[:-1])
    starts = np.flatnonzero(is_start)
    days, day = np.unique(date[starts], return_inverse=True)
    _, which, count = np.unique(hour[starts], return_inverse=True, return_counts=True)
    return WallClock(
        days=days,
        day=day.astype(np.int64),
        local=local[starts],
        elapsed_min=starts.astype(np.int64) * CELL_MIN,
        length_min=np.diff(np.append(starts, len(local))).astype(np.int64) * CELL_MIN,
        is_repeated=count[which] > 1,
    )
