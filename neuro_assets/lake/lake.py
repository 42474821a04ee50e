"""The connection to the lake and the write transaction, the same code for every catalog.

Nothing here knows what the tables mean.
"""

import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import duckdb
from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.lake.errors import LakeBusyError, LakeError, is_server_lost, lake_error, without_secrets
from neuro_assets.lake.extensions import BASE, are_checked, load_extensions
from neuro_assets.lake.object_store import SCHEME, ObjectStore
from neuro_assets.lake.postgres import EVERY_TABLE, Server
from neuro_assets.settings import Settings

__all__ = ["ALIAS", "EVERY_TABLE", "Connection", "Lake", "LakeBusyError", "LakeError", "WriteLock"]

ALIAS = "lake"
LOCK_TIMEOUT_S = 900.0
Connection = duckdb.DuckDBPyConnection
# dbt hides the values of variables with this prefix in everything it writes.
PASSWORD_VARIABLE = "DBT_ENV_SECRET_LAKE_PASSWORD"  # noqa: S105
# The process that holds the write lock for dbt.
OWNER_VARIABLE = "LAKE_OWNER"
_CATALOG_SECRET = "catalog"  # noqa: S105
# DuckDB's own: rows of a row group in Parquet, and rows that a thread gathers before it writes to partitions.
_ROW_GROUP, _GATHERED = 122_880, 524_288
# Commits that meet at the same number of a snapshot are repeated by DuckLake: within half a minute, not ten times.
_COMMIT_RETRIES = {"ducklake_max_retry_count": 60, "ducklake_retry_wait_ms": 100, "ducklake_retry_backoff": 1.05}


class WriteLock(Protocol):
    """A lock that a writer holds."""

    def confirm(self) -> None:
        """Raise LakeError if it is not held any more."""
        ...

    def turn(self) -> AbstractContextManager[None]:
        """Held around a commit: one commits at a time."""
        ...


class _FileHeld:
    """A lock file: nobody but its holder ends it."""

    def confirm(self) -> None:
        """It is held."""

    def turn(self) -> AbstractContextManager[None]:
        """Nobody else commits anyway."""
        return nullcontext()


