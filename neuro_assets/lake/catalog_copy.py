"""The catalog as one SQLite file, whichever kind it is: copied out of a lake, into a lake, and what it refers to.

DuckLake keeps the same tables on SQLite and on PostgreSQL; where a type differs (uuid, timestamptz, boolean) DuckDB
writes it as DuckLake itself would. So a copy taken from one kind of catalog fits the other.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from neuro_assets.lake.extensions import load_extensions
from neuro_assets.lake.lake import Connection, Lake, LakeError, lock_files

_PREFIX = "ducklake_"
# The catalog's own tables as the connection names them, and those of the attached SQLite file.
_OWN, _COPY = "__ducklake_metadata_lake", "copied"
# Which tables, and of them what both kinds of catalog write alike, make a lake this one and no other.
_TELLING = {
    "ducklake_schema": "schema_uuid::VARCHAR",
    "ducklake_snapshot": "(snapshot_id, schema_version, next_catalog_id, next_file_id)",
    "ducklake_data_file": "(data_file_id, path, encryption_key)",
}
_FILES = """
    WITH place AS (
        SELECT DISTINCT t.table_id, s.path AS schema_path, t.path AS table_path,
               s.path_is_relative AND t.path_is_relative AS is_relative
        FROM ducklake_table t JOIN ducklake_schema s ON s.schema_id = t.schema_id
    ), file AS (
        SELECT table_id, path, path_is_relative, file_size_bytes FROM ducklake_data_file
        UNION ALL
        SELECT table_id, path, path_is_relative, file_size_bytes FROM ducklake_delete_file
    )
    SELECT schema_path, table_path, file.path, coalesce(is_relative AND path_is_relative, 0), file_size_bytes
    FROM file LEFT JOIN place ON place.table_id = file.table_id
"""


class CatalogCopyError(LakeError):
    """A catalog cannot be copied, or a copy is not what it should be."""


@dataclass(frozen=True)
class CopiedLake(Lake):
    """A lake on a copied catalog: only read, so the copy stays one file, byte for byte."""

    @property
    def attach_options(self) -> dict[str, str | int | bool]:
        """Those of the lake but for the journal."""
        options = super().attach_options
        return {k: v for k, v in options.items() if not k.startswith("META_")}


def copy_out(lake: Lake, target: Path) -> None:
    """Copy a lake's catalog into a new SQLite file, as it is at one moment; whoever writes meanwhile is not disturbed.

    Raises:
        CatalogCopyError: the copy is damaged.
        LakeError: the catalog cannot be opened.
    """
    # Made first, so that nobody else can ever open it: the catalog holds the keys.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if lake.is_sqlite:
        copy_sqlite(lake.sqlite_path, target)
    else:
        with _both(lake, target) as connection:
            _copy_tables(connection, _OWN, _COPY)
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise CatalogCopyError(f"the copy of the catalog is damaged: {found}")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database in use by SQLite's online backup: what is committed, of one moment."""
    with closing(sqlite3.connect(source, timeout=60)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def copy_in(copy: Path, lake: Lake, data_path: str) -> None:
    """Fill a lake's empty catalog from a copy, in one transaction; its files will be looked for at `data_path`.

    Raises:
        CatalogCopyError: the catalog holds tables of another lake.
    """
    if lake.is_sqlite:
        if lake.sqlite_path.exists():
            raise CatalogCopyError(f"there is a catalog at {lake.sqlite_path} already")
        lake.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
        passing = lake.sqlite_path.with_name(f"{lake.sqlite_path.name}.restoring")
        passing.unlink(missing_ok=True)
        copy_sqlite(copy, passing)
        with closing(sqlite3.connect(passing)) as catalog:
            with catalog:
                catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [_folder(data_path)])
            # As every connection to a lake wants it, of which one that only reads cannot set it.
            catalog.execute("PRAGMA journal_mode = WAL")
        passing.rename(lake.sqlite_path)
        return
    with _both(lake, copy) as connection:
        if not _is_unused(connection):
            raise CatalogCopyError("the catalog on the server holds a lake already")
        _copy_tables(connection, _COPY, _OWN, data_path=_folder(data_path))


@contextmanager
def _both(lake: Lake, copy: Path) -> Iterator[Connection]:
    """A connection that reaches the tables of the lake's own catalog (`_OWN`) and of the SQLite file (`_COPY`)."""
    if not copy.stat().st_size:
        # DuckLake itself makes the tables.
        with CopiedLake(f"sqlite:{copy}", str(copy.with_name("data")), encrypted=lake.encrypted).connect():
            pass
        for left in lock_files(copy):
            left.unlink(missing_ok=True)
    with lake.connect() as connection:
        load_extensions(connection, ["sqlite"])
        connection.execute(f"ATTACH '{_quoted(str(copy))}' AS {_COPY} (TYPE sqlite)")
        yield connection


