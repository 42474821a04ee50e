"""Re-saves that add, repeat, reorder or cut lines."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from neuro_assets_tests.resave.export import Cell, Export, Line
from neuro_assets_tests.resave.step import Step, always, never


def _width(export: Export) -> int:
    return len(export.header)


def titled(*lines: str, padded: bool = False) -> Callable[[Export], Export]:
    """Lines above the header, as one cell or filled up to the width of the table."""

    def apply(export: Export) -> Export:
        above = tuple((text, *[""] * (_width(export) - 1)) if padded else ((text,) if text else ()) for text in lines)
        return replace(export, above=above)

    return apply


def _insert(line: Callable[[Export], Line], *, every: int) -> Callable[[Export], Export]:
    def apply(export: Export) -> Export:
        rows: list[Line] = []
        for n, row in enumerate(export.rows):
            if n and n % every == 0:
                rows.append(line(export))
            rows.append(row)
        return replace(export, rows=tuple(rows))

    return apply


def appended(*lines: Callable[[Export], Line]) -> Callable[[Export], Export]:
    """Lines below the last row."""
    return lambda e: replace(e, rows=(*e.rows, *(line(e) for line in lines)))


def _empty(_: Export) -> Line:
    return ()


def _commas(export: Export) -> Line:
    return ("",) * _width(export)


def _sums(label: str, value: Callable[[list[float]], float]) -> Callable[[Export], Line]:
    """A line with a label in the first cell and a figure under every value column."""

    def line(export: Export) -> Line:
        cells: list[Cell] = [""] * _width(export)
        for i in export.where("integer", "number"):
            cells[i] = f"{value([n for row in export.rows if (n := _number(row, i)) is not None]):.10g}"
        cells[0] = label
        return tuple(cells)

    return line


def _number(row: Line, position: int) -> float | None:
    cell = str(row[position]) if position < len(row) else ""
    return float(cell) if cell.replace(".", "", 1).isdigit() else None


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / max(1, len(numbers))


def _subtotals(export: Export) -> Export:
    """Excel's subtotals: after each person a line `<id> Total` with a sum under the last column of values."""
    who, value = export.where("id")[0], export.where("integer", "number")[-1]
    rows: list[Line] = []
    total = 0.0
    for row, after in zip(export.rows, (*export.rows[1:], None), strict=True):
        rows.append(row)
        total += _number(row, value) or 0
        if after is None or after[who] != row[who]:
            line: list[Cell] = [""] * _width(export)
            line[who], line[value], total = f"{row[who]} Total", f"{total:.10g}", 0.0
            rows.append(tuple(line))
    return replace(export, rows=tuple(rows))


def _text(text: Callable[[Export], str]) -> Callable[[Export], Line]:
    return lambda e: (text(e),)


def _ordered(order: Callable[[Export], list[Line]]) -> Callable[[Export], Export]:
    return lambda e: replace(e, rows=tuple(order(e)))


def _shuffled(export: Export) -> list[Line]:
    rows = list(export.rows)
    random.Random(7).shuffle(rows)
    return rows


def _newest_first(export: Export) -> list[Line]:
    order = sorted(range(len(export.rows)), key=export.moments.__getitem__, reverse=True)
    return [export.rows[n] for n in order]


def _sum_is_known(export: Export) -> bool:
    """Totals are drawn from plain numbers only."""
    chosen = export.where("integer", "number")
    return all(_number(row, i) is not None or row[i] in ("", None) for row in export.rows for i in chosen)


def _cut(export: Export) -> Export:
    """The transfer broke off in the last row's time cell."""
    last = export.rows[-1]
    moment = last[export.time]
    if not isinstance(moment, datetime):
        raise TypeError("cut before the time column is written")
    who = str(last[export.where("id")[0]])
    return replace(export, cut=(who, moment))


def _rows(name: str, apply: Callable[[Export], Export], harmless=always, fits=always) -> Step:
    return Step(name, "rows", apply, harmless, fits)


def _order(name: str, apply: Callable[[Export], Export], harmless=always) -> Step:
    return Step(name, "order", apply, harmless)


ROWS = (
    _rows("title line", titled("Fitabase export")),
    _rows("title line, padded", titled("Fitabase export, study Boston", padded=True)),
    _rows("title line with a date", titled("Exported on 13/05/2016 by M. Meyer")),
    _rows("title line with umlauts", titled("Études: Schritte für Prüfung")),
    _rows("two title lines and a blank line", titled("Fitabase export", "Period: 3/12/2016 - 5/12/2016", "")),
    _rows("two title lines and a blank line, padded", titled("Fitabase export", "Boston", "", padded=True)),
    _rows("blank line above the header", titled("")),
    _rows("sep= line", lambda e: replace(e, separator_line=True, delimiter=";")),
    _rows("sep= line with commas", lambda e: replace(e, separator_line=True)),
    _rows("header again in the middle", _insert(lambda e: e.header, every=100)),
    _rows("total at the end", appended(_sums("Total", sum)), fits=_sum_is_known),
    _rows("grand total after a blank line", appended(_empty, _sums("Grand Total", sum)), fits=_sum_is_known),
    _rows("mean at the end", appended(_sums("Average", _mean)), fits=_sum_is_known),
    _rows("subtotals after each person", _subtotals, fits=_sum_is_known),
    _rows("count of rows at the end", appended(_text(lambda e: f"{len(e.rows)} rows"))),
    _rows("footnote after a blank line", appended(_empty, _text(lambda _: "Source: Fitabase, downloaded 13/05/2016"))),
    _rows("blank lines in the middle", _insert(_empty, every=60)),
    _rows("lines of commas in the middle", _insert(_commas, every=60)),
    _rows("blank lines at the end", appended(_empty, _empty, _empty)),
    _rows("lines of commas at the end", appended(*[_commas] * 40)),
)

ORDERS = (
    _order("shuffled", _ordered(_shuffled)),
    _order("newest first", _ordered(_newest_first)),
    _order("all rows twice", _ordered(lambda e: [*e.rows, *e.rows])),
    _order("some rows twice", _ordered(lambda e: [*e.rows, *e.rows[:25]])),
    _order("cut in the middle of a line", _cut, never),
)
