"""Keeping the lake small without changing what it says."""

import os
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import MaintenanceReport, maintain

COMMITS = 12


def days_ago(path: Path, days: float) -> Path:
    at = time.time() - days * 86_400
    os.utime(path, (at, at))
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A table by day, every day of three written by four small commits."""
    lake = Lake(f"sqlite:{tmp_path}/catalog.sqlite", str(tmp_path / "data"), threads=1)
    with lake.connect() as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t (day DATE, n INTEGER)")
        connection.execute("ALTER TABLE s.t SET PARTITIONED BY (day)")
        for n in range(COMMITS):
            with lake.transaction(connection, ["s.t"]):
                connection.execute("INSERT INTO s.t VALUES (?, ?)", [date(2016, 3, 12) + timedelta(n % 3), n])
    return lake


def content(lake: Lake) -> list[tuple]:
    with lake.connect(read_only=True) as connection:
        return connection.execute("SELECT * FROM s.t ORDER BY n").fetchall()


def live_files(lake: Lake) -> set[str]:
    with lake.connect(read_only=True) as connection:
        rows = connection.execute("SELECT data_file FROM ducklake_list_files('lake', 't', schema => 's')").fetchall()
    return {row[0] for row in rows}


def on_disk(lake: Lake) -> set[str]:
    return {str(p) for p in Path(lake.data_path).rglob("*.parquet")}


def test_small_files_are_merged_by_day_and_the_table_says_the_same(lake: Lake):
    before = content(lake)
    report = maintain(lake)
    assert (report.files_before, report.files_after) == (COMMITS, 3)
    assert report.snapshots_after >= report.snapshots_before
    assert content(lake) == before == [(date(2016, 3, 12) + timedelta(n % 3), n) for n in range(COMMITS)]


def test_files_that_came_out_of_use_are_left_alone_for_a_day(lake: Lake):
    before = on_disk(lake)
    report = maintain(lake)
    assert report.files_removed == 0
    assert before <= on_disk(lake)


def test_an_old_orphan_goes_and_a_young_one_stays(lake: Lake):
    """An orphan is what a killed writer left; a young one may belong to a transaction under way."""
    folder = Path(lake.data_path) / "s" / "t"
    old = days_ago(folder / "old-orphan.parquet", 0) if (folder / "old-orphan.parquet").exists() else None
    assert old is None
    for name, age in {"old-orphan.parquet": 2.0, "young-orphan.parquet": 0.5}.items():
        (folder / name).write_bytes(b"PAR1")
        days_ago(folder / name, age)
    (Path(lake.data_path) / "note.txt").write_text("not the lake's")
    days_ago(Path(lake.data_path) / "note.txt", 30)
    before = content(lake)
    assert maintain(lake).files_removed == 1
    assert sorted(p.name for p in folder.glob("*orphan*")) == ["young-orphan.parquet"]
    assert (Path(lake.data_path) / "note.txt").exists()
    assert content(lake) == before


def test_old_snapshots_are_forgotten_and_their_files_removed(lake: Lake):
    """With no grace at all only the files of the present version remain."""
    before = content(lake)
    maintain(lake, keep_days=0, grace_hours=0)
    report = maintain(lake, keep_days=0, grace_hours=0)
    assert report.snapshots_after == 1
    assert {Path(f).name for f in live_files(lake)} == {Path(f).name for f in on_disk(lake)}
    assert len(live_files(lake)) == 3
    assert content(lake) == before


def test_deleted_rows_are_physically_gone_after_maintenance(lake: Lake):
    with lake.connect() as connection, lake.transaction(connection, ["s.t"]):
        connection.execute("DELETE FROM s.t WHERE n IN (0, 3, 6, 9)")
    maintain(lake, keep_days=0, grace_hours=0)
    maintain(lake, keep_days=0, grace_hours=0)
    assert [n for _, n in content(lake)] == [1, 2, 4, 5, 7, 8, 10, 11]
    assert not list(Path(lake.data_path).rglob("day=2016-03-12/*.parquet"))


def test_maintaining_twice_changes_nothing_more(lake: Lake):
    maintain(lake)
    again = maintain(lake)
    assert isinstance(again, MaintenanceReport)
    assert (again.files_before, again.files_after, again.files_removed) == (3, 3, 0)