def _copy_tables(connection: Connection, source: str, target: str, data_path: str | None = None) -> None:
    """All catalog tables of one attached database replace those of another; one moment of the source."""
    names, there = _tables(connection, source), _tables(connection, target)
    if names != there:
        raise CatalogCopyError(
            "the two catalogs have different tables (" + ", ".join(sorted(names ^ there)) + "): rows are kept inside"
            " the catalog, or another version of DuckLake wrote it; this program does neither"
        )
    connection.execute("BEGIN TRANSACTION")
    for name in sorted(names):
        connection.execute(f"DELETE FROM {target}.{name}")
        connection.execute(f"INSERT INTO {target}.{name} BY NAME SELECT * FROM {source}.{name}")
    if data_path is not None:
        connection.execute(f"UPDATE {target}.ducklake_metadata SET value = ? WHERE key = 'data_path'", [data_path])
    connection.execute("COMMIT")


def _tables(connection: Connection, database: str) -> set[str]:
    """Names of the catalog tables; DuckDB lists those of a file it has attached, and the server its own."""
    listed = (
        f"SELECT table_name FROM {_OWN}.information_schema.tables WHERE starts_with(table_name, ?)"
        if database == _OWN
        else f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{_COPY}' AND starts_with(table_name, ?)"
    )
    return {name for (name,) in connection.execute(listed, [_PREFIX]).fetchall()}


def _is_unused(connection: Connection) -> bool:
    """Whether the lake in use has never had a table: its catalog holds what DuckLake makes at first sight."""
    row = connection.execute(f"SELECT max(snapshot_id) FROM {_OWN}.ducklake_snapshot").fetchone()
    return row is not None and not row[0]


def catalog_state(lake: Lake, copy: Path) -> Literal["empty", "same", "other"]:
    """What is where a copy is to be put: no lake yet, the very lake of the copy, or another one."""
    if lake.is_sqlite:
        if not lake.sqlite_path.exists():
            return "empty"
        with _reading(lake.sqlite_path) as one, _reading(copy) as other:
            pairs = [[c.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall() for c in (one, other)] for t in _TELLING]
            return "same" if all(mine == theirs for mine, theirs in pairs) else "other"
    with _both(lake, copy) as connection:
        if _is_unused(connection):
            return "empty"
        for name, what in _TELLING.items():
            counts = [
                connection.execute(f"SELECT count(*), bit_xor(hash({what})) FROM {db}.{name}").fetchall()
                for db in (_OWN, _COPY)
            ]
            if counts[0] != counts[1]:
                return "other"
    return "same"


@dataclass(frozen=True)
class CatalogFacts:
    """What a copied catalog says of itself.

    Attributes:
        snapshot_id: the latest version of the lake.
        snapshot_at: when that was committed, as the catalog writes it.
        format_version: DuckLake's own.
        is_encrypted: whether the data files are.
        files: path below the data folder -> size in bytes, for every version that can still be read.
    """

    snapshot_id: int
    snapshot_at: str
    format_version: str
    is_encrypted: bool
    files: dict[str, int]


def read_facts(copy: Path) -> CatalogFacts:
    """What the copy says.

    Raises:
        CatalogCopyError: it is no catalog of a lake, or refers to a file outside the data folder.
    """
    try:
        with _reading(copy) as catalog:
            settings = dict(catalog.execute("SELECT key, value FROM ducklake_metadata WHERE scope IS NULL"))
            snapshot = catalog.execute(
                "SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1"
            ).fetchone()
            files = {_place(*row[:4]): int(row[4]) for row in catalog.execute(_FILES)}
    except sqlite3.Error as error:
        raise CatalogCopyError(f"{copy} is no catalog of a lake: {error}") from None
    if snapshot is None:
        raise CatalogCopyError(f"{copy} holds no version of a lake")
    return CatalogFacts(
        int(snapshot[0]), str(snapshot[1]), settings.get("version", ""), settings.get("encrypted") == "true", files
    )


def _place(schema: str | None, table: str | None, path: str, is_relative: int) -> str:
    place = PurePosixPath(schema or "", table or "", path)
    if not is_relative or place.is_absolute() or ".." in place.parts:
        raise CatalogCopyError(f"the catalog refers to a file outside the lake's data folder: {path}")
    return place.as_posix()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file that nobody is to change, not even by opening it."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def _folder(data_path: str) -> str:
    return data_path if data_path.endswith("/") else f"{data_path}/"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
