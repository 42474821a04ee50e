"""A pull file: every page that a pull was given, as it came, and what it was asked for; one zip for some participants.

`pull.json` says what the pages are; a page is a member of its own. Nothing in the file is a secret: requests are kept
without their headers, and pages of accounts without what identifies a person or a device.
"""

import hashlib
import json
import os
import struct
import uuid
import zipfile
import zlib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from neuro_assets.sources.google_health.data_types import REVISION

MANIFEST = "pull.json"
FORMAT = "neuro_assets.google_health_pull"
SUFFIX = ".pull.zip"
VERSION = 1
_SHOWN = 80
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What a zip raises that is cut off, altered or encrypted, and what a list of contents does that is none.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
    msgspec.DecodeError,
)

# A moment without a zone is none.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Outcome = Literal["complete", "failed", "paused", "needs_reconsent", "retired"]


class PullFileError(ValueError):
    """A file that calls itself a pull file and cannot be read as one."""


class StoredPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page: which request was answered by it, and when.

    Attributes:
        member: its name in the zip.
        data_type: as the interface names it; `settings` and `pairedDevices` are pages, too.
        request: method, path and parameters.
        fetched_at: when the answer was whole.
        sha256: of the bytes as they came.
        is_stored_whole: false where something was taken out before the page was kept.
    """

    member: str
    data_type: str
    request: str
    fetched_at: Moment
    sha256: str
    is_stored_whole: bool = True


class TypePull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of asking for one data type of a participant.

    Attributes:
        data_type: as the interface names it.
        outcome: only `complete` types have pages to be read.
        fetched_at: when the last page was there, or when it failed.
        first_day: first local day that was asked for whole.
        last_day: the last one.
        only: days between these, where others of them were found to be as before and not asked for.
        is_delta: whether it asked for all that was not known yet; not so where somebody named the days.
        reading: reconcile, list or rollUp.
        requests: how many it took.
        error_code: why it failed.
        error: the same in words.
    """

    data_type: str
    outcome: Outcome
    fetched_at: Moment
    first_day: date | None = None
    last_day: date | None = None
    only: list[date] | None = None
    is_delta: bool = False
    reading: str | None = None
    requests: int = 0
    error_code: str | None = None
    error: str | None = None


class ZoneBefore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time zone that the account had at an earlier pull.

    Attributes:
        until: the last pull that was told of it.
        zone: IANA name.
    """

    until: Moment
    zone: str


class PersonPull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a participant's pull.

    Attributes:
        participant_id: as the study names them.
        zone: the account's time zone, where it could be read.
        last_sync_at: the latest sync of a tracker; none where there is none.
        types: what came of each data type.
        pages: in the order in which they came.
        tracker_syncs: the latest sync of each tracker, in order.
        zones_before: other zones that the account had before, in order; moments up to `until` are told by them.
    """

    participant_id: str
    zone: str | None
    last_sync_at: Moment | None
    types: list[TypePull]
    pages: list[StoredPage]
    tracker_syncs: list[Moment] = []
    zones_before: list[ZoneBefore] = []


class PullManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pull file says of itself."""

    people: list[PersonPull]
    format: str = FORMAT
    version: int = VERSION
    revision: str = REVISION


class PullWriter:
    """Writes a pull file; it has its name only once it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin a file `folder/name`; until `close` it is a hidden part that nobody takes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / name
        self._part = folder / f".{uuid.uuid4().hex}.part"
        # Pages pack twentyfold, and level 1 takes a third of the time of the usual one.
        self._zip = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._people: list[PersonPull] = []
        self._pages = 0
        self.bytes = 0

    @property
    def people(self) -> int:
        """How many participants are in it."""
        return len(self._people)

    def page(
        self, data_type: str, request: str, fetched_at: datetime, body: bytes, kept: bytes | None = None
    ) -> StoredPage:
        """Keep a page.

        Args:
            data_type: what was asked for.
            request: method, path and parameters.
            fetched_at: when it came.
            body: the bytes as they came.
            kept: what of them may be kept, if not all.
        """
        self._pages += 1
        stored = body if kept is None else kept
        member = f"pages/{self._pages:06d}.json"
        self._zip.writestr(zipfile.ZipInfo(member, fetched_at.timetuple()[:6]), stored, zipfile.ZIP_DEFLATED, 1)
        self.bytes += len(stored)
        return StoredPage(member, data_type, request, fetched_at, hashlib.sha256(body).hexdigest(), kept is None)

    def person(self, pulled: PersonPull) -> None:
        """Add what came of a participant's pull; the pages have been kept before."""
        self._people.append(pulled)

    def close(self) -> Path:
        """Finish the file and give it its name."""
        manifest = PullManifest(sorted(self._people, key=lambda p: p.participant_id))
        told = json.dumps(msgspec.to_builtins(manifest), indent=1, ensure_ascii=False)
        # The clock has no place in it: the same pages make the same file.
        self._zip.writestr(zipfile.ZipInfo(MANIFEST), told, zipfile.ZIP_DEFLATED)
        self._zip.close()
        with self._part.open("rb+") as handle:
            os.fsync(handle.fileno())
        self._part.replace(self.path)
        return self.path

    def discard(self) -> None:
        """Leave nothing behind."""
        self._zip.close()
        self._part.unlink(missing_ok=True)


class PullReader:
    """Reads a pull file."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            PullFileError: it is none, or not whole.
        """
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise PullFileError(f"the pull file cannot be read ({str(error)[:_SHOWN]})") from None
        try:
            self.manifest = self._manifest()
        except PullFileError:
            self._zip.close()
            raise

    def _manifest(self) -> PullManifest:
        try:
            manifest = msgspec.json.decode(self._member(MANIFEST), type=PullManifest)
            for zone in {z for p in manifest.people for z in (p.zone, *(b.zone for b in p.zones_before)) if z}:
                ZoneInfo(zone)
        except _DAMAGED as error:
            raise PullFileError(f"the pull file cannot be read ({str(error)[:_SHOWN]})") from None
        if (manifest.format, manifest.version) != (FORMAT, VERSION):
            raise PullFileError(f"the pull file is of version {manifest.version}; {VERSION} is what is read here")
        return manifest

    def _member(self, name: str) -> bytes:
        if self._zip.getinfo(name).compress_type not in _PACKED:
            raise zipfile.BadZipFile("it is packed in a way that no pull file is")
        return self._zip.read(name)

    def body(self, page: StoredPage) -> bytes:
        """A page's bytes.

        Raises:
            PullFileError: they are not there, or not those that came.
        """
        try:
            body = self._member(page.member)
        except _DAMAGED as error:
            raise PullFileError(f"{page.member} cannot be read ({str(error)[:_SHOWN]})") from None
        if page.is_stored_whole and hashlib.sha256(body).hexdigest() != page.sha256:
            raise PullFileError(f"{page.member} is not the page that came: its sha256 is another one")
        return body

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()


def is_pull_file(path: Path) -> bool:
    """Whether a zip is a pull file, by its list of members."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except _DAMAGED:
        return False
