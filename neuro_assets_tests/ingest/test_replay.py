"""Reading archived files again, and following a changed protocol: exactly the days it concerns."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

import pytest

from neuro_assets.ingest import outbox
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.replay import reconcile_study, replay_days
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets.study import Study, Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import hourly_csv, sleep_day_csv, steps_per_day_csv, write
from neuro_assets_tests.tables import load, query, read_table, stage
from neuro_assets_tests.threads import THREADS

RAW, HOURS, SLEEP = "raw.fitabase_daily_activity", "raw.fitabase_hourly_steps", "raw.fitabase_sleep_day"
NARROW = Window(start=date(2016, 3, 14), end=date(2016, 3, 16))
ANN = {"participant_id": "P1", "aliases": {"fitabase": ["1001"]}}
BEN = {"participant_id": "P2", "aliases": {"fitabase": ["1002"]}}
Days = set[tuple[str, str]]


def with_study(job: Ingest, study: Study) -> Ingest:
    """The same home under another protocol."""
    return replace(job, study=study)


def touched(job: Ingest) -> Days:
    """(table, day) not reported yet; and they count as reported from now on."""
    with job.lake.connect() as connection:
        found = outbox.pending(connection)
        with job.lake.transaction(connection, [outbox.TABLE]):
            connection.execute(f"DELETE FROM {outbox.TABLE}")
    return {(t.raw_table, str(t.day)) for t in found}


def march(*days: int, table: str = RAW) -> Days:
    return {(table, f"2016-03-{d}") for d in days}


@pytest.fixture(scope="module")
def templates(make_job: Callable[..., Ingest], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ingest]:
    """`templates(**protocol)`: 1001 walks 12-18 March, 1002 13-14 March and an hour on the 20th; all reported."""
    folder, made = tmp_path_factory.mktemp("files"), dict[str, Ingest]()
    rows = [("1001", f"3/{d}/2016", d) for d in range(12, 19)] + [("1002", f"3/{d}/2016", d) for d in (13, 14)]
    daily = write(folder, "daily.csv", steps_per_day_csv(rows))
    hours = write(folder, "hours.csv", hourly_csv("hourly_steps", [("1002", "3/20/2016 9:00:00 AM", 5)]))

    def make(**protocol: object) -> Ingest:
        key = repr(protocol)
        if key not in made:
            job = make_job(**protocol)
            load(job, daily, hours)
            touched(job)
            reconcile_study(job)
            made[key] = job
        return made[key]

    return make


@pytest.fixture
def settled(templates: Callable[..., Ingest], tmp_path: Path) -> Callable[..., Ingest]:
    """`settled(**protocol)`: such a home of this test's own, once reconciled."""

    def make(**protocol: object) -> Ingest:
        job = templates(**protocol)
        home = tmp_path / f"home{len(list(tmp_path.iterdir()))}"
        shutil.copytree(job.settings.home, home)
        settings = load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})
        return replace(job, settings=settings, lake=Lake.from_settings(settings))

    return make


def test_the_first_look_touched_nothing_and_so_does_an_unchanged_protocol(settled: Callable[..., Ingest]):
    job = settled()
    subjects = "SELECT subject FROM ops.study_state ORDER BY 1"
    assert query(job.lake, subjects) == [("events",), ("protocol",), ("window",)]
    assert reconcile_study(with_study(job, study_of(name="A better name", expected_streams=("steps",)))) == set()
    assert touched(job) == set()


@pytest.mark.verify
def test_a_wider_window_releases_the_rows_that_lay_outside(settled: Callable[..., Ingest]):
    """12, 13, 17 and 18 March and the hour of the 20th come in; every day of the file that crosses is told."""
    job = settled(window=NARROW)
    outside = "SELECT count(*) FROM ops.quarantine WHERE rule = 'outside_window'"
    assert query(job.lake, outside) == [(6,)]
    wide = with_study(job, study_of())
    assert reconcile_study(wide) == {"window"}
    assert query(job.lake, outside) == [(0,)]
    days = touched(job)
    assert march(12, 13, 17, 18) | march(20, table=HOURS) <= days <= march(*range(12, 19)) | march(20, table=HOURS)
    assert query(job.lake, f"SELECT count(*) FROM {RAW}") == [(9,)]
    stage(wide, "daily_activity", date(2016, 3, 12), date(2016, 3, 18))
    assert query(job.lake, "SELECT count(*), sum(steps) FROM staging.daily_activity") == [(9, 105 + 27)]
    assert reconcile_study(wide) == set()


