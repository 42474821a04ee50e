"""Keeping the lake small without changing what it says."""

import os
import shutil
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from neuro_assets.lake import maintenance
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import maintain, merge_when_many
from neuro_assets_tests.tables import query

COMMITS = 12


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table by day, every day of three written by four small commits."""
    folder = tmp_path_factory.mktemp("small_commits")
    lake = lake_in(folder)
    with lake.connect() as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t (day DATE, n INTEGER)")
        connection.execute("ALTER TABLE s.t SET PARTITIONED BY (day)")
        for n in range(COMMITS):
            with lake.transaction(connection, ["s.t"]):
                connection.execute("INSERT INTO s.t VALUES (?, ?)", [date(2016, 3, 12) + timedelta(n % 3), n])
    return folder


@pytest.fixture
def lake(template: Path, tmp_path: Path) -> Lake:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return lake_in(tmp_path)


def lake_in(folder: Path) -> Lake:
    return Lake(f"sqlite:{folder}/catalog.sqlite", str(folder / "data"), threads=1)


def content(lake: Lake) -> list[tuple]:
    return query(lake, "SELECT * FROM s.t ORDER BY n")


def on_disk(lake: Lake) -> set[str]:
    return {p.name for p in Path(lake.data_path).rglob("*.parquet")}


def test_small_files_are_merged_by_day_and_the_table_says_the_same(lake: Lake):
    """What came out of use stays for a day: a reader may be reading it. Twice is the same as once."""
    before, files = content(lake), on_disk(lake)
    report = maintain(lake)
    assert (report.files_before, report.files_after, report.files_removed) == (COMMITS, 3, 0)
    assert files < on_disk(lake)
    again = maintain(lake)
    assert (again.files_before, again.files_after, again.files_removed) == (3, 3, 0)
    assert content(lake) == before == [(date(2016, 3, 12) + timedelta(n % 3), n) for n in range(COMMITS)]


def test_the_files_of_many_commits_are_merged_by_whoever_writes(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    before = content(lake)
    with lake.connect() as connection:
        assert merge_when_many(lake, connection, ["s.t", "s.other"]) == []
        monkeypatch.setattr(maintenance, "_LITTLE_FILES", COMMITS - 1)
        with lake.write_lock(["s.t"]):
            monkeypatch.setattr(maintenance, "_PATIENCE_S", 0.1)
            assert merge_when_many(lake, connection, ["s.t"]) == []
        assert merge_when_many(lake, connection, ["s.other"]) == []
        assert merge_when_many(lake, connection, ["s.t"]) == ["s.t"]
        assert merge_when_many(lake, connection, ["s.t"]) == []
    assert content(lake) == before
    assert maintain(lake).files_before == 3


def test_an_old_orphan_goes_a_young_one_and_strangers_stay(lake: Lake):
    """An orphan is what a killed writer left; a young one may belong to a transaction under way."""
    folder = Path(lake.data_path) / "s" / "t"
    for path, days in {
        folder / "old-orphan.parquet": 2.0,
        folder / "young-orphan.parquet": 0.5,
        Path(lake.data_path) / "note.txt": 30,
    }.items():
        path.write_bytes(b"PAR1")
        at = time.time() - days * 86_400
        os.utime(path, (at, at))
    before = content(lake)
    assert maintain(lake).files_removed == 1
    assert sorted(p.name for p in folder.glob("*orphan*")) == ["young-orphan.parquet"]
    assert (Path(lake.data_path) / "note.txt").exists()
    assert content(lake) == before


def test_without_grace_only_the_files_of_the_present_version_remain(lake: Lake):
    """An erasure is physical: no file of the erased day is left, nor of any earlier version of the others."""
    with lake.connect() as connection, lake.transaction(connection, ["s.t"]):
        connection.execute("DELETE FROM s.t WHERE n IN (0, 3, 6, 9)")
    for _ in range(2):
        report = maintain(lake, keep_days=0, grace_hours=0)
    assert report.snapshots_after == 1
    assert [n for _, n in content(lake)] == [1, 2, 4, 5, 7, 8, 10, 11]
    live = query(lake, "SELECT data_file FROM ducklake_list_files('lake', 't', schema => 's')")
    assert {Path(f).name for (f,) in live} == on_disk(lake)
    assert len(live) == 2
