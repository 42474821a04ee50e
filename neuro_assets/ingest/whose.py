"""Whose the rows of an undescribed file are: by a column's name, or by the file's name. Names of people are told.

Everything here is a guess for a person to check.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from neuro_assets.ingest.layout import plain
from neuro_assets.ingest.survey import Seen, look_of_column

_PEOPLE = ("participantid", "participant", "subjectid", "subject", "patientid", "patient", "probandid", "proband",
           "personid", "person", "userid", "user", "respondentid", "respondent", "studyid", "pid", "subj", "subjid",
           "pseudonym", "code", "vp", "vpn", "versuchsperson", "teilnehmer")  # fmt: skip
_PERHAPS_PEOPLE = ("id", "recordid", "nr", "no", "number")
_NAME_COLUMNS = {"name", "fullname", "firstname", "lastname", "surname", "givenname", "familyname", "vorname",
                 "nachname", "participantname", "patientname", "username", "email", "mail", "emailaddress"}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_FULL_NAME = re.compile(r"[A-ZÀ-Þ][a-zß-ÿ'\u2019-]+(,? [A-ZÀ-Þ][\w'\u2019.-]*)+")
_FIRST_NAME = re.compile(r"[A-ZÀ-Þ]?[a-zß-ÿ]{2,}")
_DATE = re.compile(r"(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d|[0-3]?\d[-_.][01]?\d[-_.](19|20)\d\d")
_ID_IN_NAME = re.compile(
    r"(?i)(^|[_. -])((?:sub|subj|subject|participant|patient|proband|person|user|pid|id|vp|p|s|u)[-_ ]?\d+)(?=[_. -]|$)"
)
# What a file's name says of its values -> the stream.
_MEASURED = {"heart": "heart_rate", "hr": "heart_rate", "pulse": "heart_rate", "step": "steps",
                 "calor": "calories", "kcal": "calories", "actig": "activity_counts", "activity": "activity_counts",
                 "count": "activity_counts", "mets": "mets"}  # fmt: skip
_MADE_UP = (r"[A-Z]\d{3}", "P001")


@dataclass(frozen=True)
class Whose:
    """Where a row seems to say whose it is.

    Attributes:
        place: of the participants' column.
        file_name: regular expression for the file's name, where no column says it.
        pattern: regular expression that every id matches.
        example: an id; made up where the file's look like names.
        is_person: the ids look like names or e-mail addresses, or there is none.
    """

    place: int | None
    file_name: str | None
    pattern: str
    example: str
    is_person: bool = False


def whose_rows(seen: Seen, path: str, siblings: Sequence[str]) -> Whose:
    """The participants' column by its name, else the file's name.

    Args:
        seen: the file's table.
        path: the file's name, with that of its archive.
        siblings: names of the files beside it, whose ids have the same form.
    """
    header = seen.table.header
    for place in _people_columns(header):
        cells = seen.cells(place)
        is_row_number = plain(header[place]) in _PERHAPS_PEOPLE and len(set(cells)) == len(seen.rows) > 3
        if cells and not is_row_number and look_of_column(cells) in {"other", "hour", "epoch"}:
            if looks_like_people(header[place], cells, is_id=True):
                return Whose(place, None, _MADE_UP[0], _MADE_UP[1], is_person=True)
            return Whose(place, None, pattern_of(cells), cells[0])
    return _whose_file(path, siblings)


def _people_columns(header: Sequence[str]) -> list[int]:
    """Places of columns whose names say that they hold participants, the surest first."""
    order = [*_PEOPLE, *_PERHAPS_PEOPLE, *_NAME_COLUMNS]
    return sorted((n for n, h in enumerate(header) if plain(h) in order), key=lambda n: order.index(plain(header[n])))


def looks_like_people(name: str, cells: Sequence[str], *, is_id: bool) -> bool:
    """Whether a column seems to hold e-mail addresses or names.

    Args:
        name: of the column.
        cells: what stands in it.
        is_id: it is the participants' column, where a lone word is somebody's name as well.
    """
    looked = cells[:300]
    if any(_EMAIL.search(c) for c in looked):
        return True
    if not is_id and plain(name) not in _NAME_COLUMNS:
        return False
    people = sum(bool(_FULL_NAME.fullmatch(c) or _FIRST_NAME.fullmatch(c)) for c in looked)
    return people > len(looked) / 2


def _whose_file(path: str, siblings: Sequence[str]) -> Whose:
    """One file is one person's: the part of its name that is the id. A date in it is none."""
    own = own_name(path)
    begins = "^" if own == PurePosixPath(path).name else "(?:^|/)"
    stem = stem_of(own)
    stems = [stem, *(s for n in siblings if (s := stem_of(n)) != stem and _shape(s) == _shape(stem))]
    if re.fullmatch(r"[A-Za-z]*[_-]?\d+", stem) and not _DATE.search(stem) and not _ID_IN_NAME.search(stem):
        return _whose_stem(stem, stems, begins)
    found = _id_in(stem)
    if found is None or _EMAIL.search(stem):
        return Whose(None, rf"{begins}([A-Za-z0-9_.@ -]+)\.", *_MADE_UP, is_person=True)
    pattern = pattern_of(i for s in stems if (i := _id_in(s)) and _shape(i) == _shape(found))
    return Whose(None, f"{begins if stem.startswith(found) else '[_. -]'}({pattern})[_. -]", pattern, found)


