"""The checks of rollups pass on what was computed, and each of them fails on what cannot be."""

from collections.abc import Iterator
from datetime import date

import pytest

from neuro_assets.checks.series import series_check_results, series_check_specs
from neuro_assets.partitions import DayRange
from neuro_assets.series.rollup import rolled_up_streams
from neuro_assets_tests.series.conftest import Planted, at

DAYS = DayRange(date(2019, 11, 5), date(2019, 11, 6))


STAGED, HOURS = ("series_1d", "days_are_as_staged"), ("series_1h", "parts_make_days")
MINUTES = ("series_1m", "parts_make_days")


@pytest.fixture(scope="module")
def study(make_job) -> Iterator[Planted]:
    job = make_job(window={"start": DAYS.start, "end": DAYS.end}, default_time_zone="UTC", expected_streams=("steps",))
    with job.lake.connect() as connection:
        it = Planted(job, connection)
        it.put("steps", "a", at(5, 8), [3.0, 5.0])
        it.put("steps", "a", at(6, 8), [400.0], period_s=3600)
        it.put("steps", "b", at(6, 8), [900.0], period_s=7200)
        it.put("heart_rate", "a", at(5, 8), [60.0, 70.0], period_s=1)
        it.cover(DAYS.start, DAYS.end)
        it.roll_up(DAYS.start, DAYS.end)
        assert failing(it) == set()
        yield it


def failing(study: Planted) -> set[tuple[str, str]]:
    results = series_check_results(study.connection, rolled_up_streams(study.job.sources), DAYS)
    assert {(r.asset_key, r.check_name) for r in results} == {(s.asset_key, s.name) for s in series_check_specs()}
    return {(r.asset_key.path[1], r.check_name) for r in results if r.asset_key and r.check_name and not r.passed}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE imputed.series_1d SET total = total + 1 WHERE stream = 'steps'", {STAGED, HOURS, MINUTES}),
        ("UPDATE imputed.series_1d SET total = 5 WHERE stream = 'heart_rate'", {STAGED, HOURS, MINUTES}),
        ("UPDATE imputed.series_1d SET max = 61 WHERE stream = 'heart_rate'", {STAGED}),
        ("DELETE FROM imputed.series_1d WHERE participant_id = 'b'", {STAGED, HOURS, MINUTES}),
        ("INSERT INTO staging.steps BY NAME SELECT * REPLACE ('z' AS participant_id) FROM staging.steps"
         " WHERE day = '2019-11-05'", {STAGED}),
        ("UPDATE imputed.series_1h SET n = n + 1", {HOURS}),
        ("DELETE FROM imputed.series_1h WHERE day = '2019-11-06'", {HOURS}),
        ("UPDATE imputed.series_1m SET total = 4 WHERE total = 5", {MINUTES}),
        ("DELETE FROM imputed.series_1m WHERE stream = 'heart_rate'", {MINUTES}),
        ("UPDATE imputed.series_1m SET worn_share = 2", {("series_1m", "shares_are_shares")}),
        ("UPDATE imputed.series_1h SET observed_share = -0.1", {("series_1h", "shares_are_shares")}),
        ("UPDATE imputed.series_1d SET observed_share = 1.01", {("series_1d", "shares_are_shares")}),
    ],
)  # fmt: skip
def test_each_check_fails_on_what_cannot_be(study: Planted, change: str, wrong: set[tuple[str, str]]):
    study.connection.execute("BEGIN TRANSACTION")
    try:
        study.connection.execute(change)
        assert failing(study) == wrong
    finally:
        study.connection.execute("ROLLBACK")
