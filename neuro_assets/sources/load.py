"""Reading source specs from folders and finding the one a header belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import ValidationError

from neuro_assets.sources.model import FileSpec, SourceSpec
from neuro_assets.streams.model import Table


class SourceError(ValueError):
    """A source spec cannot be used; the message names file, place and what was expected."""


@dataclass(frozen=True)
class FileKind:
    """A kind of file of a source: what identification answers."""

    source: SourceSpec
    kind: str

    @property
    def spec(self) -> FileSpec:
        """Its spec."""
        return self.source.files[self.kind]

    @cached_property
    def raw_table(self) -> Table:
        """Its raw table."""
        return self.source.raw_table(self.kind)


@dataclass(frozen=True)
class Sources:
    """All source specs in force."""

    specs: tuple[SourceSpec, ...]

    @cached_property
    def kinds(self) -> tuple[FileKind, ...]:
        """Every kind of file, in declared order."""
        return tuple(FileKind(s, kind) for s in self.specs for kind in s.files)

    def feeding(self, stream: str) -> list[FileKind]:
        """The kinds of files that feed a stream."""
        return [k for k in self.kinds if stream in k.spec.streams]

    def by_raw_table(self, qualified: str) -> FileKind:
        """The kind of file behind `raw.<name>`.

        Raises:
            KeyError: no spec in force has that raw table.
        """
        for kind in self.kinds:
            if kind.raw_table.qualified == qualified:
                return kind
        raise KeyError(f"no source spec feeds {qualified}")

    def identify(self, header: list[str]) -> FileKind | None:
        """The kind whose untouched form has exactly these columns, in any order."""
        names = frozenset(header)
        if len(names) != len(header):
            return None
        matches = [k for k in self.kinds if k.source.header_of(k.kind) == names]
        return matches[0] if len(matches) == 1 else None

    def nearest(self, header: list[str]) -> tuple[FileKind, list[str], list[str]]:
        """The kind that shares most columns, with what the header lacks and has besides."""
        names = set(header)
        best = max(self.kinds, key=lambda k: _overlap(names, k.source.header_of(k.kind)))
        wanted = best.source.header_of(best.kind)
        return best, sorted(wanted - names), sorted(names - wanted)


def _overlap(names: set[str], wanted: frozenset[str]) -> float:
    return len(names & wanted) / len(names | wanted)


def load_sources(folders: Iterable[Path]) -> Sources:
    """All specs of the folders; a later folder may add vendors, not redefine one.

    Raises:
        SourceError: broken YAML, a field out of place, a vendor or header defined twice.
    """
    specs: dict[str, SourceSpec] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            spec = read_source(path)
            if spec.name in specs:
                raise SourceError(f"{path}: a source named '{spec.name}' is already defined")
            specs[spec.name] = spec
    sources = Sources(tuple(specs.values()))
    _refuse_twin_headers(sources)
    return sources


def read_source(path: Path) -> SourceSpec:
    """One spec from a YAML file.

    Raises:
        SourceError: with file, field and what was expected.
    """
    try:
        return SourceSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise SourceError(f"{path}{place}: not valid YAML") from None
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise SourceError(f"{path}: {'; '.join(lines)}") from None


def _refuse_twin_headers(sources: Sources) -> None:
    owner: dict[frozenset[str], FileKind] = {}
    tables: dict[str, FileKind] = {}
    for kind in sources.kinds:
        header = kind.source.header_of(kind.kind)
        twin = tables.setdefault(kind.raw_table.qualified, kind)
        if twin is not kind:
            raise SourceError(
                f"{kind.source.name}.{kind.kind} and {twin.source.name}.{twin.kind} would share the table"
                f" {kind.raw_table.qualified}; rename one"
            )
        other = owner.setdefault(header, kind)
        if other is not kind:
            raise SourceError(
                f"{kind.source.name}.{kind.kind} and {other.source.name}.{other.kind} have the same columns:"
                " a file could be either"
            )
