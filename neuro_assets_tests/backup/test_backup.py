"""A study survives the loss of its home, with every row, file and run; what is no whole backup is refused."""

import json
import os
import resource
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from neuro_assets import failpoints
from neuro_assets.backup.check import check_backup
from neuro_assets.backup.copying import BackupError, measure
from neuro_assets.backup.data_files import FolderFiles, StoreFiles
from neuro_assets.backup.make import back_up
from neuro_assets.backup.manifest import read_manifest
from neuro_assets.backup.restore import restore
from neuro_assets.lake.lake import Lake, LakeError
from neuro_assets.lake.layout import LAYOUT
from neuro_assets.lake.maintenance import maintain
from neuro_assets.settings import Settings
from neuro_assets.status import read_status
from neuro_assets_tests.old_homes import content, differing, job_of, settings_of


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but what SQLite keeps beside a database that was opened."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found if not p.name.endswith(("-shm", "-wal"))}


def in_manifest(folder: Path, path: str) -> None:
    """Have the manifest say of a file what it now is, as somebody would who wants to be believed."""
    manifest = json.loads((folder / "manifest.json").read_text())
    tally = measure(folder / path)
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry |= {"size": tally.size, "sha256": tally.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def events(home: Path) -> list[tuple]:
    """What Dagster has recorded of assets."""
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs" / "index.db")) as records:
        return records.execute("SELECT id, run_id, asset_key, partition, event FROM event_logs ORDER BY id").fetchall()


def test_a_restored_study_has_the_same_tables_status_files_and_runs(study: Settings, kept: Path, tmp_path: Path):
    there = settings_of(tmp_path / "another" / "place")
    restore(there, kept)
    assert differing(content(there), content(study)) == []
    assert len(content(there)["staging.daily_activity"]) == 6
    assert read_status(job_of(there)) == read_status(job_of(study))
    kept_apart = {"lake", "scratch", "dagster", ".env", "processing", "processing.lock"}
    for child in study.home.iterdir():
        if child.name not in kept_apart and child.is_dir():
            assert bytes_of(there.home / child.name) == bytes_of(child), child
        elif child.name not in kept_apart:
            assert (there.home / child.name).read_bytes() == child.read_bytes(), child
    assert not (there.home / ".env").exists()
    assert len(events(study.home)) > 10
    assert events(there.home) == events(study.home)


@pytest.mark.verify
def test_versions_of_the_past_and_maintenance_are_there_as_before(study: Settings, kept: Path, tmp_path: Path):
    there = settings_of(tmp_path / "home")
    restore(there, kept)
    with Lake.from_settings(there).connect(read_only=True) as connection:
        latest = connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchone()
        assert latest is not None
        past = "SELECT count(*) FROM ops.audit AT (VERSION => ?)"
        assert connection.execute(past, [latest[0] - 1]).fetchone() == (5,)
        assert connection.execute(past, [latest[0]]).fetchone() == (4,)
    for _ in range(2):
        maintain(Lake.from_settings(there), keep_days=0, grace_hours=0)
    assert differing(content(there), content(study)) == []


def test_a_backup_says_what_it_holds_and_only_its_owner_can_read_it(study: Settings, kept: Path):
    manifest = check_backup(kept)
    assert (manifest.study, manifest.layout, manifest.has_dagster, manifest.is_encrypted) == (
        "simulated",
        LAYOUT,
        True,
        True,
    )
    assert manifest.tables["ops.audit"] == 4
    assert manifest.tables["raw.fitabase_daily_activity"] == 6
    assert manifest.size == sum(p.stat().st_size for p in kept.rglob("*") if p.is_file() and p.name != "manifest.json")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in [kept, *kept.rglob("*")] if p.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in [kept, *kept.rglob("*")] if p.is_dir()} == {0o700}


def test_reading_a_backup_changes_no_byte_of_it(kept: Path, tmp_path: Path):
    before = bytes_of(kept)
    check_backup(kept)
    restore(settings_of(tmp_path / "home"), kept)
    assert bytes_of(kept) == before