@pytest.mark.verify
def test_a_smaller_window_leaves_what_it_would_have_given_from_the_start(settled: Callable[..., Ingest]):
    """Ann and Ben from 12 to 18 March; then the study covers 14 to 16 only, as in the other one from the start."""
    week = ("daily_activity", date(2016, 3, 12), date(2016, 3, 18))
    one, other = settled(), settled(window=NARROW)
    stage(one, *week)
    later = with_study(one, study_of(window=NARROW))
    assert reconcile_study(later) == {"window"}
    days = touched(later)
    stage(other, "daily_activity", NARROW.start, NARROW.end)
    tables = {
        "staging.daily_activity": "participant_id, day, steps, row_number",
        "ops.quarantine": "table_name, row_number, day, rule, value",
        "ops.staging_days": "table_name, day, rows_in, rows_staged, rows_quarantined, status",
    }
    for table, columns in tables.items():
        sql = f"SELECT {columns} FROM {table} ORDER BY ALL"
        assert query(later.lake, sql) == query(other.lake, sql) != [], table
    assert march(16) <= days
    assert reconcile_study(later) == set()


def test_a_new_alias_touches_that_persons_days_and_they_leave_quarantine(settled: Callable[..., Ingest]):
    job = settled(auto_enrol=False, people=[ANN])
    week = ("daily_activity", date(2016, 3, 12), date(2016, 3, 18))
    stage(job, *week)
    waiting = "SELECT day FROM ops.quarantine WHERE rule = 'unknown_participant' ORDER BY day"
    assert query(job.lake, waiting) == [(date(2016, 3, 13),), (date(2016, 3, 14),)]
    both = with_study(job, study_of(auto_enrol=False, people=[ANN, BEN]))
    assert reconcile_study(both) == {"participant:P2"}
    assert touched(job) == march(13, 14) | march(20, table=HOURS)
    stage(both, *week)
    assert query(job.lake, waiting) == []
    people = "SELECT participant_id, count(*) FROM staging.daily_activity GROUP BY 1 ORDER BY 1"
    assert query(job.lake, people) == [("P1", 7), ("P2", 2)]


@pytest.mark.verify
def test_an_alias_that_moves_touches_the_days_under_it_before_and_after(settled: Callable[..., Ingest]):
    """1002 was Ben's and becomes Ann's: both lines changed, all days of both are told."""
    job = settled(auto_enrol=False, people=[ANN, BEN])
    ann = ANN | {"aliases": {"fitabase": ["1001", "1002"]}}
    ben = BEN | {"aliases": {}}
    assert reconcile_study(with_study(job, study_of(auto_enrol=False, people=[ann, ben]))) == {
        "participant:P1",
        "participant:P2",
    }
    assert touched(job) == march(*range(12, 19)) | march(20, table=HOURS)


def test_a_person_taken_out_of_the_file_is_a_change_too(settled: Callable[..., Ingest]):
    job = settled(auto_enrol=False, people=[ANN, BEN])
    assert reconcile_study(with_study(job, study_of(auto_enrol=False, people=[ANN]))) == {"participant:P2"}
    assert touched(job) == march(13, 14) | march(20, table=HOURS)


@pytest.mark.verify
def test_other_gates_or_defaults_touch_every_day(settled: Callable[..., Ingest]):
    """One after the other, each against the one before."""
    job = settled()
    for change in (
        {"gates": {"max_failed_share": 0.5}},
        {"stream_gates": {"steps": {"max_failed_share": 0.5}}},
        {"auto_enrol": False},
        {"default_time_zone": "Europe/Zurich"},
    ):
        assert reconcile_study(with_study(job, study_of(**change))) == {"protocol"}
        assert touched(job) == march(*range(12, 19)) | march(20, table=HOURS)


