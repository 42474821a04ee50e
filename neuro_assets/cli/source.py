"""`neuro source new`: a first draft of a source from one of its files."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.drafting import Member, PrintOption, draft_first, hand_over, name_for, refuse_name
from neuro_assets.ingest.draft import Draft, draft_spec
from neuro_assets.ingest.survey import look_at
from neuro_assets.lake.lake import Connection
from neuro_assets.settings import load_settings
from neuro_assets.sources.load import Sources, load_sources


def new(
    file: Annotated[Path, typer.Argument(help="A file of the new kind, of any format that can be loaded.")],
    name: Annotated[
        str | None, typer.Option(help="What the source is called; made of the file's name if left out.")
    ] = None,
    print_only: PrintOption = False,
) -> None:
    """Draft a source from a file: YAML in the home's sources/, with everything that is a guess marked for you."""
    refuse_name(file, name)
    built_in = load_sources(load_settings().source_dirs[:1])
    name, text = draft_of(file.resolve(), name, built_in)
    hand_over(
        text,
        name,
        folder="sources",
        what="a source",
        taken={s.name for s in built_in.specs},
        print_only=print_only,
        then=lambda _: f"`neuro source check {file}`",
    )


def draft_of(file: Path, name: str | None, known: Sources) -> tuple[str, str]:
    """The name and the draft of a file's source; of an archive, from the first of its files that is a table.

    Raises:
        FileRefusedError: nothing in it can be drafted.
    """

    def drafted(connection: Connection, member: Member) -> tuple[str, str]:
        seen = look_at(connection, member.path, member.scratch)
        draft = Draft(seen, member.name, name or "", known, member.siblings)
        draft = replace(draft, name=name or name_for(file, draft.whose, "my_source"))
        return draft.name, draft_spec(draft)

    return draft_first(file, drafted)
