"""A CSV file as SQL: the scan, the typed cells, the statistics that decisions rest on."""

import codecs
import csv
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from neuro_assets.ingest.dates import Reading, time_format
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind
from neuro_assets.sources.model import SourceColumn
from neuro_assets.study import DateOrder, Window

_HEADER_BYTES = 65_536
_FORMULA_ID = r"[-+]?\d+([.,]\d+)?[eE][+-]?\d+"


class FileRefusedError(Exception):
    """A file that cannot be loaded: `code` for programs, the message for people, with the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Extent:
    """What one pass over a file tells: rows, days, how far it saw, ids that are none."""

    reading: Reading
    first_day: date | None
    last_day: date | None
    as_of: datetime | None
    bad_ids: int
    first_bad_id_row: int | None
    first_bad_id: str | None


def read_header(path: Path) -> list[str]:
    """The column names of a CSV file's first line.

    Raises:
        FileRefusedError: an empty, binary or wrongly encoded file.
    """
    with path.open("rb") as handle:
        head = handle.read(_HEADER_BYTES)
    if not head.strip():
        raise FileRefusedError("empty_file", "the file is empty; export it again")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRefusedError("encoding", "the file is in UTF-16; save it as CSV UTF-8")
    if b"\0" in head:
        raise FileRefusedError("unknown_layout", "this is not a text file; expected a CSV export")
    line = head.removeprefix(codecs.BOM_UTF8).splitlines()[0]
    try:
        names = next(csv.reader([line.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError as error:
        raise FileRefusedError("encoding", f"byte {error.start} of the header is not UTF-8") from None
    except csv.Error as error:
        raise FileRefusedError("unknown_layout", f"the header cannot be read as CSV: {error}") from None
    return [n.strip() for n in names]


@dataclass(frozen=True)
class CsvScan:
    """One file of a known kind, as expressions over its text cells."""

    path: Path
    header: tuple[str, ...]
    kind: FileKind

    @property
    def relation(self) -> str:
        """The scan with row numbers; the path is parameter `$path`."""
        columns = ", ".join(f"'{_sql(c)}': 'VARCHAR'" for c in self.header)
        return (
            "(SELECT row_number() OVER () AS row_number, * FROM read_csv($path, auto_detect = false, header = true,"
            f" delim = ',', quote = '\"', escape = '\"', columns = {{{columns}}}, null_padding = false,"
            " strict_mode = true, ignore_errors = false))"
        )

    @property
    def id_cell(self) -> str:
        """The participant cell, trimmed, NULL when blank."""
        return _cell(self.kind.source.identity.column)

    @property
    def time_cell(self) -> str:
        """The time cell, trimmed, NULL when blank."""
        return _cell(self.kind.spec.time.column)

    def moment(self, order: DateOrder) -> str:
        """TIMESTAMP of the row on its wall clock; NULL where the cell is no such time."""
        parsed = f"try_strptime({self.time_cell}, '{time_format(order, self.kind.spec.time)}')"
        whole = f" AND date_trunc('day', {parsed}) = {parsed}" if self.kind.spec.is_dated else ""
        # A two-digit year parses as the first century: that is not the untouched form.
        return f"CASE WHEN year({parsed}) BETWEEN 1970 AND 2199{whole} THEN {parsed} END"

    def typed(self, vendor_column: str, column: SourceColumn) -> str:
        """The typed value of a cell; NULL where it is blank or no such value."""
        cell = _cell(vendor_column)
        if column.type == "text":
            return cell
        number = f"CASE WHEN contains({cell}, '_') THEN NULL ELSE TRY_CAST({cell} AS DOUBLE) END"
        if column.type == "number":
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        return f"CASE WHEN abs({number}) < 9007199254740992 AND floor({number}) = {number} THEN ({number})::BIGINT END"

    def unreadable(self, order: DateOrder) -> str:
        """JSON of the cells that hold something else than the column's type; NULL when there are none."""
        cells = [(n, self.typed(n, c)) for n, c in self.kind.spec.columns.items()]
        cells.append((self.kind.spec.time.column, self.moment(order)))
        bad = {name: f"({_cell(name)} IS NOT NULL AND ({typed}) IS NULL)" for name, typed in cells}
        entries = ", ".join(
            f"{{'k': '{_sql(n)}', 'v': CASE WHEN {test} THEN left({_cell(n)}, 200) END}}" for n, test in bad.items()
        )
        return (
            f"CASE WHEN {' OR '.join(bad.values())} THEN to_json(map_from_entries("
            f"list_filter([{entries}], x -> x.v IS NOT NULL)))::VARCHAR END"
        )


