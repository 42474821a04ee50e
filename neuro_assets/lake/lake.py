"""The connection to the lake and the write transaction, the same code for every catalog.

Nothing here knows what the tables mean.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.lake.extensions import BASE, are_checked, load_extensions
from neuro_assets.settings import Settings

ALIAS = "lake"
LOCK_TIMEOUT_S = 900.0
Connection = duckdb.DuckDBPyConnection


class LakeError(RuntimeError):
    """The lake cannot be reached or written; never a fault of the data."""


class LakeBusyError(LakeError):
    """Another process held the write lock for longer than we wait."""


@dataclass(frozen=True)
class Lake:
    """One DuckLake: a catalog (SQLite or PostgreSQL) and a place for its data files."""

    catalog: str
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
    def attach_path(self) -> str:
        """What ATTACH is given."""
        return f"ducklake:{self.catalog}"

    @property
    def attach_options(self) -> dict[str, str | int | bool]:
        """Options of ATTACH beside the path."""
        options: dict[str, str | int | bool] = {"DATA_PATH": self.data_path, "DATA_INLINING_ROW_LIMIT": 0}
        if self.encrypted:
            options["ENCRYPTED"] = True
        if "://" not in self.data_path:
            # A home may be moved or restored elsewhere; its files lie where the home is now.
            options["OVERRIDE_DATA_PATH"] = True
        if self.is_sqlite:
            options |= {"META_JOURNAL_MODE": "WAL", "META_BUSY_TIMEOUT": 5000}
        return options

    def dbt_environment(self) -> dict[str, str]:
        """What dbt_project/profiles.yml reads to attach this lake."""
        return {
            "LAKE_PATH": self.attach_path,
            "LAKE_OPTIONS": json.dumps(self.attach_options),
            "LAKE_THREADS": "1" if self.is_sqlite else "4",
        }

    @contextmanager
    def connect(self, *, read_only: bool = False, memory_limit: str | None = None) -> Iterator[Connection]:
        """A DuckDB connection with the lake attached and in use; closed at the end, whatever happens.

        A read-only connection never takes a lock and never blocks a writer.

        Args:
            read_only: nothing can be written.
            memory_limit: instead of the lake's own; what needs more is spilled to disk.

        Raises:
            LakeError: the catalog or its data cannot be opened.
        """
        if self.is_sqlite:
            self.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
            if read_only and not self.sqlite_path.exists():
                raise LakeError(f"there is no lake yet at {self.sqlite_path}; `neuro ingest` makes one")
        connection = duckdb.connect(":memory:", config=self._config(memory_limit))
        try:
            self._attach(connection, read_only=read_only)
            yield connection
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

    def _attach(self, connection: Connection, *, read_only: bool) -> None:
        load_extensions(connection, self._extensions)
        options = dict(self.attach_options)
        if read_only:
            options["READ_ONLY"] = True
        try:
            connection.execute("SET TimeZone = 'UTC'")
            # Started by `python -c`, as workers are, DuckDB would draw bars into standard output.
            connection.execute("SET enable_progress_bar = false")
            try:
                self._attach_with(connection, options)
            except duckdb.InvalidInputException as error:
                # The setting is for new lakes; an existing one is what its catalog says.
                if "Failed to set encryption" not in str(error):
                    raise
                self._attach_with(connection, {k: v for k, v in options.items() if k != "ENCRYPTED"})
            connection.execute(f"USE {ALIAS}")
        except duckdb.Error as error:
            raise LakeError(f"the lake cannot be opened: {_without_secrets(str(error))}") from None

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

        Raises:
            LakeBusyError: the lock was not to be had in time.
        """
        with self.write_lock(tables, timeout_s):
            connection.execute("BEGIN TRANSACTION")
            try:
                yield connection
                failpoints.reach("lake.before_commit")
                connection.execute("COMMIT")
                failpoints.reach("lake.after_commit")
            except BaseException:
                _rollback(connection)
                raise

    @contextmanager
    def write_lock(self, tables: Iterable[str], timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """The lock a writer of `tables` needs; `transaction` takes it, dbt is run under it."""
        with ExitStack() as stack:
            if self.is_sqlite:
                stack.enter_context(self._file_lock(timeout_s))
            else:
                stack.enter_context(_advisory_locks(self.catalog.removeprefix("postgres:"), tables, timeout_s))
            yield

    @contextmanager
    def _file_lock(self, timeout_s: float) -> Iterator[None]:
        path = self.sqlite_path.with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=timeout_s, poll_interval=0.02):
                yield
        except Timeout:
            raise LakeBusyError(
                f"another process has been writing to the lake for more than {timeout_s:.0f} s ({path}); try again"
            ) from None


@contextmanager
def _advisory_locks(dsn: str, tables: Iterable[str], timeout_s: float) -> Iterator[None]:
    import psycopg2

    try:
        session = psycopg2.connect(dsn)
    except psycopg2.Error as error:
        raise LakeError(f"the catalog server cannot be reached: {_without_secrets(str(error))}") from None
    try:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute("SET lock_timeout = %s", (f"{int(timeout_s * 1000)}ms",))
            for table in sorted(set(tables)):
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"neuro:{table}",))
        yield
    except psycopg2.errors.LockNotAvailable:
        raise LakeBusyError(f"another writer held the tables for more than {timeout_s:.0f} s; try again") from None
    finally:
        session.close()


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


def _without_secrets(text: str) -> str:
    return re.sub(r"(password|secret|key)\s*=\s*\S+", r"\1=***", text, flags=re.IGNORECASE)
