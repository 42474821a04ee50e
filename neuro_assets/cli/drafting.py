"""What `neuro source new` and `neuro survey new` share: the name, where a draft is written, and the file it is of."""

import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import duckdb
import typer

from neuro_assets.cli.console import err, out
from neuro_assets.ingest.draft import snake
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.survey import tables_of
from neuro_assets.ingest.whose import Whose
from neuro_assets.lake.lake import Connection
from neuro_assets.settings import load_settings
from neuro_assets.sources.load import SourceError

_SIBLINGS = 1_000

PrintOption = Annotated[bool, typer.Option("--print", help="Only print the draft; write nothing.")]


@dataclass(frozen=True)
class Member:
    """A table that a draft may be made of.

    Attributes:
        path: where it lies now.
        name: its name, with that of its archive.
        siblings: names of the files beside it, or beside its archive.
        scratch: a folder that is gone afterwards.
    """

    path: Path
    name: str
    siblings: tuple[str, ...]
    scratch: Path


def draft_first(file: Path, draft: Callable[[Connection, Member], tuple[str, str]]) -> tuple[str, str]:
    """The name and the draft of a file; of an archive, of the first of its files that is a table.

    Raises:
        FileRefusedError: nothing in it can be drafted.
    """
    siblings = tuple(p.name for p in islice(file.parent.iterdir(), _SIBLINGS))
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        scratch = Path(folder)
        refusal = FileRefusedError("empty_archive", "the archive holds no file", "Take one of the files themselves")
        for member in tables_of(file, file.name, scratch):
            try:
                return draft(connection, Member(member.path, member.name, siblings, scratch))
            except FileRefusedError as error:
                refusal = error
        raise refusal


def name_for(file: Path, whose: Whose, otherwise: str) -> str:
    """The letters of the file's name, ids and dates left out; `otherwise` where it may be somebody's own name."""
    if whose.place is None and whose.is_person:
        return otherwise
    return snake(re.sub(r"\d+", " ", file.name.split(".")[0]))


def refuse_name(file: Path, name: str | None) -> None:
    """Refuse what is no file, and a name that no table can have.

    Raises:
        typer.BadParameter: naming it.
    """
    if not file.is_file():
        raise typer.BadParameter(f"{file} is no file")
    if name and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise typer.BadParameter(f"'{name}': lower-case letters, digits and _, a letter first", param_hint="--name")


def hand_over(
    text: str,
    name: str,
    *,
    folder: str,
    what: str,
    taken: Collection[str],
    print_only: bool,
    then: Callable[[Path], str],
) -> None:
    """Write a draft to a folder of the home, or print it, and say what to do next.

    Args:
        text: the YAML.
        name: of the source or the instrument.
        folder: of the home.
        what: what it is a draft of, with its article.
        taken: names that are built in.
        print_only: write nothing.
        then: the commands that come next, of the path.

    Raises:
        SourceError: the name is taken.
    """
    target = load_settings().home / folder / f"{name}.yaml"
    if print_only:
        sys.stdout.write(text)
    else:
        _refuse_taken(target, name, what, taken)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        out.print(f"written: {target}", markup=False)
    checks = sum("# check" in line for line in text.splitlines()[2:])
    (err if print_only else out).print(
        f"next: look at its {checks} lines marked `# check`, then {then(target)}", markup=False, soft_wrap=True
    )


def _refuse_taken(target: Path, name: str, what: str, taken: Collection[str]) -> None:
    if name in taken:
        raise SourceError(f"{what} named '{name}' is built in; choose another name: --name")
    if target.exists():
        raise SourceError(
            f"{target} is there already and was not changed; choose another name with --name, or see the draft with"
            " --print"
        )
