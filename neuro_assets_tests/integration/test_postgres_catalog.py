"""The same code on a PostgreSQL catalog: the tables that SQLite gives, and what a lost connection must not do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

from neuro_assets.assets.baselines import with_dbt_lock
from neuro_assets.assets.failures import is_infrastructure
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.errors import OvertakenError
from neuro_assets.lake.lake import EVERY_TABLE, Lake, LakeBusyError, LakeError
from neuro_assets.lake.lost_commits import undo_lost_commits
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets_tests.lake.writers import make_tables
from neuro_assets_tests.servers import CutWire, Postgres
from neuro_assets_tests.tables import load, read_table, stage

pytestmark = pytest.mark.verify
# The streams of the six kinds of file that the fixture has.
FILLED = {"heart_rate", "steps", "calories", "intensity", "daily_activity", "daily_sleep"}


def test_real_files_give_the_same_tables_as_on_sqlite(
    postgres: Postgres, make_job: Callable[..., Ingest], fitabase: dict[str, list[Path]]
):
    on_sqlite, other = make_job(), make_job()
    on_postgres = replace(other, lake=replace(other.lake, catalog=f"postgres:{postgres.dsn()}"))
    files = [path for paths in fitabase.values() for path in paths]
    for job in (on_sqlite, on_postgres):
        assert {o.outcome for o in load(job, *files)} == {"loaded"}
        for stream in STREAMS:
            stage(job, stream.name, date(2016, 3, 12), date(2016, 5, 13))
    filled = [s for s in STREAMS if s.name in FILLED]
    assert len(filled) == len(FILLED)
    for stream in filled:
        wanted = read_table(on_sqlite.lake, stream.qualified, ", ".join(stream.key))
        assert len(wanted) > 0
        assert read_table(on_postgres.lake, stream.qualified, ", ".join(stream.key)).equals(wanted)


_NUMBERS = count()
DAY = date(2016, 4, 1)


@pytest.fixture
def lake(postgres: Postgres, tmp_path: Path) -> Lake:
    """A lake of its own on the server, with an empty table by day."""
    lake = new_lake(postgres, tmp_path)
    with lake.connect() as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t (day DATE, writer INTEGER)")
        connection.execute("ALTER TABLE s.t SET PARTITIONED BY (day)")
    return lake


def new_lake(postgres: Postgres, folder: Path) -> Lake:
    name = f"lake_{next(_NUMBERS)}"
    postgres.new_database(name)
    return Lake(f"postgres:{postgres.url(name)}", str(folder / "data"), threads=1)


def content(lake: Lake) -> list[tuple]:
    with lake.connect(read_only=True) as connection:
        return connection.execute("SELECT * FROM s.t ORDER BY ALL").fetchall()


def write(lake: Lake, writer: int) -> None:
    with lake.connect() as connection, lake.transaction(connection, ["s.t"]):
        connection.execute("DELETE FROM s.t WHERE day = ?", [DAY])
        connection.execute("INSERT INTO s.t VALUES (?, ?)", [DAY, writer])


def end_lock_sessions(postgres: Postgres, but: int = 0) -> None:
    """What a firewall or an administrator does to a session that only waits."""
    ended = postgres.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM (SELECT DISTINCT pid FROM pg_locks"
        f" WHERE locktype = 'advisory' AND pid <> {but}) l"
    )
    assert ended


def test_a_writer_that_lost_its_lock_does_not_commit_what_another_has_written_meanwhile(lake: Lake, postgres: Postgres):
    """Both fill a day that was empty: DuckLake sees no conflict in that, so the day would have the rows of both."""
    with pytest.raises(LakeError, match="write locks was lost") as caught, lake.connect() as connection:  # noqa: SIM117, PT012
        with lake.transaction(connection, ["s.t"]):
            connection.execute("DELETE FROM s.t WHERE day = ?", [DAY])
            connection.execute("INSERT INTO s.t VALUES (?, 1)", [DAY])
            end_lock_sessions(postgres)
            write(lake, 2)
    assert is_infrastructure(caught.value)
    assert content(lake) == [(DAY, 2)]


def test_a_lock_lost_during_the_commit_is_told(lake: Lake, postgres: Postgres, monkeypatch: pytest.MonkeyPatch):
    """Done again, as a step is, the same work replaces what it wrote."""
    monkeypatch.setattr(
        "neuro_assets.failpoints.reach",
        lambda name: end_lock_sessions(postgres) if name == "lake.after_commit" else None,
    )
    with pytest.raises(LakeError, match="write locks was lost"):
        write(lake, 1)
    monkeypatch.undo()
    write(lake, 1)
    assert content(lake) == [(DAY, 1)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_in_a_transaction_writes_nothing_and_is_infrastructure(lake: Lake, postgres: Postgres, mode: str):
    with pytest.raises(LakeError) as caught, lake.connect() as connection:  # noqa: SIM117, PT012
        with lake.transaction(connection, ["s.t"]):
            connection.execute("INSERT INTO s.t VALUES (?, 1)", [DAY])
            postgres.restart(mode)
    assert is_infrastructure(caught.value)
    assert content(lake) == []
    write(lake, 2)
    assert content(lake) == [(DAY, 2)]


def test_a_reader_of_a_stopped_server_is_told_so_and_no_password_shown(lake: Lake, postgres: Postgres):
    def read_while_it_stops() -> None:
        with lake.connect() as connection:
            postgres.stop()
            connection.execute("SELECT * FROM s.t")

    with pytest.raises(LakeError, match="catalog server") as caught:
        read_while_it_stops()
    for attempt in (lambda: content(lake), lambda: write(lake, 1)):
        with pytest.raises(LakeError) as again:
            attempt()
        assert postgres.password not in str(again.value) + str(again.value.__cause__)
    postgres.start()
    assert postgres.password not in str(caught.value) + str(caught.value.__cause__)


def test_a_wrong_password_is_told_and_not_shown(lake: Lake, postgres: Postgres):
    wrong = replace(lake, catalog=lake.catalog.replace(postgres.password, "hunter2"))
    for attempt in (lambda: content(wrong), lambda: write(wrong, 1)):
        with pytest.raises(LakeError, match="password authentication failed") as caught:
            attempt()
        assert "hunter2" not in str(caught.value) + str(caught.value.__cause__)


def test_a_commit_whose_answer_got_lost_is_undone_and_can_be_repeated(lake: Lake, postgres: Postgres):
    """It reached the server, DuckLake removed its files: without undoing it the table cannot be read any more."""
    write(lake, 1)
    wire = CutWire(postgres.port)
    cut = replace(lake, catalog=lake.catalog.replace(f":{postgres.port}/", f":{wire.port}/"))
    with pytest.raises(LakeError, match="connection to the catalog server was lost"), cut.connect() as connection:  # noqa: SIM117, PT012
        with cut.transaction(connection, ["s.t"]):
            connection.execute("DELETE FROM s.t WHERE day = ?", [DAY])
            connection.execute("INSERT INTO s.t VALUES (?, 2)", [DAY])
            wire.arm()
    assert content(lake) == [(DAY, 1)]
    assert undo_lost_commits(lake) == 0
    write(lake, 3)
    assert content(lake) == [(DAY, 3)]


def test_files_that_are_missing_for_another_reason_are_not_forgotten(lake: Lake):
    for writer in (1, 2):
        with lake.connect() as connection, lake.transaction(connection, ["s.t"]):
            connection.execute("INSERT INTO s.t VALUES (?, ?)", [date(2016, 4, writer), writer])
    first = min(Path(lake.data_path).rglob("*.parquet"), key=lambda p: p.stat().st_mtime_ns)
    kept = first.read_bytes()
    first.unlink()
    with pytest.raises(LakeError, match="restore the lake from a backup"):
        undo_lost_commits(lake)
    first.write_bytes(kept)
    assert [writer for _, writer in content(lake)] == [1, 2]


def test_waiting_for_many_tables_takes_no_longer_than_asked(lake: Lake):
    for held, wanted in ((["a"], ["a", "b", "c"]), ([EVERY_TABLE], ["a"]), (["a"], [EVERY_TABLE])):
        with (
            lake.write_lock(held),
            pytest.raises(LakeBusyError, match="more than 1 s"),
            lake.write_lock(wanted, timeout_s=1),
        ):
            pytest.fail("two writers at once")
    with lake.write_lock(["a"]), lake.write_lock(["b"], timeout_s=1):
        pass


def is_free(lake: Lake) -> bool:
    """Whether a writer of some other table would get its lock."""
    try:
        with lake.write_lock(["other"], timeout_s=0.5):
            return True
    except LakeBusyError:
        return False


def test_dbt_that_is_overtaken_builds_once_more_while_the_others_wait(lake: Lake):
    tries = []

    def build() -> Iterator[str]:
        tries.append(is_free(lake))
        if len(tries) == 1:
            raise OvertakenError("others committed faster")
        yield "built"

    assert list(with_dbt_lock(lake, build)) == ["built"]
    assert tries == [True, False]


def test_processes_that_start_together_make_one_lake(postgres: Postgres, tmp_path: Path):
    lake = new_lake(postgres, tmp_path)
    processes = [get_context("spawn").Process(target=make_tables, args=(lake,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [p.exitcode for p in processes] == [0, 0, 0, 0]
    with lake.connect(read_only=True) as connection:
        made = connection.execute("SELECT count(*), count(DISTINCT table_name) FROM duckdb_tables()").fetchone()
    assert made == (len(STREAMS), len(STREAMS))


def test_there_is_no_lake_before_one_is_made(postgres: Postgres, tmp_path: Path):
    with pytest.raises(LakeError, match="there is no lake yet"):
        content(new_lake(postgres, tmp_path))
