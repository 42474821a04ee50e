"""`neuro source check`: what would happen to a file, told before it is loaded."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from neuro_assets.cli.choices import DateOrderOption, DecimalOption, KindOption, choice_of
from neuro_assets.cli.console import out, print_json, table
from neuro_assets.cli.context import open_home
from neuro_assets.cli.files import refuse_unknown_kind
from neuro_assets.rehearse import Rehearsal, rehearse

_VERDICTS = {
    "loaded": "would be loaded",
    "rejected": "would be refused",
    "duplicate": "is loaded already: the same bytes would change nothing",
    "unpacked": "would be unpacked, its members loaded one by one",
}
_LABELS = {
    "kind": "recognised as",
    "format": "format",
    "encoding": "encoding",
    "separator": "separator",
    "header_line": "header on line",
    "renamed": "columns under other names",
    "ignored": "columns not known (kept in the file)",
    "dropped": "columns that never enter the lake (kept in the file)",
    "missing": "columns the file lacks",
    "decimal_evidence": "numbers",
    "ids_repaired": "ids mended (blanks, .0)",
    "participant_of_name": "participant, from the file's name",
    "unfinished_row": "row without a line end (goes to quarantine)",
    "times": "times read as",
}


def check(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files; nothing of them is loaded.")],
    date_order: DateOrderOption = None,
    kind: KindOption = None,
    decimal: DecimalOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Say what would happen to a file: kind, columns, dates, rows, first rejected rows. Exit code 1 if refused."""
    choice = choice_of("neuro source check", date_order=date_order, kind=kind, decimal=decimal)
    if missing := [p for p in paths if not p.is_file()]:
        raise typer.BadParameter(f"{missing[0]} is no file")
    job = open_home()
    refuse_unknown_kind(job, choice)
    told = [r for path in paths for r in rehearse(job, path.resolve(), choice)]
    if as_json:
        print_json([r.as_dict() for r in told])
    else:
        for rehearsal in told:
            show_rehearsal(rehearsal)
    if any(r.outcome == "rejected" for r in told):
        raise typer.Exit(1)


def show_rehearsal(told: Rehearsal) -> None:
    """Print what would become of a file."""
    out.print(Text.assemble((told.name, "bold"), f" {_VERDICTS[told.outcome]}"))
    if told.reason:
        _show_reason(told.reason)
    for key, label in _LABELS.items():
        if value := told.facts.get(key):
            out.print(Text.assemble((f"  {label}: ", "dim"), _words(value)))
    if told.dates:
        out.print(Text(f"  {told.dates}"))
    if told.rows:
        _show_rows(told.rows)
    for name, counts in told.streams.items():
        shown = ", ".join(f"{n} {label}" for label, n in _counts(counts).items() if n)
        out.print(Text(f"  staging.{name}: {shown or 'no row in the study window'}"))
    table(
        "first rows kept out",
        ["row", "participant", "rule", "column", "value"],
        [[r["row"], r["participant"], r["rule"], r["column"], r["value"]] for r in told.first_rejected],
    )
    if not told.first_rejected:
        out.print()


def _show_reason(reason: dict[str, Any]) -> None:
    out.print(Text(f"  what:   {reason['what']} ({reason['code']})"))
    if reason.get("where"):
        out.print(Text("  where:  " + ", ".join(f"{k} {v}" for k, v in reason["where"].items())))
    if reason.get("remedy"):
        out.print(Text(f"  to do:  {reason['remedy']}"))


def _show_rows(rows: dict[str, Any]) -> None:
    extra = [f"{n} {label}" for label, key in (
        ("blank or header lines left out", "left_out"),
        ("without a readable time", "without_day"),
        ("outside the study window", "outside_window"),
    ) if (n := rows[key])]  # fmt: skip
    told = ", ".join([f"{rows['rows']} rows from {rows['first_day']} to {rows['last_day']}", *extra])
    out.print(Text(f"  {told}"))


def _counts(counts: dict[str, int]) -> dict[str, int]:
    return {
        "rows staged": counts["rows_staged"],
        "given twice or giving way": counts["rows_giving_way"],
        "kept out": counts["rows_quarantined"],
        "days held": counts["days_held"],
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} is called '{v}'" for k, v in value.items())
    return ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
