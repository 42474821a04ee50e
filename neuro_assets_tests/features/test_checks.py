"""The checks of features pass on what was told, and each of them fails on what cannot be."""

from datetime import datetime, timedelta

import pytest

from neuro_assets.checks.features import (
    feature_check_specs,
    hours_check_result,
    in_bed_check_result,
    nights_check_result,
    seen_check_result,
    spans_check_result,
    table_check_results,
)
from neuro_assets.features.by_minute import ensure_features
from neuro_assets.features.by_night import tell_nights, tell_sleep_spans
from neuro_assets.features.by_rhythm import tell_rhythms
from neuro_assets.partitions import DayRange
from neuro_assets.science.features.steps import STEPS
from neuro_assets.streams.features import CIRCADIAN_SPANS, MINUTE_TABLES, SLEEP_NIGHT, SLEEP_SPANS
from neuro_assets_tests.features.conftest import FIRST, LAST, MakePlanted, Planted, put_two_weeks
from neuro_assets_tests.series.conftest import ONE_DAY

DAYS = DayRange(FIRST, LAST)
BASE, SPANS = MINUTE_TABLES["steps"]
POSSIBLE, ONCE = "values_are_possible", "rows_are_there_once"


@pytest.fixture(scope="module")
def study(make_features: MakePlanted) -> Planted:
    it = make_features()
    put_two_weeks(it)
    it.prepare(FIRST, LAST)
    it.tell(FIRST, LAST)
    ensure_features(it.connection, it.job, (CIRCADIAN_SPANS, SLEEP_NIGHT, SLEEP_SPANS))
    with it.job.lake.transaction(it.connection, ["staging.sleep_session"]):
        for n in range(18):
            night = datetime.combine(FIRST + n * ONE_DAY, datetime.min.time())
            it.connection.execute(
                "INSERT INTO staging.sleep_session BY NAME SELECT 'a' AS participant_id, $at::DATE AS day,"
                " timezone('UTC', $at) AS ts, $at AS local_ts, 0 AS fold, 0 AS utc_offset_min, $until AS end_local_ts,"
                " $until::DATE AS date_of_sleep, 'classic' AS sleep_type, 25200 AS duration_s, 400 AS minutes_asleep,"
                " 20 AS minutes_awake, 420 AS minutes_in_bed, $n::VARCHAR AS log_id, 'ok' AS time_quality,"
                " 'study' AS tz_source, 'test' AS source, 'f' AS file_id, $n AS row_number",
                {"at": night, "until": night + timedelta(hours=7), "n": n + 1},
            )
    tell_rhythms(it.connection, it.job, FIRST, LAST)
    tell_nights(it.connection, it.job, FIRST, LAST)
    tell_sleep_spans(it.connection, it.job, FIRST, LAST)
    assert it.rows("SELECT count(*) FROM features.sleep_regularity") == [(54,)]
    assert failing(it) == set()
    return it


def failing(study: Planted) -> set[tuple[str, str]]:
    c = study.connection
    results = [
        *(r for t in (BASE, SPANS, CIRCADIAN_SPANS, SLEEP_NIGHT, SLEEP_SPANS) for r in table_check_results(c, t, DAYS)),
        seen_check_result(c, BASE, DAYS),
        spans_check_result(c, STEPS, BASE, DAYS),
        hours_check_result(c, CIRCADIAN_SPANS, DAYS),
        in_bed_check_result(c, SLEEP_NIGHT, DAYS),
        nights_check_result(c, SLEEP_SPANS, SLEEP_NIGHT, DAYS),
    ]
    return {(r.asset_key.path[1], r.check_name) for r in results if r.asset_key and r.check_name and not r.passed}


SEEN, OF_DAYS = ("steps", "totals_are_of_what_was_seen"), ("steps_trailing", "spans_are_of_their_days")
IN_BED, OF_NIGHTS = ("sleep", "sleep_is_within_bed"), ("sleep_regularity", "spans_are_of_their_nights")
IN_ORDER = ("circadian", "levels_are_in_order")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE features.steps SET zero_min = -1 WHERE participant_id = 'a'", {("steps", POSSIBLE)}),
        ("UPDATE features.steps SET active_to_sedentary = 1.01 WHERE basis = '1m'", {("steps", POSSIBLE)}),
        ("INSERT INTO features.steps SELECT * FROM features.steps WHERE segment = 'night'", {("steps", ONCE)}),
        ("UPDATE features.steps SET total = total + 1 WHERE segment = 'day' AND basis = '1h'", {SEEN, OF_DAYS}),
        ("UPDATE features.steps SET length_min = 1500 WHERE segment = 'day'", {SEEN}),
        ("UPDATE features.steps SET observed_min = 1441 WHERE segment = 'day'", {SEEN}),
        ("UPDATE features.steps SET participant_id = 'z' WHERE participant_id = 'c'", {SEEN, OF_DAYS}),
        ("UPDATE features.steps_trailing SET days = days + 1", {OF_DAYS}),
        ("UPDATE features.steps_trailing SET total_mean = total_mean + 1", {OF_DAYS}),
        ("UPDATE features.steps_trailing SET total_mean = NULL", {OF_DAYS}),
        ("INSERT INTO features.steps_trailing SELECT * FROM features.steps_trailing", {("steps_trailing", ONCE)}),
        ("UPDATE features.circadian SET interdaily_stability = 1.1 WHERE window_days = 7", {("circadian", POSSIBLE)}),
        ("UPDATE features.circadian SET l5 = m10 + 1 WHERE m10 IS NOT NULL", {IN_ORDER}),
        ("UPDATE features.circadian SET days = 8 WHERE window_days = 7", {IN_ORDER}),
        ("INSERT INTO features.circadian SELECT * FROM features.circadian", {("circadian", ONCE)}),
        ("UPDATE features.sleep SET asleep_min = 421", {IN_BED}),
        ("UPDATE features.sleep SET total_asleep_min = 399", {IN_BED, OF_NIGHTS}),
        ("UPDATE features.sleep SET efficiency = 1.2", {("sleep", POSSIBLE)}),
        ("UPDATE features.sleep SET until = since - INTERVAL 1 MINUTE", {IN_BED}),
        ("INSERT INTO features.sleep SELECT * FROM features.sleep", {("sleep", ONCE), OF_NIGHTS}),
        ("UPDATE features.sleep_regularity SET n_nights = n_nights - 1", {OF_NIGHTS}),
        ("UPDATE features.sleep_regularity SET total_asleep_mean_min = 1 WHERE window_days = 14", {OF_NIGHTS}),
        ("UPDATE features.sleep_regularity SET sleep_regularity_index = 101", {("sleep_regularity", POSSIBLE)}),
    ],
)  # fmt: skip
def test_each_check_fails_on_what_cannot_be(study: Planted, change: str, wrong: set[tuple[str, str]]):
    study.connection.execute("BEGIN TRANSACTION")
    try:
        study.connection.execute(change)
        assert failing(study) == wrong
    finally:
        study.connection.execute("ROLLBACK")


def test_specs_are_those_of_the_results(study: Planted):
    names = {s.name for s in feature_check_specs(BASE, "totals_are_of_what_was_seen")}
    results = [*table_check_results(study.connection, BASE, DAYS), seen_check_result(study.connection, BASE, DAYS)]
    assert names == {r.check_name for r in results}
