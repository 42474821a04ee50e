"""Sleep, weight, METs, daily totals and wide minutes: planted rows, and what became of each."""

from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.trace import trace
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.staging.fitabase_kinds import (
    at,
    intensities_csv,
    minutes_csv,
    put_raw,
    sleep_csv,
    totals_csv,
    weight_csv,
)
from neuro_assets_tests.tables import load, query, stage

DAY, NIGHT, UNKNOWN_LOG = date(2016, 4, 5), date(2016, 4, 6), date(2016, 4, 8)
LOG, OTHER_LOG = "11114919637", "11114919999"

SLEEP = [
    ("1001", at(NIGHT, 2, 39, 30), 1, LOG),
    ("1001", at(NIGHT, 2, 40, 30), 2, LOG),
    ("1001", at(NIGHT, 2, 41, 30), 3, LOG),
    ("1001", at(NIGHT, 2, 41, 30), 3, LOG),
    # the same minute in a second log: another measurement
    ("1001", at(NIGHT, 2, 40, 30), 1, OTHER_LOG),
    ("1002", at(NIGHT, 3, 0, 30), 4, LOG),
    ("1002", at(NIGHT, 3, 1, 30), "rem", LOG),
    ("1002", at(NIGHT, 3, 2, 30), "", LOG),
    ("1002", at(NIGHT, 3, 3, 30), " 2 ", LOG),
    ("1003", at(NIGHT, 4, 0, 30), 1, "1.11149E+10"),
]
# minute, code, log; all of one person
WITHOUT_LOG = [(0, 1, None), (0, 1, None), (1, 1, None), (1, 2, None), (2, 1, None), (2, 2, LOG), (3, 3, None)]
WEIGHT = [
    ("1001", at(DAY, 7), {"Fat": 22, "LogId": "1459839600000"}),
    # the id is another person's as well
    ("1002", at(DAY, 7), {"LogId": "1459839600000", "IsManualReport": "false", "BMI": ""}),
    ("1003", at(DAY, 7), {"IsManualReport": "WAHR"}),
    ("1003", at(DAY, 8), {"IsManualReport": " 0 "}),
    ("1003", at(DAY, 9), {"IsManualReport": ""}),
    ("1004", at(DAY, 7), {"IsManualReport": "perhaps"}),
    ("1004", at(DAY, 8), {"WeightKg": ""}),
    ("1004", at(DAY, 9), {"WeightKg": 533}),
    ("1004", at(DAY, 10), {"Fat": 0.2}),
    ("1004", at(DAY, 11), {"LogId": "1.46223E+12"}),
    ("1005", at(DAY, 7), {}),
    ("1005", at(DAY, 7), {}),
]
METS = [0, 10, 12, 33, 157, 400, 401, "1.2", 1]
INTENSITIES = [
    ("1001", DAY, {}),
    ("1002", DAY, {"SedentaryMinutes": 1201}),
    ("1003", DAY, {"VeryActiveDistance": "far"}),
    ("1004", DAY, {"VeryActiveMinutes": ""}),
    ("1005", DAY, {"LightActiveDistance": ""}),
]
# Line 1 has three cells without a number, two of them with something else; line 3 is line 2 once more.
NO_NUMBER = {7: '{"Steps07": "n/a"}', 8: '{"Steps08": "12.5"}', 9: None}