def measure(connection: Connection, scan: CsvScan, order: DateOrder, window: Window) -> Extent:
    """One pass over the file read in `order`: how its rows fare, its extent, and ids that are none."""
    row = _run(
        connection,
        f"""
        SELECT count(*), count(t), count(*) FILTER (t::DATE BETWEEN $start AND $end),
               min(row_number) FILTER (t IS NULL), arg_min(cell, row_number) FILTER (t IS NULL),
               min(t)::DATE, max(t)::DATE,
               coalesce(max(t) FILTER (t::DATE BETWEEN $start AND $end), max(t)),
               count(*) FILTER (bad), min(row_number) FILTER (bad), arg_min(id, row_number) FILTER (bad)
        FROM (SELECT row_number, {scan.moment(order)} AS t, {scan.time_cell} AS cell, {scan.id_cell} AS id,
                     NOT regexp_full_match({scan.id_cell}, $pattern) AS bad
              FROM {scan.relation})
        """,
        {
            "path": str(scan.path),
            "start": window.start,
            "end": window.end or date.max,
            "pattern": scan.kind.source.identity.pattern,
        },
    )
    cell = None if row[4] is None else str(row[4])[:60]
    return Extent(Reading(order, row[0], row[1], row[2], row[3], cell), *row[5:])


def refuse_damaged_ids(extent: Extent, kind: FileKind) -> None:
    """Refuse a file in which an id is not of the vendor's form.

    Raises:
        FileRefusedError: `damaged_ids`.
    """
    if not extent.bad_ids:
        return
    shown = (extent.first_bad_id or "")[:40]
    cause = (
        "a spreadsheet rounded it, its last digits are lost"
        if re.fullmatch(_FORMULA_ID, shown)
        else f"an id of {kind.source.title} looks like {kind.source.identity.example}"
    )
    raise FileRefusedError(
        "damaged_ids",
        f"{extent.bad_ids} rows have a damaged '{kind.source.identity.column}'; the first is row"
        f" {extent.first_bad_id_row}: '{shown}' ({cause}). Export the file again and do not open it in a spreadsheet",
    )


def _run(connection: Connection, sql: str, parameters: dict[str, object]) -> tuple:
    try:
        row = connection.execute(sql, parameters).fetchone()
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise csv_refusal(error) from None
    if row is None:
        raise AssertionError("an aggregate returned no row")
    return row


def csv_refusal(error: duckdb.Error) -> FileRefusedError:
    """DuckDB's CSV error as a refusal, without the machine's paths or the advice meant for programmers."""
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    cause = re.search(r"(Expected Number of Columns: \d+ Found: \d+|[Ii]nvalid unicode[^.\n]*|[Uu]nterminated quote|"
                      r"Value with unterminated quote[^.\n]*|Maximum line size[^.\n]*)", text)  # fmt: skip
    where = f"line {line.group(1)}" if line else "the file"
    why = cause.group(1) if cause else text.splitlines()[0][:200]
    code = "encoding" if "unicode" in why.lower() else "broken_csv"
    return FileRefusedError(code, f"{where} cannot be read as CSV ({why}); export the file again")


def _cell(column: str) -> str:
    return f"nullif(trim(\"{column.replace(chr(34), chr(34) * 2)}\"), '')"


def _sql(text: str) -> str:
    return text.replace("'", "''")
