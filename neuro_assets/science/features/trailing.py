"""Features over trailing spans of days, of dense arrays: what the days up to each one have been like."""

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.model import NONE, Bools, Floats, ratio

# A span of a week is told from three of its days on.
LEAST_SHARE = (3, 7)
# Weekends are told apart with so many of their days, and of other days.
LEAST_FREE, LEAST_OTHER = 1, 2
# A spread below that is rounding.
_FLAT = 1e-9


def span_of(values: Floats, day: int, window: int, is_weekend: Bools) -> dict[str, Floats]:
    """What the span of so many days that ends with a day tells.

    Args:
        values: (people, features, days), NaN where a day has none; what comes after the day plays no part.
        day: place of the day; `window` days before it are there.
        window: length of the span in days.
        is_weekend: (days,).

    Returns:
        mean, sd (n - 1), deviation (of the day from the span that ends the day before, in its standard deviations) and
        weekend (mean of Saturdays and Sundays less that of the other days), (people, features) each.
    """
    if day < window:
        raise ValueError(f"of the {window} days before the day {day} are there")
    inside, before = values[..., day - window + 1 : day + 1], values[..., day - window : day]
    free = is_weekend[day - window + 1 : day + 1]
    (mean, sd, n), (usual, spread, seen) = _moments(inside), _moments(before)
    on_free, _, free_n = _moments(inside[..., free])
    on_others, _, other_n = _moments(inside[..., ~free])
    is_told, was_told = _is_enough(n, window), _is_enough(seen, window)
    apart = np.where(was_told & (spread > _FLAT), values[..., day] - usual, NONE)
    both = is_told & (free_n >= LEAST_FREE) & (other_n >= LEAST_OTHER)
    return {
        "mean": np.where(is_told, mean, NONE),
        "sd": np.where(is_told, sd, NONE),
        "deviation": ratio(apart, spread),
        "weekend": np.where(both, on_free - on_others, NONE),
    }


def _is_enough(n: NDArray[np.int64], window: int) -> Bools:
    return LEAST_SHARE[1] * n >= LEAST_SHARE[0] * window


def _moments(values: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean and standard deviation of what is there along the last axis, and how much that is.

    Days are copied side by side, so that the same days add up to the same whatever is around them.
    """
    own = np.ascontiguousarray(values)
    is_there = ~np.isnan(own)
    n = is_there.sum(axis=-1)
    mean = ratio(np.where(is_there, own, 0.0).sum(axis=-1), n)
    apart = np.where(is_there, own - mean[..., None], 0.0)
    return mean, np.sqrt(ratio((apart**2).sum(axis=-1), n - 1)), n