@pytest.fixture(scope="module")
def job(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    job, folder = make_job(gates={"max_failed_share": 1}), tmp_path_factory.mktemp("planted")
    files = {
        "minuteSleep": sleep_csv(SLEEP),
        "weightLogInfo": weight_csv(WEIGHT),
        "minuteMETsNarrow": minutes_csv("minute_mets", [("1001", at(DAY, 12, n), v) for n, v in enumerate(METS)]),
        "dailySteps": totals_csv("StepTotal", [("1001", DAY, 13162), ("1002", DAY, -1)]),
        "dailyCalories": totals_csv("Calories", [("1001", DAY, 1985), ("1002", DAY, 25001)]),
        "dailyIntensities": intensities_csv(INTENSITIES),
    }
    load(job, *(write(folder, f"{name}_merged.csv", text) for name, text in files.items()))
    put_sleep_without_logs(job)
    put_wide_steps(job)
    for name in ("sleep_stage", "weight", "mets", "daily_steps", "daily_calories", "daily_intensity", "steps"):
        stage(job, name, DAY, UNKNOWN_LOG)
    return job


def put_sleep_without_logs(job: Ingest) -> None:
    """And a second export of the night: it agrees on the first minute and is a later view of the last."""
    rows = [
        {
            "row_number": n,
            "source_participant_id": "1001",
            "local_ts": at(UNKNOWN_LOG, 3, minute),
            "sleep_value": code,
            "log_id": log,
        }
        for n, (minute, code, log) in enumerate(WITHOUT_LOG, start=1)
    ]
    put_raw(job, "minute_sleep", "aa", rows)
    earlier = {**rows[6], "row_number": 2, "sleep_value": 1, "as_of": at(UNKNOWN_LOG, 4)}
    put_raw(job, "minute_sleep", "bb", [{**rows[0], "row_number": 1}, earlier])


def put_wide_steps(job: Ingest) -> None:
    rows = [
        {
            "row_number": line,
            "source_participant_id": "1001",
            "local_ts": at(DAY, hour, minute),
            "steps": None if line == 1 and minute in NO_NUMBER else minute,
            "unreadable": NO_NUMBER.get(minute) if line == 1 else None,
        }
        for line, hour in enumerate((10, 11, 11), start=1)
        for minute in range(60)
    ]
    put_raw(job, "minute_steps_wide", "cc", rows)


def kept_out(job: Ingest, stream: str, who: str = "") -> list[tuple]:
    sql = (
        "SELECT row_number, rule, column_name, value FROM ops.quarantine"
        " WHERE table_name = ? AND starts_with(source_participant_id, ?) ORDER BY ALL"
    )
    return query(job.lake, sql, [f"staging.{stream}", who])


def account(job: Ingest, stream: str, day: date) -> tuple:
    """Rows in, staged, duplicate, superseded, quarantined."""
    sql = (
        "SELECT rows_in, rows_staged, rows_duplicate, rows_superseded, rows_quarantined FROM ops.staging_days"
        " WHERE table_name = ? AND day = ?"
    )
    (row,) = query(job.lake, sql, [f"staging.{stream}", day])
    return row


def test_codes_become_what_they_mean(job: Ingest):
    sql = (
        "SELECT local_ts, log_id, stage, period_s, row_number FROM staging.sleep_stage"
        " WHERE participant_id = '1001' AND day = ? ORDER BY local_ts, log_id"
    )
    assert query(job.lake, sql, [NIGHT]) == [
        (at(NIGHT, 2, 39, 30), LOG, "asleep", 60, 1),
        (at(NIGHT, 2, 40, 30), LOG, "restless", 60, 2),
        (at(NIGHT, 2, 40, 30), OTHER_LOG, "asleep", 60, 5),
        (at(NIGHT, 2, 41, 30), LOG, "awake", 60, 3),
    ]
    assert account(job, "sleep_stage", NIGHT) == (10, 5, 1, 0, 4)


def test_what_is_no_code_is_told_as_the_file_has_it(job: Ingest):
    assert query(job.lake, "SELECT stage FROM staging.sleep_stage WHERE participant_id = '1002'") == [("restless",)]
    assert kept_out(job, "sleep_stage", "1002") == [
        (6, "unreadable_value", "stage", "4"),
        (7, "unreadable_value", "stage", "rem"),
        (8, "stage_missing", "stage", None),
    ]


def test_a_log_that_a_spreadsheet_rounded_is_no_log(job: Ingest):
    assert kept_out(job, "sleep_stage", "1003") == [(10, "log_id_is_whole", "log_id", "1.11149E+10")]


def test_rows_of_no_known_log_are_one_measurement_a_minute(job: Ingest):
    """Minute 0: three equal rows. Minute 1: two answers of one file. Minute 2: a log is not no log. Minute 3: the
    view of file aa saw all of the day."""
    sql = (
        "SELECT minute(local_ts), log_id, stage, file_id FROM staging.sleep_stage"
        " WHERE day = ? ORDER BY 1, 2 NULLS FIRST"
    )
    assert query(job.lake, sql, [UNKNOWN_LOG]) == [
        (0, None, "asleep", "aa"),
        (2, None, "asleep", "aa"),
        (2, LOG, "restless", "aa"),
        (3, None, "awake", "aa"),
    ]
    assert account(job, "sleep_stage", UNKNOWN_LOG) == (9, 4, 2, 1, 2)
    assert [row[:2] for row in kept_out(job, "sleep_stage", "1001")] == [
        (3, "conflicting_duplicate"),
        (4, "conflicting_duplicate"),
    ]


def test_states_and_events_have_no_hours_of_record(job: Ingest):
    views = query(job.lake, "SELECT view_name FROM duckdb_views() WHERE view_name LIKE '%_of_record'")
    of_record = ("heart_rate", "steps", "distance", "calories", "intensity", "mets", "activity_counts", "hrv", "spo2")
    assert {name for (name,) in views} == {f"{s}_of_record" for s in of_record}


def test_a_weighing_as_the_file_has_it(job: Ingest):
    sql = (
        "SELECT participant_id, hour(local_ts), weight_kg, bmi, fat_pct, is_manual, log_id FROM staging.weight"
        " ORDER BY participant_id, local_ts"
    )
    assert query(job.lake, sql) == [
        ("1001", 7, 53.3, 22.97, 22.0, True, "1459839600000"),
        ("1002", 7, 53.3, None, None, False, "1459839600000"),
        ("1003", 7, 53.3, 22.97, None, True, None),
        ("1003", 8, 53.3, 22.97, None, False, None),
        ("1003", 9, 53.3, 22.97, None, None, None),
        ("1005", 7, 53.3, 22.97, None, True, None),
    ]


def test_what_is_wrong_with_a_weighing_is_told_by_column(job: Ingest):
    assert kept_out(job, "weight") == [
        (6, "unreadable_value", "is_manual", "perhaps"),
        (7, "weight_kg_missing", "weight_kg", None),
        (8, "weight_kg_range", "weight_kg", "533.0"),
        (9, "fat_pct_range", "fat_pct", "0.2"),
        (10, "log_id_is_whole", "log_id", "1.46223E+12"),
    ]


def test_a_file_that_has_lost_the_logs_counts_no_weighing_again(job: Ingest, tmp_path: Path):
    lost = [(who, when, {**cells, "LogId": ""}) for who, when, cells in WEIGHT[:2]]
    load(job, write(tmp_path, "weightLogInfo_merged.csv", weight_csv(lost)))
    stage(job, "weight", DAY)
    assert query(job.lake, "SELECT count(*) FROM staging.weight WHERE participant_id < '1003'") == [(2,)]
    assert account(job, "weight", DAY) == (14, 6, 1, 2, 5)


def test_mets_are_divided_by_ten_and_rounded_once(job: Ingest):
    """0.1 x 12 is 1.2000000000000002 in floating point; a tenth of 12 is 1.2."""
    found = query(job.lake, "SELECT value, period_s FROM staging.mets ORDER BY local_ts")
    assert found == [(v, 60) for v in (0.0, 1.0, 1.2, 3.3, 15.7, 40.0)]
    assert kept_out(job, "mets") == [
        (7, "value_range", "value", "40.1"),
        (8, "unreadable_value", "value", "1.2"),
        (9, "nobody_below_rest", "value", "0.1"),
    ]


def test_daily_totals_of_files_of_their_own(job: Ingest):
    assert query(job.lake, "SELECT participant_id, steps FROM staging.daily_steps") == [("1001", 13162)]
    assert query(job.lake, "SELECT participant_id, calories_kcal FROM staging.daily_calories") == [("1001", 1985)]
    sql = (
        "SELECT participant_id, very_active_min, fairly_active_min, lightly_active_min, sedentary_min,"
        " very_active_distance_km, moderately_active_distance_km, light_active_distance_km,"
        " sedentary_active_distance_km FROM staging.daily_intensity ORDER BY ALL"
    )
    assert query(job.lake, sql) == [
        ("1001", 20, 20, 200, 1200, 1.0, 1.0, 1.5, 0.0),
        ("1005", 20, 20, 200, 1200, 1.0, 1.0, None, 0.0),
    ]
    minutes = "very_active_min, fairly_active_min, lightly_active_min, sedentary_min"
    assert [row[1:3] for row in kept_out(job, "daily_steps")] == [("steps_range", "steps")]
    assert [row[1:3] for row in kept_out(job, "daily_calories")] == [("calories_kcal_range", "calories_kcal")]
    assert kept_out(job, "daily_intensity") == [
        (2, "minutes_fit_the_day", minutes, "20, 20, 200, 1201"),
        (3, "unreadable_value", "very_active_distance_km", "far"),
        (4, "very_active_min_missing", "very_active_min", None),
    ]


def test_every_minute_of_a_wide_line_is_a_row_of_it(job: Ingest):
    sql = (
        "SELECT row_number, count(*), sum(value), min(local_ts), max(local_ts), any_value(period_s) FROM staging.steps"
        " GROUP BY 1 ORDER BY 1"
    )
    assert query(job.lake, sql) == [
        (1, 57, 1770 - 7 - 8 - 9, at(DAY, 10), at(DAY, 10, 59), 60),
        (2, 60, 1770, at(DAY, 11), at(DAY, 11, 59), 60),
    ]
    assert account(job, "steps", DAY) == (180, 117, 60, 0, 3)


def test_an_unreadable_cell_keeps_out_its_minute_alone(job: Ingest):
    assert kept_out(job, "steps") == [
        (1, "unreadable_value", "value", "12.5"),
        (1, "unreadable_value", "value", "n/a"),
        (1, "value_missing", "value", None),
    ]


def test_a_row_of_no_known_log_is_traced_to_what_gave_way_to_it(job: Ingest):
    """Minute 0: the same row again in the file itself, and in the other export."""
    (row,) = trace(job, "staging.sleep_stage", {"local_ts": str(at(UNKNOWN_LOG, 3, 0))}).children
    assert (row.facts["stage"], row.facts["log_id"]) == ("asleep", None)
    (file,) = row.children
    assert "stage is one of asleep, restless, awake, light, deep, rem, wake" in file.facts["rules passed"]
    assert "log_id_is_whole" in file.facts["rules passed"]
    assert [node.facts["because"] for node in file.children] == ["the same values again"] * 2
