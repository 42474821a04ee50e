"""A study moves between catalogs and places of data by backup and restore: SQLite, PostgreSQL, folders, S3."""

from pathlib import Path

import pytest

from neuro_assets import failpoints
from neuro_assets.backup.check import check_backup
from neuro_assets.backup.copying import BackupError
from neuro_assets.backup.make import back_up
from neuro_assets.backup.restore import restore
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import maintain
from neuro_assets.lake.migrations import migrate
from neuro_assets.settings import Settings
from neuro_assets.streams.catalogue import OPS_TABLES
from neuro_assets_tests.old_homes import content, differing, job_of, settings_of, unpack
from neuro_assets_tests.servers import Postgres, Store
from neuro_assets_tests.tables import load

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small study on SQLite and a folder."""
    settings = unpack(tmp_path_factory.mktemp("study"))
    migrate(Lake.from_settings(settings), OPS_TABLES)
    return settings


@pytest.fixture(scope="module")
def kept(study: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    folder = tmp_path_factory.mktemp("kept") / "backup"
    back_up(study, folder)
    return folder


@pytest.fixture
def reachable(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, with its credentials in the environment."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


def goes_on(settings: Settings, study: Settings) -> None:
    """Another file can be loaded, and maintenance leaves every row as it is."""
    given = study.home.parent / "given" / "daily_second.csv"
    assert [o.outcome for o in load(job_of(settings), given)] == ["loaded"]
    before = content(settings)
    assert len(before["raw.fitabase_daily_activity"]) == 11
    maintain(Lake.from_settings(settings), keep_days=0, grace_hours=0)
    assert differing(content(settings), before) == []


def test_from_sqlite_to_postgresql_and_back(study: Settings, kept: Path, tmp_path: Path, postgres: Postgres):
    server = settings_of(tmp_path / "server", catalog=f"postgres:{postgres.new_database('there')}")
    restore(server, kept)
    assert differing(content(server), content(study)) == []
    back_up(server, tmp_path / "second")
    first, second = check_backup(kept), check_backup(tmp_path / "second")
    assert (second.tables, second.snapshot_id, second.below("data/")) == (
        first.tables,
        first.snapshot_id,
        first.below("data/"),
    )
    assert [p.name for p in (tmp_path / "second").iterdir() if p.name.startswith("catalog")] == ["catalog.sqlite"]
    back = settings_of(tmp_path / "back")
    restore(back, tmp_path / "second")
    assert differing(content(back), content(study)) == []
    for settings in (server, back):
        goes_on(settings, study)


def test_a_catalog_on_the_server_that_is_in_use_is_refused(
    study: Settings, kept: Path, tmp_path: Path, postgres: Postgres
):
    server = settings_of(tmp_path / "server", catalog=f"postgres:{postgres.new_database('used')}")
    restore(server, kept)
    goes_on(server, study)
    before = content(server)
    with pytest.raises(BackupError, match="NEURO_CATALOG names a catalog that holds another lake"):
        restore(settings_of(tmp_path / "second", catalog=server.catalog_url), kept)
    assert differing(content(server), before) == []


def test_what_is_committed_while_a_catalog_on_a_server_is_copied_is_not_in_it(
    kept: Path, tmp_path: Path, postgres: Postgres
):
    """One moment, though the tables of the catalog are read one after the other."""
    import threading

    server = settings_of(tmp_path / "server", catalog=f"postgres:{postgres.new_database('busy')}")
    restore(server, kept)
    lake, stop, commits = Lake.from_settings(server), threading.Event(), []

    def write() -> None:
        with lake.connect() as connection:
            while not stop.is_set():
                with lake.transaction(connection, ["ops.audit"]):
                    connection.execute("INSERT INTO ops.audit VALUES (now(), 'me', 'x', 'y', NULL)")
                commits.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(5):
            back_up(server, tmp_path / f"b{n}")
    finally:
        stop.set()
        writer.join()
    counts = [check_backup(tmp_path / f"b{n}").tables["ops.audit"] for n in range(5)]
    assert counts == sorted(counts)
    assert len(commits) >= counts[-1] > 0


def test_from_a_folder_to_s3_to_another_prefix_and_back(
    study: Settings, kept: Path, tmp_path: Path, postgres: Postgres, reachable: Store
):
    there = settings_of(
        tmp_path / "s3", catalog=f"postgres:{postgres.new_database('far')}", data=f"s3://{reachable.bucket}/one"
    )
    restore(there, kept)
    assert differing(content(there), content(study)) == []
    assert {n.removeprefix("one/") for n in reachable.names("one/")} == set(check_backup(kept).below("data/"))
    back_up(there, tmp_path / "second")
    assert check_backup(tmp_path / "second").below("data/") == check_backup(kept).below("data/")
    other = settings_of(tmp_path / "other", data=f"s3://{reachable.bucket}/two/deep")
    restore(other, tmp_path / "second")
    assert differing(content(other), content(study)) == []
    back = settings_of(tmp_path / "back")
    restore(back, tmp_path / "second")
    assert differing(content(back), content(study)) == []
    for settings in (there, other):
        goes_on(settings, study)


@pytest.mark.parametrize("on_server", [False, True])
def test_an_interrupted_restore_to_s3_goes_on(
    study: Settings, kept: Path, tmp_path: Path, postgres: Postgres, reachable: Store,
    monkeypatch: pytest.MonkeyPatch, *, on_server: bool,
):  # fmt: skip
    catalog = f"postgres:{postgres.new_database('again')}" if on_server else f"sqlite:{tmp_path}/c/catalog.sqlite"
    there = settings_of(tmp_path / "s3", catalog=catalog, data=f"s3://{reachable.bucket}/again{int(on_server)}")
    monkeypatch.setattr(failpoints, "ARMED", failpoints.parse("restore.copied=error"))
    with pytest.raises(failpoints.FailpointError):
        restore(there, kept)
    assert not there.home.exists()
    restore(there, kept)
    assert differing(content(there), content(study)) == []
    # Catalog and data files were at their places when the process died before the home was: the same again.
    (there.home).rename(tmp_path / "lost")
    restore(there, kept)
    assert differing(content(there), content(study)) == []


def test_an_object_that_the_store_has_lost_is_told(kept: Path, tmp_path: Path, reachable: Store):
    import boto3

    there = settings_of(tmp_path / "s3", data=f"s3://{reachable.bucket}/lost")
    restore(there, kept)
    client = boto3.client(
        "s3",
        endpoint_url=reachable.endpoint,
        region_name="us-east-1",
        aws_access_key_id=reachable.key_id,
        aws_secret_access_key=reachable.secret,
    )
    client.delete_object(Bucket=reachable.bucket, Key=sorted(reachable.names("lost/"))[-1])
    with pytest.raises(BackupError, match="is gone: maintenance removed it"):
        back_up(there, tmp_path / "backup")
