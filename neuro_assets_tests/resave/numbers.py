"""Re-saves that write numbers and ids in another way."""

import csv
from collections.abc import Callable
from dataclasses import replace

from neuro_assets_tests.resave.dates import written
from neuro_assets_tests.resave.export import Cell, Export
from neuro_assets_tests.resave.step import Step, always, never


def _texts(function: Callable[[str], str], *roles: str) -> Callable[[Export], Export]:
    """Every text cell of these roles that is not blank."""
    return lambda e: e.change(lambda c: function(c) if isinstance(c, str) and c else c, *roles)


def grouped(mark: str) -> Callable[[str], str]:
    """1234 -> 1,234, by three digits, for whole numbers of any size."""
    return lambda text: f"{int(text):,}".replace(",", mark) if text.isdigit() else text


def _comma(text: str) -> str:
    return text.replace(".", ",")


def _semicolons(export: Export) -> Export:
    return replace(export, delimiter=";")


def _decimal_comma(export: Export) -> Export:
    return _texts(_comma, "number")(export)


def _german(export: Export) -> Export:
    table = written(lambda m: f"{m:%d.%m.%Y}")(_decimal_comma(export))
    return _semicolons(_texts(grouped("."), "integer")(table))


def _has_decimals(export: Export) -> bool:
    return bool(export.where("number"))


def _has_thousands(export: Export) -> bool:
    chosen = export.where("integer")
    return any(isinstance(c := row[i], str) and c.isdigit() and int(c) > 999 for row in export.rows for i in chosen)


def _has_both(export: Export) -> bool:
    return _has_decimals(export) and _has_thousands(export)


def _has_decimals_and_order(export: Export) -> bool:
    return _has_decimals(export) and export.has_days_above_12


def _has_whole(export: Export) -> bool:
    return bool(export.where("integer"))


def _has_blanks(export: Export) -> bool:
    return any(row[i] == "" for row in export.rows for i in export.where("integer", "number"))


def _has_flag(export: Export) -> bool:
    return bool(export.where("flag"))


def _blanks_as(text: str) -> Callable[[Export], Export]:
    return lambda e: e.change(lambda c: text if c == "" else c, "integer", "number")


def _flags_as(yes: str, no: str) -> Callable[[Export], Export]:
    return lambda e: e.change(lambda c: {"True": yes, "False": no}.get(str(c), c), "flag")


def _numbers(name: str, apply: Callable[[Export], Export], harmless=always, fits=always) -> Step:
    return Step(name, "numbers", apply, harmless, fits, is_approximate=True)


def _ids(name: str, function: Callable[[str], str], harmless=always, fits=always) -> Step:
    return Step(name, "ids", _texts(function, "id"), harmless, fits)


def _inner_spaces(text: str) -> str:
    return f"{text[:4]} {text[4:7]} {text[7:]}"


def _scientific(digits: int) -> Callable[[str], str]:
    def form(text: str) -> str:
        mantissa, _, exponent = f"{int(text):.{digits}E}".partition("E")
        return f"{mantissa}E{exponent}"

    return form


def _once_a_person(export: Export) -> Export:
    """The id on the first row of each person only, as a pivot table shows it."""
    at = export.where("id")[0]
    seen: set[Cell] = set()
    rows = []
    for row in export.rows:
        rows.append((*row[:at], "" if row[at] in seen else row[at], *row[at + 1 :]))
        seen.add(row[at])
    return replace(export, rows=tuple(rows))


def _other_unit(column: str, name: str, factor: float) -> Callable[[Export], Export]:
    """One column in another unit, and its header says so."""

    def apply(export: Export) -> Export:
        at = export.header.index(column)
        rows = tuple((*r[:at], f"{float(str(r[at])) * factor:.6g}", *r[at + 1 :]) for r in export.rows)
        return replace(export, rows=rows, header=(*export.header[:at], name, *export.header[at + 1 :]))

    return apply


def _unit(name: str, column: str, header: str, factor: float) -> Step:
    return _numbers(name, _other_unit(column, header, factor), never, lambda e: column in e.header)


