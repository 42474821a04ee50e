"""Answers and responses that lie far from all others. Pure functions; what is far is asked about, never dropped."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FAR_Z = 3.5
MOST_FAR = 0.05
LEAST = 50
TAIL, FARTHEST = 0.001, 0.005
_MAD_TO_SD, _MEAN_TO_SD = 1.4826, 1.2533
_SKEWED = 0.25


@dataclass(frozen=True)
class Judged:
    """How far each value lies from the middle of all.

    Attributes:
        z: (n,) robust z-scores; NaN where there is no value.
        median: the middle, in the unit of the values.
        scale: log where z is that of log(1 + value).
    """

    z: Floats
    median: float
    scale: Literal["linear", "log"]

    @property
    def is_far(self) -> NDArray[np.bool_]:
        """(n,) whether a value is farther than `FAR_Z`."""
        return np.abs(np.nan_to_num(self.z)) > FAR_Z


def robust_z(values: Floats, *, may_be_log: bool) -> Judged | None:
    """Distances from the median in units of a spread that a few odd values do not move.

    z = (x - median) / (1.4826 MAD); where more than half of the values are equal, and MAD is 0, 1.2533 times the mean
    distance from the median stands for it (Iglewicz and Hoaglin 1993, with 3.5 as what is far). Amounts, which have no
    upper end (`may_be_log`), are judged as log(1 + x) where their quartiles are skewed (Bowley's coefficient above
    0.25): incomes are no outliers for being incomes.

    Args:
        values: (n,) one item's answers, NaN where there is none.
        may_be_log: the item takes no negative numbers.

    Returns:
        None where nothing can be said: fewer than `LEAST` answers, all of them equal, or more than `MOST_FAR` of them
        far away, which is then no outlier but the shape of the distribution.
    """
    known = values[~np.isnan(values)]
    if known.size < LEAST:
        return None
    is_log = may_be_log and known.min() >= 0 and _skewness(known) > _SKEWED
    scaled = np.log1p(values) if is_log else values
    middle = float(np.nanmedian(scaled))
    apart = np.abs(scaled - middle)
    spread = _MAD_TO_SD * float(np.nanmedian(apart)) or _MEAN_TO_SD * float(np.nanmean(apart))
    if spread == 0:
        return None
    judged = Judged((scaled - middle) / spread, float(np.median(known)), "log" if is_log else "linear")
    return None if judged.is_far.sum() > MOST_FAR * known.size else judged


def _skewness(values: Floats) -> float:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return 0.0 if high == low else float((high + low - 2 * middle) / (high - low))


def squared_distances(answers: Floats) -> Floats | None:
    """Squared Mahalanobis distances of responses from their mean: combinations that nobody else gives.

    The covariance is shrunk towards a multiple of the identity (Ledoit and Wolf 2004), on answers of mean 0 and
    variance 1, so that items which repeat each other do no harm.

    Args:
        answers: (n, p) complete responses, in a fixed order.

    Returns:
        (n,) distances, to be held against `far_limit`; None with fewer than three items that vary, or fewer than
        `LEAST` responses or five an item.
    """
    from sklearn.covariance import ledoit_wolf

    spread = answers.std(axis=0)
    varying = answers[:, spread > 0]
    n, p = varying.shape
    if p < 3 or n < max(LEAST, 5 * p):
        return None
    standard = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    covariance, _ = ledoit_wolf(standard, assume_centered=True)
    return np.einsum("ij,ij->i", standard, np.linalg.solve(covariance, standard.T).T)


def far_limit(distances: Floats, items: int) -> float:
    """The squared distance beyond which a response is far.

    It is what one of 1,000 normal responses of that many items exceeds. Where more than `MOST_FAR` of them do, as with
    symptoms that most people do not have and few have badly, it is what the farthest `FARTHEST` exceed.
    """
    from scipy.stats import chi2

    limit = float(chi2.ppf(1 - TAIL, items))
    return limit if (distances > limit).mean() <= MOST_FAR else float(np.quantile(distances, 1 - FARTHEST))
