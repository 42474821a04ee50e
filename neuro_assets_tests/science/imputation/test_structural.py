"""The batched structural smoother against statsmodels' exact diffuse one, and against the joint distribution."""

import numpy as np
import pytest
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

from neuro_assets.science.imputation.structural import (
    WIDE,
    Beginning,
    Structural,
    fit_structural,
    log_likelihood_structural,
    smooth_structural,
)


def transition(period: int) -> np.ndarray:
    matrix = np.zeros((period + 1, period + 1))
    matrix[:2, :2] = [[1, 1], [0, 1]]
    matrix[2, 2:] = -1
    matrix[np.arange(3, period + 1), np.arange(2, period)] = 1
    return matrix


def by_statsmodels(row: np.ndarray, sizes: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the signal's mean and variance, and the log-likelihood, with an exact diffuse beginning."""
    states = period + 1
    model = KalmanSmoother(k_endog=1, k_states=states)
    model.bind(row.astype(np.float64))
    design = np.zeros(states)
    design[[0, 2]] = 1
    model["design"] = design[None]
    model["transition"] = transition(period)
    model["selection"] = np.eye(states)
    model["state_cov"] = np.diag(np.append(sizes[:3], np.zeros(states - 3)))
    model["obs_cov"] = np.array([[sizes[3]]])
    model.tolerance = 0
    model.initialize_diffuse()
    found = model.smooth()
    variance = np.einsum("i,ijt,j->t", design, found.smoothed_state_cov, design)
    return design @ found.smoothed_state, variance, float(found.llf)


def by_conditioning(
    row: np.ndarray, sizes: np.ndarray, period: int, start: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same from the joint normal distribution of all values, without a recursion, in extended precision.

    (With such beginnings the smoother of statsmodels loses the fourth digit of some variances.)
    """
    turn, count = transition(period).astype(np.longdouble), len(row)
    design, steps = np.zeros(period + 1, dtype=np.longdouble), np.zeros((period + 1, period + 1))
    design[[0, 2]] = 1
    steps[range(3), range(3)] = sizes[:3]
    state, spread = (of.astype(np.longdouble) for of in start)
    expected, joint = np.zeros(count, dtype=np.longdouble), np.zeros((count, count), dtype=np.longdouble)
    for t in range(count):
        state, spread = turn @ state, turn @ spread @ turn.T + steps
        expected[t], along = design @ state, spread @ design
        for later in range(t, count):
            joint[t, later] = joint[later, t] = design @ along
            along = turn @ along
    seen = np.flatnonzero(~np.isnan(row))
    lower = joint[np.ix_(seen, seen)] + np.eye(len(seen), dtype=np.longdouble) * sizes[3]
    for i in range(len(seen)):
        for j in range(i):
            lower[i, j] = (lower[i, j] - lower[i, :j] @ lower[j, :j]) / lower[j, j]
        lower[i, i] = np.sqrt(lower[i, i] - lower[i, :i] @ lower[i, :i])
    known = np.column_stack([joint[seen], row[seen] - expected[seen]])
    for i in range(len(seen)):
        known[i] = (known[i] - lower[i, :i] @ known[:i]) / lower[i, i]
    of_all, miss = known[:, :-1], known[:, -1]
    likelihood = -(len(seen) * np.log(2 * np.pi) + miss @ miss) / 2 - np.log(np.diag(lower)).sum()
    return expected + of_all.T @ miss, np.diag(joint) - (of_all**2).sum(axis=0), float(likelihood)


def random_case(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    period = int(rng.choice([2, 3, 7, 12]))
    length = int(rng.integers(3 * period, 90))
    sizes = 10 ** rng.uniform([-3, -6, -5, -2], [0.5, -2, -0.5, 1])
    sizes[rng.random(4) < [0.15, 0.4, 0.2, 0.0]] = 0
    time = np.arange(length)
    row = 50 + rng.normal(0, 0.3) * time + rng.normal(0, 3, period)[time % period] + rng.normal(0, 1, length)
    # every season is seen twice, so that all states can be told
    row[2 * period :][rng.random(length - 2 * period) < rng.uniform(0, 0.8)] = np.nan
    return (row[::-1] if rng.random() < 0.5 else row), sizes, period


def test_random_series_equal_the_exact_diffuse_smoother():
    rng = np.random.default_rng(7)
    for _ in range(40):
        row, sizes, period = random_case(rng)
        found = smooth_structural(row[None], Structural(*sizes[:, None], period))
        mean, variance, likelihood = by_statsmodels(row, sizes, period)
        # what a prior of a million times the series' variance still says
        np.testing.assert_allclose(found.mean[0], mean, atol=1e-4 * np.nanstd(row))
        np.testing.assert_allclose(found.variance[0], variance, rtol=1e-3)
        assert found.log_likelihood[0] == pytest.approx(likelihood, abs=1e-3)


def test_random_series_with_a_known_beginning_equal_the_joint_distribution():
    rng = np.random.default_rng(8)
    for _ in range(25):
        row, sizes, period = random_case(rng)
        row[: int(rng.integers(0, len(row) // 2))] = np.nan
        variance = 10 ** rng.uniform(-1, 2)
        directions = rng.normal(0, 1, (period + 1, int(rng.integers(1, period + 2))))
        beginning = Beginning(np.array([48.0]), np.array([variance]), directions)
        found = smooth_structural(row[None], Structural(*sizes[:, None], period), beginning)
        start = np.append(48.0, np.zeros(period)), variance * directions @ directions.T
        mean, spread, likelihood = by_conditioning(row, sizes, period, start)
        np.testing.assert_allclose(found.mean[0], mean, rtol=1e-8)
        np.testing.assert_allclose(found.variance[0], spread, rtol=1e-8)
        # ours leaves out what depends on the width alone: a factor for each direction
        left_out = directions.shape[1] * np.log(variance) / 2
        assert found.log_likelihood[0] - left_out == pytest.approx(likelihood, rel=1e-8)


def test_many_series_are_what_each_is_alone_on_one_thread_and_on_three():
    rng = np.random.default_rng(9)
    values = rng.normal(0, 1, (120, 40)).cumsum(axis=1)
    values[rng.random(values.shape) < 0.3] = np.nan
    sizes = 10 ** rng.uniform(-3, 0, (4, 120))
    one, three = (smooth_structural(values, Structural(*sizes, 7), threads=threads) for threads in (1, 3))
    for name in ("mean", "variance", "log_likelihood"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    for n in (0, 49, 50, 119):
        alone = smooth_structural(values[n : n + 1], Structural(*sizes[:, n : n + 1], 7))
        np.testing.assert_array_equal(alone.mean[0], one.mean[n])
        np.testing.assert_array_equal(alone.log_likelihood[0], one.log_likelihood[n])
    np.testing.assert_array_equal(log_likelihood_structural(values, Structural(*sizes, 7)), one.log_likelihood)


def test_a_weekly_pattern_without_noise_is_carried_over_a_gap_of_two_weeks():
    week = np.array([10.0, 20, 30, 40, 50, 60, 70])
    days = np.tile(week, 8) + np.arange(56) / 2
    with_gap = days.copy()
    with_gap[21:35] = np.nan
    model = Structural(*np.array([[1e-4], [1e-8], [1e-8], [1e-4]]), 7)
    found = smooth_structural(np.stack([with_gap, with_gap]).astype(np.float32)[:1], model)
    assert found.mean.dtype == np.float32
    np.testing.assert_allclose(found.mean[0], days, atol=0.01)
    # the gap is where least is known
    assert found.variance[0].argmax() in range(21, 35)
    assert (found.variance >= 0).all()


def test_a_series_without_values_is_nan_and_one_without_sundays_knows_nothing_of_them():
    rng = np.random.default_rng(10)
    values = np.tile(rng.normal(100, 5, 70), (2, 1))
    values[0] = np.nan
    values[1, 6::7] = np.nan
    found = smooth_structural(values, Structural(*np.full((4, 2), 0.1), 7))
    assert np.isnan(found.mean[0]).all()
    assert np.isnan(found.variance[0]).all()
    assert found.log_likelihood[0] == 0
    wide = WIDE * np.nanvar(values[1])
    is_sunday = np.arange(70) % 7 == 6
    assert (found.variance[1, is_sunday] > wide / 10).all()
    assert (found.variance[1, ~is_sunday] < 5).all()


def test_the_fit_finds_the_variances_of_simulated_series():
    # 6 series of 2 years of days: level 0.5, season 0.02, noise 2; the median of their estimates is close
    rng = np.random.default_rng(11)
    count, length = 6, 730
    level = rng.normal(0, np.sqrt(0.5), (count, length)).cumsum(axis=1)
    season = np.zeros((count, length + 6))
    season[:, :6] = rng.normal(0, 3, (count, 6))
    for t in range(6, length + 6):
        season[:, t] = rng.normal(0, np.sqrt(0.02), count) - season[:, t - 6 : t].sum(axis=1)
    values = 1000 + level + season[:, 6:] + rng.normal(0, np.sqrt(2), (count, length))
    values[rng.random(values.shape) < 0.2] = np.nan
    fitted = fit_structural(values, 7)
    assert np.median(fitted.level) == pytest.approx(0.5, rel=0.25)
    assert np.median(fitted.slope) < 1e-5
    assert np.median(fitted.seasonal) == pytest.approx(0.02, rel=0.25)
    assert np.median(fitted.noise) == pytest.approx(2, rel=0.15)
    # each is at least as likely as what it was simulated with
    truth = Structural(*np.repeat([[0.5], [1e-12], [0.02], [2.0]], count, axis=1), 7)
    assert (log_likelihood_structural(values, fitted) >= log_likelihood_structural(values, truth) - 0.01).all()
    # and it does not depend on the unit
    np.testing.assert_allclose(fit_structural(values[:1] * 60, 7).noise, 3600 * fitted.noise[:1], rtol=1e-3)


def test_series_without_values_or_change_can_be_fitted():
    fitted = fit_structural(np.stack([np.full(30, np.nan), np.full(30, 70.0)]), 7)
    assert (fitted.noise > 0).all()
    assert smooth_structural(np.full((2, 30), 70.0), fitted).mean[1] == pytest.approx(70)


def test_what_is_no_model_is_refused():
    good = np.array([1.0])
    with pytest.raises(ValueError, match="2 steps or more, not 1"):
        Structural(good, good, good, good, 1)
    with pytest.raises(ValueError, match="0 or more"):
        Structural(good, -good, good, good, 7)
    with pytest.raises(ValueError, match="0 or more"):
        Structural(good, good * np.nan, good, good, 7)
    with pytest.raises(ValueError, match="needs a level, a season or noise"):
        Structural(0 * good, good, 0 * good, 0 * good, 7)
    with pytest.raises(ValueError, match="3 series, and a model of 1"):
        smooth_structural(np.zeros((3, 20)), Structural(good, good, good, good, 7))