def _whose_stem(stem: str, stems: list[str], begins: str) -> Whose:
    """A name of letters and a number: all of it is the id, unless the letters say what was measured."""
    letters = stem.rstrip("0123456789")
    if stream_said(letters) and len({s.rstrip("0123456789") for s in stems}) == 1:
        pattern = pattern_of(s.removeprefix(letters) for s in stems)
        return Whose(None, rf"\D({pattern})\.", pattern, stem.removeprefix(letters))
    pattern = pattern_of(stems, is_name=True)
    return Whose(None, rf"{begins}({pattern})\.", pattern, stem)


def _id_in(stem: str) -> str | None:
    """The part of a longer name that looks like an id: P01, sub-007, else the one part with digits."""
    bare = _DATE.sub(" ", stem)
    if found := _ID_IN_NAME.search(bare):
        return found[2]
    parts = [p for p in re.split(r"[_. -]+", bare) if any(c.isdigit() for c in p)]
    return parts[0] if len(parts) == 1 and re.fullmatch(r"[A-Za-z0-9]+", parts[0]) else None


def stream_said(name: str) -> str | None:
    """The stream that the words of a file's name speak of."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return next((s for w in words for k, s in _MEASURED.items() if w.startswith(k)), None)


def own_name(path: str) -> str:
    """The name of the file a person has: a workbook's, where its sheets are the tables."""
    for part in PurePosixPath(path).parts:
        if part.lower().endswith(".xlsx"):
            return part
    return PurePosixPath(path).name


def stem_of(name: str) -> str:
    """A file's name without what says its format."""
    return re.sub(r"(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|xlsx|gz|zip))+$", "", name, flags=re.IGNORECASE)


def _shape(text: str) -> str:
    return re.sub(r"\d+", "9", re.sub(r"[A-Za-z]+", "a", text))


def pattern_of(ids: Iterable[str], *, is_name: bool = False) -> str:
    r"""A regular expression that all ids match, as narrow as their common form allows: `U001`, `U017`: `U\d{3}`."""
    distinct = sorted(set(ids))
    split = [re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", i) for i in distinct]
    if len({_shape(i) for i in distinct}) != 1:
        return next(p for p in (r"[A-Za-z0-9_-]+", r"\S+", r".+") if all(re.fullmatch(p, i) for i in distinct))
    parts: list[str] = []
    for tokens in zip(*split, strict=True):
        lengths = {len(t) for t in tokens}
        if tokens[0].isdigit():
            is_fixed = len(lengths) == 1 and (len(distinct) > 1 or len(tokens[0]) > 2) and lengths != {1}
            parts.append(f"\\d{{{lengths.pop()}}}" if is_fixed else r"\d+")
        elif tokens[0].isalpha() and (len(set(tokens)) > 1 or (is_name and len(tokens[0]) > 3)):
            parts.append("[a-z]+" if all(t.islower() for t in tokens) else "[A-Za-z]+")
        else:
            parts.append(re.sub(r"([.+*?^$()\[\]{}|\\])", r"\\\1", tokens[0]))
    return "".join(parts)
