"""Reading codebooks, and the sources of a home: its vendors' specs and the instruments of its study."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from neuro_assets.settings import REPOSITORY, Settings
from neuro_assets.sources.load import SourceError, Sources, load_sources, spec_files
from neuro_assets.sources.yaml_text import Mistake, nearest, read_yaml
from neuro_assets.study import Study
from neuro_assets.surveys.mistakes import mistakes_of
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.source import SurveySpec, source_of, source_of_answers

BUILT_IN = REPOSITORY / "neuro_assets" / "surveys" / "builtin"


class CodebookError(SourceError):
    """A codebook cannot be used; the message names file, line, field and remedy."""


# Of studies alone that pull from accounts: seventeen tables that others need not have.
PULLED = REPOSITORY / "neuro_assets" / "sources" / "google_health"


def home_sources(settings: Settings, study: Study) -> Sources:
    """All sources in force: vendors' specs, the built-in instruments that the study names, and the home's own.

    Raises:
        SourceError: every mistake of every spec and codebook.
    """
    pulled = (PULLED,) if study.google_health is not None else ()
    sources = load_sources((*settings.source_dirs, *pulled))
    return with_instruments(sources, study_codebooks(settings, study))


def with_instruments(sources: Sources, codebooks: Sequence[Codebook]) -> Sources:
    """Sources with those of instruments in place of what was there of these."""
    others = tuple(s for s in sources.specs if not isinstance(s, SurveySpec))
    answers = (source_of_answers(codebooks),) if codebooks else ()
    return Sources((*others, *(source_of(c) for c in codebooks), *answers))


def study_codebooks(settings: Settings, study: Study) -> list[Codebook]:
    """The codebooks of a study's instruments.

    Raises:
        CodebookError: a mistake in a codebook, or an instrument that is not there.
    """
    own = read_codebooks([settings.home / "surveys"])
    built_in = {p.stem: p for p in spec_files(BUILT_IN)}
    found = dict(own)
    for name in study.surveys:
        if name in own:
            continue
        if name not in built_in:
            near = nearest(name, [*built_in, *own])
            remedy = f"did you mean '{near}'?" if near else f"there are: {', '.join(sorted({*built_in, *own}))}"
            raise CodebookError(f"study.yaml, surveys: there is no instrument '{name}'; {remedy}")
        found[name] = read_codebook(built_in[name])
    return [found[name] for name in sorted(found)]


def read_codebooks(folders: Iterable[Path]) -> dict[str, Codebook]:
    """All codebooks of some folders, by name.

    Raises:
        CodebookError: every mistake of every codebook, or two of one name.
    """
    found: dict[str, Codebook] = {}
    told: list[str] = []
    for path in (p for folder in folders for p in spec_files(folder)):
        try:
            codebook = read_codebook(path)
        except CodebookError as error:
            told.append(str(error))
            continue
        if codebook.name in found:
            what = f"a codebook named '{codebook.name}' is already there"
            told.append(Mistake(1, ("name",), what, "choose another name").told(path))
        found[codebook.name] = codebook
    if told:
        raise CodebookError("\n".join(told))
    return found


def read_codebook(path: Path) -> Codebook:
    """One codebook from a YAML file.

    Raises:
        CodebookError: every mistake, each as `<file> line <n>, <field>: <what is wrong>; <what to do>`.
    """
    return _read_content(path, path.read_bytes())


@lru_cache(maxsize=128)
def _read_content(path: Path, content: bytes) -> Codebook:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CodebookError(f"{path} line {line}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    codebook, mistakes = mistakes_of(read_yaml(text))
    if codebook is None:
        raise CodebookError("\n".join(m.told(path) for m in mistakes))
    return codebook


def codebooks_of(sources: Sources) -> list[Codebook]:
    """The codebooks among the sources."""
    found = (c for s in sources.specs if isinstance(s, SurveySpec) for f in s.files.values() for c in f.codebooks)
    return list({c.name: c for c in found}.values())
