"""Probabilities that mean what they say: a logistic map from what a model says to what happened, of held-out rows."""

from dataclasses import dataclass, replace

import numpy as np

from neuro_assets.science.models.metrics import Predictions
from neuro_assets.science.models.samples import Floats

_LEAST_P = 1e-6
_NEWTON_STEPS = 50
# Log-odds that differ less (standard deviation) tell nothing of a slope.
_LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class Calibration:
    """The probability p becomes expit(intercept + slope * logit p).

    Attributes:
        intercept: log-odds added.
        slope: 1 leaves p as it is, below 1 draws it to the middle; never below 0, so that no order is turned over.
    """

    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, probability: Floats) -> Floats:
        """(n,) calibrated probabilities, in the order of the raw ones or equal."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * _log_odds(probability))))


def calibration_of(predictions: Predictions) -> Calibration:
    """The map that held-out rows ask for (Platt 1999, in: Advances in Large Margin Classifiers).

    Outcomes are taken as (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), as Platt does, so that separated ones have a map too.
    Where probabilities hardly differ, or would have to be turned over, all of them become the share of outcome 1: the
    model tells nothing there.
    """
    x = _log_odds(predictions.probability)
    ones = float(predictions.outcome.sum())
    zeros = len(predictions) - ones
    y = np.where(predictions.outcome == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    share = float(y.mean())
    flat = Calibration(float(np.log(share / (1 - share))), 0.0)
    if float(np.std(x)) < _LEAST_SPREAD:
        return flat
    a, b = flat.intercept, 0.0
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(a + b * x)))
        curve = p * (1 - p)
        gradient = np.array([np.sum(y - p), np.sum((y - p) * x)])
        hessian = np.array([[curve.sum(), curve @ x], [curve @ x, curve @ x**2]]) + 1e-9 * np.eye(2)
        step = np.clip(np.linalg.solve(hessian, gradient), -5, 5)
        a, b = a + float(step[0]), b + float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(a, b) if b > 0 else flat


def calibrated_apart(predictions: Predictions, fold: np.ndarray) -> Predictions:
    """Held-out rows, each calibrated by the map of the other folds: how well calibration itself holds.

    Args:
        predictions: as the model said.
        fold: (n,) in which each row was held out; those of `predictions` may be one for all.
    """
    found = predictions.probability.copy()
    for own in np.unique(fold):
        others = predictions.rows(fold != own)
        if len(others) and 0 < others.outcome.sum() < len(others):
            found[fold == own] = calibration_of(others).apply(predictions.probability[fold == own])
    return replace(predictions, probability=found)


def _log_odds(p: Floats) -> Floats:
    kept = np.clip(p, _LEAST_P, 1 - _LEAST_P)
    return np.log(kept) - np.log1p(-kept)
