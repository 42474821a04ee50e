"""The checks of imputation pass on what was computed, and each of them fails on what cannot be."""

from collections.abc import Iterator

import dagster as dg
import pytest

from neuro_assets.checks.imputed import (
    LEAST_GAPS,
    backtest_check_result,
    backtest_check_spec,
    imputed_check_results,
    imputed_check_specs,
)
from neuro_assets.imputation.rules import imputed_streams
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.partitions import DayRange
from neuro_assets.streams.imputed import BACKTEST
from neuro_assets_tests.imputation.conftest import FIRST, LAST, MON, TUE, Planted

DAYS = DayRange(FIRST, LAST)
MINUTES, HOURS = "calories_1m", "calories_1h"
UNALTERED, MARKED, KEPT_APART = "observed_unaltered", "imputed_is_marked", "kept_out_of_coverage"
APART, ADDS_UP = ("gap", "gaps_hold_nothing_observed"), ("daily", "days_add_up")


def failing(study: Planted) -> dict[tuple[str, str], int]:
    """Table and check -> rows that break it."""
    streams = imputed_streams(study.job.study)
    results = imputed_check_results(study.connection, streams, DAYS)
    assert {(r.asset_key, r.check_name) for r in results} == {
        (s.asset_key, s.name) for s in imputed_check_specs(streams)
    }
    return {
        (r.asset_key.path[1], r.check_name): r.metadata["rows_that_break_it"].value  # type: ignore[union-attr]
        for r in results
        if r.asset_key and r.check_name and not r.passed
    }


def test_they_pass_on_what_was_computed(filled: Planted):
    assert failing(filled) == {}


def set_to(name: str, value: str, where: str) -> str:
    return f"UPDATE imputed.{name} SET {value} WHERE {where}"


