from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake import extensions
from neuro_assets.lake.ddl import ensure_tables, existing_columns, missing_tables
from neuro_assets.lake.extensions import PACKAGES, are_checked, load_extensions, packaged_path
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import maintain
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.model import Column, Table
from neuro_assets_tests.tables import query

DAY = date(2016, 4, 1)
MIDNIGHT = datetime(2016, 4, 1)


def table(*columns: Column) -> Table:
    return Table("s", "t", columns, "A table of a test.", partition_by="day")


DAY_COLUMN, TEXT, NUMBER = Column("day", "DATE", ""), Column("a", "VARCHAR", ""), Column("a", "BIGINT", "")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(f"sqlite:{tmp_path}/catalog.sqlite", str(tmp_path / "data"), threads=1)


def test_tables_are_made_once_and_partitioned_as_declared(lake: Lake):
    declared = table(DAY_COLUMN, TEXT)
    with lake.connect() as connection:
        assert missing_tables(connection, [declared]) == [declared]
        assert ensure_tables(connection, [declared]) == ["s.t"]
        assert ensure_tables(connection, [declared]) == []
        assert existing_columns(connection) == {"s.t": {"day": "DATE", "a": "VARCHAR"}}
        connection.execute("INSERT INTO s.t VALUES ('2016-04-01', 'x'), ('2016-04-02', 'y')")
    assert len(list(Path(lake.data_path).rglob("*.parquet"))) == 2


def test_what_maintenance_merges_of_a_table_that_is_kept_sorted_is_sorted(lake: Lake):
    declared = replace(
        table(DAY_COLUMN, TEXT), partition_by="year(day), month(day)", sort_by=("a", "day"), is_kept_sorted=True
    )
    with lake.connect() as connection:
        ensure_tables(connection, [declared])
        for day in (3, 1, 2):
            connection.execute(f"INSERT INTO s.t VALUES ('2016-04-0{day}', 'x'), ('2016-04-0{day}', 'b')")
    report = maintain(lake, grace_hours=0)
    assert (report.files_before, report.files_after) == (3, 1)
    assert query(lake, "SELECT a, day(day) FROM s.t") == [(a, day) for a in "bx" for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table(DAY_COLUMN, NUMBER), r"s\.t\.a is VARCHAR in this lake but declared as BIGINT"),
        (table(DAY_COLUMN, TEXT, Column("b", "DOUBLE", "")), r"s\.t\.b is missing in this lake"),
    ],
)
def test_a_table_of_another_shape_is_refused(lake: Lake, other: Table, message: str):
    with lake.connect() as connection:
        ensure_tables(connection, [table(DAY_COLUMN, TEXT)])
        with pytest.raises(TypeError, match=message):
            ensure_tables(connection, [other])


def test_preparing_a_lake_of_another_version_is_refused_too(lake: Lake):
    prepare_lake(lake, [table(DAY_COLUMN, TEXT)])
    with pytest.raises(TypeError, match=r"s\.t\.a is VARCHAR"):
        prepare_lake(lake, [table(DAY_COLUMN, NUMBER)])


def test_every_extension_comes_from_an_installed_package():
    assert all((packaged_path(name) or Path("absent")).exists() for name in PACKAGES)


# The of-record view, from rows made by hand.


def samples(who: str, hour: int, period_s: int, count: int, value: float, fold: int = 0) -> list[tuple]:
    """`count` rows of one participant-hour, from its start on, each with this value."""
    start = MIDNIGHT + timedelta(hours=hour)
    moments = (start + timedelta(seconds=i * period_s) for i in range(count))
    return [(who, DAY, m.replace(tzinfo=UTC), m, fold, 0, period_s, value, "ok", "study", "s", "f", 1) for m in moments]


ROWS = [
    *samples("finest_complete", 0, 1, 3600, 1),
    *samples("finest_complete", 0, 60, 60, 61),
    *samples("finest_complete", 0, 3600, 1, 3601),
    *samples("gap_in_the_minutes", 0, 60, 59, 60),
    *samples("gap_in_the_minutes", 0, 3600, 1, 3601),
    *samples("hours_differ", 0, 60, 60, 1),
    *samples("hours_differ", 0, 3600, 1, 100),
    *samples("hours_differ", 1, 3600, 1, 200),
    *samples("nothing_complete", 0, 1, 100, 1),
    *samples("nothing_complete", 0, 60, 30, 60),
    *samples("repeated_hour", 1, 60, 60, 2, fold=0),
    *samples("repeated_hour", 1, 3600, 1, 300, fold=0),
    *samples("repeated_hour", 1, 3600, 1, 300, fold=1),
]


@pytest.fixture(scope="module")
def of_record(make_job) -> Ingest:
    job = make_job()
    prepare_lake(job.lake, STREAMS)
    with job.lake.connect() as connection:
        for name in ("steps", "heart_rate"):
            frame = pl.DataFrame(ROWS, schema=list(stream(name).column_names), orient="row")
            connection.register("frame", frame.to_arrow())
            connection.execute(f"INSERT INTO {stream(name).qualified} BY NAME SELECT * FROM frame")
    return job


def chosen(job: Ingest, name: str) -> dict[str, list[tuple]]:
    rows = query(
        job.lake,
        f"SELECT participant_id, hour(local_ts), fold, period_s, count(*), sum(value) FROM staging.{name}_of_record"
        " GROUP BY ALL ORDER BY ALL",
    )
    found: dict[str, list[tuple]] = {}
    for who, *rest in rows:
        found.setdefault(who, []).append(tuple(rest))
    return found


def test_each_participant_hour_counts_once_at_the_finest_complete_resolution(of_record: Ingest):
    """(hour, fold, period, rows, sum): 3600 x 1; 1 x 3601; 60 x 1 then 200; 30 x 60 covers more than 100 s."""
    assert chosen(of_record, "steps") == {
        "finest_complete": [(0, 0, 1, 3600, 3600)],
        "gap_in_the_minutes": [(0, 0, 3600, 1, 3601)],
        "hours_differ": [(0, 0, 60, 60, 60), (1, 0, 3600, 1, 200)],
        "nothing_complete": [(0, 0, 60, 30, 1800)],
        "repeated_hour": [(1, 0, 60, 60, 120), (1, 1, 3600, 1, 300)],
    }


def test_readings_at_an_instant_take_the_finest_resolution_there_is(of_record: Ingest):
    found = chosen(of_record, "heart_rate")
    assert found["gap_in_the_minutes"] == [(0, 0, 60, 59, 59 * 60)]
    assert found["nothing_complete"] == [(0, 0, 1, 100, 100)]
    assert found["finest_complete"] == [(0, 0, 1, 3600, 3600)]


def test_the_table_itself_keeps_every_resolution(of_record: Ingest):
    assert query(of_record.lake, "SELECT count(*) FROM staging.steps") == [(len(ROWS),)]


def test_signatures_are_checked_once_a_process_and_again_when_a_file_has_changed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extensions, "_CHECKED", set())
    assert not are_checked(["httpfs"])
    with duckdb.connect() as strict:
        load_extensions(strict, ["httpfs"])
    assert are_checked(["httpfs"])
    assert not are_checked(["httpfs", "ducklake"])
    monkeypatch.setattr(extensions, "_seen", lambda path: (path, 1, 2))
    assert not are_checked(["httpfs"])
