"""All points that there will ever be of a person, type and day, as columns; nothing here knows what has been synced."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.google_health import vitals
from neuro_assets.simulate.google_health.catalogue import MINUTE_S
from neuro_assets.simulate.google_health.days import PULSE_EVERY_S, PULSES, Day, live, pulses, zone_of
from neuro_assets.simulate.google_health.nights import Session, sessions
from neuro_assets.simulate.google_health.people import Person

Key = TypeVar("Key")
Value = TypeVar("Value")

TRACKER, PHONE, MANUAL, DERIVED, SCALE = range(5)
"""Where points come from."""
WORN = (TRACKER, DERIVED)
MINUTE_TYPES = ("steps", "distance", "total-calories", "active-minutes", "active-zone-minutes", "heart-rate")


@dataclass(frozen=True)
class Points:
    """Points (n), by start, then source; `end_s` is the start of a sample, `known_s` when the server can know it.

    `known_s` of tracker data by the minute is their end: whoever has synced after it has handed them over. Sleeps and
    what is derived from them have their own rule (`visible`).
    """

    start_s: Ints
    end_s: Ints
    source: NDArray[np.int8]
    values: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start_s)

    def take(self, which: "Bools | Ints | slice") -> "Points":
        """Some of the points."""
        values = {name: column[which] for name, column in self.values.items()}
        return Points(self.start_s[which], self.end_s[which], self.source[which], values)

    @classmethod
    def none(cls) -> "Points":
        """No point."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty.astype(np.int8))

    @classmethod
    def joined(cls, parts: "list[Points]") -> "Points":
        """All points of all parts, in their order."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls.none()
        values = {name: np.concatenate([p.values[name] for p in parts]) for name in parts[0].values}
        start, end, source = (np.concatenate([getattr(p, n) for p in parts]) for n in ("start_s", "end_s", "source"))
        return cls(start, end, source, values)


class Series:
    """Points of people by day, from a seed; the last `cache_days` days that were asked for are kept."""

    def __init__(self, seed: int, cache_days: int) -> None:
        self.seed, self.cache_days = seed, cache_days
        self._days: OrderedDict[tuple[int, int], Day] = OrderedDict()
        self._sessions: OrderedDict[tuple[int, int, int], list[Session]] = OrderedDict()

    def day(self, person: Person, number: int) -> Day:
        """The minutes of a person's day."""
        return self._kept(self._days, (person.number, number), lambda: live(self.seed, person, number))

    def sessions(self, person: Person, number: int, revision: int) -> list[Session]:
        """The sleeps that end on a person's day, as the server worked them out the `revision`-th time."""
        key = (person.number, number, revision)
        return self._kept(self._sessions, key, lambda: sessions(self.seed, person, number, revision))

    def _kept(self, cache: OrderedDict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
        if key in cache:
            cache.move_to_end(key)
            return cache[key]
        value = cache[key] = make()
        if len(cache) > self.cache_days:
            cache.popitem(last=False)
        return value

    def by_minute(self, person: Person, name: str, number: int) -> Points:
        """Points of one of MINUTE_TYPES, of all sources."""
        day = self.day(person, number)
        if name in ("steps", "distance"):
            return _walked(name, day)
        if name == "total-calories":
            return _of_minutes(day, day.worn, mkcal=day.energy_mkcal.astype(np.int64))
        if name == "active-minutes":
            where = day.worn & (day.level > 0)
            return _of_minutes(day, where, level=day.level, minutes=np.ones(len(day.level), dtype=np.int64))
        if name == "active-zone-minutes":
            zone = self._zones(person, day)
            return _of_minutes(day, zone > 0, zone=zone, minutes=np.where(zone > 1, 2, 1).astype(np.int64))
        return self._pulses(person, day)

    def by_night(self, person: Person, name: str, number: int, from_s: int, until_s: int) -> Points:
        """Samples taken while somebody sleeps: of heart rate variability or oxygen."""
        at, values = vitals.nightly(self.seed, person, name, number, from_s, until_s)
        return Points(at, at, np.full(len(at), TRACKER, dtype=np.int8), values)

    def _zones(self, person: Person, day: Day) -> NDArray[np.int8]:
        mean = pulses(self.seed, person, day).mean(axis=1)
        return zone_of(mean) * day.has_pulse

    def _pulses(self, person: Person, day: Day) -> Points:
        bpm = pulses(self.seed, person, day)[day.has_pulse].ravel()
        at = (day.minutes_s[day.has_pulse][:, None] + PULSE_EVERY_S * np.arange(PULSES)).ravel()
        return Points(at, at, np.zeros(len(at), dtype=np.int8), {"bpm": bpm.astype(np.int64)})


def _of_minutes(day: Day, where: Bools, **columns: NDArray[Any]) -> Points:
    start = day.minutes_s[where]
    values = {name: column[where] for name, column in columns.items()}
    return Points(start, start + MINUTE_S, np.full(len(start), TRACKER, dtype=np.int8), values)


def _walked(name: str, day: Day) -> Points:
    """Of the tracker every worn minute, zeros too; of the phone only minutes in which it was carried."""
    column = "count" if name == "steps" else "millimeters"
    mine, phones = (day.steps, day.phone_steps) if name == "steps" else (day.distance_mm, day.phone_mm)
    tracker, phone = np.flatnonzero(day.worn), np.flatnonzero(day.phone_steps > 0)
    minute, source = np.concatenate([tracker, phone]), np.repeat([TRACKER, PHONE], [len(tracker), len(phone)])
    values = np.concatenate([mine[tracker], phones[phone]]).astype(np.int64)
    order = np.lexsort([source, minute])
    start = day.minutes_s[minute[order]]
    return Points(start, start + MINUTE_S, source[order].astype(np.int8), {column: values[order]})


def merged(points: Points) -> Points:
    """One stream of several sources: at each moment the first source that has a value."""
    if len(points) == 0:
        return points
    first = np.concatenate([[True], points.start_s[1:] != points.start_s[:-1]])
    return points.take(first)
