"""What speaks for a date order beside the column itself: other columns of the file, rows that the lake has."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import polars as pl

from neuro_assets.ingest.clocks import time_formats
from neuro_assets.ingest.dates import Order, read_date_text
from neuro_assets.ingest.layout import plain
from neuro_assets.ingest.reading import Scan, TimeForm
from neuro_assets.ingest.timetext import WrittenTimes
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection

_SIBLING_ROWS = 5_000
_KNOWN_ROWS = 200_000
_KNOWN_VALUES = 5
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def siblings(connection: Connection, scan: Scan, times: WrittenTimes) -> dict[Order, tuple[int, int]]:
    """How often another date or weekday column of the file agrees with each order."""
    used = {*scan.layout.time_at, *scan.layout.columns_at.values(), scan.layout.id_at}
    others = [n for n in range(scan.table.width) if n not in used and _tells_day(scan.table.sample, n)]
    if not others:
        return {}
    rows = connection.execute(
        f"SELECT t.text, trim(s.c{others[0]}) FROM {times.relation} t JOIN {scan.table.relation} s USING (row_number)"
        f" WHERE s.c{others[0]} IS NOT NULL LIMIT {_SIBLING_ROWS}",
        {"path": str(scan.table.path), **times.parameters},
    ).fetchall()
    counts: dict[Order, tuple[int, int]] = {}
    for text, sibling in rows:
        found = read_date_text(text)
        for order, day in (found.days if found else {}).items():
            agrees = _same_day(day, sibling)
            if agrees is not None:
                same, total = counts.get(order, (0, 0))
                counts[order] = same + agrees, total + 1
    return counts


def known(
    connection: Connection,
    scan: Scan,
    pairs: pl.DataFrame,
    clocks: pl.DataFrame,
    order: Order,
    rows_of: Callable[[str], str] = str,
) -> tuple[int, int]:
    """Rows that the lake already has of the same people and times, and how many of them say the same."""
    table = scan.kind.raw_table
    if table.qualified not in existing_columns(connection) or scan.kind.spec.wide:
        return 0, 0
    shapes = {f.shape for t in pairs.get_column("text").unique() if (f := read_date_text(t)) and order in f.days}
    formats = time_formats({(s, order) for s in shapes}, clocks, is_dated=scan.kind.spec.is_dated)
    if not formats:
        return 0, 0
    trial = replace(scan, times=TimeForm(formats, is_loose=True))
    when = "r.day = s.moment::DATE" if scan.kind.spec.is_dated else "r.local_ts = s.moment"
    names = [c.name for _, c, at in scan.value_columns() if at is not None and c.type != "text"]
    if not names:
        return 0, 0
    same = " AND ".join(f"s.{n} IS NOT DISTINCT FROM r.{n}" for n in names)
    telling = " OR ".join(f"s.{n} <> 0" for n in names)
    values = ", ".join(f"s.{n}" for n in names)
    row = connection.execute(
        f"SELECT count(*), count(*) FILTER ({same}), count(DISTINCT row({values})) FILTER ({same})"
        f" FROM (SELECT * FROM ({trial.rows()}) LIMIT {_KNOWN_ROWS}) s"
        f" JOIN {rows_of(table.qualified)} r ON r.source_participant_id = s.source_participant_id AND {when}"
        f" WHERE {telling}",
        trial.parameters,
    ).fetchone()
    # One value over and over (a band on a table) is there on every day.
    return (row[0], row[1] if row[2] >= _KNOWN_VALUES else 0) if row else (0, 0)


def _tells_day(sample: tuple[tuple[str, ...], ...], place: int) -> bool:
    """A column whose cells are a day beyond doubt, or the name of a weekday."""
    cells = [row[place] for row in sample[:50] if len(row) > place and row[place]]
    return bool(cells) and all(_is_sure_day(c) or (plain(c)[:3] in _WEEKDAYS and c.isalpha()) for c in cells)


def _is_sure_day(cell: str) -> bool:
    found = read_date_text(cell.split("T")[0].split(" ")[0]) or read_date_text(cell)
    return found is not None and (found.shape.startswith("Y") or "named" in found.days)


def _same_day(day: date, sibling: str) -> bool | None:
    if sibling.isalpha():
        return _WEEKDAYS[day.weekday()] == sibling[:3].lower()
    found = read_date_text(sibling.split("T")[0].split(" ")[0]) or read_date_text(sibling)
    known = (found.days.get("ymd") or found.days.get("named")) if found else None
    return None if known is None else known == day
