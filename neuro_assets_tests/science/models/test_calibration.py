"""Calibration: known maps are found, order is kept, nothing is told where nothing is known."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from neuro_assets.science.models.calibration import Calibration, calibrated_apart, calibration_of
from neuro_assets.science.models.metrics import Predictions, measure


def predictions(probability: np.ndarray, outcome: np.ndarray, folds: int = 4) -> Predictions:
    n = len(outcome)
    fold = np.arange(n) % folds
    return Predictions(outcome.astype(np.int8), probability, probability > 0.5, np.arange(n) // 5, fold)


def drawn(intercept: float, slope: float, n: int = 4000, seed: int = 0) -> Predictions:
    """Probabilities that are wrong by a known map."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(0, 1.5, n)))
    true = Calibration(intercept, slope).apply(p)
    return predictions(p, rng.random(n) < true)


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.7, 0.5), (-1.0, 1.4)])
def test_a_known_map_is_found(intercept: float, slope: float):
    found = calibration_of(drawn(intercept, slope))
    assert found.intercept == pytest.approx(intercept, abs=0.12)
    assert found.slope == pytest.approx(slope, abs=0.12)


def test_it_is_the_logistic_regression_of_outcomes_that_are_drawn_in():
    given = drawn(0.5, 0.6, n=300)
    ones = int(given.outcome.sum())
    zeros = len(given) - ones
    x = np.log(given.probability) - np.log1p(-given.probability)
    # A row of outcome y counts as y of a one and 1 - y of a zero.
    y = np.where(given.outcome == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([x, x])[:, None], np.repeat([1, 0], len(x)), sample_weight=np.concatenate([y, 1 - y])
    )
    found = calibration_of(given)
    assert (found.intercept, found.slope) == pytest.approx((model.intercept_[0], model.coef_[0, 0]), abs=1e-4)


def test_separated_outcomes_have_a_map_and_order_is_never_turned_over():
    p = np.linspace(0.2, 0.8, 40)
    outcome = p > 0.5
    found = calibration_of(predictions(p, outcome))
    assert np.isfinite([found.intercept, found.slope]).all()
    assert found.slope > 1
    turned = calibration_of(predictions(p, ~outcome))
    assert turned.slope == 0
    assert turned.apply(p) == pytest.approx(np.full(40, 0.5))


def test_one_probability_for_all_becomes_the_share():
    outcome = np.arange(100) % 4 == 0
    found = calibration_of(predictions(np.full(100, 0.6), outcome))
    assert found.apply(np.array([0.6])) == pytest.approx([0.25], abs=0.01)


def test_a_row_is_calibrated_by_other_folds_only():
    given = drawn(1.0, 0.4, n=400)
    before = calibrated_apart(given, given.fold).probability
    own = given.fold == 2
    turned = replace(given, outcome=np.where(own, 1 - given.outcome, given.outcome).astype(np.int8))
    after = calibrated_apart(turned, turned.fold).probability
    assert np.array_equal(before[own], after[own])
    assert not np.allclose(before[~own], after[~own])


def test_wrong_probabilities_are_mended_on_rows_it_did_not_see():
    given = drawn(1.2, 0.4, n=2000)
    mended = calibrated_apart(given, given.fold)
    raw, own = measure(given), measure(mended)
    assert own["brier"] < raw["brier"]
    assert own["calibration_slope"] == pytest.approx(1, abs=0.15)
    assert own["calibration_intercept"] == pytest.approx(0, abs=0.1)
