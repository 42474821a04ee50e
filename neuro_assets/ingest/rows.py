"""The rows of a file in the lake: written, replaced, accounted for and announced, inside the caller's transaction."""

from datetime import date, datetime

from neuro_assets.ingest import manifest, outbox
from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.decided import LoadPlan
from neuro_assets.ingest.measure import Extent
from neuro_assets.ingest.utc import WALL_CLOCK
from neuro_assets.lake.lake import Connection, gather_by_day
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
    _insert_rows(connection, table.qualified, plan, file_id)
    _count_days(connection, "ops.landing_file_days", table.qualified, plan, file_id, at)
    _quarantine_unplaced(connection, "ops.quarantine", table.qualified, window, plan, file_id)
    return _announce(connection, window, table, file_id, before, at, cause)


def _remove_rows(connection: Connection, file_id: str, raw_table: str) -> list[date]:
    days = connection.execute(
        "SELECT day FROM ops.landing_file_days WHERE file_id = ? AND day IS NOT NULL", [file_id]
    ).fetchall()
    connection.execute(f"DELETE FROM {raw_table} WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.landing_file_days WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.quarantine WHERE file_id = ? AND table_name = ?", [file_id, raw_table])
    return [row[0] for row in days]


def _count_days(connection: Connection, into: str, rows: str, plan: LoadPlan, file_id: str, at: datetime) -> None:
    connection.execute(
        f"INSERT INTO {into} SELECT ?, ?, day, count(*), ? FROM {rows} WHERE file_id = ? GROUP BY day",
        [file_id, plan.scan.kind.raw_table.qualified, at, file_id],
    )


def _insert_rows(connection: Connection, into: str, plan: LoadPlan, file_id: str) -> None:
    kind = plan.scan.kind
    moment = "" if kind.spec.is_dated else "moment AS local_ts,"
    gather_by_day(connection, plan.extent.days)
    order = "" if _writes_as_given(plan.extent) else ", ".join(("ORDER BY day", *kind.raw_table.sort_by, "row_number"))
    rows = plan.scan.rows(is_all_read=plan.extent.is_all_read)
    # A response is whole when it is sent: how far a file reaches tells nothing of it, and what arrives later stands.
    whole = "(day + 1)::TIMESTAMP"
    far = f"TRY_CAST({kind.spec.seen} AS TIMESTAMP)" if kind.spec.seen else "$as_of"
    seen = whole if kind.spec.is_of_answers else f"least({far}, {whole})"
    # What is the same in every row, or follows from the day, need not be carried through the sorting.
    run(
        connection,
        f"INSERT INTO {into} BY NAME SELECT $file_id AS file_id,"
        f" {seen} AS as_of, *"
        f" FROM (SELECT moment::DATE AS day, {moment} * EXCLUDE (moment) FROM ({rows}) {order})",
        {"file_id": file_id, **({"as_of": plan.extent.as_of} if "$as_of" in seen else {}), **plan.scan.parameters},
    )


def _writes_as_given(extent: Extent) -> bool:
    """Whether the rows go into their days in the order of the file; sorting them costs as much as writing them.

    Every day is a file of its own, and those that are being written wait in memory, or are closed and begun again.
    """
    return extent.rows <= _ROWS_IN_MEMORY and extent.days <= _FILES_AT_ONCE


