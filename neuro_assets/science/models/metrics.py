"""How good predictions are, one number each, for all rows or for many weightings of them at once.

Intervals and permutation tests are in `chance`; what is predicted, and from what, is not known here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.samples import Bools, Floats, Ints

N_BINS = 10
_LEAST_P = 1e-6
# Log-odds that differ less than this (standard deviation) have no slope worth telling.
_LEAST_SPREAD = 0.05
_NEWTON_STEPS = 25
_MOST_SLOPE = 50.0


@dataclass(frozen=True, eq=False)
class Predictions:
    """Held-out rows, and what was predicted for them.

    Attributes:
        outcome: (n,) 0 or 1.
        probability: (n,) of outcome 1.
        is_called: (n,) whether the probability is above the threshold, which is the share of outcome 1 among the rows
            that the fold learned from. It needs no tuning, and for a calibrated model it is the threshold with the best
            balanced accuracy (Menon et al. 2013, ICML, PMLR 28(3):603-611); .5 would call nobody where an outcome is
            rare, and the best threshold of a few people's training rows is mostly chance.
        units: (n,) whose row it is: what is resampled and permuted as a whole.
        fold: (n,) rows are ranked within a fold only. Ranked across folds, the prevalence of the others puts those of a
            fold with many outcomes 1 below the others (Parker, Guenter and Bedo 2007, BMC Bioinformatics 8:326).
    """

    outcome: NDArray[np.int8]
    probability: Floats
    is_called: Bools
    units: Ints
    fold: Ints

    def __len__(self) -> int:
        return len(self.outcome)

    def rows(self, chosen: NDArray[np.integer] | Bools) -> "Predictions":
        """Those at these positions, or where a mask is true."""
        return Predictions(
            self.outcome[chosen],
            self.probability[chosen],
            self.is_called[chosen],
            self.units[chosen],
            self.fold[chosen],
        )


# (n,) predictions and (B, n) weights of rows -> (B,) values, NaN where undefined.
Metric = Callable[[Predictions, Floats], Floats]


def measure(predictions: Predictions) -> dict[str, float]:
    """Every metric of `METRICS`, all rows with the same weight; NaN where undefined."""
    weights = np.ones((1, len(predictions)))
    return {name: float(metric(predictions, weights)[0]) for name, metric in METRICS.items()}


def auc(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) share of pairs of rows of one fold with different outcomes that are in the right order; ties count half.

    Area under the ROC curve, Hanley and McNeil 1982 (Radiology 143:29-36). Undefined without such a pair.
    """
    is_one = predictions.outcome == 1
    return auc_of(predictions, weights * is_one, weights * ~is_one)


def auc_of(predictions: Predictions, ones: Floats, zeros: Floats) -> Floats:
    """(B,) as `auc`, of rows that are weighted (B, n) as outcome 1 and as outcome 0."""
    wins, pairs = np.zeros(len(ones)), np.zeros(len(ones))
    for fold in np.unique(predictions.fold):
        rows = np.flatnonzero(predictions.fold == fold)
        starts, order = _ties(predictions.probability[rows])
        one = np.add.reduceat(ones[:, rows[order]], starts, axis=1)
        zero = np.add.reduceat(zeros[:, rows[order]], starts, axis=1)
        below = np.cumsum(zero, axis=1) - zero
        wins += np.einsum("bn,bn->b", one, below + 0.5 * zero)
        pairs += one.sum(axis=1) * zero.sum(axis=1)
    return _ratio(wins, pairs)


def average_precision(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) mean over rows with outcome 1 of the share of them among the rows of the fold ranked at least as high.

    Within one fold it is scikit-learn's `average_precision_score`. Undefined without an outcome 1.
    """
    is_one = predictions.outcome == 1
    total, count = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(predictions.fold):
        rows = np.flatnonzero(predictions.fold == fold)
        starts, order = _ties(-predictions.probability[rows])
        chosen = weights[:, rows[order]]
        ones = np.add.reduceat(chosen * is_one[rows[order]], starts, axis=1)
        above = np.cumsum(np.add.reduceat(chosen, starts, axis=1), axis=1)
        precision = np.divide(np.cumsum(ones, axis=1), above, out=np.zeros_like(above), where=above > 0)
        total += np.einsum("bn,bn->b", ones, precision)
        count += ones.sum(axis=1)
    return _ratio(total, count)


def balanced_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) mean of sensitivity and specificity of the calls. Undefined without both outcomes."""
    tp, fp, fn, tn = _confusion(predictions, weights)
    return (_ratio(tp, tp + fn) + _ratio(tn, tn + fp)) / 2


def f1(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) 2 TP / (2 TP + FP + FN). Undefined without an outcome 1."""
    tp, fp, fn, _ = _confusion(predictions, weights)
    return np.where(tp + fn > 0, _ratio(2 * tp, 2 * tp + fp + fn), np.nan)


def mcc(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) Matthews 1975 correlation of calls and outcomes; 0 where all are called, or nobody.

    Undefined without both outcomes.
    """
    tp, fp, fn, tn = _confusion(predictions, weights)
    product = (tp + fp) * (tn + fn)
    defined = (tp + fn) * (tn + fp)
    found = np.where(product > 0, _ratio(tp * tn - fp * fn, np.sqrt(product * defined)), 0.0)
    return np.where(defined > 0, found, np.nan)


