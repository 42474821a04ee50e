"""A vendor's file as a table of cells that steps of a re-save change, and how it is written as bytes.

Independent of the package on purpose: cells are read with `datetime.strptime` and written with csv.
"""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

Cell = str | int | float | bool | datetime | None
Line = tuple[Cell, ...]

TIME_COLUMNS = ("ActivityDate", "ActivityDay", "ActivityHour", "SleepDay", "Time", "Date")
_ROLES = {"Id": "id", "IsManualReport": "flag", "LogId": "key"} | dict.fromkeys(TIME_COLUMNS, "time")


@dataclass(frozen=True)
class Export:
    """A table with the manner in which it will be written.

    A cell of the role `time` is a datetime until a step writes it as text. Lines that are no data (`above`, blank
    lines and totals among `rows`) may have fewer cells than the header.
    """

    stem: str
    header: tuple[str, ...]
    roles: tuple[str, ...]
    rows: tuple[Line, ...]
    time_kind: str
    above: tuple[Line, ...] = ()
    has_header: bool = True
    delimiter: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"
    mark: bytes = b""
    separator_line: bool = False
    quoting: int = csv.QUOTE_MINIMAL
    suffix: str = ".csv"
    writer: "Callable[[Export], bytes] | None" = None
    wraps: tuple[Callable[[str, bytes], tuple[str, bytes]], ...] = ()
    cut: tuple[str, datetime] | None = None

    def where(self, *roles: str) -> list[int]:
        """Positions of the columns of these roles."""
        return [i for i, role in enumerate(self.roles) if role in roles]

    @property
    def time(self) -> int:
        """Position of the one time column."""
        (position,) = self.where("time")
        return position

    def change(self, function: Callable[[Cell], Cell], *roles: str) -> "Export":
        """Every cell of these roles, changed."""
        chosen = set(self.where(*roles))
        rows = tuple(tuple(function(c) if i in chosen else c for i, c in enumerate(row)) for row in self.rows)
        return replace(self, rows=rows)

    @property
    def moments(self) -> list[datetime]:
        """The time cells that no step has written yet."""
        return [cell for row in self.rows if isinstance(cell := row[self.time], datetime)]

    @property
    def has_days_above_12(self) -> bool:
        """True where some date reads in one order of day and month only."""
        return any(m.day > 12 for m in self.moments)


def read_export(path: Path) -> Export:
    """A real file in its untouched form."""
    with path.open(newline="") as file:
        header, *lines = [line for line in csv.reader(file) if line]
    clocks = {line[header.index(_time_name(header))].partition(" ")[2] for line in lines}
    kind = "date" if clocks == {""} else "midnight" if clocks == {"12:00:00 AM"} else "datetime"
    form = "%m/%d/%Y" if kind == "date" else "%m/%d/%Y %I:%M:%S %p"
    roles = tuple(_role(name, [line[i] for line in lines]) for i, name in enumerate(header))
    at = roles.index("time")
    rows = tuple(tuple(datetime.strptime(c, form) if i == at else c for i, c in enumerate(line)) for line in lines)
    return Export(path.stem, tuple(header), roles, rows, kind)


def _time_name(header: Iterable[str]) -> str:
    return next(name for name in header if name in TIME_COLUMNS)


def _role(name: str, cells: list[str]) -> str:
    return _ROLES.get(name) or ("number" if any("." in c for c in cells) else "integer")


def vendor_time(moment: datetime, kind: str) -> str:
    """M/D/YYYY, with h:mm:ss AM where the kind has a clock."""
    day = f"{moment.month}/{moment.day}/{moment.year}"
    if kind == "date":
        return day
    return f"{day} {moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def as_text(cell: Cell, kind: str) -> str:
    """A cell as the vendor writes it."""
    if isinstance(cell, datetime):
        return vendor_time(cell, kind)
    return "" if cell is None else str(cell)


def typed(cell: Cell, role: str) -> Cell:
    """A cell as a program holds it: ids and counts as integers, measures as floats; a re-written text stays."""
    if not isinstance(cell, str) or role not in {"id", "key", "integer", "number", "flag"}:
        return cell
    if role == "flag":
        return {"True": True, "False": False}.get(cell, cell)
    if cell == "":
        return None
    if cell.isascii() and cell.isdigit():
        return float(cell) if role == "number" else int(cell)
    return float(cell) if cell.replace(".", "", 1).isdigit() and cell.isascii() else cell


def lines_of(export: Export) -> list[Line]:
    """All lines from the top: titles, header, rows."""
    return [*export.above, *([export.header] if export.has_header else []), *export.rows]


def write_text(export: Export) -> bytes:
    """The table as delimited text."""
    out = io.StringIO(newline="")
    if export.separator_line:
        out.write(f"sep={export.delimiter}{export.newline}")
    writer = csv.writer(
        out, delimiter=export.delimiter, lineterminator=export.newline, quoting=export.quoting, doublequote=True
    )
    bare = export.quoting == csv.QUOTE_NONNUMERIC
    for line in lines_of(export):
        cells = [_unquoted(c, r) if bare else c for c, r in zip(line, export.roles, strict=False)]
        writer.writerow([c if isinstance(c, int | float) else as_text(c, export.time_kind) for c in cells])
    text = out.getvalue()
    if export.cut:
        text = _cut(text, export)
    return export.mark + text.encode(export.encoding)


def _unquoted(cell: Cell, role: str) -> Cell:
    """A number as a number, so that csv leaves its quotes out; only where it is written just the same."""
    number = typed(cell, "integer") if role in {"integer", "number"} else cell
    return number if str(number) == cell else cell


def _cut(text: str, export: Export) -> str:
    """The last line ends in the middle of its time cell."""
    last = text.rstrip(export.newline).rfind(export.newline) + len(export.newline)
    second = text.index(export.delimiter, last)
    return text[: second + 5]


def render(export: Export) -> tuple[str, bytes]:
    """Name and bytes of the file."""
    name = export.stem + export.suffix
    content = (export.writer or write_text)(export)
    for wrap in export.wraps:
        name, content = wrap(name, content)
    return name, content
