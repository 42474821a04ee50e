"""The rows of a file in the lake: written, replaced, accounted for and announced, inside the caller's transaction."""

from datetime import date, datetime

from neuro_assets.ingest import manifest, outbox
from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.decided import LoadPlan
from neuro_assets.ingest.reading import Extent
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Table
from neuro_assets.study import Window

_ROWS_IN_MEMORY = 4_000_000
_FILES_AT_ONCE = 60


def replace_rows(
    connection: Connection,
    window: Window,
    plan: LoadPlan,
    file_id: str,
    earlier: manifest.ManifestLine | None,
    at: datetime,
    cause: str,
) -> int:
    """Write a file's rows, quarantine lines, day account and outbox lines, inside the caller's transaction.

    Returns:
        How many days of the study window were touched.

    Raises:
        FileRefusedError: the CSV breaks off in a place the first pass did not reach.
    """
    table = plan.scan.kind.raw_table
    before: list[date] = []
    if earlier and earlier.status == "loaded" and earlier.raw_table:
        before = _remove_rows(connection, file_id, earlier.raw_table)
    _insert_rows(connection, plan, file_id)
    connection.execute(
        f"INSERT INTO ops.landing_file_days SELECT ?, ?, day, count(*), ? FROM {table.qualified}"
        " WHERE file_id = ? GROUP BY day",
        [file_id, table.qualified, at, file_id],
    )
    _quarantine_unplaced(connection, window, plan, file_id)
    return _announce(connection, window, table, file_id, before, at, cause)


def _remove_rows(connection: Connection, file_id: str, raw_table: str) -> list[date]:
    days = connection.execute(
        "SELECT day FROM ops.landing_file_days WHERE file_id = ? AND day IS NOT NULL", [file_id]
    ).fetchall()
    connection.execute(f"DELETE FROM {raw_table} WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.landing_file_days WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.quarantine WHERE file_id = ? AND table_name = ?", [file_id, raw_table])
    return [row[0] for row in days]


def _insert_rows(connection: Connection, plan: LoadPlan, file_id: str) -> None:
    kind = plan.scan.kind
    moment = "" if kind.spec.is_dated else "moment AS local_ts,"
    order = "" if _writes_as_given(plan.extent) else ", ".join(("ORDER BY day", *kind.raw_table.sort_by, "row_number"))
    # What is the same in every row, or follows from the day, need not be carried through the sorting.
    run(
        connection,
        f"INSERT INTO {kind.raw_table.qualified} BY NAME SELECT $file_id AS file_id,"
        " least($as_of, (day + 1)::TIMESTAMP) AS as_of, *"
        f" FROM (SELECT moment::DATE AS day, {moment} * EXCLUDE (moment) FROM ({plan.scan.rows()}) {order})",
        {"file_id": file_id, "as_of": plan.extent.as_of, **plan.scan.parameters},
    )


def _writes_as_given(extent: Extent) -> bool:
    """Whether the rows go into their days in the order of the file; sorting them costs as much as writing them.

    Every day is a file of its own, and those that are being written wait in memory, or are closed and begun again.
    """
    days = 0 if extent.first_day is None or extent.last_day is None else (extent.last_day - extent.first_day).days + 1
    return extent.rows <= _ROWS_IN_MEMORY and days <= _FILES_AT_ONCE


def _quarantine_unplaced(connection: Connection, window: Window, plan: LoadPlan, file_id: str) -> None:
    """Rows that belong to no day of the study are accounted for here; staging never sees them."""
    scan, kind = plan.scan, plan.scan.kind
    if plan.extent.in_window == plan.extent.rows and scan.unfinished_row is None:
        return
    connection.execute(
        f"""
        INSERT INTO ops.quarantine BY NAME
        SELECT $table AS table_name, $source AS source, file_id, row_number, source_participant_id, day,
               CASE WHEN day IS NOT NULL THEN 'outside_window'
                    WHEN row_number = $unfinished THEN 'unfinished_line'
                    WHEN coalesce(NOT regexp_full_match(source_participant_id, $pattern), cell IS NULL)
                        THEN 'not_a_record'
                    ELSE 'unreadable_time' END AS rule,
               $column AS column_name,
               CASE WHEN day IS NULL THEN left(cell, 200) ELSE day::VARCHAR END AS value
        FROM (SELECT *, (unreadable::JSON::MAP(VARCHAR, VARCHAR))[$column] AS cell FROM {kind.raw_table.qualified}
              WHERE file_id = $file_id AND (day IS NULL OR day NOT BETWEEN $start AND $end))
        """,
        {
            "table": kind.raw_table.qualified,
            "source": kind.source.name,
            "column": kind.spec.time.column,
            "file_id": file_id,
            "start": window.start,
            "end": window.end,
            "unfinished": scan.unfinished_row or 0,
            "pattern": kind.source.identity.pattern,
        },
    )


def _announce(
    connection: Connection,
    window: Window,
    table: Table,
    file_id: str,
    before: list[date],
    at: datetime,
    cause: str,
) -> int:
    days = connection.execute(
        """
        SELECT DISTINCT day FROM (
            SELECT day FROM ops.landing_file_days WHERE file_id = $file_id
            UNION ALL SELECT unnest($before::DATE[])
        ) WHERE day BETWEEN $start AND $end ORDER BY day
        """,
        {
            "file_id": file_id,
            "before": before,
            "start": window.start,
            "end": window.end,
        },
    ).fetchall()
    connection.execute(
        f"INSERT INTO {outbox.TABLE} SELECT ?, unnest(?::DATE[]), ?, ?, ?",
        [table.qualified, [d[0] for d in days], file_id, cause, at],
    )
    return len(days)