def brier(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) mean squared difference of probability and outcome (Brier 1950)."""
    return _mean((predictions.probability - predictions.outcome) ** 2, weights)


def log_loss(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) mean of -log of the probability of what happened; probabilities are kept 1e-6 away from 0 and 1."""
    p = np.clip(predictions.probability, _LEAST_P, 1 - _LEAST_P)
    return _mean(-np.log(np.where(predictions.outcome == 1, p, 1 - p)), weights)


def calibration_intercept(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) a in logit P(outcome) = a + logit p: above 0 where more happened than was predicted ("in the large").

    Van Calster et al. 2016 (J Clin Epidemiol 74:167-176). Undefined without both outcomes.
    """
    x, y = _log_odds(predictions.probability), predictions.outcome.astype(np.float64)
    a = np.zeros(len(weights))
    for _ in range(_NEWTON_STEPS):
        p = _expit(x + a[:, None])
        step = _ratio(np.einsum("bn,bn->b", weights, y - p), np.einsum("bn,bn->b", weights, p * (1 - p)))
        a = a + np.clip(step, -2, 2)
        if np.nanmax(np.abs(step), initial=0) < 1e-8:
            break
    return np.where(_has_both(predictions, weights), a, np.nan)


def calibration_slope(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) b in logit P(outcome) = a + b logit p: below 1 where predictions are too extreme (Cox 1958).

    Undefined without both outcomes, where probabilities hardly differ, and where outcomes are perfectly separated.
    """
    x, y = _log_odds(predictions.probability), predictions.outcome.astype(np.float64)
    mean = _ratio(weights @ x, weights.sum(axis=1))
    spread = np.sqrt(np.maximum(_ratio(weights @ x**2, weights.sum(axis=1)) - mean**2, 0))
    is_told = _has_both(predictions, weights) & (spread > _LEAST_SPREAD)
    found = np.full(len(weights), np.nan)
    if is_told.any():
        found[is_told] = _slopes(x, y, weights[is_told])
    return found


def calibration_error(predictions: Predictions, weights: Floats) -> Floats:
    """(B,) expected calibration error: mean over bins, by their weight, of |share of outcome 1 - mean probability|.

    Bins are the tenths of the probabilities (Naeini et al. 2015, AAAI). It is above 0 by chance alone, the more so the
    fewer rows: about .8 sqrt(p (1 - p) 10 / n).
    """
    p = predictions.probability
    edges = np.unique(np.quantile(p, np.arange(1, N_BINS) / N_BINS))
    member = np.eye(len(edges) + 1)[np.searchsorted(edges, p, side="left")]
    gap = weights @ (member * (predictions.outcome - p)[:, None])
    return np.abs(gap).sum(axis=1) / weights.sum(axis=1)


METRICS: dict[str, Metric] = {
    "auc": auc,
    "average_precision": average_precision,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "mcc": mcc,
    "brier": brier,
    "log_loss": log_loss,
    "calibration_intercept": calibration_intercept,
    "calibration_slope": calibration_slope,
    "calibration_error": calibration_error,
}


def _ties(values: Floats) -> tuple[Ints, Ints]:
    """Where each run of equal values begins in ascending order, and that order."""
    order = np.argsort(values, kind="stable")
    is_first = np.concatenate([[True], np.diff(values[order]) > 0])
    return np.flatnonzero(is_first), order


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio(weights @ values, weights.sum(axis=1))


def _confusion(predictions: Predictions, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """True positives, false positives, false negatives, true negatives, (B,) each."""
    is_one, called = predictions.outcome == 1, predictions.is_called
    cells = np.stack([is_one & called, ~is_one & called, is_one & ~called, ~is_one & ~called], axis=1)
    found = weights @ cells.astype(np.float64)
    return found[:, 0], found[:, 1], found[:, 2], found[:, 3]


def _has_both(predictions: Predictions, weights: Floats) -> Bools:
    ones = weights @ predictions.outcome.astype(np.float64)
    return (ones > 0) & (ones < weights.sum(axis=1))


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, _LEAST_P, 1 - _LEAST_P)
    return np.log(p) - np.log1p(-p)


def _expit(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def _slopes(x: Floats, y: Floats, weights: Floats) -> Floats:
    """(B,) slopes of logistic regressions of y on x by Newton's method; NaN where it does not settle."""
    a, b = np.zeros(len(weights)), np.zeros(len(weights))
    step = np.full(len(weights), np.inf)
    for _ in range(_NEWTON_STEPS):
        p = _expit(a[:, None] + b[:, None] * x)
        residual, curve = weights * (y - p), weights * p * (1 - p)
        g0, g1 = residual.sum(axis=1), residual @ x
        h00, h01, h11 = curve.sum(axis=1), curve @ x, curve @ x**2
        determinant = np.maximum(h00 * h11 - h01**2, 1e-300)
        a = a + np.clip((h11 * g0 - h01 * g1) / determinant, -5, 5)
        step = np.clip((h00 * g1 - h01 * g0) / determinant, -5, 5)
        b = b + step
        if np.abs(step).max() < 1e-8:
            break
    return np.where((np.abs(step) < 1e-4) & (np.abs(b) < _MOST_SLOPE), b, np.nan)
