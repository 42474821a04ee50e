import dataclasses
import threading
import time
from multiprocessing import get_context
from multiprocessing.context import SpawnContext
from pathlib import Path

import duckdb
import pytest

from neuro_assets.lake.lake import Connection, Lake, LakeBusyError, LakeError
from neuro_assets.settings import Settings, load_settings
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets_tests.lake.writers import die_in_a_transaction, hold_a_transaction, make_tables, write_pairs
from neuro_assets_tests.tables import one, query

HALVES = ("s.left_half", "s.right_half")
PLANTED = "participant-7305-planted"


def new_lake(folder: Path, *, encrypted: bool = True) -> Lake:
    lake = Lake(f"sqlite:{folder}/catalog.sqlite", str(folder / "data"), encrypted=encrypted, threads=1)
    with lake.connect() as connection:
        connection.execute("CREATE SCHEMA s")
        for half in HALVES:
            connection.execute(f"CREATE TABLE {half} (writer INTEGER, n INTEGER)")
    return lake


def counts(lake: Lake) -> tuple[object, ...]:
    return tuple(one(lake, f"SELECT count(*) FROM {half}") for half in HALVES)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return new_lake(tmp_path)


@pytest.fixture
def spawn() -> SpawnContext:
    return get_context("spawn")


class PlannedError(Exception):
    """Raised in the middle of a transaction."""


def write_half_and_stop(lake: Lake, connection: Connection, failure: type[BaseException] | None) -> None:
    """One of two inserts, then this error; without one, an insert that DuckDB itself refuses."""
    with lake.transaction(connection, HALVES):
        connection.execute("INSERT INTO s.left_half VALUES (1, 1)")
        if failure:
            raise failure
        connection.execute("INSERT INTO s.no_such VALUES (1, 1)")


def test_a_transaction_over_two_tables_is_all_or_nothing(lake: Lake):
    with lake.connect() as connection:
        for failure in (PlannedError, KeyboardInterrupt):
            with pytest.raises(failure):
                write_half_and_stop(lake, connection, failure)
        with pytest.raises(duckdb.Error, match="no_such"):
            write_half_and_stop(lake, connection, None)
        assert counts(lake) == (0, 0)
        with lake.transaction(connection, HALVES):
            for half in HALVES:
                connection.execute(f"INSERT INTO {half} VALUES (1, 1)")
    assert counts(lake) == (1, 1)


def test_the_lock_is_free_again_after_an_error(lake: Lake):
    with lake.connect() as connection, pytest.raises(PlannedError), lake.transaction(connection, HALVES):
        raise PlannedError
    with lake.write_lock(HALVES, timeout_s=0.1):
        pass


def test_a_writer_that_waits_too_long_is_told_so(lake: Lake):
    """Each `write_lock` has a lock object of its own: two in one process are like two processes."""
    with (
        lake.write_lock(HALVES),
        pytest.raises(LakeBusyError, match="another process has been writing"),
        lake.write_lock(HALVES, timeout_s=0.1),
    ):
        pytest.fail("two writers at once")


def test_who_waits_comes_before_who_has_just_written(lake: Lake):
    """One that takes the lock again and again, as dbt may, leaves it to another in between."""
    order: list[str] = []
    is_over = threading.Event()

    def waiter() -> None:
        with lake.write_lock(HALVES, timeout_s=30):
            order.append("waiter")
        is_over.set()

    with lake.write_lock(HALVES):
        thread = threading.Thread(target=waiter)
        thread.start()
        time.sleep(0.3)
    for _ in range(50):
        with lake.write_lock(HALVES):
            order.append("greedy")
            time.sleep(0.01)
        if is_over.is_set():
            break
    thread.join(30)
    assert order.index("waiter") <= 1


def test_read_only_refuses_to_write(lake: Lake):
    with lake.connect(read_only=True) as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("INSERT INTO s.left_half VALUES (1, 1)")


def test_reading_goes_on_while_a_writer_holds_its_transaction(lake: Lake, spawn: SpawnContext):
    has_written, may_commit = spawn.Event(), spawn.Event()
    writer = spawn.Process(target=hold_a_transaction, args=(lake, has_written, may_commit))
    writer.start()
    try:
        assert has_written.wait(60)
        seen = [counts(lake) for _ in range(5)]
        assert writer.is_alive()
        assert seen == [(0, 0)] * 5
    finally:
        may_commit.set()
        writer.join(60)
    assert writer.exitcode == 0
    assert counts(lake) == (1, 1)


