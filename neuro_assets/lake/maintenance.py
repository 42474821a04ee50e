"""Keeping the lake small: merge little files, forget old snapshots, remove files nobody refers to."""

from dataclasses import dataclass

from neuro_assets import failpoints
from neuro_assets.lake.lake import ALIAS, Connection, Lake

KEEP_SNAPSHOTS_DAYS = 30
GRACE_HOURS = 24.0


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
    """Merge, expire and clean up under the write lock.

    Args:
        lake: the lake.
        keep_days: how long past versions stay readable.
        grace_hours: files that came out of use, or were written, more recently than this are left alone: a reader may
            be reading them, a transaction under way may own them.
    """
    grace_s = int(grace_hours * 3600)
    with lake.connect() as connection, lake.write_lock(["maintenance"]):
        snapshots, files = _snapshots(connection), _files(connection)
        connection.execute(f"CALL ducklake_merge_adjacent_files('{ALIAS}')")
        connection.execute(f"CALL ducklake_rewrite_data_files('{ALIAS}')")
        failpoints.reach("maintain.merged")
        connection.execute(
            f"CALL ducklake_expire_snapshots('{ALIAS}', older_than => now() - INTERVAL {int(keep_days)} DAY)"
        )
        failpoints.reach("maintain.expired")
        removed = connection.execute(
            f"CALL ducklake_cleanup_old_files('{ALIAS}', older_than => now() - INTERVAL {grace_s} SECOND)"
        ).fetchall()
        orphans = connection.execute(
            f"CALL ducklake_delete_orphaned_files('{ALIAS}', older_than => now() - INTERVAL {grace_s} SECOND)"
        ).fetchall()
        return MaintenanceReport(
            snapshots, _snapshots(connection), files, _files(connection), len(removed) + len(orphans)
        )


def _snapshots(connection: Connection) -> int:
    return _number(connection, f"SELECT count(*) FROM ducklake_snapshots('{ALIAS}')")


def _files(connection: Connection) -> int:
    return _number(connection, f"SELECT coalesce(sum(file_count), 0)::BIGINT FROM ducklake_table_info('{ALIAS}')")


def _number(connection: Connection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
