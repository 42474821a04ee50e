"""A raw column as a stream's column: cast, decoded or scaled; and which cells are no such value. SQL only."""

from fractions import Fraction

from neuro_assets.sources.load import FileKind
from neuro_assets.sources.model import Mapped
from neuro_assets.streams.model import Column, Stream


class Bound(dict[str, object]):
    """Values that a spec brings into a statement, as its parameters."""

    def __call__(self, value: object) -> str:
        """The placeholder of a value."""
        name = f"v{len(self)}"
        self[name] = value
        return f"${name}"


def typed_values(stream: Stream, kind: FileKind, bound: Bound) -> str:
    """The stream's columns that a kind of file fills, from the raw row `r`."""
    columns = {c.name: c for c in stream.columns}
    return ", ".join(
        f"{_translated(columns[name], kind, m, bound)} AS {name}" for name, m in kind.spec.streams[stream.name].items()
    )


def misread_cells(stream: Stream, kind: FileKind, bound: Bound) -> str:
    """MAP from stream column to the text that is no such value; NULL for nearly every row.

    A cell is misread where ingest could not read it (`unreadable`), where it is beyond the stream's type, and where
    it is none of the codes.
    """
    entries = []
    for name, m in kind.spec.streams[stream.name].items():
        lost = f"CASE WHEN {_is_lost(stream, kind, name, bound)} THEN r.{m.column}::VARCHAR END"
        entries.append(f"{{'k': '{name}', 'v': coalesce({_unreadable_cell(kind, m.column, bound)}, {lost})}}")
    return (
        f"CASE WHEN {is_misread(stream, kind, bound)} THEN"
        f" map_from_entries(list_filter([{', '.join(entries)}], x -> x.v IS NOT NULL)) END"
    )


def is_misread(stream: Stream, kind: FileKind, bound: Bound) -> str:
    """Whether a cell of the raw row `r` is misread."""
    lost = (_is_lost(stream, kind, name, bound) for name in kind.spec.streams[stream.name])
    return " OR ".join(("r.unreadable IS NOT NULL", *lost))


def _is_lost(stream: Stream, kind: FileKind, name: str, bound: Bound) -> str:
    m = kind.spec.streams[stream.name][name]
    column = next(c for c in stream.columns if c.name == name)
    stored = next(c.type for c in kind.raw_table.columns if c.name == m.column)
    if stored == column.type and m.codes is None and m.scale is None:
        return "false"
    return f"(r.{m.column} IS NOT NULL AND {_translated(column, kind, m, bound)} IS NULL)"


def _translated(column: Column, kind: FileKind, m: Mapped, bound: Bound) -> str:
    value = f"r.{m.column}"
    if m.codes is not None:
        value = _decoded(value, kind, m, bound)
    elif m.scale is not None:
        value = _scaled(value, m.scale)
    return f"TRY_CAST({value} AS {column.type})"


def _decoded(value: str, kind: FileKind, m: Mapped, bound: Bound) -> str:
    """What a code means; NULL for what is none. Capitals and blanks around it make no difference."""
    raw_type = {c.name: c.type for c in kind.raw_table.columns}[m.column]
    # A whole number in a column of decimals is written 1.0, its code 1.
    text = f"regexp_replace({value}::VARCHAR, '[.]0$', '')" if raw_type == "DOUBLE" else f"{value}::VARCHAR"
    cases = " ".join(
        f"WHEN {bound(code.strip().lower())} THEN {bound(meaning)}" for code, meaning in (m.codes or {}).items()
    )
    return f"CASE lower(trim({text})) {cases} END"


def _scaled(value: str, scale: float) -> str:
    """A multiplication that rounds once: 12 x 0.1 is 1.2, not 1.2000000000000002."""
    simple = Fraction(scale).limit_denominator(1_000_000)
    factor = simple if float(simple) == scale else Fraction(repr(scale))
    return f"{value}::DOUBLE * {factor.numerator}e0 / {factor.denominator}e0"


def _unreadable_cell(kind: FileKind, raw_column: str, bound: Bound) -> str:
    """The cell as the file has it where ingest could not read it; NULL where it could."""
    cells = "r.unreadable::JSON::MAP(VARCHAR, VARCHAR)"
    wide = kind.spec.wide
    if wide and wide.name == raw_column:
        # The row stands for one of the wide columns; a value that was read is not the one at fault.
        own = f"list_filter(map_entries({cells}), c -> list_contains({bound(list(wide.columns))}, c.key))"
        return f"CASE WHEN r.{raw_column} IS NULL THEN {own}[1].value END"
    vendor = next(name for name, c in kind.spec.columns.items() if c.name == raw_column)
    return f"({cells})[{bound(vendor)}]"
