"""One pass over a file before its first row is written: how many rows there are, of which days, and what is odd."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.reading import FORMULA_ID, Scan, misread
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection
from neuro_assets.study import Window


@dataclass(frozen=True)
class Extent:
    """What one pass over a file tells: rows, days, how far it saw, ids that are none, numbers that are odd."""

    rows: int
    readable: int
    in_window: int
    first_unreadable_row: int | None
    first_unreadable_cell: str | None
    first_day: date | None
    last_day: date | None
    as_of: datetime | None
    last_day_of_month: int | None
    bad_ids: int
    damaged_ids: int
    first_damaged_row: int | None
    first_damaged_id: str | None
    with_id: int
    with_rounded_id: int
    odd_numbers: int
    last_row: int | None
    strays: int
    left_out: int
    other_header_row: int | None
    unreadable_values: int
    unfinished: int
    damaged_logs: int
    strange: int = 0

    @property
    def unreadable(self) -> int:
        """Rows without a readable time; lines that are no rows, and one that was cut, left out."""
        return self.rows - self.readable - self.strays - self.unfinished

    @property
    def is_all_read(self) -> bool:
        """Every time was read, every number is one, and every text one that may stand there."""
        return self.readable == self.rows and not self.odd_numbers and not self.strange

    @property
    def days(self) -> int:
        """Days from the first row to the last, both counted."""
        return (self.last_day - self.first_day).days + 1 if self.first_day and self.last_day else 0

    @property
    def outside_window(self) -> int:
        """Readable rows outside the study window."""
        return self.readable - self.in_window


def _odd(cell: str, typed: str, kind: str) -> str:
    """A cell that is no number as written, or a whole number with a point in it (1.000 may be one, or a thousand)."""
    pointed = f" OR contains({cell}, '.')" if kind == "integer" else ""
    return f"({misread(cell, typed)}{pointed})"


def measure(connection: Connection, scan: Scan, window: Window) -> Extent:
    """One pass over the file, or over the rows that show all its texts where nothing is wrong with any.

    Raises:
        FileRefusedError: the file breaks off, or its columns change places.
    """
    return _measure_shown(connection, scan, window) or _measure_all(connection, scan, window)


def _measure_shown(connection: Connection, scan: Scan, window: Window) -> Extent | None:
    """What the whole file would tell, where each text by itself is good; None where it has to be asked.

    Every test of `measure` looks at one cell as long as no cell fails it, so rows of good texts are good rows.
    """
    table, rows = scan.table.shown, scan.table.rows
    if table is None or rows is None or scan.unfinished_row or len(scan.layout.time_at) > 1 or scan.kind.spec.wide:
        return None
    try:
        seen = _measure_all(connection, replace(scan, table=table), window)
    except FileRefusedError:
        return None
    wrong = (
        *(seen.bad_ids, seen.damaged_ids, seen.with_rounded_id, seen.damaged_logs, seen.odd_numbers),
        *(seen.unreadable_values, seen.strays, seen.left_out, seen.unfinished, seen.strange),
    )
    if any(wrong) or not seen.readable == seen.in_window == seen.with_id == seen.rows:
        return None
    return replace(seen, rows=rows, readable=rows, in_window=rows, with_id=rows, last_row=rows)


def _measure_all(connection: Connection, scan: Scan, window: Window) -> Extent:
    wide = scan.kind.spec.wide
    reach = f" + to_seconds({(wide.count - 1) * wide.step_s})" if wide else ""
    lines = scan.lines(
        is_row=scan.is_row,
        is_other=scan.is_other_header,
        bad=scan.is_bad_id,
        odd=scan.any_number(_odd),
        misread=scan.any_number(misread, only_required=True),
        damaged_log=scan.is_damaged_log,
        strange=scan.is_strange,
    )
    row = run(
        connection,
        f"""
        SELECT count(*) FILTER (is_row), count(t), count(*) FILTER (t::DATE BETWEEN $start AND $end),
               min(row_number) FILTER (is_row AND t IS NULL AND NOT stray AND NOT unfinished),
               arg_min(cell, row_number) FILTER (is_row AND t IS NULL AND NOT stray AND NOT unfinished),
               min(t)::DATE, max(t)::DATE,
               coalesce(max(t) FILTER (t::DATE BETWEEN $start AND $end), max(t)){reach}, max(day(t)),
               count(*) FILTER (is_row AND bad), count(*) FILTER (is_row AND bad AND NOT stray),
               min(row_number) FILTER (is_row AND bad AND NOT stray),
               arg_min({scan.shown("id")}, row_number) FILTER (is_row AND bad AND NOT stray),
               count(id) FILTER (is_row), count(*) FILTER (is_row AND id LIKE '_____%0000'),
               count(*) FILTER (is_row AND odd), max(row_number) FILTER (is_row), count(*) FILTER (is_row AND stray),
               count(*) FILTER (NOT is_row), min(row_number) FILTER (is_other),
               count(*) FILTER (is_row AND misread), count(*) FILTER (is_row AND unfinished AND NOT stray),
               count(*) FILTER (is_row AND damaged_log), count(*) FILTER (is_row AND strange)
        FROM (SELECT *, t IS NULL AND CASE WHEN id IS NULL THEN cell IS NULL
                        ELSE bad AND NOT regexp_full_match(id, '{FORMULA_ID}') END AS stray FROM
              (SELECT row_number, row_number = {scan.unfinished_row or 0} AS unfinished, is_row, is_other, moment AS t,
                      {scan.shown("written")} AS cell, who AS id, bad, odd, misread, damaged_log, strange
               FROM {lines}))
        """,
        {**scan.parameters, "start": window.start, "end": window.end or date.max},
    ).fetchone()
    if row is None:
        raise AssertionError("an aggregate returned no row")
    values = list(row)
    values[4] = None if values[4] is None else str(values[4])[:60]
    extent = Extent(*values)
    if extent.other_header_row is not None:
        raise FileRefusedError(
            "changed_header",
            f"row {extent.other_header_row} is another header line: files with other columns were put together",
            "Send them as files of their own",
            row=extent.other_header_row,
        )
    return extent


def is_in_sequence(connection: Connection, scan: Scan) -> bool:
    """Whether each person's days follow each other down the file, however the rows of several people alternate."""
    row = run(
        connection,
        f"""
        SELECT coalesce(bool_and(first > last_before), true)
        FROM (SELECT first, lag(last) OVER (PARTITION BY who ORDER BY day) AS last_before
              FROM (SELECT who, moment::DATE AS day, min(row_number) AS first, max(row_number) AS last
                    FROM {scan.relation} WHERE moment IS NOT NULL GROUP BY ALL))
        """,
        scan.parameters,
    ).fetchone()
    return row is not None and bool(row[0])
