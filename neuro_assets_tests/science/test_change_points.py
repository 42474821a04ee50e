"""Change points: answers by hand, and what must not matter."""

import math

import numpy as np
import pytest

from neuro_assets.science.change_points import find_change_points, weekend_effect
from neuro_assets_tests.science.series_of_days import MONDAY, alike

# Monday to Friday of eight weeks, with the same five values each week.
WEEKDAYS = np.concatenate([MONDAY + 7 * week + np.arange(5) for week in range(8)])
WEEKS = np.tile([10.0, 8.0, 12.0, 9.0, 11.0], 8)


def test_a_step_by_hand():
    """Weeks of 8 to 12, and 18 to 22 from the fifth on: 10 more, where the median day is 1 off its level."""
    found = find_change_points(WEEKDAYS, WEEKS + 10 * (WEEKDAYS >= MONDAY + 28))
    (change,) = found.changes
    assert (change.day, change.before, change.after, change.difference) == (MONDAY + 28, 10, 20, 10)
    assert (change.days_before, change.days_after) == (20, 20)
    assert found.sd == pytest.approx(1.4826, abs=1e-4)
    assert change.difference_sd == pytest.approx(10 / 1.4826, abs=1e-3)
    assert found.p is not None
    assert found.p < 1e-4
    assert change.lower < 10 < change.upper
    assert change.lower > 5


def test_a_stretch_that_ends_again_has_two_changes():
    away = (WEEKDAYS >= MONDAY + 21) & (WEEKDAYS < MONDAY + 35)
    found = find_change_points(WEEKDAYS, WEEKS - 6 * away)
    assert [(c.day, c.before, c.after) for c in found.changes] == [(MONDAY + 21, 10, 4), (MONDAY + 35, 4, 10)]


def test_the_same_weeks_hold_their_level():
    found = find_change_points(WEEKDAYS, WEEKS)
    assert found.changes == ()
    assert found.p is not None
    assert found.p > 0.5
    assert found.level == 10


def test_a_weekend_effect_is_taken_out_and_no_change_is_in_it():
    days = MONDAY + np.arange(70)
    is_weekend = np.arange(70) % 7 >= 5
    values = 100.0 + 30 * is_weekend + 50 * (np.arange(70) >= 35)
    assert weekend_effect(days, values) == 30
    (change,) = find_change_points(days, values).changes
    assert (change.day, change.before, change.after) == (MONDAY + 35, 100, 150)
    # Without any other spread nothing tells how sure that is.
    assert math.isnan(change.lower)
    assert math.isnan(change.difference_sd)


def test_with_three_weekend_days_there_is_no_weekend_effect():
    days = MONDAY + np.arange(13)
    assert weekend_effect(days, np.where(np.arange(13) % 7 >= 5, 9.0, 1.0)) == 0


def test_two_outliers_make_no_change_and_hide_none():
    steady = alike(np.random.default_rng(1), 1, 60, 0.3)[0]
    wild = steady.copy()
    wild[[10, 50]] = 1e6, -1e6
    days = MONDAY + np.arange(60)
    assert find_change_points(days, wild).changes == ()
    (change,) = find_change_points(days, wild + 4 * (np.arange(60) >= 30)).changes
    assert abs(change.day - MONDAY - 30) <= 1
    assert change.difference == pytest.approx(4, abs=0.6)


def test_neither_order_nor_unit_nor_origin_matters():
    values = alike(np.random.default_rng(2), 1, 80, 0.4)[0] + 2 * (np.arange(80) >= 50)
    days = MONDAY + np.arange(80)
    found = find_change_points(days, values)
    assert len(found.changes) == 1
    mixed = np.random.default_rng(3).permutation(80)
    assert find_change_points(days[mixed], values[mixed]) == found
    other = find_change_points(days, 1000 * values + 5000)
    assert other.p == pytest.approx(found.p)
    assert [c.day for c in other.changes] == [c.day for c in found.changes]
    assert other.changes[0].difference_sd == pytest.approx(found.changes[0].difference_sd)
    assert other.changes[0].upper == pytest.approx(1000 * found.changes[0].upper)


def test_the_mirror_image_has_the_same_change_the_other_way():
    values = np.tile([1.0, 3.0, 2.0, 5.0, 4.0, 2.5, 3.5], 9) + 4 * (np.arange(63) >= 21)
    days = MONDAY + np.arange(63)
    (change,) = find_change_points(days, values).changes
    (mirrored,) = find_change_points(days, -values).changes
    assert (mirrored.day, mirrored.difference, mirrored.p) == (change.day, -change.difference, pytest.approx(change.p))


def test_a_day_without_a_value_is_no_zero():
    values = alike(np.random.default_rng(4), 1, 60, 0.2)[0] + 10
    values[20:35] = np.nan
    days = MONDAY + np.arange(60)
    found = find_change_points(days, values)
    is_there = ~np.isnan(values)
    assert found == find_change_points(days[is_there], values[is_there])
    assert found.changes == ()
    assert len(find_change_points(days, np.nan_to_num(values)).changes) == 2


@pytest.mark.parametrize(
    "values",
    [np.arange(13.0), np.full(40, 3.0), np.append(np.zeros(21), np.arange(19.0)), np.full(40, np.nan), np.zeros(0)],
    ids=["thirteen days", "always the same", "half of them the same", "none", "empty"],
)
def test_what_is_not_tested(values: np.ndarray):
    found = find_change_points(MONDAY + np.arange(len(values)), values)
    assert (found.p, found.phi, found.detectable_sd, found.changes) == (None, None, None, ())
    assert found.n_days == np.isfinite(values).sum()


@pytest.mark.parametrize(("days", "is_told"), [(14, False), (27, False), (28, True)])
def test_fourteen_days_are_tested_and_of_four_weeks_it_is_told_what_they_would_show(days: int, is_told: bool):
    found = find_change_points(MONDAY + np.arange(days), alike(np.random.default_rng(5), 1, days, 0.2)[0])
    assert found.p is not None
    assert (found.detectable_sd is not None) is is_told
    assert found.detectable_sd is None or 1.5 < found.detectable_sd < 3


@pytest.mark.parametrize(
    ("days", "values", "told"),
    [
        ([1, 2], [1.0], "one length"),
        ([1, 1], [1.0, 2.0], "twice"),
        ([1, 2.5], [1.0, 2.0], "whole day numbers"),
        ([1, 2], [1.0, math.inf], "infinite"),
    ],
)
def test_what_is_refused(days: list[float], values: list[float], told: str):
    with pytest.raises(ValueError, match=told):
        find_change_points(days, values)
