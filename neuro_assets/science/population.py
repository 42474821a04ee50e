"""What a group of people is like in a measure of which each has some days: centre, spread between and within people."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """Components of variance.

    Attributes:
        between: SD between people's true means; NaN with one person, or one day of each.
        within: SD of a person's days around the own mean; NaN with one day of each.
        icc: between² / (between² + within²); NaN where it is not told.
    """

    between: float
    within: float
    icc: float


def spread_of(days: ArrayLike, means: ArrayLike, squares: ArrayLike) -> Spread:
    """Spread between and within people by one-way random effects, with unlike numbers of days.

    The SD of people's means is too great where people have few days, since the noise of their days is in it. The
    analysis of variance takes it out: between² = (MSB - MSW) / n0 with n0 = (N - sum(n²) / N) / (k - 1), and 0 where
    that is below it; within² = MSW (Searle, Casella and McCulloch 1992, Variance Components). Days that are alike
    from one to the next make `between` a little too great.

    Args:
        days: (people,) days of each, 1 or more.
        means: (people,) mean of the own days.
        squares: (people,) sum of squared deviations from the own mean.
    """
    n, mean, inner = (np.asarray(v, dtype=np.float64) for v in (days, means, squares))
    people, total = len(n), float(n.sum())
    if total <= people:
        return Spread(math.nan, math.nan, math.nan)
    within2 = float(inner.sum()) / (total - people)
    if people == 1:
        return Spread(math.nan, math.sqrt(within2), math.nan)
    grand = float(n @ mean) / total
    mean_square = float(n @ (mean - grand) ** 2) / (people - 1)
    n0 = (total - float(n @ n) / total) / (people - 1)
    between2 = max(0.0, (mean_square - within2) / n0)
    both = between2 + within2
    return Spread(math.sqrt(between2), math.sqrt(within2), between2 / both if both else math.nan)


def mean_of_people(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """(mean, lower, upper) of (people,) values, by Student's t over people; NaN ends with one person, all without."""
    from scipy.stats import t

    people = len(values)
    if people == 0:
        return math.nan, math.nan, math.nan
    mean = float(values.mean())
    if people == 1:
        return mean, math.nan, math.nan
    reach = float(t.ppf(0.5 + CONFIDENCE / 2, people - 1)) * float(values.std(ddof=1)) / math.sqrt(people)
    return mean, mean - reach, mean + reach
