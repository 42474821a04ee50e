"""Where the level of a person's daily values changed for good or for a while. Which measures, and of whom, is above.

A day's value is like that of the day before, so that a test for independent days sees changes where there are none.
What is tested here is what is left without that likeness; docs/analytics.md has how often it is wrong.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_assets.science.level_shift import Floats, Ints, Scan, likeness

LEAST_DAYS = 7
_LEAST_DETECTABLE_DAYS = 28
ALPHA = 0.05
_DAYS_PER_WEEK = 7
_LEAST_WEEKENDS = 4
_MAD_TO_SD = 1.482602218505602
_LEAST_Z = NormalDist().inv_cdf(1 - ALPHA / 2)


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of the level, between the changes next to it or the ends of the record.

    Attributes:
        day: first day of the new level, as whole day number.
        before: median of the days before, back to the change before; in the value's unit, as that of a weekday.
        after: median of the days from it on, up to the next change.
        difference: after - before.
        lower: lower end of the interval of the difference, which allows for the day having been searched; NaN without
            any spread within levels.
        upper: upper end.
        difference_sd: difference in the person's own SDs (robust, within levels).
        days_before: days with a value in the level before.
        days_after: days with a value in the level after.
        p: of the test that found it, no less than that of the whole record.
    """

    day: int
    before: float
    after: float
    difference: float
    lower: float
    upper: float
    difference_sd: float
    days_before: int
    days_after: int
    p: float


@dataclass(frozen=True, slots=True)
class Record:
    """What a person's record of a measure says.

    Attributes:
        n_days: days with a value.
        p: of "one level throughout"; None where it is not tested.
        phi: correlation of a day with the day before, within levels; None where it is not tested.
        weekend: Saturdays and Sundays less the weekdays around them; 0 with fewer than four of them.
        level: median of all days; of weekdays where a weekend effect was taken out.
        sd: robust SD within levels.
        detectable_sd: change in the middle of the record that would be seen in about four of five such records, in SDs;
            None with fewer than 28 days, of which no change is seen so often.
        changes: in the order of days.
    """

    n_days: int
    p: float | None
    phi: float | None
    weekend: float
    level: float
    sd: float
    detectable_sd: float | None
    changes: tuple[ChangePoint, ...]


def find_change_points(
    days: ArrayLike, values: ArrayLike, *, least_days: int = LEAST_DAYS, alpha: float = ALPHA
) -> Record:
    """Find the days on which the level of a person's values changed.

    1. A weekend effect is taken out (`weekend_effect`).
    2. Values become normal scores of their ranks (van der Waerden 1952, Indag Math 14:453), so that an outlier weighs
       no more than the greatest of so many normal values would.
    3. Days are alike as in an autoregression of order 1, over missing days too; its phi is learned from deviations from
       running means, which changes of level hardly touch (`likeness`).
    4. Whitened by phi, each possible day of a change has a t of generalised least squares, as does each stretch of days
       that differs from all others: tests on what a day adds to the days before hold their level better than those on
       the days themselves (Robbins, Gallagher, Lund and Aue 2011, J Time Ser Anal 32:498).
    5. p of the greatest of them: `p_of_step`, `p_of_stretch`, averaged over what phi may be; the smaller one of the two
       after Bonferroni with the shares 2/3 and 1/3.
    6. Where p is alpha or less, both sides are searched in the same way (binary segmentation, Vostrikova 1981, Soviet
       Math Dokl 24:55). Days are placed anew between their neighbours, and those that tell nothing there are dropped.

    Args:
        days: (n,) whole day numbers since 1970-01-01 (they tell the weekday), each once, in any order.
        values: (n,); NaN where there is none.
        least_days: days with a value on each side of a change.
        alpha: greatest p of a change.

    Returns:
        The record; without p, phi and changes where there are fewer than 2 * least_days values, or where more than
        half of them are the same.

    Raises:
        ValueError: shapes differ, a day is not whole or there twice, a value is infinite.
    """
    when, seen = _observed(days, values)
    n = len(when)
    if n == 0:
        return Record(0, None, None, 0.0, math.nan, math.nan, None, ())
    weekend = weekend_effect(when, seen)
    plain = seen - weekend * _is_weekend(when)
    level, sd = float(np.median(plain)), _robust_sd(plain)
    if n < 2 * least_days or sd == 0:
        return Record(n, None, None, weekend, level, sd, None, ())
    scores = _normal_scores(plain)
    phi, spread = likeness(when, scores)
    scan = Scan(when, scores, phi, spread, least_days)
    p = scan.test(0, n).p
    found = _placed(scan, _segmented(scan, alpha))
    edges = [0, *sorted(found), n]
    levels = [float(np.median(plain[a:b])) for a, b in pairwise(edges)]
    sd = _robust_sd(plain - np.repeat(levels, np.diff(edges)))
    changes = _changes(scan, when, edges, levels, sd, alpha, {k: max(p, found[k]) for k in found})
    detectable = scan.detectable(alpha) if n >= _LEAST_DETECTABLE_DAYS else None
    return Record(n, p, phi, weekend, level, sd, detectable, changes)


