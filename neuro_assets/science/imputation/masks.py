"""Which observed values to hide, to see how well they are filled in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.series import Record, Windows

_ROUNDS, _AT_ONCE = 60, 20_000


@dataclass(frozen=True)
class Masks:
    """Hidden stretches of one length.

    Attributes:
        person: (N,).
        start: (N,), place of the first hidden value in the record.
        length: values of each.
    """

    person: NDArray[np.intp]
    start: NDArray[np.intp]
    length: int

    def __len__(self) -> int:
        """How many there are."""
        return len(self.person)

    def of(self, chosen: NDArray) -> "Masks":
        """Some of them."""
        return Masks(self.person[chosen], self.start[chosen], self.length)


@dataclass(frozen=True)
class Hours:
    """Between which hours of the clock a stretch lies, whole."""

    since: int
    until: int


ALL_DAY, AWAKE = Hours(0, 24), Hours(7, 23)


def random_masks(
    record: Record,
    length: int,
    count: int,
    rng: np.random.Generator,
    *,
    hours: Hours = ALL_DAY,
    least_share: float = 1.0,
    days: NDArray[np.bool_] | None = None,
    starts: NDArray[np.integer] | None = None,
) -> Masks:
    """Stretches drawn evenly from all that were observed.

    Args:
        record: what was observed.
        length: of the stretches.
        count: how many at most; fewer where there are not so many.
        rng: the source of chance.
        hours: no part of a stretch is outside of them.
        least_share: so much of a stretch was observed.
        days: (people, days), where it may lie.
        starts: places of the day where stretches begin, drawn evenly; anywhere by default.
    """
    people, total = len(record.values), record.values.shape[1] * record.values.shape[2]
    if not people or total < length:
        return Masks(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), length)
    a_day = record.resolution.a_day
    found = np.empty(0, dtype=np.int64)
    for _ in range(_ROUNDS):
        who = rng.integers(0, people, _AT_ONCE)
        if starts is None:
            start = rng.integers(0, max(total - length + 1, 1), _AT_ONCE)
        else:
            start = rng.integers(0, total // a_day, _AT_ONCE) * a_day + rng.choice(starts, _AT_ONCE)
        last = start + length - 1
        begin_min = start % a_day * record.resolution.step_min
        is_good = (last < total) & (begin_min >= hours.since * 60)
        if hours != ALL_DAY:
            is_good &= begin_min + length * record.resolution.step_min <= hours.until * 60
        if days is not None:
            is_good &= days[who, start // a_day] & days[who, np.minimum(last, total - 1) // a_day]
        who, start = who[is_good], start[is_good]
        seen = record.seen_before[who, start + length] - record.seen_before[who, start]
        is_seen = seen >= least_share * length - 1e-9
        found = np.concatenate([found, who[is_seen] * total + start[is_seen]])
        _, first = np.unique(found, return_index=True)
        found = found[np.sort(first)]
        if len(found) >= count:
            break
    chosen = found[:count]
    return Masks(chosen // total, chosen % total, length)


def hidden(record: Record, masks: Masks, *, past_only: bool = False) -> tuple[Windows, NDArray[np.float32]]:
    """Windows around the masks, and what they hide (N, length).

    Args:
        record: what was observed.
        masks: what to hide.
        past_only: nothing is seen that came after the end of the day on which the stretch begins, and of the driver
            nothing after the end of the day on which it ends.
    """
    windows, truth = record.windows(masks.person, masks.start, masks.length)
    if past_only:
        a_day, context = record.resolution.a_day, record.resolution.context
        place = masks.start[:, None] - context + np.arange(windows.values.shape[1])[None]
        begins, ends = masks.start // a_day, (masks.start + masks.length - 1) // a_day
        windows.values[place >= ((begins + 1) * a_day)[:, None]] = np.nan
        if windows.driver is not None:
            windows.driver[place >= ((ends + 1) * a_day)[:, None]] = np.nan
    return windows, truth
