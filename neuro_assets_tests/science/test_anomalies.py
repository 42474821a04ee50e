"""Robust z-scores and distances on numbers that can be checked by hand, and on samples whose odd ones are known."""

import numpy as np
import pytest

from neuro_assets.science.anomalies import far_limit, robust_z, squared_distances


def test_z_by_hand():
    """51 answers 0 to 50: the median is 25, half of them are within 13 (12.5 rounded up): MAD 13."""
    values = np.append(np.arange(51.0), np.nan)
    judged = robust_z(values, may_be_log=False)
    assert judged is not None
    assert (judged.median, judged.scale) == (25, "linear")
    assert judged.z[[25, 38, 12, 50]] == pytest.approx([0, 13 / 19.2738, -13 / 19.2738, 25 / 19.2738])
    assert np.isnan(judged.z[51])
    assert not judged.is_far.any()


def test_where_most_are_equal_the_mean_distance_is_the_spread():
    """57 of 60 say 4; |8-4| + |4.5-4| + |3.5-4| = 5 over 60: 1.2533 x 5/60 is the spread."""
    judged = robust_z(np.array([4.0] * 57 + [8.0, 4.5, 3.5]), may_be_log=False)
    assert judged is not None
    assert judged.z[57] == pytest.approx(4 / (1.2533 * 5 / 60))
    assert judged.is_far.tolist() == [False] * 57 + [True, True, True]


@pytest.mark.parametrize("values", [np.arange(49.0), np.full(80, 3.0), np.array([0.0] * 90 + [1.0] * 10)])
def test_nothing_is_said_of_few_of_equal_ones_and_where_many_would_be_far(values: np.ndarray):
    assert robust_z(values, may_be_log=False) is None


def test_amounts_are_judged_as_logarithms_where_they_are_skewed():
    """Of lognormal incomes none is far for being an income; one that is a hundred times the largest is."""
    incomes = np.random.default_rng(5).lognormal(3, 1, 2_000)
    plain = np.abs(incomes - np.median(incomes)) / (1.4826 * np.median(np.abs(incomes - np.median(incomes))))
    assert (plain > 3.5).mean() > 0.05
    judged = robust_z(np.append(incomes, incomes.max() * 100), may_be_log=True)
    assert judged is not None
    assert judged.scale == "log"
    assert judged.is_far[-1]
    assert judged.is_far[:-1].mean() < 0.005
    assert judged.median == pytest.approx(np.median(np.append(incomes, np.inf)))


def test_distances_of_independent_items_are_sums_of_squares():
    """Where items do not go together the distance is the sum of squared z-scores, whatever the units."""
    rows = np.random.default_rng(1).normal(size=(20_000, 3))
    found = squared_distances(rows * (1, 10, 100) + 7)
    assert found is not None
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    assert found == pytest.approx((z**2).sum(axis=1), rel=0.05, abs=0.05)
    assert (found > far_limit(found, 3)).mean() == pytest.approx(0.001, abs=0.0007)


def test_a_combination_that_nobody_gives_is_far_though_each_answer_is_usual():
    random = np.random.default_rng(2)
    mood = random.normal(size=(500, 1))
    rows = np.hstack([mood + 0.2 * random.normal(size=(500, 1)) for _ in range(6)])
    odd = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    found = squared_distances(np.vstack([rows, odd]))
    assert found is not None
    assert found[-1] == found.max() > 4 * far_limit(found, 6)
    assert np.abs(rows).max() > 1.5


def test_far_is_the_upper_thousandth_of_chi_square():
    """From tables: 10.83 with one degree of freedom, 27.88 with nine."""
    assert far_limit(np.zeros(1), 1) == pytest.approx(10.828, abs=0.001)
    assert far_limit(np.zeros(1), 9) == pytest.approx(27.877, abs=0.001)


def test_where_many_would_be_far_the_farthest_are():
    """Of 1,000 distances 0, 1, 2 ... 999 nearly all exceed 27.88: five of them lie above 994.005."""
    distances = np.arange(1_000.0)
    assert far_limit(distances, 9) == pytest.approx(994.005)
    assert (distances > far_limit(distances, 9)).sum() == 5


@pytest.mark.parametrize(("n", "p"), [(49, 4), (60, 2), (60, 13)])
def test_nothing_is_said_of_too_few(n: int, p: int):
    assert squared_distances(np.random.default_rng(3).normal(size=(n, p))) is None
