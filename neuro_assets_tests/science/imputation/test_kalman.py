"""The batched smoother against statsmodels' on random series, and against what can be worked out by hand."""

import numpy as np
import pytest
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

from neuro_assets.science.imputation.kalman import Autoregressions, Smoothed, log_likelihood, smooth

CASES = 320
WITHIN = 1e-6


def by_statsmodels(row: np.ndarray, model: Autoregressions) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean and variance of the states' sum, and the log-likelihood."""
    states = model.phi.shape[1]
    reference = KalmanSmoother(k_endog=1, k_states=states)
    reference.bind(row.astype(np.float64))
    reference["design"] = np.ones((1, states))
    reference["transition"] = np.diag(model.phi[0])
    reference["selection"] = np.eye(states)
    reference["state_cov"] = np.diag(model.step[0])
    reference["obs_cov"] = model.noise[:1, None]
    reference.initialize_known(np.zeros(states), np.diag(model.initial[0]))
    # otherwise it stops updating variances that hardly change any more
    reference.tolerance = 0
    found = reference.smooth()
    return found.smoothed_state.sum(axis=0), found.smoothed_state_cov.sum(axis=(0, 1)), float(found.llf)


def random_model(rng: np.random.Generator, count: int, states: int) -> Autoregressions:
    """Return timescales from one step to a thousand, some random walks, and variances over six orders of magnitude."""
    unit = 10 ** rng.uniform(-3, 3, (count, 1))
    phi = np.exp(-1 / 10 ** rng.uniform(0, 3, (count, states)))
    phi[rng.random(phi.shape) < 0.2] = 1
    step = unit**2 * 10 ** rng.uniform(-4, 0, (count, states))
    initial = np.where(phi < 1, step / np.where(phi < 1, 1 - phi**2, 1), unit**2 * 10 ** rng.uniform(-1, 2))
    return Autoregressions(phi, step, unit[:, 0] ** 2 * 10 ** rng.uniform(-2, 0, count), initial)


def random_rows(rng: np.random.Generator, model: Autoregressions, length: int) -> np.ndarray:
    """Return what the model makes, with missing shares from 0 to 0.95, gaps at the ends, and some rows of nothing."""
    count = len(model.phi)
    state = rng.normal(0, np.sqrt(model.initial))
    rows = np.empty((count, length))
    for t in range(length):
        rows[:, t] = state.sum(axis=1) + rng.normal(0, np.sqrt(model.noise))
        state = model.phi * state + rng.normal(0, np.sqrt(model.step))
    for row in rows:
        row[rng.random(length) < rng.choice([0, rng.uniform(0, 0.95)])] = np.nan
        if rng.random() < 0.3:
            row[: rng.integers(0, length + 1)] = np.nan
        if rng.random() < 0.3:
            row[length - rng.integers(0, length + 1) :] = np.nan
        if rng.random() < 0.03:
            row[:] = np.nan
    return rows


def assert_equal(found: Smoothed, n: int, row: np.ndarray, model: Autoregressions) -> None:
    """Hold one row of what was found against statsmodels, relative to how large the series is; but for the rounding."""
    rounding = np.finfo(found.mean.dtype).eps
    mean, variance, likelihood = by_statsmodels(row, model.of(slice(n, n + 1)))
    size = np.sqrt(model.noise[n] + model.initial[n].sum())
    np.testing.assert_allclose(found.mean[n], mean, rtol=rounding, atol=WITHIN * size)
    np.testing.assert_allclose(found.variance[n], variance, rtol=rounding, atol=WITHIN * size**2)
    assert (found.variance[n] >= 0).all()
    assert found.log_likelihood[n] == pytest.approx(likelihood, rel=WITHIN, abs=WITHIN)


@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_random_series_equal_statsmodels(precision: type):
    rng = np.random.default_rng(20)
    seen, lengths = 0, []
    while seen < CASES:
        states, length = int(rng.integers(1, 4)), int(rng.integers(1, 301))
        model = random_model(rng, 8, states)
        rows = random_rows(rng, model, length).astype(precision)
        found = smooth(rows, model)
        assert found.mean.dtype == found.variance.dtype == precision
        for n in range(len(rows)):
            assert_equal(found, n, rows[n], model)
        seen += len(rows)
        lengths.append(length)
    assert min(lengths) < 20 < 280 < max(lengths)