def _changes(
    scan: Scan,
    when: Ints,
    edges: Sequence[int],
    levels: Sequence[float],
    sd: float,
    alpha: float,
    p: Mapping[int, float],
) -> tuple[ChangePoint, ...]:
    """What is told of each change between two levels, in the order of days."""
    changes = []
    for place, k in enumerate(edges[1:-1], start=1):
        before, after = levels[place - 1], levels[place]
        # Without any spread within levels nothing tells how sure the difference is.
        reach = scan.reach(edges[place - 1], k, edges[place + 1], alpha) * sd if sd else math.nan
        told = (
            after - before,
            after - before - reach,
            after - before + reach,
            (after - before) / sd if sd else math.nan,
        )
        sides = (k - edges[place - 1], edges[place + 1] - k)
        changes.append(ChangePoint(int(when[k]), before, after, *told, *sides, p[k]))
    return tuple(changes)


def weekend_effect(days: Ints, values: Floats) -> float:
    """Median over Saturdays and Sundays of the value less the median of the weekdays within three days of it.

    Of neighbours only, so that no change of level gets into it.

    Args:
        days: (n,) ascending whole day numbers since 1970-01-01.
        values: (n,) without NaN.

    Returns:
        0.0 with fewer than four Saturdays and Sundays that have a weekday near them.
    """
    is_weekend, reach = _is_weekend(days), np.arange(-3, 4)
    if not is_weekend.any():
        return 0.0
    # Weekdays' values by the calendar, with three empty days at both ends.
    place = days - days[0] + 3
    weekdays = np.full(place[-1] + 4, np.nan)
    weekdays[place[~is_weekend]] = values[~is_weekend]
    near = weekdays[place[is_weekend][:, None] + reach]
    is_told = ~np.isnan(near).all(axis=1)
    if is_told.sum() < _LEAST_WEEKENDS:
        return 0.0
    return float(np.median(values[is_weekend][is_told] - np.nanmedian(near[is_told], axis=1)))


def _segmented(scan: Scan, alpha: float) -> dict[int, float]:
    """Places at which the level changes, with p: that of the test that found it, no less than of those before it."""
    found: dict[int, float] = {}
    waiting = [(0, len(scan.days), 0.0)]
    while waiting:
        begin, end, p_before = waiting.pop()
        test = scan.test(begin, end)
        if test.p > alpha:
            continue
        p = max(test.p, p_before)
        found |= dict.fromkeys(test.places, p)
        edges = [begin, *test.places, end]
        waiting += [(a, b, p) for a, b in pairwise(edges)]
    return found


def _placed(scan: Scan, found: dict[int, float]) -> dict[int, float]:
    """The places anew, each where it fits best between its neighbours; without those that tell nothing there.

    Where none of them does by itself, as the ends of a short stretch may, they stay as they were found.
    """
    kept = sorted(found.items())
    while kept:
        edges = [0, *(k for k, _ in kept), len(scan.days)]
        told = [scan.best_step(edges[n], edges[n + 2]) for n in range(len(kept))]
        worst = min(range(len(kept)), key=lambda n: told[n][1])
        if told[worst][1] < _LEAST_Z:
            kept.pop(worst)
            continue
        # Two that move towards each other may come too near; then all stay where they were.
        moved = [(place, p) for (place, _), (_, p) in zip(told, kept, strict=True)]
        gaps = np.diff([0, *(k for k, _ in moved), len(scan.days)])
        return dict(moved if (gaps >= scan.least_days).all() else kept)
    return found


def _normal_scores(values: Floats) -> Floats:
    """Normal scores of the ranks, with mean 0 and variance 1; values that are the same have the same."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri(rankdata(values) / (len(values) + 1))
    return (scores - scores.mean()) / scores.std()


def _robust_sd(values: Floats) -> float:
    return float(np.median(np.abs(values - np.median(values)))) * _MAD_TO_SD


def _is_weekend(days: Ints) -> NDArray[np.bool_]:
    # 1970-01-01 was a Thursday.
    return (days + 3) % _DAYS_PER_WEEK >= 5


def _observed(days: ArrayLike, values: ArrayLike) -> tuple[Ints, Floats]:
    """Days with a value, in their order."""
    when, seen = np.asarray(days, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if when.ndim != 1 or when.shape != seen.shape:
        raise ValueError(f"days and values are one-dimensional and of one length, not {when.shape} and {seen.shape}")
    if not (np.isfinite(when).all() and (when == np.floor(when)).all()):
        raise ValueError("days must be whole day numbers since 1970-01-01")
    if np.isinf(seen).any():
        raise ValueError("a value is infinite: a day without one is NaN")
    if len(np.unique(when)) < len(when):
        raise ValueError("a day is there twice: one value a day")
    order = np.argsort(when)
    order = order[~np.isnan(seen[order])]
    return when[order].astype(np.int64), seen[order]
