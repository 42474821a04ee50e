"""Rollups of rows written by hand: every number can be counted from them."""

from datetime import date, datetime

import pytest

from neuro_assets_tests.series.conftest import Planted, at, minutes

DAY = date(2019, 11, 5)
VALUES = "n, total, mean, min, max, first_value, last_value"


def test_an_hour_of_minutes(planted):
    """60 minutes of 0, 10, 20, ... from 08:00 on, and one at 09:00."""
    study: Planted = planted()
    study.put("steps", "a", at(5, 8), [10.0 * n for n in range(61)])
    study.cover(DAY)
    report = study.roll_up(DAY)
    assert report.samples == 61
    assert report.rows == {"imputed.series_1m": 61, "imputed.series_1h": 2, "imputed.series_1d": 1}
    minute = f"SELECT local_ts, fold, utc_offset_min, {VALUES}, observed_share, worn_share FROM imputed.series_1m"
    assert study.rows(f"{minute} WHERE local_ts = '2019-11-05 08:07'") == [
        (at(5, 8, 7), 0, 0, 1, 70, 70, 70, 70, 70, 70, 1, 1)
    ]
    hour = f"SELECT hour, fold, timezone('UTC', ts), length_min, {VALUES}, observed_share, worn_share"
    # The first of the 61 minutes is 0, a run of zeros too short to be non-wear.
    assert study.rows(f"{hour} FROM imputed.series_1h ORDER BY 1") == [
        (8, 0, at(5, 8), 60, 60, 17_700, 295, 0, 590, 0, 590, 1, 1),
        (9, 0, at(5, 9), 60, 1, 600, 600, 600, 600, 600, 600, 1 / 60, 1 / 60),
    ]
    assert study.rows(f"SELECT length_min, {VALUES}, observed_share, worn_share FROM imputed.series_1d") == [
        (1440, 61, 18_300, 300, 0, 600, 0, 600, 61 / 1440, 61 / 1440)
    ]


def test_readings_have_no_sum_and_stand_for_the_minutes_between_them(planted):
    """A reading every five minutes from 10:00 to 11:55, values 60 to 83; two in the first minute."""
    study: Planted = planted(expected_streams=("heart_rate",))
    study.put("heart_rate", "a", at(5, 10), [60.0 + n for n in range(24)], period_s=1, every_s=300)
    study.put("heart_rate", "a", datetime(2019, 11, 5, 10, 0, 30), [90.0], period_s=1)
    study.cover(DAY)
    study.roll_up(DAY)
    assert study.rows(f"SELECT {VALUES} FROM imputed.series_1m ORDER BY ts LIMIT 2") == [
        (2, None, 75, 60, 90, 60, 90),
        (1, None, 61, 61, 61, 61, 61),
    ]
    assert study.rows(f"SELECT hour, {VALUES}, observed_share FROM imputed.series_1h ORDER BY 1") == [
        (10, 13, None, pytest.approx((sum(range(60, 72)) + 90) / 13), 60, 90, 60, 71, 1),
        (11, 12, None, pytest.approx(sum(range(72, 84)) / 12), 72, 83, 72, 83, 1),
    ]
    assert study.rows("SELECT n, total, observed_share FROM imputed.series_1d") == [(25, None, 120 / 1440)]


def test_rows_of_every_period_are_told_by_the_resolutions_that_can(planted):
    """Half minutes at 6, an hour at 7, two hours at 8, and a quarter of an hour at 12; per minute they compare."""
    study: Planted = planted()
    study.put("steps", "a", at(5, 6), [5.0, 10.0], period_s=30)
    study.put("steps", "a", at(5, 7), [600.0], period_s=3600)
    study.put("steps", "a", at(5, 8), [1200.0], period_s=7200)
    study.put("steps", "a", at(5, 12), [150.0], period_s=900)
    study.roll_up(DAY)
    # Half a minute of 5 steps is 10 a minute.
    assert study.rows(f"SELECT local_ts, {VALUES} FROM imputed.series_1m") == [(at(5, 6), 2, 15, 15, 10, 20, 10, 20)]
    assert study.rows("SELECT hour, n, total, mean, observed_share FROM imputed.series_1h ORDER BY 1") == [
        (6, 2, 15, 15, 1 / 60),
        (7, 1, 600, 10, 1),
        (12, 1, 150, 10, 0.25),
    ]
    seen = 1 + 60 + 120 + 15
    assert study.rows("SELECT n, total, mean, max, observed_share FROM imputed.series_1d") == [
        (5, 1965, pytest.approx(1965 / seen), 20, seen / 1440)
    ]


def test_an_hour_given_twice_counts_once_at_its_finest_complete_resolution(planted):
    """At 8 all minutes and an hour, at 9 half of the minutes and an hour."""
    study: Planted = planted()
    study.put("steps", "a", at(5, 8), minutes([2.0], 1))
    study.put("steps", "a", at(5, 8), [120.0, 300.0], period_s=3600)
    study.put("steps", "a", at(5, 9), [2.0] * 30)
    study.roll_up(DAY)
    assert study.rows("SELECT hour, n, total, observed_share FROM imputed.series_1h ORDER BY 1") == [
        (8, 60, 120, 1),
        (9, 1, 300, 1),
    ]
    assert study.rows("SELECT count(*), sum(total) FROM imputed.series_1m") == [(60, 120)]
    assert study.rows("SELECT n, total FROM imputed.series_1d") == [(61, 420)]


def test_wear_is_empty_until_coverage_tells_it_and_0_where_it_tells_none(planted):
    study: Planted = planted()
    study.put("steps", "a", at(5), minutes([0.0], 24))
    study.put("steps", "b", at(5), minutes([7.0], 24))
    shares = "SELECT DISTINCT worn_share FROM imputed.{} WHERE participant_id = ? ORDER BY 1"
    study.roll_up(DAY)
    assert {study.rows(shares.format(t), w)[0] for t in ("series_1m", "series_1h", "series_1d") for w in "ab"} == {
        (None,)
    }
    study.cover(DAY)
    study.roll_up(DAY)
    assert {t: study.rows(shares.format(t), "a") for t in ("series_1m", "series_1h", "series_1d")} == {
        "series_1m": [(0,)], "series_1h": [(0,)], "series_1d": [(0,)],
    }  # fmt: skip
    assert {t: study.rows(shares.format(t), "b") for t in ("series_1m", "series_1h", "series_1d")} == {
        "series_1m": [(1,)], "series_1h": [(1,)], "series_1d": [(1,)],
    }  # fmt: skip


def test_of_a_clock_that_nobody_knows_no_share_is_told(planted):
    """The rows came with an offset of their own, five hours and a half ahead."""
    study: Planted = planted(default_time_zone=None)
    study.put("steps", "a", at(5, 8, 30), [1.0, 2.0], offset_min=330)
    study.roll_up(DAY)
    assert study.rows("SELECT hour, timezone('UTC', ts), length_min, total, observed_share FROM imputed.series_1h") == [
        (8, at(5, 2, 30), None, 3, None)
    ]
    assert study.rows("SELECT length_min, observed_share, worn_share FROM imputed.series_1d") == [(None, None, None)]
