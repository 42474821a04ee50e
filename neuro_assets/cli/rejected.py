"""`neuro rejected` and `neuro retry`: files that were refused, why, and trying them again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from neuro_assets.cli.choices import (
    DateOrderOption,
    DecimalOption,
    KindOption,
    ParticipantOption,
    UnitsOption,
    choice_of,
)
from neuro_assets.cli.console import out, print_json
from neuro_assets.cli.context import open_home
from neuro_assets.cli.files import ingest_and_tell
from neuro_assets.status import RejectedFile, read_rejected


def rejected(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Files that were refused: what is wrong, where, and what to do. Exit code 1 if there are any."""
    files = read_rejected(open_home())
    if as_json:
        print_json([f.as_dict() for f in files])
    else:
        for file in files:
            _show(file)
        if not files:
            out.print("no file is rejected")
        else:
            out.print("after mending the cause, or with a decision: `neuro retry ID` (or --all)", markup=False)
    if files:
        raise typer.Exit(1)


def _show(file: RejectedFile) -> None:
    out.print(Text.assemble((file.short_id, "bold"), f"  {file.name}  ", (file.code, "yellow")))
    out.print(Text(f"  what:   {file.what}"))
    if file.where:
        out.print(Text("  where:  " + ", ".join(f"{k} {v}" for k, v in file.where.items())))
    if file.remedy:
        out.print(Text(f"  to do:  {file.remedy}"))
    out.print(Text(f"  file:   {file.stored_path}, since {file.rejected_at}", "dim"))


def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or their beginnings, as `neuro rejected` shows.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All rejected files.")] = False,
    date_order: DateOrderOption = None,
    kind: KindOption = None,
    decimal: DecimalOption = None,
    participant: ParticipantOption = None,
    units: UnitsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Judge rejected files again, after a fix of a source, of the protocol, or with a decision of yours."""
    if bool(ids) == every:
        raise typer.BadParameter("name files by their ids, or say --all", param_hint="ID")
    choice = choice_of(
        "neuro retry", date_order=date_order, kind=kind, decimal=decimal, participant=participant, units=units
    )
    job = open_home()
    files = read_rejected(job)
    chosen = files if every else [_named(files, i) for i in ids or []]
    paths: list[Path] = [job.settings.home / f.stored_path for f in chosen]
    ingest_and_tell(job, [(None, paths)], choice, as_json=as_json)


def _named(files: list[RejectedFile], wanted: str) -> RejectedFile:
    found = [f for f in files if f.file_id.startswith(wanted)]
    if len(found) != 1:
        known = ", ".join(f.short_id for f in files) or "none"
        problem = "is no rejected file" if not found else "fits several files"
        raise typer.BadParameter(f"'{wanted}' {problem}; rejected: {known}", param_hint="ID")
    return found[0]