@pytest.mark.verify
def test_what_happens_while_a_backup_is_made_is_not_in_it(home: Settings, tmp_path: Path):
    """The moment is that of the catalog: rows, a file and merged data files that come later stay out."""
    before, told = content(home), []

    def meanwhile(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            lake = Lake.from_settings(home)
            with lake.connect() as connection, lake.transaction(connection, ["ops.audit"]):
                connection.execute("DELETE FROM ops.audit")
            maintain(lake)
            (home.archive / "late.csv").write_text("late")
            (home.landing / "daily_second.csv").unlink()

    back_up(home, tmp_path / "backup", meanwhile)
    there = settings_of(tmp_path / "there")
    restore(there, tmp_path / "backup")
    assert len(told) == 3
    assert differing(content(there), before) == []
    assert not (there.archive / "late.csv").exists()
    assert (there.landing / "daily_second.csv").exists()


def test_a_file_that_is_still_being_written_to_landing_is_left_out_and_told(home: Settings, tmp_path: Path):
    slow = settings_of(home.home, settle_s="60")
    (home.landing / "growing.csv").write_text("half a fi")
    os.utime(home.landing / "daily_second.csv", (1, 1))
    manifest = back_up(slow, tmp_path / "backup")
    assert manifest.notes == ["1 files in landing/ were still being written and are not in this backup"]
    assert set(manifest.below("home/landing/")) == {"daily_second.csv"}


def test_a_data_file_that_vanishes_meanwhile_is_told_and_the_rest_is_no_backup(home: Settings, tmp_path: Path):
    def meanwhile(_: str) -> None:
        for path in (home.home / "lake" / "data" / "raw").rglob("*.parquet"):
            path.unlink()

    with pytest.raises(BackupError, match=r"data file raw/.*\.parquet.* is gone: maintenance .* is unfinished"):
        back_up(home, tmp_path / "backup", meanwhile)
    with pytest.raises(BackupError, match="has no manifest"):
        restore(settings_of(tmp_path / "there"), tmp_path / "backup")
    assert not (tmp_path / "there").exists()


@pytest.mark.verify
@pytest.mark.parametrize("room", [100_000, pytest.param(1_000_000, marks=pytest.mark.verify)])
def test_a_disk_that_takes_no_more_is_told_and_what_is_there_is_refused(study: Settings, tmp_path: Path, room: int):
    """A file that may not grow any more, in the catalog and in Dagster's records."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(BackupError, match=r"(copy failed|no room left).*is unfinished and nothing can be restored"):
            back_up(study, tmp_path / "backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(BackupError, match="has no manifest"):
        check_backup(tmp_path / "backup")
    back_up(study, tmp_path / "second")
    check_backup(tmp_path / "second")


def test_a_place_in_the_home_and_a_folder_with_something_in_it_are_refused(study: Settings, tmp_path: Path):
    for place in (study.home, study.home / "backup", study.home / "lake" / "data" / "b"):
        with pytest.raises(BackupError, match=r"lies in .*choose a place elsewhere"):
            back_up(study, place)
        assert place == study.home or not place.exists()
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        back_up(study, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_a_home_without_a_lake_is_told_before_anything_is_made(tmp_path: Path):
    with pytest.raises(LakeError, match="there is no lake yet"):
        back_up(settings_of(tmp_path / "home"), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.fixture(scope="module")
def other(study: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the same study after one more commit."""
    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(study.home, folder / "home")
    settings = settings_of(folder / "home")
    lake = Lake.from_settings(settings)
    with lake.connect() as connection, lake.transaction(connection, ["ops.audit"]):
        connection.execute("INSERT INTO ops.audit VALUES (now(), 'me', 'later', 's', NULL)")
    back_up(settings, folder / "backup")
    return folder / "backup"


def data_file(folder: Path) -> Path:
    return sorted((folder / "data" / "raw").rglob("*.parquet"))[0]


def delete_data(folder: Path, _: Path) -> None:
    data_file(folder).unlink()


def truncate_data(folder: Path, _: Path) -> None:
    os.truncate(data_file(folder), 100)


def change_data(folder: Path, _: Path) -> None:
    path = data_file(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])


