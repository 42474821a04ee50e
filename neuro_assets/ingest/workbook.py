"""An Excel workbook as CSV texts, one per sheet: record n is Excel's row n. What a sheet means is not looked at.

calamine reads the cells. It reserves memory for what a file merely claims, and ends the whole process when it does not
get it; so the XML is surveyed first. The survey also keeps what calamine leaves blank: errors, uncalculated formulas.
"""

import re
import sys
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from neuro_assets.ingest.refusal import FileRefusedError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

# Excel's own grid.
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
# calamine needs about 75 bytes for a cell, blank ones in between included: full height with 28 columns is 2.3 GB.
MAX_SHEET_CELLS = 30_000_000
# calamine holds a text once per cell that shows it: a page of text in a million cells is a bomb.
MAX_SHEET_TEXT = 1_000_000_000
# Each takes some 200 bytes here; a column of failed look-ups down a full sheet fits.
MAX_SHEET_ERRORS = 2_000_000
MAX_SHEET_NAME = 50  # Excel has 31; file systems have 255 bytes, and suffixes come.
_EXACT_BELOW = 1e15  # Excel keeps 15 digits.
_SECOND_SLACK_US = 2_000  # A day is a float of days: seconds come back a little off.
_PIECE_CHARS = 1 << 20
_NEEDS_QUOTES = re.compile('[",\n\r]').search

Row = list[Any]


def _unreadable(why: str) -> FileRefusedError:
    remedy = "Open it in Excel, save it as .xlsx once more or as CSV UTF-8, and drop that"
    return FileRefusedError("unreadable_workbook", f"the workbook cannot be read: {why}", remedy)


def _too_large(why: str) -> FileRefusedError:
    return FileRefusedError("archive_too_large", f"the workbook is too large: {why}", "Save the sheet as CSV UTF-8")


class Survey:
    """What a workbook's XML says of its sheets. Feed it every member, the shared strings first; then ask for sheets."""

    def __init__(self) -> None:
        self.parts: dict[str, _Part] = {}
        self.strings = array("L")

    @staticmethod
    def is_strings(member: str) -> bool:
        """Whether a member holds the texts that other members refer to."""
        return _key(member).endswith("/sharedstrings.xml")

    def read(self, member: str, pieces: Iterable[bytes]) -> None:
        """Look at one member of the archive, to its end.

        Raises:
            FileRefusedError: `unreadable_workbook`, or `archive_too_large` where calamine would need too much memory.
        """
        key, part = _key(member), None
        if key.startswith("xl/") and key.endswith((".xml", ".rels")):
            if key in self.parts:
                raise _unreadable(f"it has '{member}' twice")
            part = self.parts[key] = _Part(self.strings)
        for piece in pieces:
            if part:
                part.feed(piece)
        if part:
            part.close()

    def sheets(self) -> "list[_Part | None]":
        """The sheets in the workbook's order; None for what has no cells, such as a chart."""
        books = [key for key in self.parts if key.endswith("/workbook.xml")]
        rels = self.parts.get("xl/_rels/workbook.xml.rels")
        if books != ["xl/workbook.xml"] or rels is None:
            raise _unreadable("it has no list of sheets, or two")
        targets = {r.get("Id"): r for r in rels.relationships}
        return [self._sheet(s, targets) for s in self.parts[books[0]].sheets]

    def _sheet(self, sheet: dict[str, str], targets: dict[str | None, dict[str, str]]) -> "_Part | None":
        link = next((targets.get(v) for k, v in sheet.items() if k.rpartition(":")[2] == "id"), None) or {}
        if link.get("Type", "").rpartition("/")[2] in ("chartsheet", "dialogsheet"):
            return None
        target = link.get("Target", "")
        part = self.parts.get(_key(target[1:] if target.startswith("/") else f"xl/{target}"))
        if part is None:
            raise _unreadable(f"the sheet '{sheet.get('name', '')}' is not in it")
        return part


