"""Whose row it is: aliases, strangers, enrolment, withdrawal, zones nobody told."""

from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.fitabase_files import hourly_csv, steps_per_day_csv, write
from neuro_assets_tests.tables import load, query, stage

PEOPLE = [
    {"participant_id": "p1", "aliases": {"fitabase": ["1111", "2222"]}, "zones": [{"zone": "UTC"}]},
    {
        "participant_id": "p2",
        "aliases": {"fitabase": ["3333"], "oura": ["9999"]},
        "zones": [{"zone": "UTC"}],
        "enrolled_on": "2016-03-20",
        "withdrawn_on": "2016-03-22",
    },
    {"participant_id": "4444", "zones": [{"since": "2016-03-21", "zone": "Asia/Tokyo"}]},
]
DAYS = [date(2016, 3, d) for d in range(19, 24)]


@pytest.fixture(scope="module")
def staged(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    job = make_job(auto_enrol=False, default_time_zone=None, people=PEOPLE)
    rows = [("1111", DAYS[0], 1), ("2222", DAYS[1], 2), ("9999", DAYS[0], 9), ("", DAYS[0], 8)]
    rows += [("3333", day, 3) for day in DAYS] + [("4444", DAYS[0], 4)]
    hours = [("4444", f"3/{d}/2016 9:00:00 AM", 5) for d in (20, 21)]
    folder = tmp_path_factory.mktemp("identity")
    daily = write(folder, "daily.csv", steps_per_day_csv(rows))
    load(job, daily, write(folder, "steps.csv", hourly_csv("hourly_steps", hours)))
    for stream in ("daily_activity", "steps"):
        stage(job, stream, DAYS[0], DAYS[-1])
    return job


def staged_steps(job: Ingest, who: str) -> list[tuple]:
    sql = "SELECT day, steps FROM staging.daily_activity WHERE participant_id = ? ORDER BY day"
    return query(job.lake, sql, [who])


def kept_out(job: Ingest, vendor_id: str | None) -> list[tuple]:
    sql = (
        "SELECT table_name, day, rule FROM ops.quarantine WHERE source_participant_id IS NOT DISTINCT FROM ?"
        " ORDER BY ALL"
    )
    return [(t.removeprefix("staging."), d, r) for t, d, r in query(job.lake, sql, [vendor_id])]


def test_all_aliases_of_a_person_are_that_person(staged: Ingest):
    assert staged_steps(staged, "p1") == [(DAYS[0], 1), (DAYS[1], 2)]
    assert kept_out(staged, "1111") == []


def test_strangers_wait(staged: Ingest):
    """9999 is somebody's id, but another vendor's."""
    assert kept_out(staged, "9999") == [("daily_activity", DAYS[0], "unknown_participant")]
    assert kept_out(staged, None) == [("daily_activity", DAYS[0], "missing_participant")]


def test_enrolment_and_withdrawal_are_inclusive(staged: Ingest):
    assert staged_steps(staged, "p2") == [(day, 3) for day in DAYS[1:4]]
    assert kept_out(staged, "3333") == [
        ("daily_activity", DAYS[0], "before_enrolment"),
        ("daily_activity", DAYS[4], "after_withdrawal"),
    ]


def test_without_a_zone_samples_wait_but_days_do_not(staged: Ingest):
    assert staged_steps(staged, "4444") == [(DAYS[0], 4)]
    assert kept_out(staged, "4444") == [("steps", DAYS[1], "unknown_time_zone")]
    assert query(staged.lake, "SELECT day, utc_offset_min, tz_source FROM staging.steps") == [
        (DAYS[2], 540, "participant")
    ]


def test_a_changed_protocol_lets_waiting_rows_in(staged: Ingest):
    study = staged.study.model_copy(update={"auto_enrol": True, "default_time_zone": "UTC"})
    widened = Ingest(staged.settings, staged.lake, study, staged.sources)
    stage(widened, "steps", DAYS[0], DAYS[-1])
    assert query(staged.lake, "SELECT day, tz_source FROM staging.steps ORDER BY day") == [
        (DAYS[1], "study"),
        (DAYS[2], "participant"),
    ]
    assert kept_out(staged, "4444") == []
    stage(staged, "steps", DAYS[0], DAYS[-1])


def test_a_person_without_a_zone_history_lives_in_the_studys_zone(make_job, tmp_path: Path):
    job = make_job(auto_enrol=False, people=[{"participant_id": "1111"}])
    load(job, write(tmp_path, "a.csv", hourly_csv("hourly_steps", [("1111", "3/20/2016 9:00:00 AM", 5)])))
    stage(job, "steps", date(2016, 3, 20))
    assert query(job.lake, "SELECT participant_id, utc_offset_min, tz_source FROM staging.steps") == [
        ("1111", -240, "study")
    ]
