"""Re-saves that write the same table as another kind of text or file."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from neuro_assets_tests.resave.dates import split
from neuro_assets_tests.resave.export import Cell, Export, Line, as_text, lines_of, typed, write_text
from neuro_assets_tests.resave.step import Step, always, has_clock, never

Writer = Callable[[Export], bytes]


def _text(name: str, harmless=always, **fields: Any) -> Step:
    return Step(name, "text", lambda e: replace(e, **fields), harmless)


def _both_ends(export: Export) -> bytes:
    lines = write_text(export).split(b"\n")[:-1]
    return b"".join(line + (b"\r\n" if n % 2 else b"\n") for n, line in enumerate(lines))


def _fixed_width(export: Export) -> bytes:
    lines = [[_show(c, export) for c in line] for line in lines_of(export)]
    return "".join("".join(f"{c:>24}" for c in line) + "\n" for line in lines).encode()


TEXTS = (
    _text("tabs", delimiter="\t", suffix=".tsv"),
    _text("tabs in .txt", delimiter="\t", suffix=".txt"),
    _text("semicolons", delimiter=";"),
    _text("pipes", delimiter="|", suffix=".txt"),
    _text("CRLF", newline="\r\n"),
    _text("CR only", newline="\r"),
    _text("UTF-8 with BOM", mark=b"\xef\xbb\xbf"),
    _text("UTF-8 with BOM and CRLF", mark=b"\xef\xbb\xbf", newline="\r\n"),
    _text("UTF-16 LE with BOM", mark=b"\xff\xfe", encoding="utf-16-le"),
    _text("UTF-16 BE with BOM", mark=b"\xfe\xff", encoding="utf-16-be"),
    _text("UTF-16 LE without BOM", encoding="utf-16-le"),
    _text("UTF-16 BE without BOM", encoding="utf-16-be"),
    _text(
        "Excel's Unicode text", mark=b"\xff\xfe", encoding="utf-16-le", delimiter="\t", newline="\r\n", suffix=".txt"
    ),
    _text("Windows-1252", encoding="cp1252"),
    _text("all cells quoted", quoting=csv.QUOTE_ALL),
    Step("LF and CRLF in turn", "file", lambda e: replace(e, writer=_both_ends)),
    Step("Ctrl-Z at the end", "file", lambda e: replace(e, writer=lambda x: write_text(x) + "\x1a".encode(x.encoding))),
    Step("fixed width (.prn)", "file", lambda e: replace(e, writer=_fixed_width, suffix=".prn"), never),
    _text("named .txt", suffix=".txt"),
    _text("named without suffix", suffix=""),
    _text("named .xlsx", suffix=".xlsx"),
    _text("named .CSV", suffix=".CSV"),
    _text("copied: name (1).csv", suffix=" (1).csv"),
)


def _file(name: str, writer: Writer, suffix: str, harmless=always, *, is_approximate: bool = False) -> Step:
    return Step(name, "file", lambda e: replace(e, writer=writer, suffix=suffix), harmless, always, is_approximate)


def _save(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _show(cell: Cell, export: Export) -> str:
    return as_text(cell, export.time_kind)


def fill(sheet: Any, export: Export, *, is_typed: bool, top: int = 1, left: int = 1) -> None:
    """The table into a sheet; typed: numbers and real dates with a date format."""
    form = "m/d/yyyy" if export.time_kind == "date" else "m/d/yyyy h:mm"
    skip = len(export.above) + export.has_header
    for n, line in enumerate(lines_of(export)):
        for i, cell in enumerate(line):
            value = _sheet_cell(cell, export, i, is_typed=is_typed and n >= skip)
            if value in ("", None):
                continue
            place = sheet.cell(row=top + n, column=left + i, value=value)
            if isinstance(value, datetime):
                place.number_format = form


def _sheet_cell(cell: Cell, export: Export, position: int, *, is_typed: bool) -> Cell:
    if is_typed:
        return typed(cell, export.roles[position])
    return _show(cell, export)


def workbook(
    *, is_typed: bool = True, mac: bool = False, hide: int = 0, top: int = 1, left: int = 1, merged_title: str = ""
) -> Writer:
    """An xlsx of one sheet."""

    def write(export: Export) -> bytes:
        book = Workbook()
        if mac:
            book.epoch = CALENDAR_MAC_1904
        sheet = book.active
        sheet.title = export.stem[:31]
        first = top
        if merged_title:
            sheet.cell(row=1, column=1, value=merged_title)
            sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(export.header))
            first = top + 1
        fill(sheet, export, is_typed=is_typed, top=first, left=left)
        for n in range(2, hide):
            sheet.row_dimensions[n].hidden = True
        return _save(book)

    return write


def _apart(export: Export) -> bytes:
    """Date cells with a date format and clock cells with a clock format."""
    day = lambda m: m.replace(hour=0, minute=0, second=0)  # noqa: E731
    return workbook()(replace(split("Time", lambda m: m.time(), day)(export), time_kind="date"))


def _formulas(export: Export) -> bytes:
    """Values as formulas whose results were never stored."""
    return workbook()(export.change(lambda c: f"={c}" if c else c, "integer", "number"))


def with_sheet(kind: str, *, first: bool) -> Writer:
    """An xlsx with a second sheet: notes, blank, or the same table once more."""

    def write(export: Export) -> bytes:
        book = Workbook()
        main = book.active
        main.title = "Data"
        fill(main, export, is_typed=True)
        other = book.create_sheet({"notes": "Notes", "blank": "Sheet2", "copy": "Backup"}[kind], 0 if first else 1)
        if kind == "notes":
            other.append(["Who", "What"])
            other.append(["M. Meyer", "watch lost on 4/30/2016"])
        if kind == "copy":
            fill(other, export, is_typed=True)
        return _save(book)

    return write


def _rows_of(export: Export, *, is_typed: bool) -> list[dict[str, Cell]]:
    def value(cell: Cell, role: str) -> Cell:
        if is_typed:
            return cell.isoformat() if isinstance(cell, datetime) else typed(cell, role)
        return _show(cell, export)

    return [{h: value(c, r) for h, c, r in zip(export.header, row, export.roles, strict=False)} for row in export.rows]


def json_array(*, is_typed: bool) -> Writer:
    """A JSON array of records."""
    return lambda e: json.dumps(_rows_of(e, is_typed=is_typed)).encode()


def _by_columns(export: Export) -> bytes:
    rows = _rows_of(export, is_typed=True)
    return json.dumps({h: {str(n): row[h] for n, row in enumerate(rows)} for h in export.header}).encode()


def json_lines(*, is_typed: bool) -> Writer:
    """A JSON object a line."""
    return lambda e: "".join(json.dumps(row) + "\n" for row in _rows_of(e, is_typed=is_typed)).encode()


def frame(export: Export, *, is_typed: bool) -> pl.DataFrame:
    """The rows as a polars frame, typed or all text."""
    columns = {}
    for i, (name, role) in enumerate(zip(export.header, export.roles, strict=True)):
        cells = [typed(row[i], role) if is_typed else _show(row[i], export) for row in export.rows]
        if is_typed and role == "number":
            cells = [float(c) if isinstance(c, int) else c for c in cells]
        series = pl.Series(name, cells, strict=True)
        columns[name] = series.dt.date() if series.dtype == pl.Datetime and export.time_kind == "date" else series
    return pl.DataFrame(columns)


def parquet(change: Callable[[pl.DataFrame], pl.DataFrame] = lambda f: f, *, is_typed: bool = True) -> Writer:
    """A Parquet file, its frame changed before it is written."""

    def write(export: Export) -> bytes:
        out = io.BytesIO()
        change(frame(export, is_typed=is_typed)).write_parquet(out)
        return out.getvalue()

    return write


def _pandas_parquet(export: Export) -> bytes:
    import pandas as pd

    out = io.BytesIO()
    table = pd.DataFrame(frame(export, is_typed=True).to_dict(as_series=False))
    table.sample(frac=1, random_state=3).to_parquet(out)  # a shuffled index is kept as a column
    return out.getvalue()


def _claims_utc(table: pl.DataFrame) -> pl.DataFrame:
    times = [n for n, t in table.schema.items() if t == pl.Datetime]
    return table.with_columns(pl.col(times).dt.replace_time_zone("UTC"))


def _html(export: Export) -> bytes:
    def line(cells: Line) -> str:
        return "<tr>" + "".join(f"<td>{_show(c, export)}</td>" for c in cells) + "</tr>"

    return f"<html><body><table>{''.join(line(x) for x in lines_of(export))}</table></body></html>".encode()


def _start(writer: Writer) -> Writer:
    """Two thirds of the bytes: the transfer broke off."""
    return lambda e: (content := writer(e))[: len(content) * 2 // 3]


FILES = (
    _file("xlsx, typed", workbook(), ".xlsx"),
    _file("xlsx, all text", workbook(is_typed=False), ".xlsx"),
    _file("xlsx, merged title", workbook(merged_title="Fitabase export, Boston"), ".xlsx"),
    _file("xlsx, table not in A1", workbook(top=4, left=3), ".xlsx"),
    _file("xlsx, dates from 1904", workbook(mac=True), ".xlsx"),
    _file("xlsx, notes in a second sheet", with_sheet("notes", first=False), ".xlsx"),
    _file("xlsx, notes in the first sheet", with_sheet("notes", first=True), ".xlsx"),
    _file("xlsx, blank second sheet", with_sheet("blank", first=False), ".xlsx"),
    _file("xlsx, the table in two sheets", with_sheet("copy", first=False), ".xlsx"),
    _file("xlsx, filtered rows hidden", workbook(hide=80), ".xlsx"),
    Step(
        "xlsx, real date and real clock apart",
        "file",
        lambda e: replace(e, writer=_apart, suffix=".xlsx"),
        fits=has_clock,
    ),
    _file("xlsx, formulas without results", _formulas, ".xlsx", never),
    _file("xlsx named .csv", workbook(), ".csv"),
    _file("Parquet, typed", parquet(), ".parquet"),
    _file("Parquet, all text", parquet(is_typed=False), ".parquet"),
    _file(
        "Parquet with nanoseconds",
        parquet(lambda t: t.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("ns"))),
        ".parquet",
    ),
    _file("Parquet by pandas, shuffled index", _pandas_parquet, ".parquet"),
    _file("Parquet, ids as floats", parquet(lambda t: t.with_columns(pl.col("Id").cast(pl.Float64))), ".parquet"),
    _file("Parquet claiming UTC", parquet(_claims_utc), ".parquet", never),
    _file("JSON array, typed", json_array(is_typed=True), ".json"),
    _file("JSON array, all text", json_array(is_typed=False), ".json"),
    _file("JSON lines, typed", json_lines(is_typed=True), ".jsonl"),
    _file("JSON lines, all text", json_lines(is_typed=False), ".ndjson"),
    _file("JSON under a key", lambda e: json.dumps({"data": _rows_of(e, is_typed=True)}).encode(), ".json"),
    _file("JSON by columns (as pandas writes)", _by_columns, ".json", never),
    _file("HTML table named .xls", _html, ".xls", never),
    _file("xlsx cut off", _start(workbook()), ".xlsx", never),
    _file("Parquet cut off", _start(parquet()), ".parquet", never),
    _file("JSON array cut off", _start(json_array(is_typed=True)), ".json", never),
    _file("zeros instead of bytes", lambda e: bytes(len(write_text(e))), ".csv", never),
)


def _gzip(name: str, content: bytes) -> tuple[str, bytes]:
    return f"{name}.gz", gzip.compress(content, mtime=0)


def zipped(folder: str = "", *extra: tuple[str, bytes]) -> Callable[[str, bytes], tuple[str, bytes]]:
    """A zip of the file, in a folder, with other members."""

    def wrap(name: str, content: bytes) -> tuple[str, bytes]:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in ((f"{folder}{name}", content), *extra):
                archive.writestr(zipfile.ZipInfo(member.format(name=name), (2016, 5, 13, 0, 0, 0)), data)
        return f"{name.rsplit('.', 1)[0]}.zip", out.getvalue()

    return wrap


def _broken(wrap: Callable[[str, bytes], tuple[str, bytes]]) -> Callable[[str, bytes], tuple[str, bytes]]:
    def cut(name: str, content: bytes) -> tuple[str, bytes]:
        name, whole = wrap(name, content)
        return name, whole[: len(whole) * 2 // 3]

    return cut


def _wrap(name: str, wrap: Callable[[str, bytes], tuple[str, bytes]], harmless=always) -> Step:
    return Step(name, "wrap", lambda e: replace(e, wraps=(*e.wraps, wrap)), harmless)


_MAC = (("__MACOSX/export/._{name}", b"\0\5\26\7\0\2\0\0Mac OS X        "), ("export/.DS_Store", b"\0\0\0\1Bud1"))

WRAPS = (
    _wrap("gzip", _gzip),
    _wrap("zip", zipped()),
    _wrap("zip with a folder", zipped("Fitabase Data 4.12.16-5.12.16/")),
    _wrap("zip with __MACOSX", zipped("export/", *_MAC)),
    _wrap("zip with a readme", zipped("", ("README.txt", b"Exported by M. Meyer.\n"))),
    _wrap("gzip cut off", _broken(_gzip), never),
    _wrap("zip cut off", _broken(zipped()), never),
)
