"""`neuro survey key` and `neuro survey reveal`: the key of encrypted answers, and reading them with it."""

import csv
import os
from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.console import err, out, table
from neuro_assets.cli.context import open_home
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.replay import encrypt_again
from neuro_assets.ingest.sealing import refuse_other_key
from neuro_assets.lake.lake import LakeError
from neuro_assets.sources.yaml_text import nearest
from neuro_assets.staging.reveal import has_encrypted, reveal_answers
from neuro_assets.surveys.answer_key import (
    AnswerKeyError,
    find_key,
    key_file,
    make_key,
    need_key,
    put_aside,
    unfinished_change,
)
from neuro_assets.surveys.load import codebooks_of

_KEEP = (
    "Keep a copy of it where neither the study nor its backups are: it is in no backup, and without it the encrypted"
    " answers can only be read from the archived files."
)


def key(
    new: Annotated[bool, typer.Option("--new", help="Make the study's key; one that is there is not touched.")] = False,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make another key and encrypt everything again, from the archived files.")
    ] = False,
) -> None:
    """Where the key of encrypted answers is, and whether it is that of the lake. Exit code 2 if not."""
    if new and rotate:
        raise typer.BadParameter("--new is for a study without a key, --rotate for one that has one; give one of them")
    job = open_home()
    if rotate:
        _rotate(job)
    elif new:
        _refuse_lost_key(job)
        _tell_made(make_key(job.settings))
    else:
        _tell_key(job)


def _refuse_lost_key(job: Ingest) -> None:
    """A second key would not open what the first has encrypted."""
    if find_key(job.settings) is None and _is_in_use(job):
        raise AnswerKeyError(
            f"the lake has encrypted answers, and their key is not here: put it at {key_file(job.settings)}; if it is"
            " lost, `neuro survey key --rotate` reads all files again and encrypts with a new one"
        )


def _is_in_use(job: Ingest) -> bool:
    try:
        return has_encrypted(job)
    except LakeError as error:
        if "there is no lake yet" in str(error):
            return False
        raise


def _tell_made(path: Path) -> None:
    out.print(f"written: {path}", markup=False, soft_wrap=True)
    err.print(_KEEP)


def _rotate(job: Ingest) -> None:
    is_begun = unfinished_change(job.settings).exists() and find_key(job.settings) is not None
    if job.settings.survey_key is None and not is_begun:
        aside = put_aside(job.settings)
        _tell_made(make_key(job.settings))
        if aside:
            out.print(f"the one before is {aside}: delete it when nobody needs it", markup=False, soft_wrap=True)
    try:
        count = encrypt_again(job)
    except FileNotFoundError as error:
        raise AnswerKeyError(f"not everything is encrypted again: {error}; then `neuro survey key --rotate`") from None
    out.print(f"{count} files were read again; next: `neuro run`")


def _tell_key(job: Ingest) -> None:
    found = need_key(job.settings, "encrypted answers need a key")
    if _is_in_use(job):
        with job.lake.connect(read_only=True) as connection:
            refuse_other_key(connection, job.settings, found, job.sources)
        out.print(f"key: {found.place}; it opens the encrypted answers of the lake", markup=False, soft_wrap=True)
    else:
        out.print(f"key: {found.place}; the lake has no encrypted answers", markup=False, soft_wrap=True)


def reveal(
    instrument: Annotated[str, typer.Argument(help="The instrument, as `neuro survey list` names it.")],
    item: Annotated[str, typer.Argument(help="An item with `sensitive: encrypt`.")],
    participant: Annotated[str | None, typer.Option(help="Only the answers of this participant.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write them to this file, which only you can read; print none.")
    ] = None,
) -> None:
    """Show encrypted answers in clear: participant, when answered, text. Needs the study's key."""
    job = open_home()
    _refuse_unknown(job, instrument, item)
    found = need_key(job.settings, f"the answers to {item} are encrypted")
    revealed = reveal_answers(job, found, instrument, item, participant)
    rows = [(who, at.isoformat(" "), text) for who, at, text in revealed.answers]
    if csv_file is not None:
        _write_private(csv_file, rows)
        out.print(f"{len(rows)} answers written: {csv_file}", markup=False, soft_wrap=True)
    elif rows:
        table(f"{instrument}, {item}", ["participant", "answered at", "text"], [list(row) for row in rows])
    else:
        out.print("no answers")
    if revealed.outdated:
        told = f"{revealed.outdated} answers are not shown, as their files were read again since"
        err.print(f"{told}: `neuro run`, then the same again")


def _refuse_unknown(job: Ingest, instrument: str, item: str) -> None:
    codebooks = {c.name: c for c in codebooks_of(job.sources)}
    if instrument not in codebooks:
        raise typer.BadParameter(_among("instrument", instrument, list(codebooks)), param_hint="INSTRUMENT")
    codebook = codebooks[instrument]
    if item not in codebook.items:
        raise typer.BadParameter(_among("item", item, list(codebook.items)), param_hint="ITEM")
    if item not in codebook.encrypted_items:
        raise typer.BadParameter(f"'{item}' has no `sensitive: encrypt` in the codebook", param_hint="ITEM")


def _among(what: str, name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"there is no {what} '{name}'; " + (f"did you mean '{near}'?" if near else f"there are: {', '.join(known)}")


def _write_private(path: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write a CSV file that its owner alone can read, also where there was another of that name."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("participant", "answered_at", "text"))
        writer.writerows(rows)
