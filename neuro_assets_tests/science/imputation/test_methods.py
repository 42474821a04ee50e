"""The ways to fill gaps, by hand and against pandas; and that square roots are turned back without bias."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.imputation.kalman import Autoregressions, smooth
from neuro_assets.science.imputation.methods import (
    METHODS,
    arima,
    clock_mean,
    day_profile,
    edge_mean,
    ffill,
    kalman_ar,
    kalman_level,
    linear,
    profile,
    profile_ar,
    root_ar,
    weekday_median,
)
from neuro_assets.science.imputation.series import MINUTE, Windows
from neuro_assets_tests.science.imputation.made import fading, hours_of, people_of

N = None
NAN = np.nan
FLAT = people_of(np.full((1, 2, 24), 10.0))

rows = st.lists(st.one_of(st.none(), st.integers(0, 99)), min_size=1, max_size=30)


def in_gaps(estimate: np.ndarray, windows: Windows) -> list[float]:
    return estimate[windows.gaps.is_missing].tolist()


def test_the_last_value_by_hand():
    windows = hours_of([N, 1, N, N, 4, N])
    np.testing.assert_array_equal(ffill(windows, FLAT), [[NAN, 1, 1, 1, 4, 4]])


def test_a_straight_line_by_hand():
    # 1 to 4 in three steps; on one side alone, that side's value; on none, nothing
    np.testing.assert_allclose(linear(hours_of([N, 1, N, N, 4, N]), FLAT), [[1, 1, 2, 3, 4, 4]])
    assert np.isnan(linear(hours_of([N, N]), FLAT)).all()


@given(row=rows)
@settings(max_examples=150, deadline=None)
def test_the_last_value_and_the_straight_line_equal_pandas(row: list[int | None]):
    windows = hours_of(row)
    series = pd.Series(windows.values[0].astype(np.float64))
    np.testing.assert_array_equal(ffill(windows, FLAT)[0], series.ffill())
    np.testing.assert_allclose(linear(windows, FLAT)[0], series.interpolate(limit_direction="both"), rtol=1e-6)


def test_a_line_between_means_by_hand():
    # two before: 1 and 5, mean 3; two after: 9 and 13, mean 11; in the middle of the gap 7
    windows = hours_of([8, 1, 5, N, N, N, 9, 13, 50])
    assert in_gaps(edge_mean(windows, FLAT, 2), windows) == [5, 7, 9]
    # of values, not of hours with one: a missing one beside the edge is not reached over
    windows = hours_of([8, N, 5, N, 9, N, 50])
    np.testing.assert_allclose(edge_mean(windows, FLAT, 2)[0, 3], (5 + 9) / 2)
    # on one side alone, its mean
    windows = hours_of([N, 2, 4, 90, N])
    assert in_gaps(edge_mean(windows, FLAT, 2), windows) == [3, 47]


def slow_edge_mean(row: np.ndarray, t: int, values: int) -> float:
    seen = np.flatnonzero(~np.isnan(row))
    before, after = seen[seen < t], seen[seen > t]
    left = row[max(before[-1] + 1 - values, 0) : before[-1] + 1] if len(before) else np.array([NAN])
    right = row[after[0] : after[0] + values] if len(after) else np.array([NAN])
    means = [np.nanmean(side) if np.isfinite(side).any() else NAN for side in (left, right)]
    if not len(before) or not len(after):
        return means[0] if len(before) else means[1]
    along = (t - before[-1]) / (after[0] - before[-1])
    return means[0] * (1 - along) + means[1] * along


@given(row=rows, values=st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_a_line_between_means_equals_the_slow_loop(row: list[int | None], values: int):
    windows = hours_of(row)
    found = edge_mean(windows, FLAT, values)[0]
    for t in np.flatnonzero(windows.gaps.is_missing[0]):
        np.testing.assert_allclose(found[t], slow_edge_mean(windows.values[0].astype(np.float64), t, values), atol=1e-9)


def test_the_clock_is_looked_up_by_person_hour_and_kind_of_day():
    by_hour = np.arange(2 * 2 * 24, dtype=np.float64).reshape(2, 2, 24)
    people = people_of(by_hour)
    # from 22 o'clock on Friday to 1 o'clock on Saturday
    hour = 4 * 24 + 22 + np.arange(4)
    windows = Windows(
        np.full((2, 4), NAN, dtype=np.float32), (hour % 24)[None], (hour // 24 >= 5)[None], np.array([1, 0]), MINUTE
    )
    np.testing.assert_array_equal(profile(windows, people), [[48 + 22, 48 + 23, 72, 73], [22, 23, 24, 25]])
    np.testing.assert_array_equal(clock_mean(windows, people)[1], [(22 + 46) / 2, (23 + 47) / 2, 12, 13])
    some = by_hour.copy()
    some[0, 0, 22] = NAN
    found = weekday_median(windows, replace(people, median=some))
    assert found[1].tolist() == [(22 + 46) / 2, 23, 24, 25]


def test_a_day_that_is_half_as_much_again_by_hand():
    # usual 10 an hour; three hours of 20 were seen: (60 + an hour of 10) / (30 + 10) = 1.75 times the usual
    windows = hours_of([20, 20, N, N, 20])
    assert in_gaps(day_profile(windows, FLAT), windows) == [17.5, 17.5]
    # nothing seen: the usual; nothing usual: nothing
    np.testing.assert_allclose(day_profile(hours_of([N, N]), FLAT), 10)
    np.testing.assert_array_equal(day_profile(hours_of([5, N]), people_of(np.zeros((1, 2, 24)))), 0)


def test_a_ratio_of_the_day_follows_the_shape_of_the_usual_one():
    shape = np.tile(np.arange(24.0), (1, 2, 1))
    windows = hours_of([4 * 3.0, 4 * 4.0, N, 4 * 6.0], first_hour=3)
    mean = 11.5
    ratio = (12 + 16 + 24 + mean) / (3 + 4 + 6 + mean)
    np.testing.assert_allclose(in_gaps(day_profile(windows, people_of(shape)), windows), [5 * ratio], rtol=1e-6)


def test_kalman_methods_add_their_centre_to_what_the_smoother_says_of_the_deviations():
    rng = np.random.default_rng(1)
    usual = rng.uniform(5, 50, (3, 2, 24))
    models = {
        "ar1": Autoregressions.stationary(np.array([[0.5], [0.7], [0.9]]), np.ones((3, 1)), np.full(3, 2.0)),
        "deviation": fading(3, phi=0.6, variance=4),
    }
    people = people_of(usual, **models)
    values = rng.uniform(0, 60, (3, 24)).astype(np.float32)
    values[:, 5:15] = NAN
    clock = np.arange(24)[None]
    windows = Windows(values, clock, clock > 99, np.array([2, 0, 1]), MINUTE)
    for method, centre, model in (
        (kalman_ar, people.mean[[2, 0, 1], None], people.ar1),
        (kalman_level, people.mean[[2, 0, 1], None], people.level),
        (profile_ar, usual[[2, 0, 1], 0], people.deviation),
    ):
        expected = centre + smooth(values - centre, model.of(np.array([2, 0, 1]))).mean
        np.testing.assert_allclose(method(windows, people), expected, rtol=1e-5)


def test_one_value_beside_a_gap_by_hand():
    # usual 10, deviations of variance 1 that fade by 0.8 an hour, noise 0.5; 13 was seen: 3 / 1.5 * 0.8 and 0.8^2
    windows = hours_of([13, N, N])
    assert in_gaps(profile_ar(windows, FLAT), windows) == pytest.approx([10 + 2 * 0.8, 10 + 2 * 0.64])


def squares(rng: np.random.Generator, count: int, length: int) -> np.ndarray:
    """Return squares of 6 and an autoregression of variance 1 and noise of 0.5."""
    state, found = rng.normal(0, 1, count), np.empty((count, length))
    for t in range(length):
        found[:, t] = 6 + state + rng.normal(0, np.sqrt(0.5), count)
        state = 0.8 * state + rng.normal(0, 0.6, count)
    return found**2


def test_square_roots_are_turned_back_without_bias():
    # the mean of a square is the square of the mean and the variance: 36 + 1.5
    truth = squares(np.random.default_rng(2), 20_000, 24)
    people = people_of(np.full((1, 2, 24), 36.0))
    values = truth.astype(np.float32)
    values[:, 8:16] = NAN
    clock = np.arange(24)[None]
    windows = Windows(values, clock, clock > 99, np.zeros(len(values), dtype=np.intp), MINUTE)
    errors = (root_ar(windows, people) - truth)[:, 8:16]
    standard = errors.mean(axis=1).std() / np.sqrt(len(errors))
    assert abs(errors.mean()) < 4 * standard
    assert standard < 0.06
    # without the variance it would be 1 too low or more
    bare = (6 + smooth(np.sqrt(windows.values) - 6, fading(len(values))).mean) ** 2
    assert (bare - truth)[:, 8:16].mean() < -0.9


def test_square_roots_of_what_is_below_nothing_are_nothing():
    windows = hours_of([-4, N, 0])
    assert (root_ar(windows, people_of(np.zeros((1, 2, 24)))) >= 0).all()


@pytest.mark.filterwarnings("ignore:Non-stationary starting")
def test_arima_carries_the_history_on_as_statsmodels_does():
    from statsmodels.tsa.arima.model import ARIMA

    rng = np.random.default_rng(3)
    history = 50 + rng.normal(0, 1, 60).cumsum().round(2)
    windows = hours_of([*history, N, N, N, 50])
    expected = ARIMA(windows.values[0, :60].astype(np.float64), order=(5, 1, 0)).fit().forecast(3)
    np.testing.assert_allclose(in_gaps(arima(windows, FLAT), windows), expected, rtol=1e-4)


def test_arima_is_the_last_value_where_the_history_is_short():
    windows = hours_of([N, 3, 7, N, N, 5])
    np.testing.assert_array_equal(arima(windows, FLAT), [[NAN, 3, 7, 7, 7, 5]])


def test_every_method_has_a_shape_a_story_and_a_source():
    windows = hours_of([3.0, N, 7.0, N, N, 5.0])
    for name, method in METHODS.items():
        found = method.fill(windows, FLAT)
        assert found.shape == (1, 6), name
        assert np.isfinite(in_gaps(found, windows)).all(), name
        assert method.told, name
        assert method.source, name
    assert {name for name, m in METHODS.items() if m.is_kalman} == {
        *("kalman_level", "kalman_ar", "profile_ar", "cross_stream")
    }
