"""Whether the columns of a file hold what their names say, as far as its spec states what may stand there.

A header in another order than the rows, or of another table, is one fault of the file, not thousands of its rows.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from neuro_assets.ingest.celltable import run, sql_text
from neuro_assets.ingest.epoch import UNITS, is_of_unit, name_of
from neuro_assets.ingest.measure import Extent
from neuro_assets.ingest.reading import Scan, is_missing
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.model import SourceColumn

# Of ids and times so many may be of another form before the header is doubted: fewer have refusals of their own.
_MOST = 0.5
# Of cells of a column that states what may stand there.
_FEW = 0.05
# A column holds something else if nearly every cell of it does.
_NEARLY_ALL = 0.95
_LOOKED_AT = 60
_SHOWN = 60
_REMEDY = (
    "Export the file again with its own header; if it is always so, say in a source of the study's own which column is"
    " which, and load the file as that kind: `neuro retry --kind SOURCE.KIND ID` (docs/sources.md)"
)


@dataclass(frozen=True)
class _Form:
    """What a column should hold: how messages call it, and SQL of whether a cell is of it.

    `is_harmless`: a cell of this form says nothing that nobody may see.
    """

    column: str
    name: str
    of: Callable[[str], str]
    is_harmless: bool = True


@dataclass(frozen=True)
class _Heading:
    """A column that states what stands there; `most` of its cells may be something else."""

    place: int
    form: _Form
    fits: str
    most: float
    is_sought: bool = True


@dataclass(frozen=True)
class _Misfit:
    heading: _Heading
    filled: int
    unfit: int
    row: int
    cell: str


def refuse_contradicted_header(connection: Connection, scan: Scan, extent: Extent) -> None:
    """Refuse a file in which columns hold something else than their names say.

    Raises:
        FileRefusedError: `epoch_unit`, where times are counted in another unit than the spec states;
            `contradicted_header`, with each column, what stands there, and the first such row.
    """
    spec = scan.kind.spec
    has_stated = any(c.is_stated and at is not None for _, c, at in scan.value_columns())
    is_clean = extent.is_all_read and not extent.bad_ids
    if is_clean or not (has_stated or spec.time.epoch) or scan.participant is not None or spec.wide:
        return
    misfits = _misfits(connection, scan, _headings(scan))
    for misfit in misfits:
        if spec.time.epoch and misfit.heading.place == scan.layout.time_at[0]:
            _refuse_other_unit(connection, scan, misfit, spec.time.epoch)
    if misfits:
        told = "; ".join(_told(connection, scan, m) for m in misfits)
        first = misfits[0]
        raise FileRefusedError(
            "contradicted_header",
            f"the header contradicts the rows: {told}",
            _REMEDY,
            row=first.row,
            column=scan.table.header[first.heading.place],
        )


def _headings(scan: Scan) -> list[_Heading]:
    """The columns of the file of which it is stated what stands there."""
    found: list[_Heading] = []
    identity, time, header = scan.kind.source.identity, scan.kind.spec.time, scan.table.header
    if scan.layout.id_at is not None:
        form = _Form(header[scan.layout.id_at], "ids", _matching(identity.pattern))
        found.append(_Heading(scan.layout.id_at, form, form.of(scan.cell(scan.layout.id_at)), _MOST))
    if time.epoch:
        at = scan.layout.time_at[0]
        form = _Form(header[at], f"times ({name_of(time.epoch)})", partial(is_of_unit, unit=time.epoch))
        found.append(_Heading(at, form, form.of(scan.cell(at)), _MOST))
    for _, column, at in scan.value_columns():
        if at is not None and column.is_stated:
            fits = f"{scan.typed(at, column)} IS NOT NULL"
            form = _form_of(column, header[at])
            found.append(_Heading(at, form, fits, _FEW, is_sought=column.pattern is not None))
    return found


def _form_of(column: SourceColumn, name: str) -> _Form:
    if column.pattern is not None:
        return _Form(name, "texts of the form that the source states", _matching(column.pattern), is_harmless=False)
    shown = f"{', '.join(column.values[:-1])} or {column.values[-1]}" if column.values[1:] else column.values[0]
    return _Form(name, shown, lambda _: "false")


def _matching(pattern: str) -> Callable[[str], str]:
    return lambda cell: f"regexp_full_match({cell}, {sql_text(pattern)})"


def _misfits(connection: Connection, scan: Scan, headings: Sequence[_Heading]) -> list[_Misfit]:
    """The headings whose columns hold too much that is something else."""
    parts: list[str] = []
    for h in headings:
        cell = scan.cell(h.place)
        filled = f"{cell} IS NOT NULL AND NOT {is_missing(cell)}"
        unfit = f"{filled} AND NOT coalesce({h.fits}, false)"
        parts += [f"count(*) FILTER ({filled})", f"count(*) FILTER ({unfit})", f"min(row_number) FILTER ({unfit})"]
        parts.append(f"arg_min({cell}, row_number) FILTER ({unfit})")
    row = run(connection, f"SELECT {', '.join(parts)} FROM {scan.relation}", scan.parameters).fetchone() or ()
    found = [_Misfit(h, *row[4 * n : 4 * n + 4]) for n, h in enumerate(headings)]
    return [m for m in found if m.unfit > m.heading.most * m.filled]


def _refuse_other_unit(connection: Connection, scan: Scan, misfit: _Misfit, stated: str) -> None:
    cell, name = scan.cell(misfit.heading.place), scan.layout.time_name
    for unit in (u for u in UNITS if u != stated):
        sql = f"SELECT count(*), min(row_number), arg_min({cell}, row_number) FROM {scan.relation}"
        sql += f" WHERE {is_of_unit(cell, unit)}"
        count, row, example = run(connection, sql, scan.parameters).fetchone() or (0, None, "")
        if count <= _MOST * misfit.filled:
            continue
        own = f" with `epoch: {unit}`" if unit != "ns" else ""
        raise FileRefusedError(
            "epoch_unit",
            f"column '{name}' looks like {name_of(unit)} (row {row}: '{example[:_SHOWN]}'), and {_title(scan)} has"
            f" {name_of(stated)}: {misfit.unfit} of {misfit.filled} times would lie outside of 2000 to 2099",
            f"Export the file again with {UNITS[stated][1]}, or describe it in a source of the study's own{own}",
            row=row,
            column=name,
            value=example,
        )


def _title(scan: Scan) -> str:
    return f"{scan.kind.source.title} {scan.kind.spec.name_hint}"


def _told(connection: Connection, scan: Scan, misfit: _Misfit) -> str:
    """What a column holds instead of what it should, and where that stands."""
    header, place = scan.table.header, misfit.heading.place
    cells = f"(SELECT row_number, nullif(trim(c{place}), '') AS x FROM {scan.relation})"
    forms = [h.form for h in _headings(scan) if h.place != place and h.is_sought]
    tests = [f.of("x") for f in forms]
    told = ", ".join(("count(x)", *(f"count(*) FILTER ({t}), arg_min(x, row_number) FILTER ({t})" for t in tests)))
    row: tuple[Any, ...] = run(connection, f"SELECT {told} FROM {cells}", scan.parameters).fetchone() or (0,)
    found = zip(forms, row[1::2], row[2::2], strict=True)
    fitting = ((f, x) for f, n, x in found if row[0] and n >= _NEARLY_ALL * row[0])
    form, example = next(fitting, (None, misfit.cell))
    holds = f"{form.name}, as '{form.column}' should" if form else _look(connection, scan, cells)
    is_shown = not scan.kind.spec.hides or (form is not None and form.is_harmless)
    shown = f"'{example[:_SHOWN]}'" if is_shown else f"of the form '{masked(misfit.cell[:_SHOWN])}'"
    share = "" if misfit.unfit == misfit.filled else f" in {misfit.unfit} of {misfit.filled} rows"
    said = f"column '{header[place]}' holds {holds}{share} (row {misfit.row}, {shown}), not {misfit.heading.form.name}"
    elsewhere = _elsewhere(connection, scan, misfit.heading) if misfit.heading.is_sought else None
    return said + (f": those stand under '{elsewhere}'" if elsewhere else "")


def masked(text: str) -> str:
    """The form of a text that nobody may see, as `Scan.shown` has it.

    >>> masked("Anna 0171"), masked("87")
    ('aaaa 9999', '87')
    """
    if re.fullmatch(r"-?[0-9]{1,6}", text):
        return text
    return "".join("a" if c.isalpha() else "9" if c.isdigit() else c for c in text)


def _look(connection: Connection, scan: Scan, cells: str) -> str:
    """What cells of no stated form are: numbers of some size, or something else."""
    row = run(
        connection,
        "SELECT count(x) = count(n), min(n), max(n) FROM (SELECT x, CASE WHEN regexp_full_match(x, '-?\\d{1,6}')"
        f" THEN TRY_CAST(x AS INTEGER) END AS n FROM {cells})",
        scan.parameters,
    ).fetchone()
    if row and row[0] and row[1] is not None:
        return f"numbers from {row[1]} to {row[2]}"
    return "something else"


def _elsewhere(connection: Connection, scan: Scan, heading: _Heading) -> str | None:
    """The column under which stands what belongs under a heading."""
    places = [n for n, name in enumerate(scan.table.header[:_LOOKED_AT]) if n != heading.place and name]
    if not places:
        return None
    counts = ", ".join(
        part
        for n in places
        for part in (f"count(*) FILTER ({heading.form.of(f'trim(c{n})')})", f"count(nullif(trim(c{n}), ''))")
    )
    row = run(connection, f"SELECT {counts} FROM {scan.relation}", scan.parameters).fetchone() or ()
    for n, fits, filled in zip(places, row[::2], row[1::2], strict=True):
        if filled and fits >= _NEARLY_ALL * filled:
            return scan.table.header[n]
    return None
