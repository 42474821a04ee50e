"""How a file writes its numbers: which sign is the decimal one and which only groups digits. Decided from all cells."""

from dataclasses import dataclass
from typing import Any, Literal

from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection

Decimal = Literal["point", "comma"]
NumberType = Literal["integer", "number"]
_FEW = 0.05
_BLANKS = r"[ '\x{2019}\x{00A0}\x{202F}]"
_SIGN = r"[+-]?"
# Three digits that cannot be the decimals of a whole number.
_NOT_ZEROS = r"(00[1-9]|0[1-9]\d|[1-9]\d\d)"
# What a cell proves, or leaves open. A comma or point before exactly three digits may group or be decimal.
_CERTAIN = r"(\d+{0}(\d{{1,2}}|\d{{4,}})|0{0}\d+|\d{{4,}}{0}\d+|{0}\d+|\d{{1,3}}({1}\d{{3}})+{0}\d+)([eE][+-]?\d+)?"
_PATTERNS = {
    "point_decimal": _SIGN + _CERTAIN.format(r"\.", ","),
    "comma_decimal": _SIGN + _CERTAIN.format(",", r"\."),
    "comma_groups": rf"{_SIGN}[1-9]\d{{0,2}}(,\d{{3}}){{2,}}",
    "point_groups": rf"{_SIGN}[1-9]\d{{0,2}}(\.\d{{3}}){{2,}}",
    "comma_open": rf"{_SIGN}[1-9]\d{{0,2}},{_NOT_ZEROS}",
    "point_open": rf"{_SIGN}[1-9]\d{{0,2}}\.{_NOT_ZEROS}",
    "comma_zeros": rf"{_SIGN}[1-9]\d{{0,2}},000",
    "point_zeros": rf"{_SIGN}[1-9]\d{{0,2}}\.000",
    "comma_groups_point": rf"{_SIGN}\d{{1,3}}(,\d{{3}})+\.\d+",
    "point_groups_comma": rf"{_SIGN}\d{{1,3}}(\.\d{{3}})+,\d+",
    "blank_groups": rf"{_SIGN}\d{{1,3}}({_BLANKS}\d{{3}})+([.,]\d+)?",
}


@dataclass(frozen=True)
class NumberForm:
    """The decimal sign and what decided it; the other sign and blanks between digits are grouping."""

    decimal: Decimal = "point"
    evidence: str = "points are decimal, as the vendor writes them"
    has_groups: bool = False

    def plain(self, cell: str) -> str:
        """SQL: a cell as a number DuckDB reads; a cell with signs out of place stays what it is, no number."""
        if self.decimal == "point" and not self.has_groups:
            return cell
        sign, group = (r"\.", ",") if self.decimal == "point" else (",", r"\.")
        without = cell
        if self.has_groups:
            tail = rf"({sign}\d+)?"
            grouped = _sql(rf"{_SIGN}\d{{1,3}}(({group}\d{{3}})+|({_BLANKS}\d{{3}})+){tail}")
            bare = f"regexp_replace({cell}, '{group}|{_sql(_BLANKS)}', '', 'g')"
            without = f"CASE WHEN regexp_full_match({cell}, '{grouped}') THEN {bare} ELSE {cell} END"
        if self.decimal == "point":
            return f"({without})"
        # In such a file a point is no decimal sign: what still has one is no number.
        return f"(CASE WHEN contains({without}, '.') THEN NULL ELSE replace({without}, ',', '.') END)"


PLAIN = NumberForm()


