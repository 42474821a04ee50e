"""Wall clocks that jump: gaps, repeated hours, short and long days, travellers."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.study import Window
from neuro_assets_tests.fitabase_files import daily_activity_csv, heart_rate_csv, hourly_csv, write
from neuro_assets_tests.tables import load, query, read_table, stage

SPRING, AUTUMN = date(2016, 3, 13), date(2016, 11, 6)
HOWE_AUTUMN, HOWE_SPRING = date(2016, 4, 3), date(2016, 10, 2)
HOWE, NEW_YORK, LONDON = "Australia/Lord_Howe", "America/New_York", "Europe/London"
PEOPLE = [
    *({"participant_id": w, "zones": [{"zone": NEW_YORK}]} for w in ("1001", "1002", "1003", "1004", "1005", "1006")),
    {"participant_id": "2001", "zones": [{"zone": HOWE}]},
    {"participant_id": "3001", "zones": [{"zone": NEW_YORK}, {"since": "2016-04-02", "zone": LONDON}]},
]


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def hours(who: str, day: date, *given: int) -> list[tuple]:
    """A row an hour; the value tells its place in the file."""
    return [(who, at(day, h), n) for n, h in enumerate(given)]


def shuffled(rows: list[tuple]) -> list[tuple]:
    mixed = list(rows)
    random.Random(4).shuffle(mixed)
    return mixed


TWICE = [0, 1, 1, *range(2, 24)]
STEPS = [
    *hours("1001", SPRING, *range(24)),
    *hours("1002", SPRING, 0, 1, *range(3, 24)),
    *hours("1001", AUTUMN, *TWICE),
    *hours("1002", AUTUMN, *range(24)),
    *shuffled(hours("1003", AUTUMN, *range(24))),
    *hours("1005", AUTUMN, *TWICE[::-1]),
    *hours("3001", date(2016, 4, 1), 0, 12, 23),
    *hours("3001", date(2016, 4, 2), 0, 12),
]
REPEATED = [at(AUTUMN, 1, minute) for minute in (0, 20, 40)]
HEART = [
    # both passes, each in order; then the same in disorder; then one pass in disorder
    *(("1001", t, 60 + n) for n, t in enumerate(REPEATED + REPEATED)),
    *(("1003", REPEATED[i], 60 + n) for n, i in enumerate((2, 0, 1, 0, 2, 1))),
    *(("1004", REPEATED[i], 60 + n) for n, i in enumerate((2, 1, 0))),
    # one pass, in order, one reading given twice
    *(("1006", at(AUTUMN, 1, minute), 60 + minute) for minute in (0, 10, 10, 20, 50)),
    *(("2001", at(HOWE_AUTUMN, h, m), 60) for h, m in ((1, 29), (1, 30), (1, 59), (1, 30), (1, 59), (2, 0))),
    *(("2001", at(HOWE_SPRING, h, m), 60) for h, m in ((1, 59), (2, 15), (2, 30))),
]


@pytest.fixture(scope="module")
def job(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    window = Window(start=date(2016, 1, 1), end=date(2016, 12, 31))
    job = make_job(window=window, auto_enrol=False, people=PEOPLE, gates={"max_failed_share": 1})
    folder = tmp_path_factory.mktemp("clock")
    steps = write(folder, "steps.csv", hourly_csv("hourly_steps", STEPS))
    load(job, steps, write(folder, "heart.csv", heart_rate_csv(HEART)))
    for day in (SPRING, AUTUMN):
        stage(job, "steps", day)
    stage(job, "steps", date(2016, 4, 1), date(2016, 4, 2))
    for day in (AUTUMN, HOWE_AUTUMN, HOWE_SPRING):
        stage(job, "heart_rate", day)
    return job


def staged(job: Ingest, stream: str, who: str, day: date) -> pl.DataFrame:
    table = read_table(job.lake, f"staging.{stream}", "participant_id, ts, local_ts")
    return table.filter((pl.col("participant_id") == who) & (pl.col("day") == day))


def qualities(frame: pl.DataFrame) -> dict[str, int]:
    return dict(frame.group_by("time_quality").len().iter_rows())


def test_a_wall_time_that_did_not_occur_is_kept_and_flagged(job: Ingest):
    """New York, 13 March: 1:59:59 EST is followed by 3:00 EDT. The row of 2:00 gets the earlier offset."""
    rows = staged(job, "steps", "1001", SPRING)
    assert qualities(rows) == {"ok": 23, "dst_gap": 1}
    assert rows.filter(pl.col("time_quality") == "dst_gap").select("local_ts", "ts", "utc_offset_min").rows() == [
        (at(SPRING, 2), utc(2016, 3, 13, 7), -300)
    ]
    three = rows.filter(pl.col("local_ts") == at(SPRING, 3)).row(0, named=True)
    assert (three["ts"], three["utc_offset_min"], three["time_quality"]) == (utc(2016, 3, 13, 7), -240, "ok")


def test_keys_stay_unique_where_two_rows_share_an_instant(job: Ingest):
    rows = staged(job, "steps", "1001", SPRING)
    assert rows.select("participant_id", "period_s", "local_ts", "fold").is_unique().all()
    assert (rows["ts"].n_unique(), rows.height) == (23, 24)


def test_a_day_of_23_hours(job: Ingest):
    rows = staged(job, "steps", "1002", SPRING)
    assert qualities(rows) == {"ok": 23}
    assert rows["ts"].to_list() == [utc(2016, 3, 13, 5) + timedelta(hours=n) for n in range(23)]


def test_a_day_of_25_hours_the_repeated_one_told_apart_by_file_order(job: Ingest):
    rows = staged(job, "steps", "1001", AUTUMN)
    assert rows["ts"].to_list() == [utc(2016, 11, 6, 4) + timedelta(hours=n) for n in range(25)]
    assert rows["value"].to_list() == list(range(25))
    twice = rows.filter(pl.col("local_ts") == at(AUTUMN, 1))
    assert twice.select("fold", "utc_offset_min", "time_quality").rows() == [
        (0, -240, "dst_overlap"),
        (1, -300, "dst_overlap"),
    ]
    assert qualities(rows) == {"ok": 23, "dst_overlap": 2}


def test_a_repeated_hour_given_once_is_ambiguous(job: Ingest):
    rows = staged(job, "steps", "1002", AUTUMN)
    assert qualities(rows) == {"ok": 23, "dst_ambiguous": 1}
    (ambiguous,) = rows.filter(pl.col("time_quality") == "dst_ambiguous").iter_rows(named=True)
    assert (ambiguous["local_ts"], ambiguous["fold"], ambiguous["utc_offset_min"]) == (at(AUTUMN, 1), 0, -240)


def test_a_file_in_disorder_gives_the_same_days(job: Ingest):
    """The value tells the hour, wherever in the file its row was."""
    rows = staged(job, "steps", "1003", AUTUMN)
    assert rows["local_ts"].to_list() == [at(AUTUMN, h) for h in range(24)]
    assert rows["value"].to_list() == list(range(24))
    assert qualities(rows) == {"ok": 23, "dst_ambiguous": 1}


def test_a_file_newest_first_does_not_swap_the_passes(job: Ingest):
    """Its first 1:00 row (value 22) is the later pass: fold 1. Or nobody knows; never the other way round."""
    rows = staged(job, "steps", "1005", AUTUMN).filter(pl.col("local_ts") == at(AUTUMN, 1))
    sure = rows.filter(pl.col("time_quality") == "dst_overlap")
    assert dict(sure.select("value", "fold").rows()) in ({}, {22.0: 1, 23.0: 0})


def test_readings_of_both_passes_in_order(job: Ingest):
    rows = staged(job, "heart_rate", "1001", AUTUMN)
    assert rows["value"].to_list() == [60, 61, 62, 63, 64, 65]
    assert rows["ts"].to_list() == [utc(2016, 11, 6, h, m) for h in (5, 6) for m in (0, 20, 40)]


def test_readings_of_both_passes_in_disorder_wait_instead_of_being_guessed(job: Ingest):
    assert staged(job, "heart_rate", "1003", AUTUMN).height == 0
    assert query(
        job.lake,
        "SELECT rule, count(*) FROM ops.quarantine WHERE source_participant_id = '1003' GROUP BY 1",
    ) == [("dst_overlap_unresolved", 6)]


def test_readings_of_one_pass_in_disorder_are_ambiguous(job: Ingest):
    rows = staged(job, "heart_rate", "1004", AUTUMN)
    assert rows.select("local_ts", "value", "fold").rows() == [
        (REPEATED[0], 62, 0),
        (REPEATED[1], 61, 0),
        (REPEATED[2], 60, 0),
    ]
    assert qualities(rows) == {"dst_ambiguous": 3}


def test_a_reading_given_twice_is_no_second_pass(job: Ingest):
    """Else it would count twice, and all after it would move by an hour on a guess that does not show."""
    rows = staged(job, "heart_rate", "1006", AUTUMN)
    assert "dst_overlap" not in qualities(rows)
    assert rows["value"].to_list() in ([60, 70, 80, 110], [])


def test_half_an_hour_on_lord_howe(job: Ingest):
    """3 April 2016, 2:00 (+11) back to 1:30 (+10:30); 2 October, 2:00 (+10:30) on to 2:30 (+11)."""
    autumn = staged(job, "heart_rate", "2001", HOWE_AUTUMN)
    assert autumn.select("local_ts", "fold", "utc_offset_min", "ts", "time_quality").rows() == [
        (at(HOWE_AUTUMN, 1, 29), 0, 660, utc(2016, 4, 2, 14, 29), "ok"),
        (at(HOWE_AUTUMN, 1, 30), 0, 660, utc(2016, 4, 2, 14, 30), "dst_overlap"),
        (at(HOWE_AUTUMN, 1, 59), 0, 660, utc(2016, 4, 2, 14, 59), "dst_overlap"),
        (at(HOWE_AUTUMN, 1, 30), 1, 630, utc(2016, 4, 2, 15, 0), "dst_overlap"),
        (at(HOWE_AUTUMN, 1, 59), 1, 630, utc(2016, 4, 2, 15, 29), "dst_overlap"),
        (at(HOWE_AUTUMN, 2), 0, 630, utc(2016, 4, 2, 15, 30), "ok"),
    ]
    spring = staged(job, "heart_rate", "2001", HOWE_SPRING)
    assert spring.select("local_ts", "utc_offset_min", "time_quality").rows() == [
        (at(HOWE_SPRING, 1, 59), 630, "ok"),
        (at(HOWE_SPRING, 2, 30), 660, "ok"),
        (at(HOWE_SPRING, 2, 15), 630, "dst_gap"),
    ]


def test_a_traveller_changes_offset_on_the_day_of_the_zone_history(job: Ingest):
    before, after = (staged(job, "steps", "3001", date(2016, 4, d)) for d in (1, 2))
    assert before.select("ts", "utc_offset_min", "tz_source").rows() == [
        (utc(2016, 4, 1, 4), -240, "participant"),
        (utc(2016, 4, 1, 16), -240, "participant"),
        (utc(2016, 4, 2, 3), -240, "participant"),
    ]
    assert after.select("ts", "utc_offset_min", "tz_source").rows() == [
        (utc(2016, 4, 1, 23), 60, "participant"),
        (utc(2016, 4, 2, 11), 60, "participant"),
    ]


def test_every_instant_agrees_with_zoneinfo(job: Ingest):
    for stream, who, zone in (("steps", "1001", NEW_YORK), ("heart_rate", "2001", HOWE)):
        table = read_table(job.lake, f"staging.{stream}", "ts").filter(pl.col("participant_id") == who)
        for row in table.iter_rows(named=True):
            aware = row["local_ts"].replace(tzinfo=ZoneInfo(zone), fold=row["fold"])
            assert aware.astimezone(UTC) == row["ts"]


def test_activity_minutes_fit_the_true_day(job: Ingest, tmp_path: Path):
    """20 + 20 + 200 active minutes and the rest sedentary; a vendor gives a short day 24 hours all the same."""
    most = {SPRING: 1440, date(2016, 11, 5): 1440, AUTUMN: 1500}
    rows = [
        (who, day, {"SedentaryMinutes": minutes - 240 + over})
        for day, minutes in most.items()
        for over, who in enumerate(("1001", "1002"))
    ]
    load(job, write(tmp_path, "daily.csv", daily_activity_csv(rows)))
    stage(job, "daily_activity", SPRING, AUTUMN)
    sql = "SELECT day, participant_id FROM staging.daily_activity ORDER BY day"
    assert query(job.lake, sql) == [(day, "1001") for day in most]
    sql = "SELECT day, source_participant_id, value FROM ops.quarantine WHERE rule = 'minutes_fit_the_day' ORDER BY day"
    assert query(job.lake, sql) == [(d, "1002", f"20, 20, 200, {m - 239}") for d, m in most.items()]
