"""What a person usually does at a time of day: means by the clock, drawn to their average day and to other people's.

Constants were chosen on records of 11 to 35 people over 31 to 62 days (docs/imputation.md): a mean over 30 minutes
beside it is nearer than one over 15; weekends of their own help hours most.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.series import Bools, Record

if TYPE_CHECKING:
    from collections.abc import Callable

Float64s = NDArray[np.float64]
SMOOTHING_MIN = 30.0
# A person's own days against so many of the pool, and days of a kind against so many of all.
POOL_DAYS, KIND_DAYS = 4.0, 7.0
_MEAN_DAYS = 1.0


@dataclass(frozen=True)
class ClockSums:
    """Values by kind of day and time: (people, 2, slots), the second axis being working days and weekends.

    Attributes:
        count: of the values.
        total: of the values.
        days: (people,), days with a value.
    """

    count: Float64s
    total: Float64s
    days: NDArray[np.int64]

    @classmethod
    def of(
        cls, record: Record, transform: "Callable[[Float64s], Float64s] | None" = None, days: Bools | None = None
    ) -> "ClockSums":
        """The sums of a record, of its values or of what a function makes of them, over all days or the chosen ones."""
        people = len(record.values)
        resolution = record.resolution
        count, total = np.zeros((people, 2, resolution.slots)), np.zeros((people, 2, resolution.slots))
        chosen = range(record.values.shape[1]) if days is None else np.flatnonzero(days)
        seen = np.zeros(people, dtype=np.int64)
        for day in chosen:
            each = record.values[:, day].reshape(people, resolution.slots, -1).astype(np.float64)
            is_there = ~np.isnan(each)
            each = np.where(is_there, each, 0.0)
            seen += is_there.any(axis=(1, 2))
            kind = int(record.weekend[day])
            count[:, kind] += is_there.sum(axis=2)
            total[:, kind] += (transform(each) * is_there if transform else each).sum(axis=2)
        return cls(count, total, seen)

    def without(self, other: "ClockSums") -> "ClockSums":
        """The sums of the days that are not in the other."""
        return ClockSums(self.count - other.count, self.total - other.total, self.days - other.days)

    @property
    def a_day(self) -> float:
        """Values that a day has, over all."""
        return float(self.count.sum() / max(self.days.sum(), 1))

    @property
    def mean(self) -> Float64s:
        """(people,), drawn to that of all by a day's worth of values; 0 where nobody has any."""
        count, total = self.count.sum(axis=(1, 2)), self.total.sum(axis=(1, 2))
        of_all = total.sum() / max(count.sum(), 1.0)
        prior = max(_MEAN_DAYS * self.a_day, 1.0)
        return (total + prior * of_all) / (count + prior)

    def by_slot(self) -> Float64s:
        """The bare mean of each slot, (people, slots); the person's mean where there is none."""
        count, total = self.count.sum(axis=1), self.total.sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), self.mean[:, None])


def profiles(sums: ClockSums, slot_min: int) -> Float64s:
    """The usual value by kind of day and slot of `slot_min` minutes, (people, 2, slots)."""
    from scipy.ndimage import gaussian_filter1d

    def smooth(of: Float64s) -> Float64s:
        return gaussian_filter1d(of, SMOOTHING_MIN / slot_min, axis=-1, mode="wrap")

    count, total = smooth(sums.count), smooth(sums.total)
    level, own_count = sums.mean, sums.count.sum(axis=1)
    of_all, seen = total.sum(axis=(0, 1)), count.sum(axis=(0, 1))
    mean = sums.total.sum() / max(own_count.sum(), 1.0)
    shape = np.where(seen > 0, of_all / np.maximum(seen, 1e-9), mean)
    # The pool's day around the person's level, by ratio; its level there is that of the hours in which they are seen.
    prior = max(_MEAN_DAYS * sums.a_day, 1.0)
    centre = (own_count @ shape + prior * mean) / (own_count.sum(axis=1) + prior)
    pool = shape[None] * (level / np.where(centre > 0, centre, 1.0))[:, None]
    pool = np.where(centre[:, None] > 0, pool, level[:, None])
    # Values that a slot has on a day; a slot in which a person never has any is the pool's.
    expected = max(sums.a_day / len(shape), 1e-9)
    own = (total.sum(axis=1) + POOL_DAYS * expected * pool) / np.maximum(count.sum(axis=1) + POOL_DAYS * expected, 1e-9)
    weight = KIND_DAYS * expected
    return (total + weight * own[:, None]) / np.maximum(count + weight, 1e-9)


def medians(record: Record) -> Float64s:
    """The median by kind of day and slot, (people, 2, slots); NaN where there is no value."""
    import warnings

    people, _, _ = record.values.shape
    slots = record.resolution.slots
    found = np.full((people, 2, slots), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for kind in (0, 1):
            own: Bools = record.weekend == bool(kind)
            if own.any():
                by_slot = record.values[:, own].reshape(people, int(own.sum()), slots, -1)
                found[:, kind] = np.nanmedian(by_slot.transpose(0, 2, 1, 3).reshape(people, slots, -1), axis=2)
    return found
