"""`neuro init` and `neuro ingest`."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from neuro_assets.cli.choices import (
    DateOrderOption,
    DecimalOption,
    KindOption,
    ParticipantOption,
    UnitsOption,
    choice_of,
)
from neuro_assets.cli.console import err, out, print_json, table
from neuro_assets.cli.context import open_home, use_dagster_home
from neuro_assets.home import ensure_home
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.inbox import list_landing
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.settings import load_settings
from neuro_assets.surveys.answer_key import AnswerKeyError


def init() -> None:
    """Make the study's home: folders and a commented study.yaml."""
    settings = load_settings()
    made = ensure_home(settings)
    use_dagster_home(settings)
    out.print(f"home: {settings.home}", markup=False)
    out.print(f"made: {', '.join(made) or 'nothing, everything was there'}")
    out.print(
        f"next, in {settings.study_path}: set default_time_zone and window, and say who takes part (participants,",
        markup=False,
    )
    out.print("or auto_enrol: true); then drop files into landing/")


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; none takes what lies in landing/.")
    ] = None,
    date_order: DateOrderOption = None,
    kind: KindOption = None,
    decimal: DecimalOption = None,
    participant: ParticipantOption = None,
    units: UnitsOption = None,
    supersedes: Annotated[
        bool, typer.Option("--supersedes", help="These files override what other files say of the same days.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Load files now: what became of each, and which days it touched. Exit code 1 if one was rejected."""
    choice = choice_of(
        "neuro ingest",
        date_order=date_order,
        kind=kind,
        decimal=decimal,
        supersedes=supersedes,
        participant=participant,
        units=units,
    )
    job = open_home()
    ingest_and_tell(job, _files(job, paths), choice, as_json=as_json)


def ingest_and_tell(job: Ingest, files: list[tuple[Path | None, list[Path]]], choice: Choice, *, as_json: bool) -> None:
    """Load files, report the touched days, show what became of each. Exit code 1 if one was rejected.

    Raises:
        AnswerKeyError: at the end, if files had to be put back, as there is no key to encrypt their answers with.
    """
    refuse_unknown_kind(job, choice)
    outcomes, put_back = [], None
    for root, paths in files:
        try:
            for outcome in ingest_paths(job, paths, choice, root=root):
                outcomes.append(outcome)
                if not as_json:
                    err.print(f"{outcome.outcome:>9}  {outcome.name}", markup=False)
        except AnswerKeyError as error:  # the other files are loaded
            put_back = error
    reported = report_to_dagster(job)
    if as_json:
        print_json({"files": [_as_dict(o) for o in outcomes], "days_reported": reported})
    else:
        _show(outcomes, reported)
    if put_back:
        raise put_back
    if any(o.outcome == "rejected" for o in outcomes):
        raise typer.Exit(1)


def refuse_unknown_kind(job: Ingest, choice: Choice) -> None:
    """A kind no source has is a slip of the pen, not a reason to refuse a file."""
    kinds = [k.name for k in job.sources.kinds]
    if choice.kind and choice.kind not in {*kinds, *(k.split(".")[1] for k in kinds)}:
        near = difflib.get_close_matches(choice.kind, kinds, n=3, cutoff=0.0)
        raise typer.BadParameter(f"there is no kind '{choice.kind}'; near it: {', '.join(near)}", param_hint="--kind")


def _files(job: Ingest, paths: list[Path] | None) -> list[tuple[Path | None, list[Path]]]:
    """The files asked for, by the folder their names are relative to."""
    if not paths:
        landing = job.settings.landing
        return [(landing, [landing / f.name for f in list_landing(landing)])]
    if missing := [p for p in paths if not p.exists()]:
        raise typer.BadParameter(f"{missing[0]} does not exist")
    folders = [p.resolve() for p in paths if p.is_dir()]
    single = [p.resolve() for p in paths if not p.is_dir()]
    found: list[tuple[Path | None, list[Path]]] = [(None, single)] if single else []
    return found + [(folder, [folder / f.name for f in list_landing(folder)]) for folder in folders]


def report_to_dagster(job: Ingest) -> int:
    """Tell the home's Dagster instance which days were touched, so that automation goes on from here."""
    import dagster as dg

    from neuro_assets.automation.report import report_touched
    from neuro_assets.ingest.replay import reconcile_study

    reconcile_study(job)
    with dg.DagsterInstance.get() as instance:
        return report_touched(job, instance.report_runless_asset_event)


def _as_dict(outcome: FileOutcome) -> dict[str, Any]:
    line = outcome.line
    return {
        "file": outcome.name,
        "file_id": outcome.file_id,
        "outcome": outcome.outcome,
        "table": line.raw_table,
        "rows": line.rows,
        "rows_outside_window": line.rows_outside_window,
        "rows_without_day": line.rows_without_day,
        "first_day": line.first_day,
        "last_day": line.last_day,
        "days_touched": outcome.touched_days,
        "reason_code": line.reason_code,
        "reason": line.reason,
        "stored": line.stored_path,
    }


def _show(outcomes: list[FileOutcome], reported: int) -> None:
    table(
        "Files",
        ["file", "outcome", "table", "rows", "from", "to", "days", "reason"],
        [
            [
                o.name,
                o.outcome,
                o.line.raw_table,
                o.line.rows,
                o.line.first_day,
                o.line.last_day,
                o.touched_days,
                o.line.reason if o.outcome == "rejected" else "",
            ]
            for o in outcomes
        ],
    )
    rejected = sum(o.outcome == "rejected" for o in outcomes)
    if not outcomes:
        out.print("nothing to load")
    elif rejected:
        out.print(f"{rejected} rejected files are in rejected/, each beside its reason: see `neuro rejected`")
    if reported:
        out.print(f"{reported} table-days have something new: `neuro run`, or leave it to `neuro dev`")