@pytest.mark.verify
def test_two_writing_processes_all_succeed(lake: Lake, spawn: SpawnContext):
    writers = [spawn.Process(target=write_pairs, args=(lake, w, 10)) for w in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [w.exitcode for w in writers] == [0, 0]
    expected = [(w, n) for w in (1, 2) for n in range(10)]
    for half in HALVES:
        assert query(lake, f"SELECT writer, n FROM {half} ORDER BY ALL") == expected


@pytest.mark.verify
def test_processes_that_start_together_make_one_lake(tmp_path: Path, spawn: SpawnContext):
    lake = Lake(f"sqlite:{tmp_path}/catalog.sqlite", str(tmp_path / "data"), threads=1)
    processes = [spawn.Process(target=make_tables, args=(lake,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [p.exitcode for p in processes] == [0, 0, 0]
    assert one(lake, "SELECT count(*) FROM duckdb_tables()") == len(STREAMS)


def test_a_killed_writer_leaves_neither_half_nor_a_lock(lake: Lake, spawn: SpawnContext):
    has_written = spawn.Event()
    writer = spawn.Process(target=die_in_a_transaction, args=(lake, has_written))
    writer.start()
    assert has_written.wait(60)
    writer.kill()
    writer.join(60)
    write_pairs(lake, 1, 1)
    assert counts(lake) == (1, 1)


def bytes_on_disk(lake: Lake) -> bytes:
    files = sorted(Path(lake.data_path).rglob("*.parquet"))
    assert files
    return b"".join(f.read_bytes() for f in files)


@pytest.mark.parametrize("encrypted", [True, False])
def test_data_files_hold_no_readable_id_when_encrypted(tmp_path: Path, encrypted: bool):
    lake = new_lake(tmp_path, encrypted=encrypted)
    with lake.connect() as connection, lake.transaction(connection, ["s.people"]):
        connection.execute("CREATE TABLE s.people AS SELECT ? AS participant_id, 1 AS n", [PLANTED])
    assert one(lake, "SELECT participant_id FROM s.people") == PLANTED
    assert (PLANTED.encode() in bytes_on_disk(lake)) is not encrypted


def test_small_inserts_are_not_kept_in_the_catalog(lake: Lake):
    """Inlined rows would lie in the catalog in clear, and would not be Parquet files that others can read."""
    before = len(list(Path(lake.data_path).rglob("*.parquet")))
    write_pairs(lake, 1, 1)
    assert len(list(Path(lake.data_path).rglob("*.parquet"))) == before + 2


def test_the_encryption_setting_is_for_new_lakes_an_existing_one_opens_all_the_same(tmp_path: Path):
    for made in (True, False):
        lake = new_lake(tmp_path / str(made), encrypted=made)
        write_pairs(lake, 1, 1)
        assert counts(dataclasses.replace(lake, encrypted=not made)) == (1, 1)


def test_a_lake_that_is_not_there_is_no_empty_lake(tmp_path: Path):
    lake = Lake(f"sqlite:{tmp_path}/catalog.sqlite", str(tmp_path / "data"))
    with pytest.raises(LakeError, match="there is no lake yet"), lake.connect(read_only=True):
        pytest.fail("a lake appeared")
    assert not lake.sqlite_path.exists()


def test_a_broken_catalog_is_a_fault_of_the_lake(tmp_path: Path):
    lake = Lake(f"sqlite:{tmp_path}/catalog.sqlite", str(tmp_path / "data"))
    lake.sqlite_path.write_bytes(b"no database" * 100)
    with pytest.raises(LakeError, match="cannot be opened"), lake.connect():
        pytest.fail("it opened")


def test_a_secret_is_not_shown(tmp_path: Path):
    lake = Lake("postgres:host=127.0.0.1 port=1 dbname=x password=hunter2", str(tmp_path / "data"))
    with pytest.raises(LakeError) as caught, lake.connect():
        pytest.fail("there is no server on port 1")
    assert "hunter2" not in str(caught.value)


def test_the_lake_follows_the_settings(home: Settings, tmp_path: Path):
    assert Lake.from_settings(home).sqlite_path == home.home / "lake" / "catalog.sqlite"
    other = load_settings({"NEURO_HOME": str(tmp_path), "NEURO_CATALOG": "postgres:host=a", "NEURO_THREADS": "1"})
    assert Lake.from_settings(other).is_sqlite is False
    told = Lake.from_settings(other).attach_path
    assert (told.startswith("ducklake:postgres:"), " host=a" in told, " keepalives=1 " in told) == (True, True, True)


def test_a_quote_in_the_path_is_no_sql(tmp_path: Path):
    lake = new_lake(tmp_path / "o'neil's home")
    write_pairs(lake, 1, 1)
    assert counts(lake) == (1, 1)


def test_times_are_utc_whatever_the_machine_says(lake: Lake):
    assert one(lake, "SELECT TIMESTAMP '2016-07-01 12:00'::TIMESTAMPTZ::VARCHAR") == "2016-07-01 12:00:00+00"
