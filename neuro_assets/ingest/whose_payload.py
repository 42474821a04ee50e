"""Whose a payload is that names nobody: a person's word, a note beside it, or the names of the folders around it.

It is never guessed: where these say nothing, or two things, the file is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import yaml

from neuro_assets.ingest.inbox import NOTE
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.sources.fitbit.parts import Units
from neuro_assets.study import Study

_SAY = (
    "Say it: `neuro ingest --participant ID FILE`; or put it into a folder named like the participant; or write"
    f" `participant: ID` into a file {NOTE} beside it"
)
# Names that vendors and programs give to folders: they are nobody's. What lies in them may bear a person's real name.
_VENDORS = re.compile(
    r"takeout(-.*)?|fitbit|my ?fitbit ?data|google( data| fit)?|global export data|physical activity(_googledata)?"
    r"|sleep|sleep score|heart rate variability|oxygen saturation \(spo2\)|temperature|active zone minutes \(azm\)"
    r"|stress|user-site-export|pmsys|googledocs|archive|export(s)?|data|download(s)?",
    re.IGNORECASE,
)
_PACKED = re.compile(r"\.(zip|gz|gzip)$", re.IGNORECASE)


# The older export puts everything into a folder of the person's name.
_NAMED_FOLDER = re.compile(r"(^|/)(my ?fitbit ?data)/[^/]+(?=/)", re.IGNORECASE)
# Profiles, friends and messages: names, addresses, birthdays, pictures.
_PERSONAL = re.compile(
    r"(^|/)((your )?profile|social( profile)?|account|messages|friends|feed|notifications?)(/|[^/]*\.(csv|json)$)"
    r"|(^|/)archive_browser\.html$",
    re.IGNORECASE,
)
_OF_ARCHIVE = re.compile(r"(^|/)(takeout|fitbit|my ?fitbit ?data)/", re.IGNORECASE)


def without_name(name: str) -> str:
    """A file's name without the folder that an export calls after its person."""
    return _NAMED_FOLDER.sub(r"\1\2/_", name)


def personal_members(names: Sequence[str]) -> set[str]:
    """Members of a vendor's archive that are about the person and not measured: they are not taken out of it."""
    if not any(_OF_ARCHIVE.search(name) for name in names):
        return set()
    return {name for name in names if _PERSONAL.search(name)}


@dataclass(frozen=True)
class Note:
    """What is known of payloads from outside of them."""

    participant: str | None = None
    units: Units | None = None

    def over(self, other: "Note") -> "Note":
        """This one, and where it is silent the other."""
        return Note(self.participant or other.participant, self.units or other.units)


def read_note(path: Path) -> Note:
    """The note in a file `neuro.yaml`: `participant`, `units` (metric or us).

    Raises:
        FileRefusedError: `bad_note`.
    """
    remedy = f"Write `participant: ID`, and `units: metric` or `us` where it is known, into {NOTE}"
    try:
        said: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise FileRefusedError("bad_note", f"the note {NOTE} beside the file is no YAML", remedy) from None
    if not isinstance(said, Mapping) or set(said) - {"participant", "units"}:
        raise FileRefusedError("bad_note", f"the note {NOTE} has other fields than participant and units", remedy)
    participant, units = said.get("participant"), said.get("units")
    if participant is not None and not isinstance(participant, str | int):
        raise FileRefusedError("bad_note", f"the participant in {NOTE} is no id", remedy)
    if units is not None and units not in get_args(Units):
        raise FileRefusedError("bad_note", f"the units in {NOTE} are neither metric nor us", remedy)
    return Note(None if participant is None else str(participant), units)


def notes_around(folder: Path, stop: Path) -> Note:
    """The notes of a folder and of those it lies in, up to `stop`; the nearest goes first."""
    note = Note()
    while True:
        if (path := folder / NOTE).is_file():
            note = note.over(read_note(path))
        if folder == stop or stop not in folder.parents:
            return note
        folder = folder.parent


def participant_by_name(study: Study, source: str, name: str) -> str:
    """The participant whom the folders and archives around a payload name.

    A name is somebody's if it is a participant's id, or an alias of the source. Where the study enrols everybody, it is
    otherwise the one folder that lies outside of the vendor's own.

    Args:
        study: the protocol.
        source: the source spec.
        name: of the payload, with the folders and archives it came in.

    Raises:
        FileRefusedError: `no_participant`.
    """
    around = [_PACKED.sub("", part) for part in PurePosixPath(name).parts[:-1]]
    own = {a: p.participant_id for p in study.people for a in (p.participant_id, *p.aliases.get(source, ()))}
    known = {own[part] for part in around if part in own}
    if len(known) == 1:
        return known.pop()
    if known:
        told = f"the folders around it name several participants: {', '.join(sorted(known))}"
        raise FileRefusedError("no_participant", told, _SAY)
    outside: list[str] = []
    for part in around:
        if _VENDORS.fullmatch(part):
            break
        outside.append(part)
    if study.auto_enrol and len(outside) == 1:
        return outside[0]
    if study.auto_enrol and outside:
        told = f"it is in several folders, and any may be the participant: {', '.join(outside)[:120]}"
    elif outside:
        told = f"no folder around it is a participant of the study ({', '.join(outside)[:120]})"
    else:
        told = "nothing says whose it is: the file names nobody, and no folder around it does"
    raise FileRefusedError("no_participant", told, _SAY)