def _key(member: str) -> str:
    """A member's name as calamine compares it."""
    return member.replace("\\", "/").lower()


class _Part:
    """One XML part of a workbook: where its cells are, and those that calamine leaves blank."""

    def __init__(self, strings: array) -> None:
        self.strings = strings
        self.sheets: list[dict[str, str]] = []
        self.relationships: list[dict[str, str]] = []
        self.texts: dict[int, dict[int, str]] = {}
        self._top, self._left, self.bottom, self._right = MAX_ROWS, MAX_COLUMNS, -1, -1
        self._line = self._row = self._column = self._chars = self._errors = 0
        self._has_row = self._has_result = False
        self._kind, self._number = "n", ""
        self._formula: str | None = None
        self._letters: dict[str, int] = {}
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError as error:
            raise _unreadable(f"its XML is damaged ({error})") from None

    def close(self) -> None:
        self.feed(b"", is_last=True)
        height, width = self.bottom - self._top + 1, self._right - self._left + 1
        if self.bottom >= 0 and height * width > MAX_SHEET_CELLS:
            raise _too_large(f"a sheet's cells span {height} rows by {width} columns")

    def _doctype(self, *_: object) -> None:
        raise _unreadable("its XML defines entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "sheetData":
            self._parser.StartElementHandler, self._parser.EndElementHandler = self._start_in_rows, self._end_in_rows
        elif name == "sheet":
            self.sheets.append(attributes)
        elif name == "Relationship":
            self.relationships.append(attributes)
        elif name == "si":
            self._text.clear()
        elif name == "sst" and _digits(attributes.get("uniqueCount", "0")) > MAX_SHEET_CELLS:
            raise _too_large(f"it claims {attributes['uniqueCount']} different texts")

    def _end(self, name: str) -> None:
        if name.rpartition(":")[2] == "si":
            self.strings.append(sum(map(len, self._text)))

    # The next two are called for every cell, millions of times: they trade calls for lines.
    def _start_in_rows(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            self._row, self._kind, self._formula = self._line, attributes.get("t", "n"), None
            if place := attributes.get("r"):
                letters = place.rstrip("0123456789")
                self._column = self._letters[letters] if letters in self._letters else self._new_column(letters)
                if (number := place[len(letters) :]) != self._number:
                    self._row = _digits(number) - 1
            self._text.clear()
        elif name == "v" or name == "is":
            row, column = self._row, self._column
            if not (self._top <= row <= self.bottom and self._left <= column <= self._right):
                self._widen(row, column)
            if self._formula is not None:
                self._formula, self._has_result = "".join(self._text), True
                self._text.clear()
        elif name == "row":
            self._start_row(attributes.get("r", ""))
        elif name == "f":
            self._formula, self._has_result = "", False
            self._text.clear()

    def _start_row(self, number: str) -> None:
        self._line = _digits(number) - 1 if number else self._line + self._has_row
        self._number, self._column, self._has_row = number, 0, True

    def _end_in_rows(self, name: str) -> None:
        if name == "c" or name.endswith(":c"):
            if self._kind in ("s", "e") or self._formula is not None:
                self._keep(self._kind, "".join(self._text).strip())
            self._column += 1
        elif name.endswith("sheetData"):
            self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end

    def _keep(self, kind: str, text: str) -> None:
        """Note the shown text of a cell that calamine has none for; count the texts of the others."""
        if kind == "s":
            index = _digits(text or "0")
            self._chars += self.strings[index] if index < len(self.strings) else 0
            if self._chars > MAX_SHEET_TEXT:
                raise _too_large(f"the texts of a sheet have more than {MAX_SHEET_TEXT} characters")
            return
        if kind == "n" and not (self._has_result and text):
            text = f"={(self._formula or text).strip()}"
        elif kind != "e":
            return
        self._errors += 1
        if self._errors > MAX_SHEET_ERRORS:
            raise _unreadable(f"more than {MAX_SHEET_ERRORS} cells of a sheet are errors")
        self._widen(self._row, self._column)
        self.texts.setdefault(self._row, {})[self._column] = sys.intern(text)

    def _widen(self, row: int, column: int) -> None:
        if not (0 <= row < MAX_ROWS and column < MAX_COLUMNS):
            raise _unreadable(f"it has a cell in row {row + 1}, column {column + 1}, which Excel does not have")
        self._top, self.bottom = min(row, self._top), max(row, self.bottom)
        self._left, self._right = min(column, self._left), max(column, self._right)

    def _new_column(self, letters: str) -> int:
        if not re.fullmatch("[A-Za-z]{1,3}", letters):
            raise _unreadable(f"'{letters[:20]}' is no column")
        column = -1
        for letter in letters.upper():
            column = (column + 1) * 26 + ord(letter) - ord("A")
        self._letters[letters] = column
        return column


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise _unreadable(f"'{text[:20]}' should be a number of at most 10 digits")
    return int(text)


def sheet_texts(path: Path, survey: Survey) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every sheet that has a cell, hidden ones too: a name that can be a file's, and the CSV text in pieces.

    Rows and columns count from A1, so that record n of the text is row n of the sheet: a blank row is a record too.
    A merged range shows the value of its first cell in all its cells within the used range. Texts stay as they are.

    | cell | text |
    | --- | --- |
    | number | whole ones without a point; from 16 digits on `1.23456789012346E+17`, for Excel has lost the rest |
    | date with a time | `2016-04-12 10:30:05`, with `.250` where it is no whole second |
    | date | `2016-04-12`; with ` 00:00:00` where others of its column have a time |
    | time of day, duration | `07:45:00`, `30:05:00` |
    | yes or no | `TRUE`, `FALSE` |
    | error | as shown: `#N/A` |
    | formula | its last result; `=A1+B1` where it has none, because no spreadsheet has calculated it |

    Raises:
        FileRefusedError: `unreadable_workbook`.
    """
    from python_calamine import CalamineWorkbook

    workbook = _calling(lambda: CalamineWorkbook.from_path(path))
    parts, names = survey.sheets(), [m.name for m in workbook.sheets_metadata]
    if len(parts) != len(names) or len(set(names)) < len(names):
        raise _unreadable("two of its sheets have the same name")
    used: set[str] = set()
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        if part is None or part.bottom < 0:
            continue
        grid = _Grid(_calling(partial(workbook.get_sheet_by_index, index)), part.texts)
        if grid.height:
            yield _file_name(name, used), grid.pieces()


def _calling(call: Callable[[], Any]) -> Any:
    """The result of a call into calamine; what it says of the file is a refusal, a panic included."""
    try:
        return call()
    except BaseException as error:
        is_panic = type(error).__name__ == "PanicException"
        is_of_machine = isinstance(error, MemoryError) or (isinstance(error, OSError) and "os error" in str(error))
        if is_of_machine or not (is_panic or isinstance(error, Exception)):
            raise
        raise _unreadable(str(error)[:200] or type(error).__name__) from error


class _Grid:
    """The cells of a sheet from A1 on, with what the survey found in place of calamine's blanks."""

    def __init__(self, sheet: "CalamineSheet", texts: dict[int, dict[int, str]]) -> None:
        self.sheet, self.texts = sheet, texts
        last_row, last_column = sheet.end or (-1, -1)
        self.left = sheet.start[1] if sheet.start else 0
        self.height = max(last_row, *texts, -1) + 1
        self.width = max(last_column, *(c for row in texts.values() for c in row), -1) + 1
        self.merged: dict[int, list[tuple[int, int, int]]] = {}
        area = 0
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            bottom, right = min(bottom, self.height - 1), min(right, self.width - 1)
            if top <= bottom and left <= right:
                area += (bottom - top + 1) * (right - left + 1)
                self.merged.setdefault(top, []).append((bottom, left, right))
        if area > self.height * self.width:
            raise _unreadable("its merged cells overlap")

    def cells(self) -> Iterator[Row]:
        """Rows as calamine has them: from row 1, but from the first used column on."""
        if self.sheet.start is None:
            return
        rows = _calling(self.sheet.iter_rows)
        while (row := _calling(lambda: next(rows, None))) is not None:
            yield row

    def rows(self) -> Iterator[Row]:
        """All rows, each from column A and of full width."""
        cells, unfinished = self.cells(), list[tuple[int, int, int, Any]]()
        for number in range(self.height):
            row = [""] * self.left + next(cells, [])
            row += [""] * (self.width - len(row))
            for column, text in self.texts.get(number, {}).items():
                row[column] = text
            unfinished = [r for r in unfinished if r[0] >= number]
            unfinished += [(b, le, r, row[le]) for b, le, r in self.merged.get(number, ()) if row[le] != ""]
            for _, left, right, value in unfinished:
                row[left : right + 1] = [value] * (right - left + 1)
            yield row

    def pieces(self) -> Iterator[bytes]:
        """The CSV text."""
        moments = self._moments()
        lines, chars = list[str](), 0
        for row in self.rows():
            lines.append(_line(row, moments))
            chars += len(lines[-1])
            if chars > _PIECE_CHARS:
                yield "".join(lines).encode()
                lines, chars = [], 0
        yield "".join(lines).encode()

    def _moments(self) -> list[int]:
        """The columns that have a date with a time; calamine gives their midnights as mere dates."""
        found: set[int] = set()
        for row in self.cells():
            found.update(column for column, value in enumerate(row, self.left) if type(value) is datetime)
        return sorted(found)


def _line(row: Row, moments: list[int]) -> str:
    texts = [_quoted(v) if type(v) is str else _TEXTS[type(v)](v) for v in row]
    for column in moments:
        if type(row[column]) is date:
            texts[column] += " 00:00:00"
    # A record of one blank cell would be no record without its quotes.
    return (",".join(texts) or '""') + "\n"


def _quoted(text: str) -> str:
    # Python's csv module leaves a lone carriage return bare, which other readers take for the end of the record.
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES(text) else text


def _number(value: float) -> str:
    if isinstance(value, int) or value.is_integer():
        return str(int(value)) if abs(value) < _EXACT_BELOW else f"{value:.14E}"
    return repr(value)


def _moment(value: datetime) -> str:
    if value.microsecond <= _SECOND_SLACK_US:
        value = value.replace(microsecond=0)
    elif value.microsecond >= 1_000_000 - _SECOND_SLACK_US and value.year < MAXYEAR:
        value += timedelta(microseconds=1_000_000 - value.microsecond)
    return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")


def _time_of_day(value: time) -> str:
    day, _, text = _moment(datetime.combine(date.min, value)).partition(" ")
    return text if day == date.min.isoformat() else value.isoformat("milliseconds")


def _duration(value: timedelta) -> str:
    days, _, text = _moment(datetime.min + abs(value) % timedelta(days=1)).partition(" ")
    hours = abs(value).days * 24 + int(text[:2]) + 24 * (days != date.min.isoformat())
    return f"{'-' if value < timedelta() else ''}{hours:02}{text[2:]}"


_TEXTS: dict[type, Callable[[Any], str]] = {
    bool: lambda v: "TRUE" if v else "FALSE",
    int: _number,
    float: _number,
    datetime: _moment,
    date: date.isoformat,
    time: _time_of_day,
    timedelta: _duration,
}


def _file_name(sheet: str, used: set[str]) -> str:
    """The sheet's name as a file's name, unlike all those used."""
    shown = unicodedata.normalize("NFC", sheet)
    shown = "".join("_" if c in '/\\:*?"<>|' or unicodedata.category(c)[0] == "C" else c for c in shown)
    shown = re.sub(r"^\.", "_", shown.strip()[:MAX_SHEET_NAME]) or "sheet"
    name, count = shown, 1
    while name.casefold() in used:
        count += 1
        name = f"{shown} ({count})"
    used.add(name.casefold())
    return f"{name}.csv"
