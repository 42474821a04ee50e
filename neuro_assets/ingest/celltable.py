"""A file of any format as a table of text cells that SQL can scan: row_number, c0, c1, ..."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import duckdb

from neuro_assets.ingest import textfile
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.textfile import Record, TextFile
from neuro_assets.lake.lake import Connection

Format = Literal["csv", "parquet", "json"]
MAX_COLUMNS = 2_000
_SAMPLE = 300
_BATCH = 50_000
# DuckDB's own buffers of 32 MB take twice the memory, and no less time. A line has to fit in.
_BUFFER = 2 * textfile.MAX_LINE
_MANY_ROWS, _REPETITIVE, _FEW_COLUMNS = 100_000, 0.9, 8
_NUMBERED = "file_row_number + 1 AS row_number"
_PARQUET = "read_parquet($path, file_row_number = true, hive_partitioning = false)"
_STORED = f"(SELECT {_NUMBERED}, * EXCLUDE (file_row_number) FROM {_PARQUET})"
CsvErrors = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.NotImplementedException)


@dataclass(frozen=True)
class CellTable:
    """Cells of a file as text.

    Attributes:
        path: what the scan reads: the file, its UTF-8 copy or its tokenised form.
        format: of the file.
        header: names of the columns as the file gives them.
        sample: the first rows.
        cells: SQL that yields c0..cN in the order of the file; the path is parameter `$path`.
        encoding: of a text file.
        separator: of a text file.
        header_line: physical line of the header, from 1; 0 where the format names its columns otherwise.
        skip: physical lines up to the first row.
        text: the text file behind it, for reading it again with more patience.
        is_plain: where a text's rows begin is beyond doubt: the strict scan may be tried.
        is_numbered: `cells` yields row_number as well.
        rows: how many there are, where that is known.
        shown: some of the rows, in which every text of every column occurs; None where that would be most of them.
    """

    path: Path
    format: Format
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    cells: str
    encoding: str | None = None
    separator: str | None = None
    header_line: int = 0
    skip: int = 0
    text: TextFile | None = None
    is_plain: bool = True
    is_numbered: bool = False
    rows: int | None = None
    shown: "CellTable | None" = None

    @property
    def relation(self) -> str:
        """SQL that yields row_number and c0..cN."""
        return self.cells if self.is_numbered else f"(SELECT row_number() OVER () AS row_number, * FROM {self.cells})"

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.header)


def csv_table(text: TextFile, separator: str, records: list[Record], at: int) -> CellTable:
    """A text file whose header is `records[at]`, to be scanned strictly: every line has the same number of cells."""
    header = records[at].cells
    if text.has_long_line:
        raise _long_line()
    if len(header) > MAX_COLUMNS:
        raise too_many_columns(len(header))
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(len(header)))
    quoted = separator.replace("\t", "\\t")
    cells = (
        "(SELECT * FROM read_csv($path, auto_detect = false, header = false,"
        f" skip = {records[at].next_line}, delim = E'{quoted}', quote = '\"', escape = '\"',"
        f" columns = {{{columns}}}, null_padding = false, strict_mode = true, ignore_errors = false,"
        f" hive_partitioning = false, compression = 'none', buffer_size = {_BUFFER}))"
    )
    return CellTable(
        path=text.path,
        format="csv",
        header=header,
        sample=tuple(r.cells for r in records[at + 1 : at + 1 + _SAMPLE]),
        cells=cells,
        encoding=text.encoding,
        separator=separator,
        header_line=records[at].line + 1,
        skip=records[at].next_line,
        text=text,
        is_plain=textfile.has_plain_head(text, records[at]),
    )


def stored(connection: Connection, table: CellTable, scratch: Path) -> CellTable:
    """The same cells in a Parquet file of ours: parsed once, and then read column by column, each text once.

    Raises:
        FileRefusedError: the file breaks off or cannot be read at some place.
    """
    if table.is_numbered:
        return table
    path = scratch / "cells.parquet"
    copy = f"COPY (SELECT * FROM {table.cells}) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    run(connection, copy, {"path": str(table.path)})
    return _with_shown(connection, replace(table, path=path, cells=_STORED, is_numbered=True), scratch)


def _with_shown(connection: Connection, table: CellTable, scratch: Path) -> CellTable:
    """A large table whose texts repeat, with the rows that show them all: what each text is need be asked only once.

    DuckDB writes a column with a dictionary where its texts repeat, and then also groups by them in no time.
    """
    found = connection.execute(
        """
        SELECT max(rows), min(coalesce(repeated, 0) / rows) FROM (
            SELECT sum(num_values)::BIGINT AS rows,
                   sum(num_values) FILTER (contains(encodings, 'DICTIONARY')) AS repeated
            FROM parquet_metadata(?) GROUP BY column_id)
        """,
        [str(table.path)],
    ).fetchone()
    rows, repetitive = found or (0, 0)
    if (rows or 0) < _MANY_ROWS or (repetitive or 0) < _REPETITIVE or table.width > _FEW_COLUMNS:
        return table
    shown = scratch / "shown.parquet"
    firsts = " UNION ".join(f"SELECT min(row_number) FROM {table.cells} GROUP BY c{n}" for n in range(table.width))
    connection.execute(
        f"COPY (SELECT * FROM {table.cells} WHERE row_number IN ({firsts})) TO {sql_text(str(shown))} (FORMAT parquet)",
        {"path": str(table.path)},
    )
    cells = "(SELECT * FROM read_parquet($path, hive_partitioning = false))"
    return replace(table, rows=rows, shown=replace(table, path=shown, cells=cells))


def starts_as_sampled(connection: Connection, table: CellTable) -> bool:
    """Whether the strict scan begins with the row below the header."""
    if not table.is_plain:
        return False
    cells = ", ".join(f"c{n}" for n in range(table.width))
    row = run(connection, f"SELECT {cells} FROM {table.cells} LIMIT 1", {"path": str(table.path)}).fetchone()
    if row is None or not table.sample:
        return row is None and not table.sample
    first = [(c or "").strip() for c in row]
    return first == list(table.sample[0]) or not any(first)


def own_name(path: Path, scratch: Path) -> Path:
    """The file under a name that means nothing: DuckDB reads compression and partitions out of names."""
    link = scratch / "table"
    link.symlink_to(path.absolute())
    return link


def too_many_columns(count: int) -> FileRefusedError:
    """The refusal of a file wider than any export."""
    return FileRefusedError(
        "unknown_layout", f"a line has {count:,} columns (at most {MAX_COLUMNS:,})", "This is no export we know"
    )


def tokenised(table: CellTable, scratch: Path, is_remark: Callable[[list[str]], bool]) -> CellTable:
    """The same text read line by line: mixed line ends, short title and total lines, longer lines of blanks.

    Slower than the strict scan, so only for files that this one cannot read. A line with fewer cells than the
    header is kept where `is_remark` says that it is no row (a total, a remark); any other is a line that was cut.

    Raises:
        FileRefusedError: `broken_csv` with the line: too few or too many cells, an open quote.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = scratch / "cells.parquet"
    schema = pa.schema([(f"c{n}", pa.string()) for n in range(table.width)])
    rows = _even_rows(table, is_remark)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _BATCH)):
            columns = [pa.array(c, pa.string()) for c in zip(*batch, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return replace(table, path=path, cells=_STORED, is_numbered=True)


def _even_rows(table: CellTable, is_remark: Callable[[list[str]], bool]) -> Iterator[list[str]]:
    """Rows of the header's width; records are counted as the strict scan counts them."""
    if table.text is None or table.separator is None:
        raise AssertionError("only text files are tokenised")
    width = table.width
    for line, cells in textfile.all_records(table.text, table.separator, table.skip):
        if len(cells) == width:
            yield cells
        elif len(cells) > width:
            if any(c.strip() for c in cells[width:]):
                raise _uneven(line, width, len(cells))
            yield cells[:width]
        elif is_remark(padded := cells + [""] * (width - len(cells))):
            yield padded
        else:
            raise _uneven(line, width, len(cells))


def _uneven(line: int, width: int, found: int) -> FileRefusedError:
    return FileRefusedError(
        "broken_csv",
        f"line {line} cannot be read as CSV (Expected Number of Columns: {width} Found: {found})",
        "The transfer may have been cut off: export the file again",
    )


def parquet_table(connection: Connection, path: Path) -> CellTable:
    """A Parquet file, every column as text.

    Raises:
        FileRefusedError: `damaged_file`.
    """
    import pyarrow.parquet as pq

    types = _types(connection, "SELECT * FROM read_parquet($path, hive_partitioning = false)", path, "Parquet")
    # Of columns with one name all but the first have been given others.
    known = [name.casefold() for name in pq.read_schema(path).names]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise twice_named(twice)
    names = list(types)
    texts = ", ".join(f"{_as_text(n, t)} AS c{i}" for i, (n, t) in enumerate(types.items()))
    cells = f"(SELECT {_NUMBERED}, {texts} FROM {_PARQUET})"
    return _with_sample(connection, CellTable(path, "parquet", tuple(names), (), cells, is_numbered=True))


def twice_named(names: Sequence[str], row: int | None = None) -> FileRefusedError:
    """The refusal of a table in which columns have one name."""
    return FileRefusedError(
        "unknown_layout", f"columns appear twice: {', '.join(names)[:200]}", "Leave one of each", row=row
    )


def json_table(connection: Connection, path: Path, *, is_array: bool) -> CellTable:
    """JSON lines, or one JSON array of objects: each object a row, its keys the columns.

    Raises:
        FileRefusedError: `damaged_file` (broken JSON), `unknown_layout` (no objects, nested or too many keys).
    """
    shape = "array" if is_array else "newline_delimited"
    form = f"format = '{shape}', hive_partitioning = false, compression = 'uncompressed'"
    shapes = "SELECT k, min(n) FROM (SELECT json_keys(json) AS k, row_number() OVER () AS n FROM" \
             f" read_json_objects($path, {form})) WHERE len(k) > 0 GROUP BY k ORDER BY min(n)"  # fmt: skip
    try:
        found = connection.execute(shapes, {"path": str(path)}).fetchall()
    except CsvErrors as error:
        raise _damaged("JSON", error) from None
    for keys, row in found:
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise twice_named(twice, row)
    names = list(dict.fromkeys(key for keys, _ in found for key in keys))
    if not names:
        raise FileRefusedError("unknown_layout", "the JSON holds no objects with named values", "Export it as CSV")
    if len(names) > MAX_COLUMNS:
        raise too_many_columns(len(names))
    # Asked for one by one, each would have the text taken apart anew.
    texts = ", ".join(f"cells[{i}] AS c{i - 1}" for i in range(1, len(names) + 1))
    pointers = ", ".join(map(_pointer, names))
    cells = f"(SELECT {texts} FROM (SELECT json_extract_string(json, [{pointers}]) AS cells"
    cells += f" FROM read_json_objects($path, {form})))"
    return _with_sample(connection, CellTable(path, "json", tuple(names), (), cells))


def _types(connection: Connection, sql: str, path: Path, shown: str) -> dict[str, str]:
    try:
        described = connection.execute(f"DESCRIBE {sql}", {"path": str(path)}).fetchall()
    except duckdb.Error:
        raise _damaged(shown) from None
    if len(described) > MAX_COLUMNS:
        raise too_many_columns(len(described))
    return {row[0]: row[1] for row in described}


def _as_text(name: str, type_: str) -> str:
    """A column as text; what has parts, as JSON."""
    has_parts = type_.startswith(("STRUCT(", "MAP(")) or type_.endswith("]")
    return f"to_json({_quoted(name)})::VARCHAR" if has_parts else f"{_quoted(name)}::VARCHAR"


def _with_sample(connection: Connection, table: CellTable) -> CellTable:
    names = ", ".join(f"c{n}" for n in range(table.width))
    try:
        rows = connection.execute(
            f"SELECT {names} FROM {table.relation} LIMIT {_SAMPLE}", {"path": str(table.path)}
        ).fetchall()
    except duckdb.Error:
        raise _damaged(table.format) from None
    return replace(table, sample=tuple(tuple("" if c is None else c.strip() for c in row) for row in rows))


def _damaged(shown: str, error: duckdb.Error | None = None) -> FileRefusedError:
    found = re.search(r"in (line|record)(?:/value)? (\d+)", str(error))
    # DuckDB counts one too many.
    row = max(1, int(found[2]) - 1) if found else None
    where = f" ({found[1]} {row})" if found else ""
    what = f"the file looks like {shown} but cannot be read{where}"
    return FileRefusedError("damaged_file", what, "Export or transfer it again", row=row)


def run(connection: Connection, sql: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Execute a statement over a cell table.

    Raises:
        FileRefusedError: the file breaks off or cannot be read at some place.
    """
    try:
        return connection.execute(sql, parameters)
    except CsvErrors as error:
        raise csv_refusal(error) from None


def csv_refusal(error: duckdb.Error) -> FileRefusedError:
    """DuckDB's CSV error as a refusal, without the machine's paths or the advice meant for programmers."""
    text = str(error)
    if isinstance(error, duckdb.NotImplementedException):
        return _long_line()
    line = re.search(r"CSV Error on Line: (\d+)", text)
    cause = re.search(r"(Expected Number of Columns: \d+ Found: \d+|[Ii]nvalid unicode[^.\n]*|[Uu]nterminated quote|"
                      r"Value with unterminated quote[^.\n]*|Maximum line size[^.\n]*)", text)  # fmt: skip
    where = f"line {line.group(1)}" if line else "the file"
    why = cause.group(1) if cause else text.splitlines()[0].split("/")[0][:120]
    code = "encoding" if "unicode" in why.lower() else "broken_csv"
    return FileRefusedError(code, f"{where} cannot be read as CSV ({why})", "Export the file again")


def _long_line() -> FileRefusedError:
    return FileRefusedError("broken_csv", f"a line is longer than {textfile.MAX_LINE:,} bytes", "Export the file again")


def _pointer(key: str) -> str:
    """A key as a JSON pointer, which needs no quotes and takes any text."""
    return sql_text("/" + key.replace("~", "~0").replace("/", "~1"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A SQL literal of a declared name."""
    return "'" + text.replace("'", "''") + "'"


def sql_list(texts: Iterable[str]) -> str:
    """A SQL list literal of declared names."""
    return "[" + ", ".join(sql_text(t) for t in texts) + "]"
