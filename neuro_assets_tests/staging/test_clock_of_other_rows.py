"""Wall clocks that jump, for rows that are no ordinary samples: events, logs of sleep, minutes of wide lines."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.study import Window
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.staging.fitabase_kinds import at, put_raw, sleep_csv, weight_csv
from neuro_assets_tests.tables import load, query, read_table, stage

SPRING, AUTUMN = date(2016, 3, 13), date(2016, 11, 6)
WEIGHT = [
    ("1001", at(SPRING, 2, 30), {}),
    ("1001", at(AUTUMN, 1, 20), {}),
    ("1001", at(AUTUMN, 7), {}),
    # the clock stepped back between them
    ("1002", at(AUTUMN, 1, 40), {"WeightKg": 60}),
    ("1002", at(AUTUMN, 1, 10), {"WeightKg": 61}),
    ("1002", at(AUTUMN, 7), {}),
    ("1003", at(AUTUMN, 1, 20), {}),
    ("1003", at(AUTUMN, 1, 20), {}),
]


def minutes(hour: int, first: int, count: int) -> list[datetime]:
    return [at(AUTUMN, hour, first) + timedelta(minutes=n) for n in range(count)]


SLEEP = [
    # one log through both passes, each in order
    *(("1001", t, 1 + n // 60, "100") for n, t in enumerate(minutes(1, 0, 60) * 2)),
    # two logs that overlap: no step back in either of them
    *(("1002", t, 1, "200") for t in minutes(0, 30, 56)),
    *(("1002", t, 2, "201") for t in minutes(1, 10, 31)),
]


@pytest.fixture(scope="module")
def job(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    window = Window(start=date(2016, 1, 1), end=date(2016, 12, 31))
    job, folder = make_job(window=window, gates={"max_failed_share": 1}), tmp_path_factory.mktemp("clock")
    load(job, write(folder, "weight.csv", weight_csv(WEIGHT)), write(folder, "sleep.csv", sleep_csv(SLEEP)))
    forward = [("1001", n, hour) for n, hour in enumerate((0, 1, 1, 2), start=1)]
    backward = [("1002", n, hour) for n, hour in enumerate((2, 1, 1, 0), start=11)]
    rows = [
        {"row_number": line, "source_participant_id": who, "local_ts": t, "steps": line}
        for who, line, hour in (*forward, *backward)
        for t in minutes(hour, 0, 60)
    ]
    put_raw(job, "minute_steps_wide", "aa", rows)
    for name in ("weight", "sleep_stage", "steps"):
        stage(job, name, SPRING)
        stage(job, name, AUTUMN)
    return job


def staged(job: Ingest, stream: str, who: str) -> pl.DataFrame:
    return read_table(job.lake, f"staging.{stream}", "participant_id, ts, local_ts").filter(participant_id=who)


def test_an_event_in_the_gap_is_kept_and_flagged(job: Ingest):
    """New York, 13 March: 2:30 with the offset before the change, UTC-5, is 7:30 UTC."""
    (row,) = staged(job, "weight", "1001").filter(day=SPRING).iter_rows(named=True)
    assert (row["time_quality"], row["utc_offset_min"]) == ("dst_gap", -300)
    assert (row["local_ts"], row["ts"]) == (at(SPRING, 2, 30), datetime(2016, 3, 13, 7, 30, tzinfo=UTC))


def test_an_event_in_the_repeated_hour_is_ambiguous_unless_the_clock_stepped_back(job: Ingest):
    columns = ["local_ts", "fold", "utc_offset_min", "time_quality"]
    once = staged(job, "weight", "1001").filter(day=AUTUMN).select(columns).rows()
    assert once == [(at(AUTUMN, 1, 20), 0, -240, "dst_ambiguous"), (at(AUTUMN, 7), 0, -300, "ok")]
    assert staged(job, "weight", "1002").select("weight_kg", *columns).rows() == [
        (60, at(AUTUMN, 1, 40), 0, -240, "dst_overlap"),
        (61, at(AUTUMN, 1, 10), 1, -300, "dst_overlap"),
        (53.3, at(AUTUMN, 7), 0, -300, "ok"),
    ]
    assert staged(job, "weight", "1003").select(columns).rows() == [(at(AUTUMN, 1, 20), 0, -240, "dst_ambiguous")]


def test_a_log_through_both_passes_is_told_apart(job: Ingest):
    rows = staged(job, "sleep_stage", "1001")
    assert rows.group_by("fold", "stage", "time_quality").len().sort("fold").rows() == [
        (0, "asleep", "dst_overlap", 60),
        (1, "restless", "dst_overlap", 60),
    ]
    first = datetime(2016, 11, 6, 5, tzinfo=UTC)
    assert rows["ts"].to_list() == [first + timedelta(minutes=n) for n in range(120)]


def test_two_logs_that_overlap_are_no_two_passes(job: Ingest):
    """0:30 to 1:25 and 1:10 to 1:40: all is kept, and nothing says which pass it was."""
    rows = staged(job, "sleep_stage", "1002")
    assert rows.group_by("log_id", "fold", "time_quality").len().sort("log_id", "time_quality").rows() == [
        ("200", 0, "dst_ambiguous", 26),
        ("200", 0, "ok", 30),
        ("201", 0, "dst_ambiguous", 31),
    ]


def test_the_minutes_of_a_wide_line_follow_each_other(job: Ingest):
    """Lines 2 and 3 are both one o'clock: one step back, between the lines."""
    rows = staged(job, "steps", "1001")
    first = datetime(2016, 11, 6, 4, tzinfo=UTC)
    assert rows["ts"].to_list() == [first + timedelta(minutes=n) for n in range(240)]
    assert rows["value"].to_list() == [float(line) for line in (1, 2, 3, 4) for _ in range(60)]
    assert rows.group_by("fold", "time_quality").len().sort("fold", "time_quality").rows() == [
        (0, "dst_overlap", 60),
        (0, "ok", 120),
        (1, "dst_overlap", 60),
    ]


def test_wide_lines_newest_first_wait_instead_of_being_guessed(job: Ingest):
    assert staged(job, "steps", "1002")["local_ts"].dt.hour().unique().sort().to_list() == [0, 2]
    sql = "SELECT rule, count(*), min(row_number), max(row_number) FROM ops.quarantine GROUP BY 1"
    assert query(job.lake, sql) == [("dst_overlap_unresolved", 120, 12, 13)]
