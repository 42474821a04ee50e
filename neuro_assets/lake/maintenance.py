"""Keeping the lake small: merge little files, forget old snapshots, remove files nobody refers to."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from neuro_assets import failpoints
from neuro_assets.lake.lake import ALIAS, EVERY_TABLE, Connection, Lake, LakeBusyError
from neuro_assets.lake.lost_commits import undo_lost_commits

KEEP_SNAPSHOTS_DAYS = 30
GRACE_HOURS = 24.0
_LITTLE_FILES = 25
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class MaintenanceReport:
    """Counts before and after."""

    snapshots_before: int
    snapshots_after: int
    files_before: int
    files_after: int
    files_removed: int


def maintain(
    lake: Lake, *, keep_days: int = KEEP_SNAPSHOTS_DAYS, grace_hours: float = GRACE_HOURS
) -> MaintenanceReport:
    """Merge, expire and clean up in short steps, each under the lock of the whole lake; writers go on between them.

    The lock is also what makes it safe beside writers on PostgreSQL: a merge meets no transaction that deletes from
    the same table, no snapshot is forgotten that an open transaction needs to see its conflicts (ducklake#1472), and
    no file of a transaction under way is taken for an orphan.

    Args:
        lake: the lake.
        keep_days: how long past versions stay readable.
        grace_hours: files that came out of use, or were written, more recently than this are left alone: a reader may
            be reading them.
    """
    grace_s = int(grace_hours * 3600)
    undo_lost_commits(lake)
    with lake.connect() as connection:
        snapshots, files = _snapshots(connection), _files(connection)
        for schema, table in _tables(connection):
            with lake.write_lock([EVERY_TABLE]):
                connection.execute(f"CALL ducklake_merge_adjacent_files('{ALIAS}', ?, schema => ?)", [table, schema])
            with lake.write_lock([EVERY_TABLE]):
                connection.execute(f"CALL ducklake_rewrite_data_files('{ALIAS}', ?, schema => ?)", [table, schema])
        failpoints.reach("maintain.merged")
        with lake.write_lock([EVERY_TABLE]):
            connection.execute(
                f"CALL ducklake_expire_snapshots('{ALIAS}', older_than => now() - INTERVAL {int(keep_days)} DAY)"
            )
        failpoints.reach("maintain.expired")
        removed = _remove(lake, connection, "ducklake_cleanup_old_files", grace_s)
        removed += _remove(lake, connection, "ducklake_delete_orphaned_files", grace_s)
        return MaintenanceReport(snapshots, _snapshots(connection), files, _files(connection), removed)


def merge_when_many(lake: Lake, connection: Connection, tables: Collection[str]) -> list[str]:
    """Merge the files of those of `tables` (`schema.table`) that have many, and say which; not while others write.

    Each commit leaves a file in every table it writes, and whoever reads the table opens all of them: without this the
    hundredth ingest of a day takes half as long again as the first.
    """
    names = {name.split(".")[1]: name for name in tables}
    found = connection.execute(
        f"SELECT table_name FROM ducklake_table_info('{ALIAS}') WHERE file_count > {_LITTLE_FILES}"
    ).fetchall()
    merged = sorted(names[name] for (name,) in found if name in names)
    if merged:
        with suppress(LakeBusyError), lake.transaction(connection, merged, timeout_s=_PATIENCE_S):
            for name in merged:
                schema, table = name.split(".")
                connection.execute(f"CALL ducklake_merge_adjacent_files('{ALIAS}', ?, schema => ?)", [table, schema])
            return merged
    return []


def _remove(lake: Lake, connection: Connection, function: str, grace_s: int) -> int:
    with lake.write_lock([EVERY_TABLE]):
        found = connection.execute(
            f"CALL {function}('{ALIAS}', older_than => now() - INTERVAL {grace_s} SECOND)"
        ).fetchall()
    return len(found)


def _tables(connection: Connection) -> list[tuple[str, str]]:
    """Schema and name of every table."""
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [ALIAS],
    ).fetchall()


def _snapshots(connection: Connection) -> int:
    return _number(connection, f"SELECT count(*) FROM ducklake_snapshots('{ALIAS}')")


def _files(connection: Connection) -> int:
    return _number(connection, f"SELECT coalesce(sum(file_count), 0)::BIGINT FROM ducklake_table_info('{ALIAS}')")


def _number(connection: Connection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
