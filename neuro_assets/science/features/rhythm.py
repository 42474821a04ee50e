"""A person's trailing window by the clock, and its rhythm without a fitted curve: mean day, variances, neighbours.

Also the formulas of other programs, to be compared with them. The columns that users get are defined in `circadian`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neuro_assets.science.features.model import Bools, Floats, ratio

DAY_H = 24
# With less, the mean day is not one: a time of the clock would stand for a single day, or a window for its holes.
LEAST_DAYS_SEEN = 2
LEAST_SHARE_SEEN = 0.5
# So many days' worth of pairs (neighbours, or values 24 h apart) make a difference or a correlation tellable.
LEAST_DAYS_PAIRED = 1
# Windows of the day are equal when they agree to so many decimals of the largest value: not ranks of rounding errors.
_TIE_DECIMALS = 9
# tanh of it is as close to 1 as a coefficient is looked for; finer and finer grids, of so many points, find it.
_FARTHEST_PHI, _PHI_POINTS, _PHI_ROUNDS = 7.0, 201, 4


@dataclass(frozen=True, eq=False)
class Span:
    """The trailing windows of people, all of the same days.

    A mean, a sum or a count below takes the observed values only; what is not observed is never 0.

    Attributes:
        values: (people, days, values_a_day), by the wall clock from 00:00 on, in equal steps; NaN where not observed.
            The hour that the clock skips in spring is not observed.

    Raises:
        ValueError: another shape, values_a_day that is no multiple of 24, infinite values.
        TypeError: the values are not float64.
    """

    values: Floats

    def __post_init__(self) -> None:
        shape, kind = self.values.shape, self.values.dtype
        if len(shape) != 3 or not shape[1] or not shape[2] or shape[2] % DAY_H:
            raise ValueError(f"values must have the shape (people, days, a multiple of {DAY_H}), got {shape}")
        if kind != np.float64:
            raise TypeError(f"values must be float64 with NaN for 'not observed', got {kind}")
        if np.isinf(self.values).any():
            raise ValueError("values must not be infinite: leave out what was not observed as NaN")

    @property
    def values_a_day(self) -> int:
        """How many values a day has: 24 for hours, 1440 for minutes."""
        return self.values.shape[2]

    @property
    def in_a_row(self) -> Floats:
        """(people, days * values_a_day) the values, one day behind the other."""
        people, days, values_a_day = self.values.shape
        return self.values.reshape(people, days * values_a_day)

    @cached_property
    def seen(self) -> Floats:
        """(people, values_a_day) number of days on which each time of the clock was observed."""
        return (~np.isnan(self.values)).sum(axis=1).astype(np.float64)

    @cached_property
    def n(self) -> Floats:
        """(people,) number of observed values."""
        return self.seen.sum(axis=1)

    @cached_property
    def mean(self) -> Floats:
        """(people,) mean of the observed values."""
        return ratio(np.nansum(self.values, axis=(1, 2)), self.n)

    @cached_property
    def mean_day(self) -> Floats:
        """(people, values_a_day) mean of each time of the clock over the days on which it was observed."""
        return ratio(np.nansum(self.values, axis=1), self.seen)

    @cached_property
    def squares(self) -> Floats:
        """(people,) sum of the squared distances of the observed values from their mean."""
        return np.nansum((self.values - self.mean[:, None, None]) ** 2, axis=(1, 2))

    @cached_property
    def squares_between(self) -> Floats:
        """(people,) the part of `squares` that the mean day explains."""
        return np.nansum(self.seen * (self.mean_day - self.mean[:, None]) ** 2, axis=1)

    @cached_property
    def is_flat(self) -> Bools:
        """(people,) all observed values are equal, or there is none."""
        return _is_flat(self.values)

    @cached_property
    def is_enough(self) -> Bools:
        """(people,) every time of the clock observed on `LEAST_DAYS_SEEN` days, `LEAST_SHARE_SEEN` of all values."""
        days, values_a_day = self.values.shape[1:]
        is_covered = self.seen.min(axis=1) >= LEAST_DAYS_SEEN
        return is_covered & (self.n >= LEAST_SHARE_SEEN * days * values_a_day)

    def told(self, of_person: Floats, *, where: Bools | None = None) -> Floats:
        """`of_person`, with NaN for people of whom too little is observed, and for those not in `where`."""
        is_told = self.is_enough if where is None else self.is_enough & where
        return np.where(is_told, of_person, np.nan)

    def hourly(self) -> "Span":
        """The same windows with a value an hour: the mean of what was observed in it."""
        people, days, values_a_day = self.values.shape
        parts = self.values.reshape(people, days, DAY_H, values_a_day // DAY_H)
        return Span(ratio(np.nansum(parts, axis=3), (~np.isnan(parts)).sum(axis=3)))


def squared_steps(span: Span) -> tuple[Floats, Floats]:
    """Sum of the squared differences of neighbouring values, and the number of them: both (people,).

    Neighbours are two values in a row that are both observed, those on either side of midnight too.
    """
    steps = np.diff(span.in_a_row, axis=1)
    return np.nansum(steps**2, axis=1), (~np.isnan(steps)).sum(axis=1).astype(np.float64)


def extreme_hours(span: Span, hours: int, *, lowest: bool) -> tuple[Floats, Floats]:
    """Begin [h of the clock, 0 up to 24] and mean of the lowest or highest `hours` hours in a row of the mean day.

    The hours may go on beyond midnight. Of several that are equal (to a billionth of the largest value) it is those
    that begin earliest on the clock, counted from 00:00; where all of them are equal, the begin is NaN.
    """
    values_a_day = span.values_a_day
    width = hours * values_a_day // DAY_H
    day = span.mean_day
    sums = np.cumsum(np.concatenate([np.zeros((len(day), 1)), day, day[:, : width - 1]], axis=1), axis=1)
    largest = np.abs(day).max(axis=1, keepdims=True)
    means = np.round((sums[:, width:] - sums[:, :-width]) / width / np.where(largest > 0, largest, 1), _TIE_DECIMALS)
    begin = np.argmin(means if lowest else -means, axis=1)
    # Summed anew: a difference of running sums is not quite 0 where all values are.
    columns = (begin[:, None] + np.arange(width)) % values_a_day
    mean = np.take_along_axis(day, columns, axis=1).mean(axis=1)
    has_begin = means.max(axis=1) > means.min(axis=1)
    begin_h = np.where(has_begin, begin * (DAY_H / values_a_day), np.nan)
    return span.told(begin_h), span.told(mean)


def correlation_of_days(span: Span) -> Floats:
    """(people,) Pearson correlation over the pairs of values 24 h apart that are both observed.

    NaN with fewer pairs than `LEAST_DAYS_PAIRED` days' worth, or where either side of the pairs is constant.
    """
    is_pair = ~np.isnan(span.values[:, :-1]) & ~np.isnan(span.values[:, 1:])
    pairs = is_pair.sum(axis=(1, 2)).astype(np.float64)
    before, after = (np.where(is_pair, v, np.nan) for v in (span.values[:, :-1], span.values[:, 1:]))
    is_told = pairs >= LEAST_DAYS_PAIRED * span.values_a_day
    if before.size:  # a single day has no pairs
        is_told &= ~_is_flat(before) & ~_is_flat(after)
    before, after = (v - ratio(np.nansum(v, axis=(1, 2)), pairs)[:, None, None] for v in (before, after))
    scale = np.sqrt(np.nansum(before**2, axis=(1, 2)) * np.nansum(after**2, axis=(1, 2)))
    found = ratio(np.nansum(before * after, axis=(1, 2)), scale)
    return span.told(np.clip(found, -1, 1), where=is_told)


def interdaily_stability_pyactigraphy(span: Span) -> Floats:
    """(people,) interdaily stability as pyActigraphy has it: both variances with the divisor n - 1.

    On complete data it is p / (p - 1) * (N - 1) / N times the classic one, with p values a day and N in all: 1.0373
    times for a week of hours, so that identical days give more than 1. With holes, every time of the clock weighs the
    same, however often it was observed. Source: pyActigraphy (e9e5e64) `IS(binarize=False)`, which binarizes unless
    told not to. Minimum as `CIRCADIAN`'s interdaily stability.
    """
    day = span.mean_day
    of_day = ((day - day.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) / (span.values_a_day - 1)
    return span.told(ratio(of_day * (span.n - 1), span.squares), where=~span.is_flat)


def interdaily_stability_ggir(span: Span) -> Floats:
    """(people,) interdaily stability as GGIR has it: the classic one where nothing is missing.

    With holes, every time of the clock weighs the same, and both sums are about the mean of the mean day and not of
    the values: identical days with holes do not give 1. Source: GGIR (388064b) g.IVIS without a threshold, which
    takes hours: pass `span.hourly()`. Minimum as `CIRCADIAN`'s interdaily stability.
    """
    about, squares = _about_mean_of_day(span)
    of_day = ((span.mean_day - about[:, None]) ** 2).sum(axis=1) / span.values_a_day
    return span.told(ratio(of_day * span.n, squares), where=~span.is_flat)


def intradaily_variability_pyactigraphy(span: Span) -> Floats:
    """(people,) intradaily variability as pyActigraphy has it: the variance with the divisor N - 1.

    It is (N - 1) / N times `CIRCADIAN`'s, with holes too, for N observed values; its minimum is the same. Source:
    pyActigraphy (e9e5e64) `IV(binarize=False)`, which binarizes unless told not to.
    """
    steps, pairs = squared_steps(span)
    is_told = ~span.is_flat & (pairs >= LEAST_DAYS_PAIRED * span.values_a_day)
    return span.told(ratio(ratio(steps, pairs) * (span.n - 1), span.squares), where=is_told)


def intradaily_variability_ggir(span: Span) -> Floats:
    """(people,) intradaily variability as GGIR has it: the classic one where nothing is missing.

    With holes it is lower than `CIRCADIAN`'s: the differences that there are get divided by the number that there
    would be without holes between the N observed values, N - 1; and the variance is about the mean of the mean day.
    Source: GGIR (388064b) g.IVIS, which takes hours: pass `span.hourly()`. Minimum as `CIRCADIAN`'s.
    """
    steps, pairs = squared_steps(span)
    is_told = ~span.is_flat & (pairs >= LEAST_DAYS_PAIRED * span.values_a_day)
    return span.told(ratio(steps * ratio(span.n, span.n - 1), _about_mean_of_day(span)[1]), where=is_told)


def phi(span: Span) -> Floats:
    """(people,) coefficient of a first-order autoregression with a mean, -1 to 1, by exact maximum likelihood.

    x(t) - mu = phi (x(t - 1) - mu) + noise. The observed values are taken as if they followed each other: a hole is
    closed up, as GGIR does (388064b, g.IVIS: R's arima(c(1, 0, 0)) of hours: pass `span.hourly()`). NaN for a
    constant; minimum as `CIRCADIAN`'s. With z = x - mu the sum of squares is sum z^2 + phi^2 (sum z^2 without the
    first and the last) - 2 phi sum z(t) z(t - 1), which is least for a mu in closed form (Box and Jenkins
    1976, appendix A7).
    """
    n, first, last, squares, products = _closed_up(span)
    many = np.maximum(n, 2)[:, None]
    ends = (first + last)[:, None]
    low, high = np.full((2, len(n)), [[-_FARTHEST_PHI], [_FARTHEST_PHI]])
    for _ in range(_PHI_ROUNDS):
        step = (high - low) / (_PHI_POINTS - 1)
        z = low[:, None] + step[:, None] * np.arange(_PHI_POINTS)
        f = np.tanh(z)
        about_mean = squares[:, None] + f**2 * (squares - first**2 - last**2)[:, None] - 2 * f * products[:, None]
        least = about_mean - f**2 * (1 - f) * ends**2 / (many - (many - 2) * f)
        loss = many * np.log(np.maximum(least, np.finfo(float).tiny)) - np.log1p(-(f**2))
        best = np.take_along_axis(z, np.argmin(loss, axis=1)[:, None], axis=1)[:, 0]
        low, high = best - step, best + step
    return span.told(np.tanh((low + high) / 2), where=~span.is_flat)


def _closed_up(span: Span) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Of the observed values less their mean: n, first, last, sum of squares, and of the products of neighbours."""
    centred = span.in_a_row - span.mean[:, None]
    is_seen = ~np.isnan(centred)
    order = np.argsort(~is_seen, axis=1, kind="stable")
    in_a_row = np.nan_to_num(np.take_along_axis(centred, order, axis=1))
    final = np.maximum(span.n - 1, 0).astype(np.int64)[:, None]
    last = np.take_along_axis(in_a_row, final, axis=1)[:, 0]
    products = (in_a_row[:, 1:] * in_a_row[:, :-1]).sum(axis=1)  # zeros after the last
    return span.n, in_a_row[:, 0], last, span.squares, products


def _about_mean_of_day(span: Span) -> tuple[Floats, Floats]:
    """Mean of the mean day, and the sum of the squared distances of the values from it."""
    about = span.mean_day.mean(axis=1)
    return about, span.squares + span.n * (span.mean - about) ** 2


def _is_flat(values: Floats) -> Bools:
    high, low = (reduce(values, axis=(1, 2)) for reduce in (np.fmax.reduce, np.fmin.reduce))
    return ~(high > low)