def test_a_replay_gives_the_same_rows_and_tells_the_days(settled: Callable[..., Ingest], tmp_path: Path):
    """Only files with rows in the range are read, whole; where each stood among the others is kept."""
    job = settled()
    load(job, write(tmp_path, "later.csv", steps_per_day_csv([("1003", "3/25/2016", 9)])))
    load(job, write(tmp_path, "sleep.csv", sleep_day_csv([("1001", "3/13/2016", 400, 450)])))
    touched(job)
    before = read_table(job.lake, RAW, "ALL")
    arrivals = query(job.lake, "SELECT file_id, first_arrived_at FROM ops.landing_files ORDER BY 1")
    (kind,) = [k for k in job.sources.kinds if k.raw_table.qualified == RAW]
    lines = replay_days(job, kind, date(2016, 3, 18), date(2016, 3, 19))
    assert [li.original_name for li in lines] == ["daily.csv"]
    assert touched(job) == march(*range(12, 19))
    assert read_table(job.lake, RAW, "ALL").equals(before)
    assert query(job.lake, "SELECT file_id, first_arrived_at FROM ops.landing_files ORDER BY 1") == arrivals
    assert replay_days(job, kind, date(2016, 3, 19), date(2016, 3, 24)) == []
    assert touched(job) == set()


def test_a_replay_repairs_rows_that_were_damaged(settled: Callable[..., Ingest]):
    """As a mended parser would: what the file says comes back."""
    job = settled()
    with job.lake.connect() as connection, job.lake.transaction(connection, [RAW]):
        connection.execute(f"UPDATE {RAW} SET total_steps = -7")
    (kind,) = [k for k in job.sources.kinds if k.raw_table.qualified == RAW]
    replay_days(job, kind, date(2016, 3, 12), date(2016, 3, 12))
    assert query(job.lake, f"SELECT sum(total_steps) FROM {RAW}") == [(105 + 27,)]


def test_a_file_missing_from_the_archive_is_named_and_its_rows_stay(settled: Callable[..., Ingest]):
    job = settled()
    for path in job.settings.archive.rglob("daily.csv"):
        path.unlink()
    (kind,) = [k for k in job.sources.kinds if k.raw_table.qualified == RAW]
    with pytest.raises(FileNotFoundError, match=r"the archive lacks archive/.*daily\.csv"):
        replay_days(job, kind, date(2016, 3, 12), date(2016, 3, 18))
    assert query(job.lake, f"SELECT count(*) FROM {RAW}") == [(9,)]
    assert touched(job) == set()


def test_a_row_dated_ahead_of_an_open_window_is_released_when_its_day_comes(
    make_job: Callable[..., Ingest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    job = make_job(window=Window(start=date(2016, 3, 1)))
    clock = Clock(monkeypatch)
    clock.set(datetime(2016, 3, 10, 12, tzinfo=UTC))
    ahead = write(tmp_path, "ahead.csv", steps_per_day_csv([("1001", "3/9/2016", 9), ("1001", "3/13/2016", 13)]))
    load(job, ahead)
    reconcile_study(job)
    assert touched(job) == {(RAW, "2016-03-09")}
    assert query(job.lake, "SELECT day, rule FROM ops.quarantine") == [(date(2016, 3, 13), "outside_window")]
    assert reconcile_study(job) == set()
    clock.set(datetime(2016, 3, 12, 12, tzinfo=UTC))
    assert reconcile_study(job) == {"window"}
    assert touched(job) == {(RAW, "2016-03-09"), (RAW, "2016-03-13")}
    assert query(job.lake, "SELECT count(*) FROM ops.quarantine") == [(0,)]
    assert reconcile_study(job) == set()


class Clock:
    """The clock that decides which days have come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, now: datetime) -> None:
        class Frozen(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return now.astimezone(tz)

        self._monkeypatch.setattr("neuro_assets.ingest.load.datetime", Frozen)
