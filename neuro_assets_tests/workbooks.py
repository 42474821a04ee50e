"""Excel workbooks for planted cases: written by openpyxl, or with a part's XML put in by hand."""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import openpyxl

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
_WORKSHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData>'

Rows = Iterable[Iterable[Any]]


def save(path: Path, sheets: Rows | Mapping[str, Rows], prepare: Callable[[Any], None] = lambda _: None) -> Path:
    """A workbook of sheets given as rows from A1; `prepare` gets the openpyxl workbook before it is written."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (sheets if isinstance(sheets, Mapping) else {"Sheet1": sheets}).items():
        sheet = book.create_sheet(name)
        for row, cells in enumerate(rows, 1):
            for column, value in enumerate(cells, 1):
                if value is not None:
                    sheet.cell(row=row, column=column, value=value)
    prepare(book)
    book.save(path)
    return path


def with_part(path: Path, change: Callable[[bytes], bytes], part: str = SHEET) -> Path:
    """The workbook with one part changed and everything else, checksums included, in order."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[part] = change(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def with_rows(path: Path, rows: str, after: str = "") -> Path:
    """A workbook of one sheet whose rows are this XML, `after` following them."""
    text = _WORKSHEET.format(rows) + after + "</worksheet>"
    return with_part(save(path, [["x"]]), lambda _: text.encode())
