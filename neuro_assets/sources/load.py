"""Reading source specs from folders and finding the one a header belongs to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from neuro_assets.sources.mistakes import mistakes_of
from neuro_assets.sources.model import FileSpec, SourceSpec
from neuro_assets.sources.yaml_text import Document, Mistake, Place, read_yaml
from neuro_assets.streams.model import Table


class SourceError(ValueError):
    """A source spec cannot be used; the message names file, place and what was expected."""


@dataclass(frozen=True)
class FileKind:
    """A kind of file of a source: what identification answers."""

    source: SourceSpec
    kind: str

    @property
    def name(self) -> str:
        """`source.kind`."""
        return f"{self.source.name}.{self.kind}"

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
        told_by_columns = (k for k in self.kinds if k.source.recognised_by == "columns")
        matches = [k for k in told_by_columns if k.source.header_of(k.kind) == names]
        return matches[0] if len(matches) == 1 else None

    def nearest(self, header: list[str]) -> tuple[FileKind, list[str], list[str]]:
        """The kind that shares most columns, with what the header lacks and has besides."""
        names = set(header)
        told_by_columns = [k for k in self.kinds if k.source.recognised_by == "columns"]
        best = max(told_by_columns or self.kinds, key=lambda k: _overlap(names, k.source.header_of(k.kind)))
        wanted = best.source.header_of(best.kind)
        return best, sorted(wanted - names), sorted(names - wanted)


def _overlap(names: set[str], wanted: frozenset[str]) -> float:
    return len(names & wanted) / len(names | wanted)


def load_sources(folders: Iterable[Path]) -> Sources:
    """All specs of the folders; a later folder may add vendors, not redefine one.

    Raises:
        SourceError: every mistake of every spec, with file, line, field and remedy.
    """
    read: dict[str, _Read] = {}
    told: list[str] = []
    for path in (p for folder in folders for p in spec_files(folder)):
        try:
            found = _read(path)
        except SourceError as error:
            told.append(str(error))
            continue
        if other := read.get(found.spec.name):
            what = f"a source named '{found.spec.name}' is already defined in {other.path}"
            told.append(found.refusal(("name",), what, "choose another name"))
            continue
        read[found.spec.name] = found
    sources = Sources(tuple(r.spec for r in read.values()))
    told += _twins(sources, read)
    if told:
        raise SourceError("\n".join(told))
    return sources


def spec_files(folder: Path) -> list[Path]:
    """The specs of a folder, hidden files left out.

    Raises:
        SourceError: a spec that an editor has saved under a name that would be passed over.
    """
    if not folder.is_dir():
        return []
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    if astray := [p for p in files if re.search(r"\.ya?ml\.txt$", p.name, re.IGNORECASE)]:
        raise SourceError(f"{astray[0]}: the name ends in .txt and is not read; rename it to {astray[0].stem}")
    return [p for p in files if p.suffix.lower() in {".yaml", ".yml"}]


def read_source(path: Path) -> SourceSpec:
    """One spec from a YAML file.

    Raises:
        SourceError: every mistake, each as `<file> line <n>, <field>: <what is wrong>; <what to do>`.
    """
    return _read(path).spec


@dataclass(frozen=True)
class _Read:
    """A spec with the file it was read from."""

    path: Path
    spec: SourceSpec
    document: Document

    def refusal(self, place: Place, what: str, remedy: str) -> str:
        return Mistake(self.document.line(place), place, what, remedy).told(self.path)


def _read(path: Path) -> _Read:
    return _read_content(path, path.read_bytes())


# A process asks for the same specs again and again, and to check the built-in ones takes a tenth of a second.
@lru_cache(maxsize=64)
def _read_content(path: Path, content: bytes) -> _Read:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(f"{path} line {line}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    document = read_yaml(text)
    spec, mistakes = mistakes_of(document)
    if spec is None:
        raise SourceError("\n".join(m.told(path) for m in mistakes))
    return _Read(path, spec, document)


def _twins(sources: Sources, read: dict[str, _Read]) -> list[str]:
    """Kinds of one raw table, and kinds that nothing tells apart: neither columns, nor clocks, nor the file's name."""
    told: list[str] = []
    looks: dict[tuple[object, ...], FileKind] = {}
    tables: dict[str, FileKind] = {}
    for kind in sources.kinds:
        own, place = read[kind.source.name], ("files", kind.kind)
        twin = tables.setdefault(kind.raw_table.qualified, kind)
        if twin is not kind:
            what = f"{kind.name} and {twin.name} would share the table {kind.raw_table.qualified}"
            told.append(own.refusal(place, what, "rename one"))
            continue
        look = (kind.source.header_of(kind.kind), kind.spec.is_dated, kind.spec.period_s, kind.spec.name_hint.lower())
        other = looks.setdefault(look, kind)
        if other is not kind:
            what = f"{kind.name} and {other.name} have the same columns: a file could be either"
            told.append(own.refusal(place, what, "give them a `name_hint` each that only their own files' names have"))
    return told