@pytest.mark.parametrize("states", [1, 2, 3])
def test_many_series_are_what_each_is_alone_on_any_number_of_threads(states: int):
    # 137 series are three chunks, the last of them not full
    rng = np.random.default_rng(21)
    model = random_model(rng, 137, states)
    rows = random_rows(rng, model, 60)
    found = smooth(rows, model)
    for threads in (1, 2, 5):
        again = smooth(rows, model, threads=threads)
        for name in ("mean", "variance", "log_likelihood"):
            np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    for n in (0, 49, 50, 99, 100, 136):
        alone = smooth(rows[n : n + 1], model.of(slice(n, n + 1)))
        np.testing.assert_array_equal(alone.mean[0], found.mean[n])
        np.testing.assert_array_equal(alone.variance[0], found.variance[n])
    np.testing.assert_array_equal(log_likelihood(rows, model), found.log_likelihood)


def test_rows_may_lie_in_memory_any_way():
    rng = np.random.default_rng(22)
    model = random_model(rng, 60, 2)
    rows = random_rows(rng, model, 40)
    expected = smooth(rows, model)
    for other in (np.asfortranarray(rows), np.repeat(rows, 2, axis=1)[:, ::2], rows[::-1][::-1]):
        np.testing.assert_array_equal(smooth(other, model).mean, expected.mean)


def one(phi: float, step: float, noise: float, initial: float) -> Autoregressions:
    return Autoregressions(*(np.array([[x]]) for x in (phi, step)), np.array([noise]), np.array([[initial]]))


def test_one_observation_by_hand():
    # prior variance 4, noise 1, value 10: mean 10 * 4/5, variance 4 - 16/5; log N(10; 0, 5)
    found = smooth(np.array([[10.0]]), one(0.5, 3.0, 1.0, 4.0))
    assert found.mean[0, 0] == pytest.approx(8)
    assert found.variance[0, 0] == pytest.approx(0.8)
    assert found.log_likelihood[0] == pytest.approx(-0.5 * (np.log(2 * np.pi * 5) + 100 / 5))


def test_between_two_certain_values_a_random_walk_is_a_straight_line_of_known_doubt():
    # the Brownian bridge: from 0 to 12 over 4 steps of variance 2, variance 2 k (4 - k) / 4
    found = smooth(np.array([[0.0, np.nan, np.nan, np.nan, 12.0]]), one(1.0, 2.0, 1e-12, 1e6))
    np.testing.assert_allclose(found.mean[0], [0, 3, 6, 9, 12], atol=1e-6)
    np.testing.assert_allclose(found.variance[0], [0, 1.5, 2, 1.5, 0], atol=1e-6)


def test_after_the_last_value_an_autoregression_fades_to_what_is_usual():
    # phi 0.5 and variance 1: 8, 4, 2, 1 and 0, 3/4, 15/16, 63/64; the same backwards
    model = Autoregressions.stationary(np.full((2, 1), 0.5), np.ones((2, 1)), np.full(2, 1e-12))
    found = smooth(np.array([[8.0, np.nan, np.nan, np.nan], [np.nan, np.nan, np.nan, 8.0]]), model)
    np.testing.assert_allclose(found.mean, [[8, 4, 2, 1], [1, 2, 4, 8]], atol=1e-9)
    fades = np.array([0, 3 / 4, 15 / 16, 63 / 64])
    np.testing.assert_allclose(found.variance, [fades, fades[::-1]], atol=1e-9)


def test_where_nothing_was_observed_there_is_the_prior():
    found = smooth(np.full((1, 3), np.nan), one(1.0, 2.0, 1.0, 5.0))
    np.testing.assert_array_equal(found.mean, 0)
    np.testing.assert_allclose(found.variance[0], [5, 7, 9])


def test_no_series_and_no_time_are_no_error():
    model = random_model(np.random.default_rng(23), 0, 2)
    assert smooth(np.empty((0, 10)), model).mean.shape == (0, 10)
    assert smooth(np.empty((1, 0)), one(0.5, 1.0, 1.0, 1.0)).mean.shape == (1, 0)


@pytest.mark.parametrize("states", [0, 4])
def test_more_states_than_three_or_none_are_refused(states: int):
    shape = np.full((2, states), 0.5)
    with pytest.raises(ValueError, match=f"from 1 to 3 autoregressions, not {states}"):
        Autoregressions(shape, shape, np.ones(2), shape)


def test_a_stationary_series_varies_as_asked_for_ever():
    model = Autoregressions.stationary(np.array([[0.9, 0.3]]), np.array([[2.0, 5.0]]), np.array([1.0]))
    np.testing.assert_allclose(model.phi**2 * model.initial + model.step, model.initial)
    found = smooth(np.full((1, 200), np.nan), model)
    np.testing.assert_allclose(found.variance, 7)