def decide_numbers(
    connection: Connection,
    relation: str,
    parameters: dict[str, Any],
    cells: list[tuple[str, NumberType]],
    declared: Decimal | None,
    *,
    is_suspect: bool,
) -> NumberForm:
    """The number form of a file.

    Args:
        connection: any connection.
        relation: the file's rows.
        parameters: of the relation.
        cells: SQL of each numeric cell, with its type. An integer column has no decimals, so a sign in it groups.
        declared: what the spec or a person says.
        is_suspect: something else speaks of a decimal comma (semicolons between cells), so 1.234 proves nothing.

    Raises:
        FileRefusedError: `number_format`: the cells contradict each other, or leave it open.
    """
    whole, real = (
        _count(connection, relation, parameters, [c for c, t in cells if t == kind]) for kind in ("integer", "number")
    )
    every = {k: whole[k] + real[k] for k in _PATTERNS}
    # 12.0 in an integer column is a point-decimal; 1,234 there can only be grouping.
    point = every["point_decimal"] + every["comma_groups"]
    comma = every["comma_decimal"] + every["point_groups"]
    has_groups = any(every[k] for k in _PATTERNS if "_groups" in k)
    by_commas, by_points = bool(whole["comma_open"]), bool(whole["point_open"])
    if declared:
        return NumberForm(declared, "declared", has_groups=True)
    if point and comma:
        return _against(point, comma, by_commas=has_groups or by_commas, by_points=has_groups or by_points)
    if point:
        return NumberForm(
            "point", f"{point} cells can only have a decimal point", has_groups or bool(every["comma_open"])
        )
    if comma:
        return NumberForm("comma", f"{comma} cells can only have a decimal comma", has_groups=True)
    return _from_open(whole, real, has_groups=has_groups, is_suspect=is_suspect)


def _against(point: int, comma: int, *, by_commas: bool, by_points: bool) -> NumberForm:
    """A few cells against all others are unreadable cells; many of both are two ways of writing in one file."""
    if comma <= _FEW * point:
        return NumberForm("point", f"{point} cells have a decimal point; {comma} others cannot be read", by_commas)
    if point <= _FEW * comma:
        return NumberForm("comma", f"{comma} cells have a decimal comma; {point} others cannot be read", by_points)
    raise _open(f"{point} cells have a decimal point and {comma} a decimal comma")


def _from_open(whole: dict[str, int], real: dict[str, int], *, has_groups: bool, is_suspect: bool) -> NumberForm:
    """Only cells like 1,234 or 1.234: integer columns tell that the sign groups."""
    if whole["comma_open"] and whole["point_open"]:
        raise _open("whole numbers are written both as 1,234 and as 1.234")
    if whole["comma_open"]:
        return NumberForm("point", "commas group the digits of whole numbers", has_groups=True)
    if whole["point_open"] and not real["point_open"]:
        return NumberForm("comma", "points group the digits of whole numbers", has_groups=True)
    if whole["comma_zeros"] or whole["point_zeros"]:
        raise _open("whole numbers like 62,000 or 62.000 may be thousands, or have three decimals")
    if real["comma_open"] or real["comma_zeros"]:
        raise _open(
            f"{real['comma_open'] + real['comma_zeros']} cells like 1,234 may be a thousand and more, or one and a bit"
        )
    if real["point_open"] and is_suspect:
        raise _open(f"{real['point_open']} cells like 1.234 may be a thousand and more, or one and a bit")
    return NumberForm(has_groups=has_groups)


def _open(what: str) -> FileRefusedError:
    return FileRefusedError(
        "number_format",
        f"it is open which sign is the decimal one: {what}",
        "If you know, say it: `neuro ingest --decimal point|comma FILE`",
    )


def _count(connection: Connection, relation: str, parameters: dict[str, Any], cells: list[str]) -> dict[str, int]:
    if not cells:
        return dict.fromkeys(_PATTERNS, 0)
    tests = ", ".join(
        " + ".join(f"count(*) FILTER (regexp_full_match({c}, '{_sql(pattern)}'))" for c in cells)
        for pattern in _PATTERNS.values()
    )
    row = run(connection, f"SELECT {tests} FROM {relation}", parameters).fetchone() or ()
    return dict(zip(_PATTERNS, row, strict=True))


def _sql(pattern: str) -> str:
    return pattern.replace("'", "''")