@dataclass(frozen=True)
class Lake:
    """One DuckLake: a catalog (SQLite or PostgreSQL) and a place for its data files (a folder or an object store)."""

    catalog: str = field(repr=False)
    data_path: str
    encrypted: bool = True
    memory_limit: str = "4GB"
    threads: int | None = None
    spill: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Lake":
        """The lake that the environment names."""
        return cls(
            settings.catalog_url,
            settings.data_path,
            settings.encrypt,
            settings.memory_limit,
            settings.threads,
            settings.scratch,
        )

    @property
    def is_sqlite(self) -> bool:
        """True for a SQLite catalog, which admits one writing process."""
        return self.catalog.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The catalog file of a SQLite lake."""
        return Path(self.catalog.removeprefix("sqlite:"))

    @property
    def is_in_object_store(self) -> bool:
        """True when the data files are in an object store, not in a folder."""
        return self.data_path.startswith(SCHEME)

    @cached_property
    def server(self) -> Server:
        """The server of a PostgreSQL lake."""
        return Server.parse(self.catalog.removeprefix("postgres:"))

    @property
    def attach_path(self) -> str:
        """What ATTACH is given; without a password, which DuckDB would repeat in its errors."""
        return f"ducklake:{self.catalog}" if self.is_sqlite else f"ducklake:postgres:{self.server.dsn}"

    @property
    def attach_options(self) -> dict[str, str | int | bool]:
        """Options of ATTACH beside the path."""
        options: dict[str, str | int | bool] = {"DATA_PATH": self.data_path, "DATA_INLINING_ROW_LIMIT": 0}
        if self.encrypted:
            options["ENCRYPTED"] = True
        if not self.is_in_object_store:
            # A home may be moved or restored elsewhere; its files lie where the home is now.
            options["OVERRIDE_DATA_PATH"] = True
        if self.is_sqlite:
            options |= {"META_JOURNAL_MODE": "WAL", "META_BUSY_TIMEOUT": 5000}
        elif self.server.password:
            options["META_SECRET"] = _CATALOG_SECRET
        return options

    def dbt_environment(self) -> dict[str, str]:
        """What dbt_project/profiles.yml and the plugin read to attach this lake."""
        return {
            "LAKE_PATH": self.attach_path,
            "LAKE_OPTIONS": json.dumps(self.attach_options),
            "LAKE_THREADS": "1" if self.is_sqlite else "4",
            PASSWORD_VARIABLE: "" if self.is_sqlite else self.server.password or "",
            OWNER_VARIABLE: str(os.getpid()),
        }

    @contextmanager
    def connect(
        self, *, read_only: bool = False, memory_limit: str | None = None, as_of: int | datetime | None = None
    ) -> Iterator[Connection]:
        """A DuckDB connection with the lake attached and in use; closed at the end, whatever happens.

        A read-only connection never takes a lock and never blocks a writer.

        Args:
            read_only: nothing can be written.
            memory_limit: instead of the lake's own; what needs more is spilled to disk.
            as_of: the lake as it was at a snapshot or a moment; for reading.

        Raises:
            LakeError: the catalog or its data cannot be opened, or were lost while the connection was in use.
        """
        if self.is_sqlite:
            self.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
            if read_only and not self.sqlite_path.exists():
                raise LakeError(f"there is no lake yet at {self.sqlite_path}; `neuro ingest` makes one")
        connection = duckdb.connect(":memory:", config=self._config(memory_limit))
        try:
            self._attach(connection, read_only=read_only or as_of is not None, as_of=as_of)
            yield connection
        except duckdb.Error as error:
            if told := lake_error(error):
                raise told from error
            raise
        finally:
            connection.close()

    @property
    def _extensions(self) -> tuple[str, ...]:
        return (*BASE, "sqlite" if self.is_sqlite else "postgres")

    def _config(self, memory_limit: str | None) -> dict[str, str | bool | int | float | list[str]]:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit or self.memory_limit,
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": True,
            "allow_unsigned_extensions": are_checked(self._extensions),
        }
        if self.threads:
            config["threads"] = self.threads
        if self.spill:
            # Two connections that spill into one folder overwrite each other's files and crash (duckdb#15173); DuckDB's
            # own choice is `.tmp` of the working directory, for all. It makes the last folder and removes it again.
            self.spill.mkdir(parents=True, exist_ok=True)
            config["temp_directory"] = str(self.spill / f"duckdb-{uuid.uuid4().hex}")
        return config

    def _attach(self, connection: Connection, *, read_only: bool, as_of: int | datetime | None = None) -> None:
        load_extensions(connection, self._extensions)
        options = dict(self.attach_options) | {"CREATE_IF_NOT_EXISTS": False}
        if read_only:
            options["READ_ONLY"] = True
            options.pop("META_JOURNAL_MODE", None)  # to set it is to write
        if isinstance(as_of, datetime):
            options["SNAPSHOT_TIME"] = as_of.astimezone(UTC).isoformat(sep=" ")
        elif as_of is not None:
            options["SNAPSHOT_VERSION"] = as_of
        try:
            connection.execute("SET TimeZone = 'UTC'")
            # Started by `python -c`, as workers are, DuckDB would draw bars into standard output.
            connection.execute("SET enable_progress_bar = false")
            prepare_connection(connection, self.data_path, None if self.is_sqlite else self.server.password)
            if not self._attach_existing(connection, options):
                if read_only:
                    raise LakeError("there is no lake yet in this catalog; `neuro ingest` makes one")
                self._make(connection, options)
            connection.execute(f"USE {ALIAS}")
        except duckdb.Error as error:
            raise _not_opened(error) from None

    def _make(self, connection: Connection, options: dict[str, str | int | bool]) -> None:
        """Make the catalog, once: of several processes that start at the same time one does."""
        with self.write_lock([EVERY_TABLE]):
            if self._attach_existing(connection, options):
                return
            if self.is_in_object_store and ObjectStore.from_environment(self.data_path).holds_files(connection):
                # Maintenance of a second lake would take the files of the first for orphans.
                raise LakeError(
                    f"{self.data_path} holds data files, but the catalog is empty: they belong to another lake, or the"
                    " catalog was lost. Set NEURO_DATA to a prefix of this lake's own, or restore the catalog"
                )
            self._attach_with(connection, options | {"CREATE_IF_NOT_EXISTS": True})

    def _attach_existing(self, connection: Connection, options: dict[str, str | int | bool]) -> bool:
        try:
            self._attach_with(connection, options)
        except duckdb.InvalidInputException as error:
            if "creating a new DuckLake is explicitly disabled" in str(error):
                return False
            # The setting is for new lakes; an existing one is what its catalog says.
            if "Failed to set encryption" not in str(error):
                raise
            self._attach_with(connection, {k: v for k, v in options.items() if k != "ENCRYPTED"})
        return True

    def _attach_with(self, connection: Connection, options: dict[str, str | int | bool]) -> None:
        given = ", ".join(f"{k} {_literal(v)}" for k, v in options.items())
        connection.execute(f"ATTACH '{_quoted(self.attach_path)}' AS {ALIAS} ({given})")

    @contextmanager
    def transaction(
        self, connection: Connection, tables: Iterable[str], *, timeout_s: float = LOCK_TIMEOUT_S
    ) -> Iterator[Connection]:
        """One atomic write over `tables` (names `schema.table`): committed at the end, rolled back on any error.

        A SQLite catalog admits one writer, so one lock between processes covers the whole lake; on PostgreSQL an
        advisory lock per table lets writers of different tables go side by side.

        A lock of PostgreSQL ends with its session, which may be lost while DuckDB's own is alive. DuckLake refuses
        most of what two writers of a table could then do to each other, but not that both fill days that were empty;
        so the lock is confirmed before the commit, and once more after it. Whoever is refused after the commit is in
        the state of a process killed after it: the same work, done again, replaces what it wrote.

        Raises:
            LakeBusyError: the lock was not to be had in time.
            LakeError: the lock was lost; nothing, or all, was written.
        """
        is_sent = False
        try:
            with self.write_lock(tables, timeout_s) as lock:
                connection.execute("BEGIN TRANSACTION")
                try:
                    yield connection
                    failpoints.reach("lake.before_commit")
                    lock.confirm()
                    with lock.turn():
                        is_sent = True
                        connection.execute("COMMIT")
                    failpoints.reach("lake.after_commit")
                except BaseException:
                    _rollback(connection)
                    raise
                lock.confirm()
        except duckdb.Error as error:
            if is_sent and is_server_lost(str(error)):
                from neuro_assets.lake.lost_commits import settle_lost_commit

                settle_lost_commit(self)
            raise

    @contextmanager
    def write_lock(self, tables: Iterable[str], timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[WriteLock]:
        """The lock a writer of `tables`, or of EVERY_TABLE, needs; `transaction` takes it, dbt is run under it.

        Who holds one must not ask for another.

        Raises:
            LakeBusyError: it was not to be had in time.
        """
        if self.is_sqlite:
            with self._file_lock(timeout_s):
                yield _FileHeld()
        else:
            with self.server.locks(tables, timeout_s) as locks:
                yield locks

    @contextmanager
    def _file_lock(self, timeout_s: float) -> Iterator[None]:
        path, queue = lock_files(self.sqlite_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock, until = FileLock(path, poll_interval=0.02), time.monotonic() + timeout_s
        try:
            # Who waits holds the queue, so that whoever has just released the lock cannot take it again at once.
            with FileLock(queue, timeout=timeout_s, poll_interval=0.02):
                lock.acquire(timeout=max(0.0, until - time.monotonic()))
        except Timeout:
            raise LakeBusyError(
                f"another process has been writing to the lake for more than {timeout_s:.0f} s ({path}); try again"
            ) from None
        try:
            yield
        finally:
            lock.release()


def lock_files(catalog: Path) -> tuple[Path, Path]:
    """The files beside a SQLite catalog by which writers take turns: the lock, and the queue for it."""
    return catalog.with_suffix(".lock"), catalog.with_suffix(".queue")


def prepare_connection(connection: Connection, data_path: str, password: str | None) -> None:
    """What a connection of any program needs before it attaches the lake, beside the extensions.

    Raises:
        LakeError: the credentials of the object store are missing.
    """
    for name, value in _COMMIT_RETRIES.items():
        connection.execute(f"SET {name} = {value}")
    if password:
        connection.execute(
            f"CREATE OR REPLACE TEMPORARY SECRET {_CATALOG_SECRET} (TYPE postgres, PASSWORD ?)", [password]
        )
    if data_path.startswith(SCHEME):
        ObjectStore.from_environment(data_path).open(connection)


def look_here_first(connection: Connection) -> None:
    """Names without a schema are looked for among the connection's own tables and functions before the lake's.

    In the lake each name is a question to its catalog: a statement that has nothing to do with it takes 3 to 8 ms then,
    and 0.3 so. To make tables in the lake, `USE` it again.
    """
    found = connection.execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? AND schema_name <> 'main'", [ALIAS]
    ).fetchall()
    path = ",".join(("memory.main", "system.main", *(f"{ALIAS}.{name}" for (name,) in found)))
    connection.execute(f"SET search_path = '{path}'")


def gather_by_day(connection: Connection, days: int) -> None:
    """Gather about a row group for each of the days before the next insert writes to their files.

    Left alone DuckDB gathers four row groups in each thread: for one day that is memory, and time, for nothing.
    """
    rows = min(max(days, 1) * _ROW_GROUP, _GATHERED)
    connection.execute(f"SET partitioned_write_flush_threshold = {rows}")


def _not_opened(error: duckdb.Error) -> LakeError:
    told = str(error)
    if "does not match existing data path" in told:
        return LakeError(f"NEURO_DATA is not where this lake's data files are: {without_secrets(told)}")
    return LakeError(f"the lake cannot be opened: {lake_error(error) or without_secrets(told)}")


def _rollback(connection: Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        # The failed statement has already ended the transaction; the first error is the one to report.
        return


def _literal(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f"'{_quoted(value)}'"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