def change_data_and_manifest(folder: Path, other: Path) -> None:
    change_data(folder, other)
    in_manifest(folder, data_file(folder).relative_to(folder).as_posix())


def delete_archived(folder: Path, _: Path) -> None:
    next(p for p in (folder / "home" / "archive").rglob("*.csv")).unlink()


def swap_catalog(folder: Path, other: Path) -> None:
    shutil.copy(other / "catalog.sqlite", folder / "catalog.sqlite")


def swap_catalog_and_manifest(folder: Path, other: Path) -> None:
    swap_catalog(folder, other)
    in_manifest(folder, "catalog.sqlite")


def take_whole_manifest(folder: Path, other: Path) -> None:
    swap_catalog(folder, other)
    shutil.copy(other / "manifest.json", folder / "manifest.json")


def take_older_catalog(folder: Path, other: Path) -> None:
    """Newer files under an older catalog, and a manifest that calls it right."""
    older = (folder / "catalog.sqlite").read_bytes()
    shutil.rmtree(folder)
    shutil.copytree(other, folder)
    (folder / "catalog.sqlite").write_bytes(older)
    in_manifest(folder, "catalog.sqlite")


def put_in_no_catalog(folder: Path, _: Path) -> None:
    (folder / "catalog.sqlite").write_bytes(b"SQLite format 3\0" + bytes(4000))
    in_manifest(folder, "catalog.sqlite")


def lose_manifest(folder: Path, _: Path) -> None:
    (folder / "manifest.json").unlink()


def cut_manifest(folder: Path, _: Path) -> None:
    os.truncate(folder / "manifest.json", 500)


