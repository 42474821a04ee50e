"""Kinds of files whose rows say themselves what time they stand for: periods side by side, and rows that lack one."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import yaml

from neuro_assets.ingest.load import Ingest
from neuro_assets.sources.load import load_sources
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.tables import load, one, query, stage

DAY = date(2019, 6, 3)
SPEC = {
    "name": "acme",
    "version": 1,
    "title": "ACME",
    "identity": {"column": "who", "pattern": r"[a-z]+", "example": "ada"},
    "date_order": "ymd",
    "files": {
        "steps": {
            "name_hint": "steps",
            "time": {"column": "at", "kind": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
            "period": "period",
            "columns": {"n": {"name": "n", "type": "integer"}, "seconds": {"name": "period", "type": "integer"}},
            "streams": {"steps": {"value": "n"}},
        },
        "utc": {
            "name_hint": "utc",
            "time": {"column": "utc_time", "kind": "datetime", "format": "%Y-%m-%d %H:%M:%S", "clock": "utc"},
            "period": "period",
            "columns": {"n": {"name": "n", "type": "integer"}, "seconds": {"name": "period", "type": "integer"}},
            "streams": {"steps": {"value": "n"}},
        },
    },
}


def csv_of(*rows: tuple[str, str, object, object], time: str = "at", day: date = DAY) -> str:
    """Rows as (who, clock, steps, seconds)."""
    return f"who,{time},n,seconds\n" + "".join(f"{who},{day} {clock},{n},{s}\n" for who, clock, n, s in rows)


@pytest.fixture
def job(make_job, tmp_path) -> Ingest:
    write(tmp_path, "acme.yaml", yaml.safe_dump(SPEC))
    window = {"start": date(2019, 6, 1), "end": date(2019, 11, 30)}
    plain = make_job(window=window, gates={"max_failed_share": 1})
    return replace(plain, sources=load_sources([*plain.settings.source_dirs, tmp_path]))


def staged(job: Ingest, *files: tuple[str, str], folder, last: date = DAY) -> list[tuple]:
    """Load texts under these names, stage the day, and look: who, clock, period and steps, and the rows kept out."""
    outcomes = load(job, *(write(folder, name, text) for name, text in files))
    assert [o.outcome for o in outcomes] == ["loaded"] * len(files)
    stage(job, "steps", DAY, last)
    sql = (
        "SELECT participant_id, strftime(local_ts, '%H:%M'), period_s, value::INTEGER FROM staging.steps"
        " WHERE source = 'acme' ORDER BY ALL"
    )
    return query(job.lake, sql)


def kept_out(job: Ingest) -> list[tuple]:
    return query(job.lake, "SELECT rule, column_name, value, row_number FROM ops.quarantine ORDER BY row_number, rule")


def test_minutes_and_quarters_of_an_hour_are_staged_each_with_its_own_period(job: Ingest, tmp_path):
    """Also those that begin together: they are two measurements, of one minute and of fifteen."""
    quarters = [("ada", "10:00:00", 150, 900), ("ada", "10:15:00", 30, 900), ("bob", "10:00:00", 7, 900)]
    minutes = [("ada", "10:00:00", 12, 60), ("ada", "10:01:00", 9, 60)]
    text = csv_of(quarters[0], *minutes, *quarters[1:])
    assert staged(job, ("steps.csv", text), folder=tmp_path) == [
        ("ada", "10:00", 60, 12),
        ("ada", "10:00", 900, 150),
        ("ada", "10:01", 60, 9),
        ("ada", "10:15", 900, 30),
        ("bob", "10:00", 900, 7),
    ]
    assert kept_out(job) == []


def test_a_row_without_a_period_or_with_none_that_can_be_goes_to_quarantine_and_the_others_stay(job: Ingest, tmp_path):
    """Those that fit are a minute and a day; the others none, nought, less, beyond a day, far beyond it, and a text."""
    cells = ["", 60, 0, -60, 86_400, 86_401, 3_000_000_000, "x"]
    # Among many good rows: a column of texts would be another column.
    rows = [("ada", f"10:{n:02}:00", n, s) for n, s in enumerate([*cells, *[60] * 30])]
    found = staged(job, ("steps.csv", csv_of(*rows)), folder=tmp_path)
    assert found == [("ada", f"10:{n:02}", s, n) for n, s in [(1, 60), (4, 86_400), *((n, 60) for n in range(8, 38))]]
    assert kept_out(job) == [
        ("period_s_missing", "period_s", None, 1),
        ("period_s_range", "period_s", "0", 3),
        ("plausible_rate", "value, period_s", "2.0, 0", 3),
        ("period_s_range", "period_s", "-60", 4),
        ("plausible_rate", "value, period_s", "3.0, -60", 4),
        ("period_s_range", "period_s", "86401", 6),
        ("period_s_missing", "period_s", None, 7),
        ("period_s_missing", "period_s", None, 8),
    ]
    account = "SELECT rows_in, rows_staged, rows_quarantined FROM ops.staging_days WHERE table_name = 'staging.steps'"
    assert query(job.lake, account) == [(38, 32, 6)]


def test_the_most_that_a_row_may_hold_goes_by_its_own_period(job: Ingest, tmp_path):
    """Five steps a second are 300 in a minute and 4500 in a quarter of an hour."""
    rows = [("ada", "10:00:00", 301, 60), ("ada", "11:00:00", 301, 900), ("ada", "12:00:00", 4501, 900)]
    assert staged(job, ("steps.csv", csv_of(*rows)), folder=tmp_path) == [("ada", "11:00", 900, 301)]
    assert [(rule, row) for rule, _, _, row in kept_out(job)] == [("plausible_rate", 1), ("plausible_rate", 3)]


def test_a_row_given_twice_counts_once_and_a_later_view_of_its_period_alone_replaces_it(job: Ingest, tmp_path):
    early = [("ada", "10:00:00", 12, 60), ("ada", "10:00:00", 12, 60), ("ada", "10:00:00", 150, 900)]
    # The second file saw more of the day, and has another count of the minute.
    later = [("ada", "10:00:00", 13, 60), ("ada", "20:00:00", 1, 60)]
    files = ("steps.csv", csv_of(*early)), ("steps2.csv", csv_of(*later))
    assert staged(job, *files, folder=tmp_path) == [
        ("ada", "10:00", 60, 13),
        ("ada", "10:00", 900, 150),
        ("ada", "20:00", 60, 1),
    ]
    sql = "SELECT rows_in, rows_staged, rows_duplicate + rows_superseded, rows_quarantined FROM ops.staging_days"
    assert query(job.lake, f"{sql} WHERE table_name = 'staging.steps'") == [(5, 3, 2, 0)]


def test_an_hour_of_minutes_is_of_record_before_its_quarters(job: Ingest, tmp_path):
    """10 h is there in sixty minutes and in four quarters, 11 h in quarters and some minutes."""
    first = datetime.combine(DAY, datetime.min.time()) + timedelta(hours=10)
    minutes = [("ada", f"{first + timedelta(minutes=n):%H:%M:%S}", 2, 60) for n in range(90)]
    quarters = [("ada", f"{first + timedelta(minutes=15 * n):%H:%M:%S}", 31, 900) for n in range(8)]
    staged(job, ("steps.csv", csv_of(*minutes, *quarters)), folder=tmp_path)
    sql = "SELECT hour(local_ts), period_s, count(*), sum(value) FROM staging.steps_of_record GROUP BY ALL ORDER BY ALL"
    assert query(job.lake, sql) == [(10, 60, 60, 120), (11, 900, 4, 124)]


def test_a_kind_may_have_its_periods_in_a_column_and_its_times_in_utc(job: Ingest, tmp_path):
    """Both passes of an autumn hour, each in minutes and in a quarter. The study is in New York: 06:00 UTC is 01:00
    for the second time on 3 November."""
    autumn = date(2019, 11, 3)
    rows = [("ada", clock, n, s) for clock, n in (("05:00:00", 1), ("06:00:00", 2)) for s in (60, 900)]
    load(job, write(tmp_path, "utc.csv", csv_of(*rows, time="utc_time", day=autumn)))
    stage(job, "steps", autumn)
    sql = "SELECT strftime(local_ts, '%H:%M'), fold, utc_offset_min, period_s, value::INTEGER FROM staging.steps"
    assert query(job.lake, f"{sql} ORDER BY ALL") == [
        ("01:00", 0, -240, 60, 1),
        ("01:00", 0, -240, 900, 1),
        ("01:00", 1, -300, 60, 2),
        ("01:00", 1, -300, 900, 2),
    ]


def test_both_passes_of_a_wall_clocks_hour_are_told_apart_for_rows_with_periods_of_their_own(job: Ingest, tmp_path):
    """In the order of the file: the minutes of the first pass, then those of the second."""
    autumn = date(2019, 11, 3)
    rows = [("ada", f"01:{m:02}:00", 10 * turn + m // 30, 1800) for turn in (1, 2) for m in (0, 30)]
    load(job, write(tmp_path, "steps.csv", csv_of(("ada", "00:30:00", 5, 900), *rows, day=autumn)))
    stage(job, "steps", autumn)
    sql = "SELECT strftime(local_ts, '%H:%M'), fold, period_s, value::INTEGER FROM staging.steps ORDER BY ALL"
    assert query(job.lake, sql) == [
        ("00:30", 0, 900, 5),
        ("01:00", 0, 1800, 10),
        ("01:00", 1, 1800, 20),
        ("01:30", 0, 1800, 11),
        ("01:30", 1, 1800, 21),
    ]
    assert one(job.lake, "SELECT count(*) FROM ops.quarantine") == 0
