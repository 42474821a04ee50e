"""A first look at a file that no source describes: its table, and what each column seems to be. Nothing is decided.

What a spec is made of that is in draft.py.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path

import polars as pl

from neuro_assets.ingest import celltable, containers, textfile
from neuro_assets.ingest.celltable import CellTable
from neuro_assets.ingest.dates import Circumstances, Order, TimeSurvey, decide, read_date_text, strptime_format
from neuro_assets.ingest.layout import CLOCK_NAMES, look_of, plain
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.timetext import clock_format
from neuro_assets.lake.lake import Connection
from neuro_assets.study import Window

ROWS = 20_000
_HEADER_RECORDS = 40
_MOST = 0.8
_INTEGER = re.compile(r"[-+]?\d{1,15}")
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)*|[.,]\d+)([eE][-+]?\d+)?")
_MOMENT = re.compile(
    r"^(.+?)([T ,]+)(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)( ?[AaPp]\.?[Mm]\.?)?( ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$"
)
_EPOCH = re.compile(r"1[0-9]{9}([0-9]{3})?(\.\d+)?")
_TIME_NAMES = ("timestamp", "datetime", "dateandtime", "datetimelocal", "localtime", "time", "starttime", "date", "day")


@dataclass(frozen=True)
class Seen:
    """The table of a file and its first rows."""

    table: CellTable
    rows: tuple[tuple[str, ...], ...]

    def cells(self, place: int) -> list[str]:
        """What stands in a column, blank cells left out."""
        return [row[place] for row in self.rows if len(row) > place and row[place]]


def tables_of(path: Path, name: str, scratch: Path) -> list[containers.Member]:
    """The files in a container (one level of workbooks in an archive included), or the file itself."""
    if containers.container_kind(path) is None:
        return [containers.Member(name, path)]
    folder = scratch / f"{len(list(scratch.iterdir()))}"
    folder.mkdir()
    members = containers.expand(path, name, folder)
    return [m for part in members for m in tables_of(part.path, f"{name}/{part.name}", scratch)]


def look_at(connection: Connection, path: Path, scratch: Path) -> Seen:
    """The table of a file that is no container.

    Raises:
        FileRefusedError: not a table, no header line, or no rows.
    """
    with path.open("rb") as handle:
        head = handle.read(4096)
    if head[:4] == b"PAR1":
        return _queried(connection, celltable.parquet_table(connection, path))
    containers.refuse_foreign(path, head)
    text = textfile.open_text(path, scratch)
    with text.path.open("rb") as handle:
        first = handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first in {b"{", b"["}:
        return _queried(connection, celltable.json_table(connection, text.path, is_array=first == b"["))
    table = _text_table(text)
    return Seen(table, tuple(_first_rows(text, table)))


def _queried(connection: Connection, table: CellTable) -> Seen:
    names = ", ".join(f"c{n}" for n in range(table.width))
    sql = f"SELECT {names} FROM {table.relation} LIMIT {ROWS}"
    rows = celltable.run(connection, sql, {"path": str(table.path)}).fetchall()
    if not rows:
        raise _no_rows()
    return Seen(table, tuple(tuple((c or "").strip() for c in row) for row in rows))


def _no_rows() -> FileRefusedError:
    return FileRefusedError("empty_file", "the file has a header and no rows", "Take a file with some rows")


def _text_table(text: textfile.TextFile) -> CellTable:
    """The separator and the line under which the following lines are rows: a header of names, values below."""
    best, score = None, 0.0
    for separator in textfile.SEPARATORS:
        records = textfile.first_records(text, separator)
        for at, record in enumerate(records[:_HEADER_RECORDS]):
            below = records[at + 1 : at + 101]
            if not _is_header(record.cells) or not below:
                continue
            even = sum(len(r.cells) == len(record.cells) for r in below) / len(below)
            if even >= _MOST and even * len(record.cells) > score:
                best, score = (separator, records, at), even * len(record.cells)
    if best is None:
        raise FileRefusedError(
            "unknown_layout",
            "no table was found: no line with the names of columns above rows of as many cells",
            "Put the names of the columns above the first row",
        )
    return celltable.csv_table(text, *best)


def _is_header(cells: Sequence[str]) -> bool:
    names = [c for c in cells if c]
    if len(names) < 2 or len(cells) - len(names) > 1 or len(set(names)) < len(names):
        return False
    return not any(_NUMBER.fullmatch(c) or look_of(c) in {"day", "moment", "clock"} for c in names)


def _first_rows(text: textfile.TextFile, table: CellTable) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    try:
        for _, cells in islice(textfile.all_records(text, table.separator or ",", table.skip), ROWS):
            if len(cells) >= table.width:
                rows.append(tuple(c.strip() for c in cells[: table.width]))
    except FileRefusedError:
        pass  # checking or loading the file says where it breaks off
    if not rows:
        raise _no_rows()
    return rows


# -- values ------------------------------------------------------------------------------------------------------


def type_of(cells: Sequence[str]) -> str:
    """`integer`, `number` or `text`: what every cell looked at can be."""
    if cells and all(_INTEGER.fullmatch(c) and not (len(c) > 1 and c[0] == "0" and c.isdigit()) for c in cells):
        return "integer"
    return "number" if cells and all(_NUMBER.fullmatch(c) for c in cells) else "text"


def look_of_column(cells: Sequence[str]) -> str:
    """What most cells are as pieces of time: moment, day, clock, hour, epoch or other."""
    looked = cells[:300]
    if looked and all(_EPOCH.fullmatch(c) for c in looked):
        return "epoch"
    counts = Counter(map(_look, looked))
    if counts["moment"]:
        return "moment" if counts["moment"] + counts["day"] > _MOST * len(looked) else "other"
    return next((k for k in ("day", "clock", "hour") if counts[k] > _MOST * len(looked)), "other")


def _look(cell: str) -> str:
    match = _MOMENT.match(cell)
    if match and read_date_text(match[1]):
        return "moment"
    if not cell.isdigit() and read_date_text(cell):
        return "day"
    look = look_of(cell)
    return "other" if look == "moment" or (look == "day" and not cell.isdigit()) else look


@dataclass(frozen=True)
class Times:
    """The time column of a table, or day and clock apart.

    Attributes:
        seen: the table.
        day_at: place of the day or moment.
        clock_at: place of the clock where it has a column of its own.
        id_at: place of the participant.
    """

    seen: Seen
    day_at: int
    clock_at: int | None
    id_at: int | None

    @cached_property
    def parts(self) -> list[tuple[str, str, str, str, str, str]]:
        """(participant, date text, what separates, clock, AM or PM, zone) of every row with a time."""
        found = []
        for row in self.seen.rows:
            cell = row[self.day_at] + (f" {row[self.clock_at]}" if self.clock_at is not None else "")
            who = "" if self.id_at is None else row[self.id_at]
            if not row[self.day_at]:
                continue
            match = _MOMENT.match(cell)
            told = tuple(p or "" for p in match.groups()) if match else (cell.strip(), "", "", "", "")
            found.append((who, *told))
        return found

    @cached_property
    def orders(self) -> dict[str, list[Order]]:
        """Way of writing the day -> the orders that read every such cell; year-day-month is no way of writing."""
        read = [found for text in {p[1] for p in self.parts} if (found := read_date_text(text))]
        shapes: dict[str, set[Order]] = {}
        for found in read:
            shapes[found.shape] = shapes.get(found.shape, set(found.days)) & set(found.days)
        return {
            shape: sorted(o for o in left if o != "ydm" or not shape.startswith("Y")) for shape, left in shapes.items()
        }

    @property
    def is_open(self) -> bool:
        """Whether some cells can be read in more than one order, or in none that reads all."""
        return any(len(left) != 1 for left in self.orders.values()) or not self.orders

    @cached_property
    def order(self) -> Order | None:
        """The order that is certain, or most likely; None where nothing speaks for one."""
        if not self.orders:
            return None
        if not self.is_open:
            return next(iter(self.orders.values()))[0]
        lines = [(p[0], p[1], n) for n, p in enumerate(self.parts, start=1)]
        pairs = pl.DataFrame(lines, schema=["id", "text", "row"], orient="row")
        pairs = pairs.group_by("id", "text").agg(n=pl.len(), first_row=pl.col("row").min())
        around = Circumstances(window=Window(start=date(1970, 1, 1)), vendor_order="ymd")
        return decide(TimeSurvey(pairs, "time"), around).order

    @property
    def has_zone(self) -> bool:
        """Whether times carry a zone or an offset."""
        return any(p[5] for p in self.parts)

    @property
    def format(self) -> str | None:
        """The one strptime format of all cells; None where there are several, or more than one reading."""
        shapes = {(p[2], re.sub(r"\d+", "d", p[3]), bool(p[4]), p[4][:1] == " ") for p in self.parts}
        if self.is_open or self.clock_at is not None or self.has_zone or len(self.orders) != 1 or len(shapes) != 1:
            return None
        if any("." in p[4] for p in self.parts) or any(read_date_text(p[1]) is None for p in self.parts):
            return None
        ((shape, (order, *_)),) = self.orders.items()
        day = strptime_format(shape, order)
        separator, clock, has_half, spaced = shapes.pop()
        tail = clock_format(clock, has_half=has_half, spaced=spaced) if clock else ""
        return None if day is None or tail is None else f"{day}{separator}{tail}"

    @cached_property
    def moments(self) -> dict[str, list[datetime]]:
        """Participant -> the times of the rows in order, as they are most likely to be read."""
        found: dict[str, set[datetime]] = {}
        for who, text, _, clock, half, _ in self.parts:
            read = read_date_text(text)
            day = (read.days.get(self.order or "ymd") or next(iter(read.days.values()), None)) if read else None
            if day:
                found.setdefault(who, set()).add(datetime.combine(day, _clock(clock, half)))
        return {who: sorted(times) for who, times in found.items()}

    @property
    def steps(self) -> Counter[int]:
        """Seconds from one time of a person to the next -> how often."""
        every = Counter[int]()
        for times in self.moments.values():
            every.update(round((b - a).total_seconds()) for a, b in pairwise(times))
        return Counter({s: n for s, n in every.items() if s > 0})

    @property
    def is_of_days(self) -> bool:
        """Whether no row has a time of day but midnight."""
        return all(t.time() == time() for times in self.moments.values() for t in times)


def _clock(text: str, half: str) -> time:
    parts = [int(p) for p in re.split(r"[:.,]", text)[:3]] if text else [0]
    hour, minute, second = (*parts, 0, 0)[:3]
    if half:
        hour = hour % 12 + (12 if "p" in half.lower() else 0)
    return time(min(hour, 23), min(minute, 59), min(second, 59))


def find_times(seen: Seen, id_at: int | None) -> Times:
    """The time column: one with moments, else a day and a clock, else a day.

    Raises:
        FileRefusedError: `unreadable_times`: there is none.
    """
    header = seen.table.header
    places = [n for n in range(len(header)) if n != id_at and header[n]]
    looks = {n: look_of_column(seen.cells(n)) for n in places}
    places.sort(key=lambda n: (_rank(header[n]), n))
    by_look = {look: [n for n in places if looks[n] == look] for look in ("moment", "day", "clock", "hour", "epoch")}
    if by_look["moment"]:
        return Times(seen, by_look["moment"][0], None, id_at)
    if by_look["day"]:
        return Times(seen, by_look["day"][0], by_look["clock"][0] if by_look["clock"] else None, id_at)
    names = ", ".join(h for h in header if h)[:200]
    if by_look["epoch"]:
        what = f"the times in '{header[by_look['epoch'][0]]}' seem to be seconds since 1970, which are not read"
    else:
        what = f"no column holds dates or times; there are: {names}"
    remedy = "Export them as the participant's wall clock, such as 2016-03-05 10:00:00"
    raise FileRefusedError("unreadable_times", what, remedy)


def _rank(name: str) -> int:
    """How sure a name is that of the time column."""
    if plain(name) in _TIME_NAMES:
        return _TIME_NAMES.index(plain(name))
    return len(_TIME_NAMES) + (plain(name) not in CLOCK_NAMES)