def say(folder: Path, **told: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (delete_data, r"not those of its manifest; missing: data/raw/.*parquet"),
        (truncate_data, r"changed: data/raw/.*parquet"),
        (change_data, r"changed: data/raw/.*parquet"),
        (change_data_and_manifest, "cannot be read"),
        (delete_archived, r"missing: home/archive/.*csv"),
        (swap_catalog, r"changed: catalog\.sqlite"),
        (swap_catalog_and_manifest, r"does not match its data files; the catalog refers to data files that are not"),
        (take_whole_manifest, r"missing: data/ops/"),
        (take_older_catalog, r"does not match its data files; data files the catalog does not know: data|ops/"),
        (put_in_no_catalog, "is no catalog of a lake"),
        (lose_manifest, "has no manifest.json: it is no backup, or one that was never finished"),
        (cut_manifest, "manifest.json is damaged"),
        (lambda f, _: say(f, format=2), "format 2 .* made by a newer version"),
        (lambda f, _: say(f, layout=LAYOUT + 1), f"layout {LAYOUT + 1}: it was made by a newer version"),
        (lambda f, _: say(f, files=[{"path": "../x", "size": 1, "sha256": ""}]), r"'\.\./x' lies outside"),
        (lambda f, _: say(f, tables={"ops.audit": 3}), "have other rows than its manifest says"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_written(
    backup: Path, other: Path, tmp_path: Path, damage, message: str
):
    damage(backup, other)
    for attempt in (lambda: check_backup(backup), lambda: restore(settings_of(tmp_path / "there"), backup)):
        with pytest.raises(BackupError, match=message):
            attempt()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup"]


def test_a_home_with_something_in_it_is_left_as_it_is(kept: Path, tmp_path: Path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "study.yaml").write_text("mine")
    with pytest.raises(BackupError, match="is not empty; a study is restored to a place of its own"):
        restore(settings_of(tmp_path / "home"), kept)
    assert bytes_of(tmp_path) == {"home/study.yaml": b"mine"}


def test_an_empty_home_is_filled(study: Settings, kept: Path, tmp_path: Path):
    (tmp_path / "home").mkdir()
    restore(settings_of(tmp_path / "home"), kept)
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("outside", [False, pytest.param(True, marks=pytest.mark.verify)])
@pytest.mark.verify
def test_an_interrupted_restore_leaves_no_home_and_the_next_one_makes_it(
    study: Settings, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, outside: bool
):
    places = {"catalog": f"sqlite:{tmp_path}/c/lake.sqlite", "data": f"{tmp_path}/d"} if outside else {}
    there = settings_of(tmp_path / "home", **places)
    monkeypatch.setattr(failpoints, "ARMED", failpoints.parse("restore.copied=error"))
    with pytest.raises(failpoints.FailpointError):
        restore(there, kept)
    assert not there.home.exists()
    restore(there, kept)
    assert differing(content(there), content(study)) == []
    assert (tmp_path / "home" / "lake").exists() is not outside


@pytest.mark.verify
def test_a_catalog_or_a_data_path_of_another_study_is_refused(kept: Path, other: Path, tmp_path: Path):
    places = {"catalog": f"sqlite:{tmp_path}/c/lake.sqlite", "data": f"{tmp_path}/d"}
    restore(settings_of(tmp_path / "home", **places), other)
    before = bytes_of(tmp_path)
    with pytest.raises(BackupError, match="NEURO_CATALOG names a catalog that holds another lake"):
        restore(settings_of(tmp_path / "second", **places), kept)
    with pytest.raises(BackupError, match="holds other files than this backup's"):
        restore(settings_of(tmp_path / "second", data=places["data"]), kept)
    assert bytes_of(tmp_path) == before


@pytest.mark.verify
def test_a_backup_killed_before_its_manifest_is_refused_and_a_second_one_works(
    study: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(failpoints, "ARMED", failpoints.parse("backup.copied=error"))
    with pytest.raises(failpoints.FailpointError):
        back_up(study, tmp_path / "first")
    with pytest.raises(BackupError, match="never finished"):
        restore(settings_of(tmp_path / "home"), tmp_path / "first")
    with pytest.raises(BackupError, match="is not empty"):
        back_up(study, tmp_path / "first")
    back_up(study, tmp_path / "second")
    assert check_backup(tmp_path / "second").tables == read_manifest(tmp_path / "second").tables


@pytest.mark.verify
def test_without_dagsters_records_every_day_is_reported_again(home: Settings, tmp_path: Path):
    for path in (home.home / "dagster").rglob("*.db*"):
        path.unlink()
    manifest = back_up(home, tmp_path / "backup")
    assert not manifest.has_dagster
    assert "reports every day to Dagster" in manifest.notes[0]
    there = settings_of(tmp_path / "there")
    restore(there, tmp_path / "backup")
    with Lake.from_settings(there).connect(read_only=True) as connection:
        found = connection.execute("SELECT raw_table, count(*), any_value(cause) FROM ops.outbox GROUP BY 1 ORDER BY 1")
        assert found.fetchall() == [
            ("raw.fitabase_daily_activity", 3, "catch_up"),
            ("raw.fitabase_hourly_steps", 3, "catch_up"),
            ("raw.fitabase_sleep_day", 3, "catch_up"),
        ]


@pytest.mark.verify
def test_a_protocol_outside_the_home_becomes_the_homes_own(study: Settings, tmp_path: Path):
    place = tmp_path / "protocols"
    place.mkdir()
    for name in ("study.yaml", "participants.csv"):
        shutil.copy(study.home / name, place)
    shutil.copytree(study.home, tmp_path / "home", ignore=shutil.ignore_patterns("study.yaml", "participants.csv"))
    back_up(settings_of(tmp_path / "home", study=str(place / "study.yaml")), tmp_path / "backup")
    there = settings_of(tmp_path / "there")
    restore(there, tmp_path / "backup")
    assert job_of(there).study == job_of(study).study


def test_data_files_are_the_same_through_duckdb_as_through_the_file_system(tmp_path: Path):
    import duckdb

    with duckdb.connect() as connection:
        for files in (FolderFiles(tmp_path / "a"), StoreFiles(connection, str(tmp_path / "b"))):
            assert files.sizes() == {}
            with pytest.raises(FileNotFoundError):
                list(files.read("x/none.parquet"))
            (tmp_path / "b" / "x").mkdir(parents=True, exist_ok=True)
            files.write("x/one.parquet", [b"PAR1\0", b"\xff"])
            assert b"".join(files.read("x/one.parquet")) == b"PAR1\0\xff"
            assert files.sizes() == {"x/one.parquet": 6}
