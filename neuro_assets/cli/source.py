"""`neuro source new`: a first draft of a source from one of its files."""

import re
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import duckdb
import typer

from neuro_assets.cli.console import err, out
from neuro_assets.ingest.draft import Draft, draft_spec, snake
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.survey import look_at, tables_of
from neuro_assets.settings import load_settings
from neuro_assets.sources.load import SourceError, Sources, load_sources

_SIBLINGS = 1_000


def new(
    file: Annotated[Path, typer.Argument(help="A file of the new kind, of any format that can be loaded.")],
    name: Annotated[
        str | None, typer.Option(help="What the source is called; made of the file's name if left out.")
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Only print the draft; write nothing.")] = False,
) -> None:
    """Draft a source from a file: YAML in the home's sources/, with everything that is a guess marked for you."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is no file")
    settings = load_settings()
    if name and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise typer.BadParameter(f"'{name}': lower-case letters, digits and _, a letter first", param_hint="--name")
    built_in = load_sources(settings.source_dirs[:1])
    name, text = draft_of(file.resolve(), name, built_in)
    target = settings.home / "sources" / f"{name}.yaml"
    if print_only:
        sys.stdout.write(text)
    else:
        _refuse_taken(target, name, built_in)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        out.print(f"written: {target}", markup=False)
    checks = sum("# check" in line for line in text.splitlines()[2:])
    (err if print_only else out).print(
        f"next: look at its {checks} lines marked `# check`, then `neuro source check {file}`", markup=False
    )


def _refuse_taken(target: Path, name: str, built_in: Sources) -> None:
    if name in {s.name for s in built_in.specs}:
        raise SourceError(f"a source named '{name}' is built in; choose another name: --name")
    if target.exists():
        raise SourceError(
            f"{target} is there already and was not changed; choose another name with --name, or see the draft with"
            " --print"
        )


def draft_of(file: Path, name: str | None, known: Sources) -> tuple[str, str]:
    """The name and the draft of a file's source; of an archive, from the first of its files that is a table.

    Raises:
        FileRefusedError: nothing in it can be drafted.
    """
    siblings = tuple(p.name for p in islice(file.parent.iterdir(), _SIBLINGS))
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        scratch = Path(folder)
        refusal = FileRefusedError("empty_archive", "the archive holds no file", "Take one of the files themselves")
        for member in tables_of(file, file.name, scratch):
            try:
                draft = Draft(look_at(connection, member.path, scratch), member.name, name or "", known, siblings)
                draft = replace(draft, name=name or _name_for(file, draft))
                return draft.name, draft_spec(draft)
            except FileRefusedError as error:
                refusal = error
        raise refusal


def _name_for(file: Path, draft: Draft) -> str:
    """The letters of the file's name, ids and dates left out; not where it may be somebody's own name."""
    if draft.whose.place is None and draft.whose.is_person:
        return "my_source"
    return snake(re.sub(r"\d+", " ", file.name.split(".")[0]))