def _quarantine_unplaced(
    connection: Connection, into: str, rows: str, window: Window, plan: LoadPlan, file_id: str
) -> None:
    """Rows that belong to no day of the study are accounted for here; staging never sees them."""
    scan, kind = plan.scan, plan.scan.kind
    if plan.extent.in_window == plan.extent.rows and scan.unfinished_row is None:
        return
    zoneless = f"WHEN regexp_full_match(upper(cell), '{WALL_CLOCK}') THEN 'no_time_zone'"
    stated = zoneless if kind.spec.time.clock == "stated" else ""
    # Of a response one line, not one for each of its answers.
    once = "QUALIFY row_number() OVER (PARTITION BY row_number ORDER BY item) = 1" if kind.spec.item_columns else ""
    connection.execute(
        f"""
        INSERT INTO {into} BY NAME
        SELECT $table AS table_name, $source AS source, file_id, row_number, source_participant_id, day,
               CASE WHEN day IS NOT NULL THEN 'outside_window'
                    WHEN row_number = $unfinished THEN 'unfinished_line'
                    {stated}
                    WHEN coalesce(NOT regexp_full_match(source_participant_id, $pattern), cell IS NULL)
                        THEN 'not_a_record'
                    ELSE 'unreadable_time' END AS rule,
               $column AS column_name,
               CASE WHEN day IS NULL THEN left(cell, 200) ELSE day::VARCHAR END AS value
        FROM (SELECT *, (unreadable::JSON::MAP(VARCHAR, VARCHAR))[$column] AS cell FROM {rows}
              WHERE file_id = $file_id AND (day IS NULL OR day NOT BETWEEN $start AND $end) {once})
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


class Tray:
    """Rows of small files, put together in temporary tables until they are committed at once.

    A commit costs as much as reading a small file, and each leaves data files in five tables that every later look at
    those tables opens.
    """

    def __init__(self, connection: Connection, window: Window) -> None:
        """An empty tray."""
        self.connection, self.window = connection, window
        self.rows = 0
        self._tables: dict[str, tuple[str, Table]] = {}
        for name, like in (("tray_days", "ops.landing_file_days"), ("tray_quarantine", "ops.quarantine")):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {like} LIMIT 0")

    @property
    def raw_tables(self) -> list[str]:
        """The raw tables that have rows here."""
        return list(self._tables)

    def rows_of(self, raw_table: str) -> str:
        """SQL of all rows of a raw table, those that wait here among them."""
        if raw_table not in self._tables:
            return raw_table
        return f"(FROM {raw_table} UNION ALL BY NAME FROM {self._tables[raw_table][0]})"

    def put(self, plan: LoadPlan, file_id: str, at: datetime) -> int:
        """Add the rows of a file that the lake has none of; returns how many days of the window it touches.

        Raises:
            FileRefusedError: the CSV breaks off in a place the first pass did not reach; nothing was added.
        """
        table = plan.scan.kind.raw_table
        name, _ = self._tables.get(table.qualified, (f"tray_{len(self._tables)}", table))
        if table.qualified not in self._tables:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {table.qualified} LIMIT 0")
            self._tables[table.qualified] = name, table
        _insert_rows(self.connection, name, plan, file_id)
        _count_days(self.connection, "tray_days", name, plan, file_id, at)
        _quarantine_unplaced(self.connection, "tray_quarantine", name, self.window, plan, file_id)
        self.rows += plan.extent.rows
        days = self.connection.execute(
            "SELECT count(DISTINCT day) FROM tray_days WHERE file_id = ? AND day BETWEEN ? AND ?",
            [file_id, self.window.start, self.window.end],
        ).fetchone()
        return days[0] if days else 0

    def write(self, cause: str) -> None:
        """Write everything into the lake, inside the caller's transaction."""
        for qualified, (name, table) in self._tables.items():
            order = ", ".join(("day", *table.sort_by, "file_id", "row_number"))
            self.connection.execute(f"INSERT INTO {qualified} BY NAME FROM {name} ORDER BY {order}")
        if self._tables:
            self.connection.execute("INSERT INTO ops.landing_file_days BY NAME FROM tray_days")
            self.connection.execute("INSERT INTO ops.quarantine BY NAME FROM tray_quarantine")
            self.connection.execute(
                f"INSERT INTO {outbox.TABLE} SELECT raw_table, day, file_id, ?, loaded_at FROM tray_days"
                " WHERE day BETWEEN ? AND ?",
                [cause, self.window.start, self.window.end],
            )

    def clear(self) -> None:
        """Nothing waits any longer."""
        for table in (*(name for name, _ in self._tables.values()), "tray_days", "tray_quarantine"):
            self.connection.execute(f"DELETE FROM temp.{table}")
        self._tables.clear()
        self.rows = 0
