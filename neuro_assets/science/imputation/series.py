"""The series that are filled: whole records by the wall clock, windows cut from them, and where their gaps are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Bools = NDArray[np.bool_]
DAY_MIN = 1440
# The clock of a day is told in slots of five minutes, or of an hour where values are of hours.
SLOT_MIN = 5


@dataclass(frozen=True)
class Resolution:
    """How far apart values are, and what follows from it.

    Attributes:
        step_min: minutes between two values.
        name: as tables are called.
        lengths: lengths of gaps [min] that weights and intervals are learned for.
        context_min: how far from the day a value may be that decides what is filled in on it.
        edges: over how many values beside a gap a mean is taken.
    """

    step_min: int
    name: str
    lengths: tuple[int, ...]
    context_min: int
    edges: tuple[int, int]

    @property
    def a_day(self) -> int:
        """Values of a day of 24 hours."""
        return DAY_MIN // self.step_min

    @property
    def slot_min(self) -> int:
        """Minutes of a slot of the clock."""
        return max(SLOT_MIN, self.step_min)

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return DAY_MIN // self.slot_min

    @property
    def context(self) -> int:
        """Values of the context on one side."""
        return self.context_min // self.step_min


MINUTE = Resolution(1, "1m", (5, 15, 60, 360), 720, (15, 60))
HOUR = Resolution(60, "1h", (60, 180, 360, 1440), 2880, (3, 12))
RESOLUTIONS = {r.name: r for r in (MINUTE, HOUR)}


@dataclass(frozen=True)
class Windows:
    """Stretches of series to be filled, a row each.

    Attributes:
        values: (N, T), NaN where there is none.
        slot: (N, T) or (1, T), the slot of the clock.
        is_weekend: (N, T) or (1, T).
        person: (N,), whose series it is: place among the people of a model.
        resolution: of the values.
        driver: (N, T), another stream that this one follows, in gaps too; NaN where it was not recorded.
    """

    values: Float32s
    slot: NDArray[np.intp]
    is_weekend: Bools
    person: NDArray[np.intp]
    resolution: Resolution
    driver: Float32s | None = None

    @cached_property
    def gaps(self) -> "Gaps":
        """Where values are missing."""
        return Gaps.of(self.values)

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """(N, 1), the number of each row."""
        return np.arange(len(self.values))[:, None]

    def of(self, rows: Bools) -> "Windows":
        """Some of the rows, (N,)."""

        def some(of: NDArray) -> NDArray:
            return of if len(of) < len(rows) else of[rows]

        driver = None if self.driver is None else self.driver[rows]
        clock = some(self.slot), some(self.is_weekend)
        return Windows(self.values[rows], *clock, self.person[rows], self.resolution, driver)

    def by_clock(self, profile: NDArray[np.floating]) -> NDArray[np.floating]:
        """A profile of each row's person, (people, 2, slots) or (people, slots), at each value's place, (N, T)."""
        own = profile[self.person]
        if own.ndim == 2:
            return own[self.rows, self.slot]
        return own[self.rows, self.is_weekend.astype(np.intp), self.slot]


@dataclass(frozen=True)
class Gaps:
    """For each value of windows, (N, T): the places of the observed values beside it.

    Attributes:
        is_missing: no value there.
        before: place of the last observed value up to here, or -1.
        after: place of the next one from here on, or T.
    """

    is_missing: Bools
    before: NDArray[np.int32]
    after: NDArray[np.int32]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Gaps":
        """Where values are missing."""
        missing = np.isnan(values)
        length = values.shape[1]
        place = np.arange(length, dtype=np.int32)[None]
        before = np.maximum.accumulate(np.where(missing, np.int32(-1), place), axis=1)
        behind = np.where(missing, np.int32(length), place)[:, ::-1]
        return cls(missing, before, np.minimum.accumulate(behind, axis=1)[:, ::-1])

    @cached_property
    def length(self) -> NDArray[np.int32]:
        """Missing values of the gap; of one that reaches to the end of the window, those that are seen."""
        return np.where(self.is_missing, self.after - self.before - 1, 0).astype(np.int32)

    @cached_property
    def distance(self) -> NDArray[np.int32]:
        """Values to the nearer edge of the gap, from 1."""
        place = np.arange(self.is_missing.shape[1], dtype=np.int32)[None]
        nearer = np.minimum(place - self.before, self.after - place)
        # The end of a window is no edge at which something was observed.
        one_sided = np.where(self.before < 0, self.after - place, place - self.before)
        is_open = (self.before < 0) | (self.after >= self.is_missing.shape[1])
        return np.where(self.is_missing, np.where(is_open, one_sided, nearer), 0).astype(np.int32)


@dataclass(frozen=True)
class Record:
    """What is known of some people, by the wall clock: the hour that a clock skips is empty, one shown twice is once.

    Attributes:
        values: (people, days, values of a day), NaN where there is none, or none that counts.
        weekend: (days,), Saturdays and Sundays.
        resolution: of the values.
        driver: the same of another stream that this one follows, as heart rate follows steps.
    """

    values: Float32s
    weekend: Bools
    resolution: Resolution
    driver: Float32s | None = None

    @cached_property
    def flat(self) -> Float32s:
        """(people, values)."""
        return self.values.reshape(len(self.values), self.values.shape[1] * self.values.shape[2])

    @cached_property
    def seen_before(self) -> NDArray[np.int32]:
        """Values that are there before each place, (people, values + 1)."""
        found = np.zeros((self.flat.shape[0], self.flat.shape[1] + 1), dtype=np.int32)
        np.cumsum(~np.isnan(self.flat), axis=1, dtype=np.int32, out=found[:, 1:])
        return found

    @cached_property
    def usual_share(self) -> float:
        """How much of a stretch to hide must be there: all of it, or four fifths where values come with holes."""
        there = ~np.isnan(self.values)
        has_any = there.any(axis=2)
        return 1.0 if not has_any.any() or there[has_any].mean() > 0.9 else 0.8

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """Days with a value, of each person."""
        return (~np.isnan(self.values)).any(axis=2).sum(axis=1)

    def of_days(self, chosen: Bools) -> "Record":
        """The same with nothing but the chosen days of each person, (people, days)."""
        driver = None if self.driver is None else np.where(chosen[:, :, None], self.driver, np.float32(np.nan))
        values = np.where(chosen[:, :, None], self.values, np.float32(np.nan))
        return Record(values, self.weekend, self.resolution, driver)

    def by_clock(self, profile: NDArray[np.floating]) -> NDArray[np.floating]:
        """A profile, (people, 2, slots), at each value's place, (people, values)."""
        by_value = np.repeat(profile, self.resolution.slot_min // self.resolution.step_min, axis=2)
        return by_value[:, self.weekend.astype(np.intp)].reshape(len(profile), -1)

    def windows(self, person: NDArray[np.intp], start: NDArray[np.intp], length: int) -> tuple[Windows, Float32s]:
        """Windows around hidden stretches of `length` values that begin at `start`, and what was hidden (N, length)."""
        context = self.resolution.context
        place = start[:, None] - context + np.arange(length + 2 * context)[None]
        total = self.flat.shape[1]
        is_inside = (place >= 0) & (place < total)
        inner = np.clip(place, 0, total - 1)

        def around(series: Float32s) -> Float32s:
            return np.where(is_inside, series.reshape(len(series), -1)[person[:, None], inner], np.float32(np.nan))

        values = around(self.values)
        hidden = slice(context, context + length)
        truth = values[:, hidden].copy()
        values[:, hidden] = np.nan
        resolution = self.resolution
        found = Windows(
            values,
            np.mod(place, resolution.a_day) * resolution.step_min // resolution.slot_min,
            self.weekend[inner // resolution.a_day],
            person,
            resolution,
            None if self.driver is None else around(self.driver),
        )
        return found, truth