ONE = f"is_imputed AND local_ts = '{MON} 14:40'"
UNMARK = "is_imputed = false, method = NULL, model_version = NULL, minutes_from_edge = NULL, lower_90 = NULL"
SEEN = f"participant_id = 'a' AND local_ts = '{MON} 12:00'"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        # What was observed is another one, is gone, or was never there.
        (set_to(MINUTES, "observed_value = 1, value = 1", SEEN), {(MINUTES, UNALTERED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, "observed_value = NULL, value = NULL", SEEN), {(MINUTES, UNALTERED): 1, ADDS_UP: 1}),
        (f"DELETE FROM imputed.{MINUTES} WHERE {SEEN}", {(MINUTES, UNALTERED): 1, ADDS_UP: 1}),
        (f"DELETE FROM imputed.{HOURS} WHERE participant_id = 'c' AND day = '{TUE}'",
         {(HOURS, UNALTERED): 24, ADDS_UP: 1}),
        (set_to(MINUTES, "observed_value = value", ONE), {(MINUTES, UNALTERED): 1}),
        (f"INSERT INTO imputed.{HOURS} BY NAME SELECT * FROM imputed.{HOURS} WHERE participant_id = 'c'"
         f" AND day = '{TUE}' AND hour(local_ts) = 5", {ADDS_UP: 1}),
        # An imputed value that does not say so.
        (set_to(MINUTES, f"{UNMARK}, upper_90 = NULL, gap_id = NULL, gap_min = NULL", ONE),
         {(MINUTES, MARKED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, f"{UNMARK}, upper_90 = NULL", ONE), {(MINUTES, MARKED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, "is_imputed = false", ONE), {(MINUTES, MARKED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, "method = NULL", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "model_version = NULL", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "minutes_from_edge = NULL", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "gap_id = NULL", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "value = NULL", ONE), {(MINUTES, MARKED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, "lower_90 = upper_90 + 1", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "lower_90 = NULL", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "value = value + 1", SEEN), {(MINUTES, MARKED): 1, ADDS_UP: 1}),
        (set_to(MINUTES, "refusal = 'too_long'", ONE), {(MINUTES, MARKED): 1}),
        (set_to(MINUTES, "refusal = NULL", f"refusal = 'only_totals' AND local_ts = '{TUE} 12:30'"),
         {(MINUTES, MARKED): 1}),
        # An hour that coverage counts as whole.
        (f"UPDATE coverage.hourly SET missing_min = 0 WHERE participant_id = 'a' AND day = '{MON}' AND hour = 14",
         {(MINUTES, KEPT_APART): 30}),
        (f"UPDATE coverage.hourly SET missing_min = 0 WHERE participant_id = 'b' AND day = '{TUE}'",
         {(HOURS, KEPT_APART): 5}),
        # A gap over what was observed, and one that is there no longer.
        (set_to("gap", "until_ts = until_ts + INTERVAL 1 MINUTE", "gap_min = 121"), {APART: 1}),
        (set_to("observed", "ts = ts - INTERVAL 1 MINUTE", f"ts::TIMESTAMP = '{MON} 15:30'"), {APART: 1}),
        (set_to("daily", "imputed_min = imputed_min - 1, empty_min = empty_min + 1", "imputed_min = 75"), {ADDS_UP: 1}),
        (set_to("daily", "observed_min = observed_min + 1", f"participant_id = 'c' AND day = '{TUE}'"), {ADDS_UP: 1}),
        (f"DELETE FROM imputed.daily WHERE participant_id = 'a' AND day = '{TUE}'",
         {(MINUTES, UNALTERED): 1309, ADDS_UP: 1}),
        (set_to("daily", "observed_total = 2 * observed_total", f"participant_id = 'c' AND day = '{TUE}'"),
         {ADDS_UP: 1}),
        (set_to("daily", "imputed_total = imputed_total + 1", "imputed_min = 75"), {ADDS_UP: 1}),
    ],
)  # fmt: skip
def test_each_check_fails_on_what_cannot_be(filled: Planted, change: str, wrong: dict[tuple[str, str], int]):
    with filled.tried(change):
        assert failing(filled) == wrong


METHODS = (
    "stack",
    "zero",
    "ffill",
    "linear",
    "clock_mean",
    "weekday_median",
    "kalman_level",
    "kalman_ar",
    "profile_ar",
    "cross_stream",
)


@pytest.fixture
def scores(filled: Planted) -> Iterator[Planted]:
    """A back-test in which all err by 10, the default and the part that it rests on by 10.1; one knows more than it."""
    ensure_tables(filled.connection, [BACKTEST])
    errors = {"stack": 10.1, "profile_ar": 10.1, "cross_stream": 5}
    rows = ", ".join(f"('steps', '1m', 'random', 60, {LEAST_GAPS}, '{m}', {errors.get(m, 10)})" for m in METHODS)
    with filled.tried(
        f"""
        INSERT INTO imputed.backtest BY NAME
        SELECT *, DATE '2019-11-01' AS first_day, DATE '2019-12-01' AS last_day, 'all' AS part_of_day,
            10 AS hidden_values, 1 AS mae, 0 AS bias, 1 AS total_rmse
        FROM (VALUES {rows}) t(stream, resolution, pattern, length_min, gaps, method, rmse)
        """
    ):
        yield filled


def verdict(study: Planted) -> tuple[bool, object, object, object]:
    found = backtest_check_result(study.connection)
    assert (found.check_name, found.asset_key) == (backtest_check_spec().name, backtest_check_spec().asset_key)
    told = {name: value.value for name, value in found.metadata.items()}
    return found.passed, told["worst_ratio"], told["where"], told["lengths_beyond"]


def test_within_two_percent_of_the_best_the_default_is_good_enough(scores: Planted):
    assert verdict(scores) == (True, pytest.approx(1.01), "steps 1m random 60 min", 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("rmse = 10.5 WHERE method = 'stack'", (False, pytest.approx(1.05), "steps 1m random 60 min", 1)),
        ("rmse = 10.1 / 1.05 WHERE method = 'linear'", (False, pytest.approx(1.05), "steps 1m random 60 min", 1)),
        # What errs in few gaps, or in one part of the day, or with one person, tells nothing.
        (f"rmse = 5, gaps = {LEAST_GAPS - 1}", (True, "nothing was tested", "", 0)),
        ("part_of_day = 'night'", (True, "nothing was tested", "", 0)),
        ("participant_id = 'a'", (True, "nothing was tested", "", 0)),
        # The default is made of it: to be worse than that is no matter of the check.
        ("rmse = 1 WHERE method = 'profile_ar'", (True, pytest.approx(1.01), "steps 1m random 60 min", 0)),
        # The best does not err at all.
        ("rmse = 0 WHERE method = 'zero'", (False, 1e9, "steps 1m random 60 min", 1)),
    ],
)
def test_the_check_of_the_back_test(scores: Planted, change: str, expected: tuple):
    scores.connection.execute(f"UPDATE imputed.backtest SET {change}")
    assert verdict(scores) == expected
    assert backtest_check_result(scores.connection).severity == dg.AssetCheckSeverity.WARN


def test_one_length_of_many_is_enough_and_is_named(scores: Planted):
    scores.connection.execute(
        "INSERT INTO imputed.backtest BY NAME SELECT * REPLACE (5 AS length_min, 'seen' AS pattern,"
        " CASE WHEN method = 'stack' THEN 10.3 ELSE rmse END AS rmse) FROM imputed.backtest"
    )
    assert verdict(scores) == (False, pytest.approx(1.03), "steps 1m seen 5 min", 1)
