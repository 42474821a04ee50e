"""Loading: exactly once, with a full account."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from neuro_assets.ingest import manifest, outbox
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest
from neuro_assets.study import Window
from neuro_assets_tests.fitabase_files import hourly_csv, steps_per_day_csv, write
from neuro_assets_tests.tables import load, one, query

WHO = "1503960366"
FIRST = date(2016, 3, 12)
WEEK = steps_per_day_csv((WHO, FIRST + timedelta(n), 1000 + n) for n in range(7))
RAW = "raw.fitabase_daily_activity"


def counts(job: Ingest, *tables: str) -> list[object]:
    return [one(job.lake, f"SELECT count(*) FROM {t}") for t in tables]


def test_the_same_bytes_twice_are_one_file(make_job, tmp_path: Path):
    job = make_job()
    a, b = write(tmp_path, "daily.csv", WEEK), write(tmp_path, "daily (1).csv", WEEK)
    first, again, renamed, landed = load(job, a, a, b, write(job.settings.landing, "in/daily.csv", WEEK))
    assert [o.outcome for o in (first, again, renamed, landed)] == [
        "loaded",
        "duplicate",
        "duplicate",
        "duplicate",
    ]
    assert (first.touched_days, renamed.touched_days) == (7, 0)
    assert {o.file_id for o in (first, again, renamed, landed)} == {first.file_id}
    assert counts(job, RAW, "ops.landing_files", "ops.landing_file_days", "ops.outbox") == [7, 1, 7, 7]
    assert query(job.lake, "SELECT name, outcome FROM ops.landing_arrivals ORDER BY arrived_at") == [
        ("daily.csv", "loaded"),
        ("daily.csv", "duplicate"),
        ("daily (1).csv", "duplicate"),
        ("in/daily.csv", "duplicate"),
    ]
    assert [p.name for p in job.settings.archive.rglob("*.csv")] == ["daily.csv"]
    assert list(job.settings.landing.rglob("*.csv")) == []
    assert a.exists()


def test_the_manifest_says_what_the_file_was(make_job, tmp_path: Path):
    job = make_job()
    path = write(tmp_path, "daily.csv", WEEK)
    (outcome,) = load(job, path)
    with job.lake.connect(read_only=True) as connection:
        line = manifest.read_lines(connection)[outcome.file_id]
    assert line == outcome.line
    assert (line.original_name, line.size_bytes, line.status) == ("daily.csv", len(WEEK), "loaded")
    assert (line.source, line.file_kind, line.raw_table) == ("fitabase", "daily_activity", RAW)
    assert (line.rows, line.rows_without_day, line.rows_outside_window) == (7, 0, 0)
    assert (line.first_day, line.last_day) == (FIRST, date(2016, 3, 18))
    assert (job.settings.home / line.stored_path).read_bytes() == path.read_bytes()


def test_every_touched_day_is_counted_and_announced(make_job, tmp_path: Path):
    """Two participants; 5 hours on the 20th, 3 on the 21st."""
    rows = [(w, f"3/20/2016 {h}:00:00 AM", 1) for w in ("1111", "2222") for h in (1, 2)]
    rows += [("1111", "3/20/2016 3:00:00 AM", 1)] + [("1111", f"3/21/2016 {h}:00:00 PM", 1) for h in (1, 2, 3)]
    job = make_job()
    (outcome,) = load(job, write(tmp_path, "steps.csv", hourly_csv("hourly_steps", rows)))
    days = query(job.lake, "SELECT file_id, raw_table, day, rows FROM ops.landing_file_days ORDER BY day")
    table = "raw.fitabase_hourly_steps"
    assert days == [
        (outcome.file_id, table, date(2016, 3, 20), 5),
        (outcome.file_id, table, date(2016, 3, 21), 3),
    ]
    with job.lake.connect() as connection:
        pending = outbox.pending(connection)
        assert [(t.day, t.rows, t.file_ids, t.causes) for t in pending] == [
            (date(2016, 3, 20), 5, (outcome.file_id,), ("ingest",)),
            (date(2016, 3, 21), 3, (outcome.file_id,), ("ingest",)),
        ]
        outbox.clear(job.lake, connection, pending[:1], outcome.line.loaded_at)
        assert [t.day for t in outbox.pending(connection)] == [date(2016, 3, 21)]


def test_what_is_touched_while_reporting_is_reported_next_time(make_job, tmp_path: Path):
    job = make_job()
    (first,) = load(job, write(tmp_path, "a.csv", WEEK))
    with job.lake.connect() as connection:
        reported = outbox.pending(connection)
        (second,) = load(job, write(tmp_path, "b.csv", steps_per_day_csv([(WHO, FIRST, 1)])))
        outbox.clear(job.lake, connection, reported, first.line.loaded_at)
        assert [(t.day, t.file_ids) for t in outbox.pending(connection)] == [(FIRST, (second.file_id,))]


def test_rows_outside_the_window_are_kept_counted_and_never_announced(make_job, tmp_path: Path):
    job = make_job(window=Window(start=date(2016, 3, 14), end=date(2016, 3, 16)))
    (outcome,) = load(job, write(tmp_path, "daily.csv", WEEK))
    assert (outcome.touched_days, outcome.line.rows, outcome.line.rows_outside_window) == (3, 7, 4)
    assert counts(job, RAW) == [7]
    assert query(
        job.lake,
        "SELECT table_name, row_number, day, rule, column_name, value FROM ops.quarantine ORDER BY 2",
    ) == [
        (RAW, n + 1, FIRST + timedelta(n), "outside_window", "ActivityDate", str(FIRST + timedelta(n)))
        for n in (0, 1, 5, 6)
    ]


def test_supersedes_is_written_with_the_name_of_who_said_it(make_job, tmp_path: Path):
    job = make_job()
    path = write(tmp_path, "daily.csv", WEEK)
    (first,) = load(job, path)
    (again,) = load(job, path, choice=Choice(supersedes=True, actor="rosa"))
    assert (again.outcome, again.touched_days) == ("loaded", 7)
    assert again.line.supersedes_at == again.line.loaded_at
    assert again.line.first_arrived_at == first.line.first_arrived_at
    assert again.line.loaded_at > first.line.loaded_at
    assert counts(job, RAW, "ops.landing_files", "ops.landing_file_days") == [7, 1, 7]
    assert query(job.lake, "SELECT actor, action, subject FROM ops.audit") == [("rosa", "supersedes", first.file_id)]
    with job.lake.connect() as connection:
        assert {t.rows for t in outbox.pending(connection)} == {1}


def test_another_order_for_a_loaded_file_moves_its_rows_and_announces_both_days(make_job, tmp_path: Path):
    """3/4/2016 was 4 March (outside) or rather 3 April; 4/5/2016 was 5 April or rather 4 May."""
    job = make_job()
    path = write(tmp_path, "daily.csv", steps_per_day_csv([(WHO, "4/5/2016", 9)]))
    load(job, path)
    (moved,) = load(job, path, choice=Choice(date_order="dmy"))
    assert moved.touched_days == 2
    assert query(job.lake, f"SELECT day FROM {RAW}") == [(date(2016, 5, 4),)]
    with job.lake.connect() as connection:
        assert {(t.day, t.rows) for t in outbox.pending(connection)} == {
            (date(2016, 4, 5), 0),
            (date(2016, 5, 4), 1),
        }


def test_a_decision_that_does_not_fit_a_loaded_file_changes_nothing(make_job, tmp_path: Path):
    job = make_job()
    path = write(tmp_path, "daily.csv", WEEK)
    (loaded,) = load(job, path)
    (refused,) = load(job, path, choice=Choice(date_order="ymd"))
    assert (refused.outcome, refused.line.reason_code) == ("rejected", "unreadable_times")
    with job.lake.connect(read_only=True) as connection:
        assert manifest.read_lines(connection) == {loaded.file_id: loaded.line}
    assert counts(job, RAW, "ops.outbox", "ops.audit") == [7, 7, 0]
    assert (job.settings.home / loaded.line.stored_path).exists()


@pytest.fixture
def refused_then(make_job, tmp_path: Path):
    """A file that the protocol at first did not let in, and the path of its copy."""
    text = steps_per_day_csv([(WHO, "3/4/2016", 1), (WHO, "4/4/2016", 2)])
    job = make_job()
    path = write(tmp_path, "daily.csv", text)
    (outcome,) = load(job, path)
    assert outcome.outcome == "rejected"
    return job, path, outcome


def test_a_refused_file_that_comes_again_is_judged_again(refused_then):
    job, path, first = refused_then
    (again,) = load(job, path)
    assert (again.outcome, again.line.first_arrived_at) == ("rejected", first.line.first_arrived_at)
    assert counts(job, "ops.landing_files", "ops.landing_arrivals") == [1, 2]
    assert sorted(p.name for p in job.settings.rejected.rglob("*.*")) == [
        "daily.csv",
        "daily.csv.reason.json",
    ]


def test_a_refused_file_that_is_loadable_later_leaves_rejected(refused_then):
    job, path, first = refused_then
    declared = Ingest(
        job.settings, job.lake, job.study.model_copy(update={"date_orders": {"fitabase": "dmy"}}), job.sources
    )
    (loaded,) = load(declared, path)
    assert (loaded.outcome, loaded.line.reason_code, loaded.line.reason) == ("loaded", None, None)
    assert loaded.line.first_arrived_at == first.line.first_arrived_at
    assert list(job.settings.rejected.iterdir()) == []
    assert (job.settings.home / loaded.line.stored_path).exists()


def test_first_arrivals_keep_their_order_when_the_clock_goes_back(make_job, tmp_path: Path):
    job = make_job()
    with job.lake.connect() as connection:
        load(job, write(tmp_path, "a.csv", WEEK))
        connection.execute("UPDATE ops.landing_files SET first_arrived_at = TIMESTAMPTZ '2199-01-01 00:00:00+00'")
    (second,) = load(job, write(tmp_path, "b.csv", steps_per_day_csv([(WHO, FIRST, 1)])))
    assert second.line.first_arrived_at.year == 2199


def test_loading_takes_files_that_exist_and_forgets_those_that_went_away(make_job, tmp_path: Path):
    job = make_job()
    outcomes = load(job, tmp_path / "gone.csv", write(tmp_path, "a.csv", WEEK))
    assert [o.name for o in outcomes] == ["a.csv"]
