"""A raw column as a stream's column: cast, decoded or scaled; and which cells are no such value. SQL only."""

from collections.abc import Callable
from fractions import Fraction

from neuro_assets.sources.load import FileKind
from neuro_assets.sources.mapped import Mapped
from neuro_assets.streams.model import Column, Stream

# Before the names of columns that staging makes where a source does not fill them.
MADE = "made_"


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
    mapping = kind.spec.streams[stream.name]
    values = [f"{translated(columns[name], kind, m, bound)} AS {name}" for name, m in mapping.items()]
    values += [f"r.{MADE}{name} AS {name}" for name in stream.made if name not in mapping]
    return ", ".join(values)


def misread_cells(stream: Stream, kind: FileKind, bound: Bound) -> str:
    """MAP from stream column to the text that is no such value; NULL for nearly every row.

    A cell is misread where ingest could not read it (`unreadable`), where it is beyond the stream's type, and where
    it is none of the codes.
    """
    entries = []
    for name, m in kind.spec.streams[stream.name].items():
        cells = [_unreadable_cell(kind, c, bound) for c in m.columns]
        cells += [
            f"CASE WHEN {test} THEN r.{part.column}::VARCHAR END"
            for part, test in zip(m.parts, _lost(stream, kind, name, bound), strict=True)
            if part.column
        ]
        entries.append(f"{{'k': '{name}', 'v': coalesce({', '.join((*cells, 'NULL'))})}}")
    return (
        f"CASE WHEN {is_misread(stream, kind, bound)} THEN"
        f" map_from_entries(list_filter([{', '.join(entries)}], x -> x.v IS NOT NULL)) END"
    )


def is_misread(stream: Stream, kind: FileKind, bound: Bound) -> str:
    """Whether a cell of the raw row `r` is misread."""
    lost = (test for name in kind.spec.streams[stream.name] for test in _lost(stream, kind, name, bound))
    return " OR ".join(("r.unreadable IS NOT NULL", *lost))


def _lost(stream: Stream, kind: FileKind, name: str, bound: Bound) -> list[str]:
    """For each part of a mapped column, whether its cell has a value that is none of the stream's."""
    m = kind.spec.streams[stream.name][name]
    column = next(c for c in stream.columns if c.name == name)
    types = {c.name: c.type for c in kind.raw_table.columns}
    tests: list[str] = []
    for part in m.parts:
        # Members keep the type they have.
        wanted = column.type if part is m else types.get(part.column or "")
        if part.column is None or (types[part.column] == wanted and part.codes is None and part.scale is None):
            tests.append("false")
            continue
        value = _value(kind, part, bound)
        told = f"TRY_CAST({value} AS {wanted})" if part is m else value
        tests.append(f"(r.{part.column} IS NOT NULL AND {told} IS NULL)")
    return tests


def translated(column: Column, kind: FileKind, m: Mapped, literal: Callable[[object], str]) -> str:
    """SQL of a stream's column from the raw row `r`.

    Args:
        column: of the stream.
        kind: of the file.
        m: how it follows.
        literal: SQL of a value that the spec brings in.
    """
    value = _object(kind, m.members, literal) if m.members else _value(kind, m, literal)
    return f"TRY_CAST({value} AS {column.type})"


def _value(kind: FileKind, m: Mapped, literal: Callable[[object], str]) -> str:
    if m.constant is not None:
        return f"{literal(m.constant)}::VARCHAR"
    if m.codes is not None:
        return _decoded(f"r.{m.column}", kind, m, literal)
    return f"r.{m.column}" if m.scale is None else _scaled(f"r.{m.column}", m.scale)


def _object(kind: FileKind, members: dict[str, Mapped], literal: Callable[[object], str]) -> str:
    """A JSON object without blanks, members in the order of their names; those without a value are left out."""
    cells = ((name, _value(kind, m, literal)) for name, m in sorted(members.items()))
    told = (f"CASE WHEN {v} IS NOT NULL THEN to_json({literal(n)}::VARCHAR) || ':' || to_json({v}) END"
            for n, v in cells)  # fmt: skip
    return f"nullif('{{' || array_to_string(list_filter([{', '.join(told)}], x -> x IS NOT NULL), ',') || '}}', '{{}}')"


def _decoded(value: str, kind: FileKind, m: Mapped, bound: Callable[[object], str]) -> str:
    """What a code means; NULL for what is none. Capitals and blanks around it make no difference."""
    raw_type = {c.name: c.type for c in kind.raw_table.columns}[m.column or ""]
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
    vendor = next((name for name, c in kind.spec.columns.items() if c.name == raw_column), None)
    return "NULL::VARCHAR" if vendor is None else f"({cells})[{bound(vendor)}]"
