"""How deviations hold on: autocovariances against a plain loop, and parameters of simulated people found again."""

import numpy as np
import pytest

from neuro_assets.science.imputation.autoregression import (
    autocovariance,
    fit_ar1,
    fit_autoregressions,
    fit_level,
)
from neuro_assets.science.imputation.kalman import Autoregressions, log_likelihood
from neuro_assets.science.imputation.series import HOUR, MINUTE


def simulated(
    rng: np.random.Generator, people: int, length: int, phi: float, variance: float, noise: float
) -> np.ndarray:
    """Return an autoregression of that variance, and noise; a random walk of that step where phi is 1."""
    from scipy.signal import lfilter

    step = variance * (1 - phi**2) if phi < 1 else variance
    steps = rng.normal(0, np.sqrt(step), (people, length))
    if phi < 1:
        steps[:, 0] = rng.normal(0, np.sqrt(variance), people)
    return lfilter([1], [1, -phi], steps, axis=1) + rng.normal(0, np.sqrt(noise), (people, length))


def correlation(model: Autoregressions, lag: int) -> np.ndarray:
    """Return what the model says of values so far apart, over their variance, (people,)."""
    size = model.initial.sum(axis=1) + model.noise
    return (model.initial * model.phi**lag).sum(axis=1) / size


def test_autocovariances_equal_a_plain_loop():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 3, (3, 50)).astype(np.float32)
    values[rng.random(values.shape) < 0.4] = np.nan
    values[2] = np.nan
    lags = (0, 1, 7, 49, 50, 90)
    total, count = autocovariance(values, lags)
    for n, row in enumerate(values.astype(np.float64)):
        for k, lag in enumerate(lags):
            products = [row[t] * row[t + lag] for t in range(50 - lag)]
            seen = [p for p in products if p == p]
            assert count[n, k] == len(seen)
            assert total[n, k] == pytest.approx(sum(seen), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("tau", "share"), [(8, 0.5), (64, 0.8), (256, 0.3)])
def test_minutes_that_were_simulated_are_found_again(tau: float, share: float):
    # 25 people x 28 days, a third of the minutes missing in stretches; timescales are 2, 4 ... 800 min
    rng = np.random.default_rng(2)
    phi = np.exp(-1 / tau)
    values = simulated(rng, 25, 28 * 1440, phi, 4 * share, 4 * (1 - share)).astype(np.float32)
    values.reshape(25, -1, 96)[rng.random((25, 28 * 15)) < 1 / 3] = np.nan
    model = fit_autoregressions(values, np.full(25, 28), MINUTE)
    assert (model.initial.sum(axis=1) + model.noise) == pytest.approx(4, rel=0.15)
    assert np.mean(model.noise) == pytest.approx(4 * (1 - share), rel=0.05)
    for lag in (1, 5, 30, 120):
        assert np.mean(correlation(model, lag)) == pytest.approx(share * phi**lag, abs=0.025)


def test_hours_of_two_timescales_are_found_again():
    # 200 people x 60 days: half of the variance fades within 2 hours, a quarter within 32
    rng = np.random.default_rng(3)
    fast, slow = np.exp(-1 / 2), np.exp(-1 / 32)
    values = simulated(rng, 200, 1440, fast, 2, 1) + simulated(rng, 200, 1440, slow, 1, 0)
    model = fit_autoregressions(values.astype(np.float32), np.full(200, 60), HOUR)
    for lag in (1, 2, 4, 10, 20):
        assert np.mean(correlation(model, lag)) == pytest.approx((2 * fast**lag + slow**lag) / 4, abs=0.02)


def test_variances_are_never_negative_and_a_newcomer_is_like_all():
    rng = np.random.default_rng(4)
    values = simulated(rng, 30, 24 * 20, 0.9, 3, 1).astype(np.float32)
    values[0] = np.nan
    model = fit_autoregressions(values, np.append(0, np.full(29, 20)), HOUR)
    assert (model.noise > 0).all()
    assert (model.initial > 0).all()
    assert (model.step > 0).all()
    size = model.initial.sum(axis=1) + model.noise
    # nobody's own correlations are in the newcomer's: those of all
    total, count = autocovariance(values, (0, 1, 4))
    pooled = total.sum(axis=0) / count.sum(axis=0)
    assert size[0] == pytest.approx(pooled[0], rel=0.05)
    assert correlation(model, 1)[0] == pytest.approx(pooled[1] / pooled[0], abs=0.03)
    assert correlation(model, 4)[0] == pytest.approx(pooled[2] / pooled[0], abs=0.03)


def test_nothing_but_zeros_and_nothing_at_all_give_a_model():
    zeros = np.zeros((2, 24 * 5), dtype=np.float32)
    zeros[1] = np.nan
    model = fit_autoregressions(zeros, np.array([5, 0]), HOUR)
    for of in (model.phi, model.step, model.noise, model.initial):
        assert np.isfinite(of).all()
    assert (model.noise > 0).all()


def test_an_autoregression_is_the_likeliest_of_a_grid():
    rng = np.random.default_rng(5)
    values = simulated(rng, 12, 3000, 0.95, 6, 4).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    model = fit_ar1(values, np.full(12, 10.0))
    # most people get the cell that they were simulated from, the others one beside it
    assert np.mean(np.isclose(model.phi[:, 0], 0.95)) > 0.7
    assert set(np.round(model.phi[:, 0], 3)) <= {0.9, 0.95, 0.98}
    np.testing.assert_allclose(model.initial[:, 0] + model.noise, 10)
    best = log_likelihood(values.astype(np.float64), model)
    for phi in (0.3, 0.7, 0.9, 0.95, 0.98, 0.998):
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            one = np.ones((12, 1))
            other = Autoregressions.stationary(phi * one, 10 * share * one, np.full(12, 10 * (1 - share)))
            assert (best >= log_likelihood(values.astype(np.float64), other) - 1e-3).all()


def test_a_level_is_the_likeliest_of_a_grid():
    rng = np.random.default_rng(6)
    values = simulated(rng, 12, 2000, 1.0, 0.06, 2.0).astype(np.float32)
    size = np.nanvar(values, axis=1).astype(np.float64)
    model = fit_level(values - values.mean(axis=1, keepdims=True), size)
    np.testing.assert_array_equal(model.phi, 1)
    # step over noise is 0.03, a cell of the grid
    assert np.median(model.step[:, 0] / model.noise) == pytest.approx(0.03, rel=1e-6)
    assert np.median(model.noise) == pytest.approx(2, rel=0.6)


def test_someone_without_values_gets_a_simple_model_too():
    values = np.full((1, 100), np.nan, dtype=np.float32)
    for fit in (fit_ar1, fit_level):
        model = fit(values, np.zeros(1))
        for of in (model.phi, model.step, model.noise, model.initial):
            assert np.isfinite(of).all()