def _pounds_only(export: Export) -> Export:
    """The kilograms deleted, the pounds called Weight."""
    at = export.header.index("WeightKg")
    drop = lambda line: (*line[:at], *line[at + 1 :])  # noqa: E731
    header = tuple("Weight" if h == "WeightPounds" else h for h in drop(export.header))
    return replace(export, header=header, roles=drop(export.roles), rows=tuple(map(drop, export.rows)))


def _quoted(export: Export) -> Export:
    return replace(export, quoting=csv.QUOTE_NONNUMERIC)


NUMBERS = (
    _numbers("decimal comma, semicolons", lambda e: _semicolons(_decimal_comma(e)), fits=_has_decimals),
    _numbers("decimal comma, quoted", _decimal_comma, fits=_has_decimals),
    _numbers("thousands by comma", _texts(grouped(","), "integer"), fits=_has_thousands),
    # Without a decimal comma beside it, 1.234 is a thousand or a fraction.
    _numbers("thousands by dot", lambda e: _semicolons(_texts(grouped("."), "integer")(e)), never, _has_thousands),
    _numbers("thousands by space", _texts(grouped(" "), "integer"), fits=_has_thousands),
    _numbers("thousands by hard space", _texts(grouped("\u00a0"), "integer"), fits=_has_thousands),
    _numbers("thousands by narrow space", _texts(grouped("\u202f"), "integer"), fits=_has_thousands),
    _numbers("thousands by apostrophe", _texts(grouped("'"), "integer"), fits=_has_thousands),
    _numbers("thousands by curly apostrophe", _texts(grouped("\u2019"), "integer"), fits=_has_thousands),
    _numbers("German Excel: 1.234 and 0,5 and dd.mm.yyyy", _german, _has_decimals_and_order, _has_both),
    _numbers("whole numbers as floats", _texts(lambda c: f"{c}.0", "integer"), fits=_has_whole),
    _numbers("spaces around numbers", _texts(lambda c: f" {c} ", "integer", "number")),
    _numbers("blanks as NA", _blanks_as("NA"), fits=_has_blanks),
    _numbers("blanks as NaN", _blanks_as("nan"), fits=_has_blanks),
    _numbers("blanks as NULL", _blanks_as("NULL"), fits=_has_blanks),
    _numbers("flags in capitals", _flags_as("TRUE", "FALSE"), fits=_has_flag),
    _numbers("flags as 1 and 0", _flags_as("1", "0"), fits=_has_flag),
    _numbers(
        "long keys as 1.46E+12", lambda e: _texts(_scientific(2), "key")(e), never, lambda e: bool(e.where("key"))
    ),
    _unit("distance in miles, named so", "TotalDistance", "Total Distance (miles)", 0.621371),
    _unit("energy in kJ, named so", "Calories", "Calories (kJ)", 4.184),
    _unit("sleep in hours, named so", "TotalMinutesAsleep", "Total Time Asleep (hours)", 1 / 60),
    _numbers("weight in pounds, named Weight", _pounds_only, never, lambda e: "WeightKg" in e.header),
    _numbers("every number an Excel error", _texts(lambda _: "#REF!", "integer", "number"), never),
)


def _rounded(text: str) -> str:
    """What is left of 1.50396E+09 when the cells are shown as numbers again."""
    return str(int(float(f"{int(text):.5E}")))


IDS = (
    _ids("ids as floats", lambda c: f"{c}.0"),
    _ids("spaces around ids", lambda c: f" {c} "),
    _ids("hard space after ids", lambda c: f"{c}\u00a0"),
    _ids("spaces inside ids", _inner_spaces),
    _ids("ids with thousands separators", grouped(",")),
    _ids("ids with apostrophe", lambda c: f"'{c}"),
    _ids('ids as ="…"', lambda c: f'="{c}"'),
    Step("texts quoted, numbers bare (as R writes)", "ids", _quoted),
    _ids("ids as 1.503960366E+09", _scientific(9)),
    _ids("ids as 1.50396E+09", _scientific(5), never),
    _ids("ids as 1,50396E+09", lambda c: _scientific(5)(c).replace(".", ","), never),
    _ids("ids rounded to 1503960000", _rounded, never),
    Step("ids once a person", "ids", _once_a_person, never),
    _ids("ids blank", lambda _: "", never),
)
