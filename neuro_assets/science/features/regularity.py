"""Sleep regularity from minute states: how alike sleep and wake are 24 hours apart. Who is asleep is told elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.model import Floats, ratio

Counts = NDArray[np.int64]
_DAY_MIN = 1440
# sleepreg (LGPL-3, d4a24aa) asks for 5 days as well.
LEAST_PAIRED_MIN = 5 * _DAY_MIN


@dataclass(frozen=True)
class DayPairs:
    """What each day and the next one have in common, minute by minute of the clock.

    A window's pairs are the sums over it: add up both, and only then divide.

    Attributes:
        agreeing_min: (people, days - 1) minutes that are known on both days, and in the same state.
        paired_min: (people, days - 1) minutes that are known on both days.
    """

    agreeing_min: Counts
    paired_min: Counts


def pair_days(states: NDArray[np.floating] | NDArray[np.signedinteger]) -> DayPairs:
    """Compare each minute with the same minute of the clock on the next day.

    Args:
        states: (people, days, minutes of the clock), days without a break; 1 asleep, 0 awake, NaN or negative unknown.

    A pair with an unknown minute counts in neither number. A missing night is therefore neither regular nor irregular;
    but what is left of such days are waking hours, which agree: look at paired_min before believing a high index.

    Raises:
        ValueError: another shape.
    """
    if states.ndim != 3:
        raise ValueError(f"states must have the shape (people, days, minutes), got {states.shape}")
    today, tomorrow = states[:, :-1], states[:, 1:]
    is_paired = (today >= 0) & (tomorrow >= 0)  # NaN is not
    return DayPairs((is_paired & (today == tomorrow)).sum(axis=2), is_paired.sum(axis=2))


def sleep_regularity_index(
    agreeing_min: Counts, paired_min: Counts, *, least_paired_min: int = LEAST_PAIRED_MIN
) -> Floats:
    """Sleep Regularity Index, 200 * agreeing / paired - 100: 100 all days alike, 0 half of the pairs, -100 none.

    Source: Phillips et al. 2017, Sci Rep 7:3216, whose M (N - 1) is the number of pairs where all of them are known.
    GGIR (388064b) has the same of each day and the next, in steps of 30 s; pyActigraphy's does not handle the unknown.

    Args:
        agreeing_min: minutes in the same state 24 h apart, any shape: of windows, the sum over their days.
        paired_min: minutes that are known at both ends, same shape.
        least_paired_min: with fewer pairs the index is NaN; never 0, which would be a regularity.

    Raises:
        ValueError: more agreeing minutes than paired ones.
    """
    agreeing, paired = np.asarray(agreeing_min, np.float64), np.asarray(paired_min, np.float64)
    if (agreeing > paired).any():
        raise ValueError("agreeing_min must not be more than paired_min: both are of the same pairs")
    return np.where(paired >= least_paired_min, 200 * ratio(agreeing, paired) - 100, np.nan)
