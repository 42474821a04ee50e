"""Commits whose answer got lost on the way back from PostgreSQL, and undoing them.

A commit may have reached the server although the connection broke before the answer. DuckLake cannot tell, takes the
commit for failed and removes the data files it wrote; the catalog then names files that are gone, and the table cannot
be read. Whoever made the commit was told that it failed and does the same again, so the catalog is put back.
"""

import time
from contextlib import closing
from typing import Any

from neuro_assets.lake.errors import LakeError
from neuro_assets.lake.lake import ALIAS, EVERY_TABLE, Connection, Lake

_FILES = ("ducklake_data_file", "ducklake_delete_file")
_OF_A_FILE = ("ducklake_file_column_stats", "ducklake_file_partition_value")


def undo_lost_commits(lake: Lake, timeout_s: float = 120.0) -> int:
    """Undo the commits of a PostgreSQL lake whose data files are gone; returns how many.

    Args:
        lake: the lake; nothing is done to one on SQLite, whose commits need no connection.
        timeout_s: how long to wait for all writers to pause.

    Raises:
        LakeError: the server cannot be reached, or files are missing for another reason than the last commit of their
            table: then only a backup has them.
    """
    if lake.is_sqlite:
        return 0
    with lake.write_lock([EVERY_TABLE], timeout_s):
        with lake.connect() as connection:
            missing = _missing_files(connection, lake.data_path)
        if not missing:
            return 0
        with closing(lake.server.session()) as session, session, session.cursor() as cursor:
            snapshots = _snapshots_of(cursor, missing)
            for snapshot in snapshots:
                _undo(cursor, snapshot, missing)
    return len(snapshots)


def settle_lost_commit(lake: Lake, tries: int = 6) -> None:
    """The same once the connection to the server broke, waiting for it to come back: half a minute, if need be.

    Raises:
        LakeError: it did not come back, or writers did not pause; maintenance does it then.
    """
    for attempt in range(tries):
        try:
            undo_lost_commits(lake)
        except LakeError as error:
            if attempt + 1 == tries:
                raise LakeError(
                    f"a commit was cut off and could not be looked after; `neuro maintain` does it ({error})"
                ) from error
            time.sleep(2.0**attempt / 2)
        else:
            return


def _missing_files(connection: Connection, data_path: str) -> set[str]:
    """Names of data and delete files that the catalog names now and that are not there."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ?", [ALIAS]
    ).fetchall()
    named: set[str] = set()
    for schema, table in tables:
        for pair in connection.execute(
            f"SELECT data_file, delete_file FROM ducklake_list_files('{ALIAS}', ?, schema => ?)", [table, schema]
        ).fetchall():
            named |= {path for path in pair if path}
    there = connection.execute("SELECT file FROM glob(?)", [f"{data_path.rstrip('/')}/**/*.parquet"]).fetchall()
    return {_name(path) for path in named} - {_name(path) for (path,) in there}


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _snapshots_of(cursor: Any, missing: set[str]) -> list[int]:
    """The snapshots in which the files appeared, the latest first."""
    found: set[int] = set()
    for table in _FILES:
        cursor.execute(
            f"SELECT begin_snapshot FROM {table} WHERE end_snapshot IS NULL"
            " AND regexp_replace(path, '.*/', '') = ANY(%s)",
            (list(missing),),
        )
        found |= {row[0] for row in cursor.fetchall()}
    return sorted(found, reverse=True)


def _undo(cursor: Any, snapshot: int, missing: set[str]) -> None:
    _refuse_unless_last(cursor, snapshot, missing)
    cursor.execute(
        "UPDATE ducklake_table_stats s SET record_count = s.record_count - f.rows, file_size_bytes ="
        " s.file_size_bytes - f.bytes FROM (SELECT table_id, sum(record_count) AS rows, sum(file_size_bytes) AS bytes"
        " FROM ducklake_data_file WHERE begin_snapshot = %s GROUP BY table_id) f WHERE f.table_id = s.table_id",
        (snapshot,),
    )
    for table in _OF_A_FILE:
        cursor.execute(
            f"DELETE FROM {table} WHERE data_file_id IN"
            " (SELECT data_file_id FROM ducklake_data_file WHERE begin_snapshot = %s)",
            (snapshot,),
        )
    cursor.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND table_name LIKE 'ducklake\\_%%' AND column_name IN ('begin_snapshot', 'end_snapshot')"
        " GROUP BY 1 HAVING count(*) = 2 ORDER BY 1"
    )
    for (table,) in cursor.fetchall():
        cursor.execute(f"DELETE FROM {table} WHERE begin_snapshot = %s", (snapshot,))
        cursor.execute(f"UPDATE {table} SET end_snapshot = NULL WHERE end_snapshot = %s", (snapshot,))


def _refuse_unless_last(cursor: Any, snapshot: int, missing: set[str]) -> None:
    """Only a commit on which nothing was built, and all of whose data files are gone, was one that got lost.

    A merged file bears the snapshot of its oldest part; that the table was changed since keeps us off it.
    """
    cursor.execute(
        "SELECT DISTINCT table_id FROM ducklake_data_file WHERE begin_snapshot = %(s)s OR end_snapshot = %(s)s"
        " UNION SELECT table_id FROM ducklake_delete_file WHERE begin_snapshot = %(s)s OR end_snapshot = %(s)s",
        {"s": snapshot},
    )
    tables = {str(row[0]) for row in cursor.fetchall()}
    cursor.execute("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id > %s", (snapshot,))
    later = {change.rpartition(":")[2] for (changes,) in cursor.fetchall() for change in (changes or "").split(",")}
    cursor.execute(
        "SELECT count(*) FROM ducklake_data_file WHERE begin_snapshot = %s"
        " AND NOT regexp_replace(path, '.*/', '') = ANY(%s)",
        (snapshot, list(missing)),
    )
    if tables & later or cursor.fetchone()[0]:
        raise LakeError(
            f"{len(missing)} data files that the catalog names are not there, and not because a commit got lost (the"
            f" first: {min(missing)}); restore the lake from a backup"
        )
