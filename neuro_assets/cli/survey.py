"""`neuro survey`: the instruments there are, a draft of a new one, and what would become of a file or a codebook."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from neuro_assets.cli.choices import DateOrderOption, KindOption, choice_of
from neuro_assets.cli.console import out, print_json, table
from neuro_assets.cli.context import open_home
from neuro_assets.cli.drafting import Member, PrintOption, draft_first, hand_over, name_for, refuse_name
from neuro_assets.cli.source_check import show_rehearsal
from neuro_assets.ingest.survey_draft import SurveyDraft, draft_codebook, look_at_answers
from neuro_assets.ingest.survey_long import as_responses
from neuro_assets.lake.lake import Connection
from neuro_assets.rehearse import rehearse
from neuro_assets.settings import load_settings
from neuro_assets.sources.load import Sources, spec_files
from neuro_assets.study import load_study
from neuro_assets.surveys.load import (
    BUILT_IN,
    codebooks_of,
    read_codebook,
    read_codebooks,
    study_codebooks,
    with_instruments,
)
from neuro_assets.surveys.model import Codebook


def listed(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Instruments: those of the study, and the built-in ones that it could name in study.yaml, surveys."""
    settings = load_settings()
    active = {c.name for c in study_codebooks(settings, load_study(settings.study_path))}
    known = read_codebooks([BUILT_IN]) | read_codebooks([settings.home / "surveys"])
    rows = [_row(c, is_active=name in active) for name, c in sorted(known.items())]
    if as_json:
        print_json(rows)
        return
    table("Instruments", ["name", "in the study", "title", "items", "scores"], [list(r.values()) for r in rows])


def _row(codebook: Codebook, *, is_active: bool) -> dict[str, object]:
    return {
        "name": codebook.name,
        "in_the_study": "yes" if is_active else "",
        "title": codebook.title,
        "items": len(codebook.items),
        "scores": ", ".join(codebook.scores),
    }


def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of answers, or codebooks (.yaml); nothing is loaded.")
    ],
    instrument: Annotated[
        str | None, typer.Option(help="The instrument of the files; it need not be one of the study's yet.")
    ] = None,
    date_order: DateOrderOption = None,
    kind: KindOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Say what would be rejected, and why, before anything is loaded. Exit code 1 if something would be."""
    if missing := [p for p in paths if not p.is_file()]:
        raise typer.BadParameter(f"{missing[0]} is no file")
    codebooks = [p for p in paths if p.suffix.lower() in {".yaml", ".yml"}]
    for path in codebooks:
        _show_codebook(read_codebook(path))
    files = [p for p in paths if p not in codebooks]
    if not files:
        return
    job = open_home()
    if instrument:
        job = replace(job, sources=_with_instrument(job.sources, instrument))
        kind = f"survey_{instrument}.responses"
    choice = choice_of("neuro survey check", date_order=date_order, kind=kind, decimal=None)
    told = [r for path in files for r in rehearse(job, path.resolve(), choice)]
    if as_json:
        print_json([r.as_dict() for r in told])
    else:
        for rehearsal in told:
            show_rehearsal(rehearsal)
    if any(r.outcome == "rejected" or r.first_rejected for r in told):
        raise typer.Exit(1)


def _with_instrument(sources: Sources, name: str) -> Sources:
    own = {c.name for c in codebooks_of(sources)}
    if name in own:
        return sources
    built_in = {p.stem: p for p in spec_files(BUILT_IN)}
    if name not in built_in:
        known = ", ".join(sorted(own | built_in.keys()))
        raise typer.BadParameter(f"there is no instrument '{name}'; there are: {known}", param_hint="--instrument")
    return with_instruments(sources, [*codebooks_of(sources), read_codebook(built_in[name])])


def new(
    file: Annotated[
        Path, typer.Argument(help="A file of answers, one row a response or an answer, of any format that is read.")
    ],
    name: Annotated[
        str | None, typer.Option(help="What the instrument is called; made of the file's name if left out.")
    ] = None,
    print_only: PrintOption = False,
) -> None:
    """Draft a codebook from a file: YAML in the home's surveys/, with everything that is a guess marked for you."""
    refuse_name(file, name)
    name, text = draft_of(file.resolve(), name)
    hand_over(
        text,
        name,
        folder="surveys",
        what="an instrument",
        taken={p.stem for p in spec_files(BUILT_IN)},
        print_only=print_only,
        then=lambda target: f"`neuro survey check {target}` and `neuro survey check {file} --instrument {name}`",
    )


def draft_of(file: Path, name: str | None) -> tuple[str, str]:
    """The name and the draft of a file's codebook; of an archive, from the first of its files that is a table.

    Raises:
        FileRefusedError: nothing in it can be drafted.
    """

    def drafted(connection: Connection, member: Member) -> tuple[str, str]:
        seen, long = as_responses(look_at_answers(connection, member.path, member.scratch))
        draft = SurveyDraft(seen, member.name, name or "", member.siblings, long)
        draft = replace(draft, name=name or name_for(file, draft.whose, "my_survey"))
        return draft.name, draft_codebook(draft)

    return draft_first(file, drafted)


def _show_codebook(codebook: Codebook) -> None:
    """What was understood, for its writer to compare with what was meant."""
    out.print(Text.assemble((codebook.name, "bold"), f" {codebook.title}: the codebook can be used"))
    rows = []
    for name, item in codebook.items.items():
        bounds = codebook.bounds_of(name)
        answers = ", ".join(f"{code} {label}" for code, label in codebook.codes_of(name).items())
        if item.type == "number":
            answers = f"{bounds[0]:g} to {bounds[1]:g} {item.unit}".rstrip() if bounds else "any number"
        missing = ", ".join(f"{code}: {reason}" for code, reason in codebook.missing_of(name).items())
        text = "any text, encrypted" if item.sensitive == "encrypt" else "any text"
        rows.append([name, item.text, answers or text, missing, item.asked_if or ""])
    table("items", ["item", "asks about", "answers", "missing", "asked if"], rows)
    scores = [
        [
            name,
            score.formula or f"{score.method} of {len(codebook.items_of(name))}",
            ", ".join(score.reverse),
            str(score.max_missing),
            ", ".join(f"{start:g}: {label}" for start, label in sorted(score.bands.items())),
        ]
        for name, score in codebook.scores.items()
    ]
    table("scores", ["score", "how", "turned round", "most missing", "bands"], scores)
    leaks = [[name, ", ".join(codebook.leaks_of(name))] for name in codebook.outcomes]
    table("outcomes", ["outcome", "given away by"], leaks)
