"""Metrics against answers by hand, scikit-learn and statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from neuro_assets.science.models.metrics import (
    METRICS,
    auc,
    average_precision,
    calibration_error,
    calibration_intercept,
    calibration_slope,
    measure,
)
from neuro_assets_tests.science.models.made import predictions

ROWS = predictions([1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.3, 0.1])


def test_by_hand():
    # Pairs: .9 beats three, .7 beats two of three. Calls above .5: TP 2, FP 1, FN 0, TN 2.
    found = measure(ROWS)
    assert found["auc"] == pytest.approx(5 / 6)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["f1"] == pytest.approx(4 / 5)
    assert found["mcc"] == pytest.approx((2 * 2 - 1 * 0) / np.sqrt(3 * 2 * 3 * 2))
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.09 + 0.01) / 5)
    assert found["log_loss"] == pytest.approx(-np.log(0.9 * 0.2 * 0.7 * 0.7 * 0.9) / 5)


def test_ties_count_half():
    assert measure(predictions([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]))["auc"] == 0.5
    assert measure(predictions([1, 0, 1, 0], [0.5, 0.5, 0.8, 0.2]))["auc"] == pytest.approx(3.5 / 4)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(10, 60), digits=st.integers(1, 3))
def test_they_are_scikit_learns(seed, n, digits):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3 == 0).astype(np.int8)
    p = np.round(rng.random(n), digits)
    found, called = measure(predictions(y, p)), p > 0.5
    assert found["auc"] == pytest.approx(reference.roc_auc_score(y, p))
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(y, p))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, called))
    assert found["f1"] == pytest.approx(reference.f1_score(y, called))
    assert found["mcc"] == pytest.approx(reference.matthews_corrcoef(y, called))
    assert found["brier"] == pytest.approx(reference.brier_score_loss(y, p))
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weight_is_a_repetition(seed):
    rng = np.random.default_rng(seed)
    y, p, fold = rng.integers(0, 2, 40), np.round(rng.random(40), 1) * 0.9 + 0.05, rng.integers(0, 3, 40)
    weights = rng.integers(0, 4, 40)
    again = np.repeat(np.arange(40), weights)
    rows, repeated = predictions(y, p, fold=fold), predictions(y[again], p[again], fold=fold[again])
    for name, metric in METRICS.items():
        if name == "calibration_error":  # its bins are those of the unweighted rows
            continue
        expected = metric(repeated, np.ones((1, len(again))))
        assert metric(rows, weights[None, :].astype(float)) == pytest.approx(expected, rel=1e-6, nan_ok=True), name


def test_ranks_are_compared_within_folds_only():
    # In order within either fold; across them all of the second are above the first.
    rows = predictions([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.9], fold=np.array([0, 0, 1, 1]))
    assert measure(rows)["auc"] == 1.0
    assert measure(predictions(rows.outcome, rows.probability))["auc"] == 0.75
    assert average_precision(rows, np.ones((1, 4)))[0] == 1.0


def test_without_both_outcomes_little_is_defined():
    found = measure(predictions([1, 1, 1], [0.2, 0.6, 0.7]))
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined == {"auc", "balanced_accuracy", "mcc", "calibration_slope", "calibration_intercept"}
    assert np.isnan(auc(ROWS, np.array([[1.0, 0, 1, 0, 0], [1, 1, 1, 1, 1]]))).tolist() == [True, False]


def test_calling_nobody_is_worth_nothing():
    found = measure(predictions([1, 0, 0, 0], [0.25] * 4, threshold=0.25))
    assert (found["auc"], found["balanced_accuracy"], found["f1"], found["mcc"]) == (0.5, 0.5, 0.0, 0.0)


def test_calibration_by_hand():
    # Three of four happened where half was predicted: log-odds log 3 too low.
    rows = predictions([1, 1, 1, 0] * 5, [0.5] * 20)
    assert calibration_intercept(rows, np.ones((1, 20)))[0] == pytest.approx(np.log(3))
    assert np.isnan(calibration_slope(rows, np.ones((1, 20)))[0])
    assert calibration_error(rows, np.ones((1, 20)))[0] == pytest.approx(0.25)
    # .75 and .25 predicted, .9 and .1 happened: log 9 over log 3.
    rows = predictions([1] * 9 + [0] + [0] * 9 + [1], [0.75] * 10 + [0.25] * 10)
    assert calibration_slope(rows, np.ones((1, 20)))[0] == pytest.approx(2.0)
    assert calibration_intercept(rows, np.ones((1, 20)))[0] == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(rows, np.ones((1, 20)))[0] == pytest.approx(0.15)


def test_calibration_is_that_of_a_regression():
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    x = rng.normal(size=400) * 2
    p = 1 / (1 + np.exp(-x))
    y = rng.random(400) < 1 / (1 + np.exp(-(0.5 + 0.6 * x)))
    rows, whole = predictions(y, p), np.ones((1, 400))
    slope = sm.Logit(y.astype(float), sm.add_constant(np.log(p / (1 - p)))).fit(disp=0).params[1]
    intercept = sm.GLM(y.astype(float), np.ones(400), family=sm.families.Binomial(), offset=x).fit().params[0]
    assert calibration_slope(rows, whole)[0] == pytest.approx(slope, rel=1e-6)
    assert calibration_intercept(rows, whole)[0] == pytest.approx(intercept, rel=1e-6)


def test_perfectly_separated_outcomes_have_no_slope():
    rows = predictions([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert np.isnan(calibration_slope(rows, np.ones((1, 4)))[0])
