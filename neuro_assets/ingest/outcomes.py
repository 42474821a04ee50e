"""What becomes of an arrival: the line it leaves in the manifest, and where its bytes go once that is committed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from neuro_assets.ingest import inbox, manifest
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.settings import Settings

Earlier = manifest.ManifestLine | None


@dataclass(frozen=True)
class FileOutcome:
    """What became of one arrival: loaded, duplicate, rejected, or unpacked (its members are arrivals of their own)."""

    file_id: str
    name: str
    outcome: str
    line: manifest.ManifestLine
    touched_days: int = 0


@dataclass(frozen=True)
class Settlement:
    """An outcome that waits to be committed.

    Attributes:
        outcome: what is said of it then.
        at: the instant of the arrival.
        move: brings the bytes to their place, after the commit; twice is the same as once.
        line: the manifest line, where it is new or changes.
        actions: what a person decided, for the audit.
        actor: who that was.
    """

    outcome: FileOutcome
    at: datetime
    move: Callable[[], None]
    line: manifest.ManifestLine | None = None
    actions: tuple[str, ...] = ()
    actor: str = ""


def new_line(
    taken: inbox.Taken, earlier: Earlier, at: datetime, status: str, reading: Mapping[str, Any] | None = None
) -> manifest.ManifestLine:
    """The manifest line of an arrival; what is refused lies in rejected/, everything else in archive/."""
    name = earlier.original_name if earlier else taken.name
    place = inbox.rejected_path if status == "rejected" else inbox.archive_path
    return manifest.ManifestLine(
        file_id=taken.file_id,
        original_name=name,
        size_bytes=taken.path.stat().st_size,
        status=status,
        stored_path=place(taken.file_id, name),
        first_arrived_at=earlier.first_arrived_at if earlier else at,
        loaded_at=at,
        container_id=taken.container_id or (earlier.container_id if earlier else None),
        reading=json.dumps(reading, ensure_ascii=False) if reading else None,
    )


def clear_refusal(settings: Settings, earlier: Earlier, stored_now: str) -> None:
    """A refused file that has been loaded since leaves rejected/."""
    if earlier and earlier.status == "rejected":
        _leave_rejected(settings, earlier.stored_path, stored_now)


def _leave_rejected(settings: Settings, refused: str, stored_now: str) -> None:
    if refused == stored_now:
        return
    for path in (settings.home / refused, settings.home / f"{refused}.reason.json"):
        path.unlink(missing_ok=True)
    inbox.clear_empty((settings.home / refused).parent, settings.rejected)


def refused(
    settings: Settings,
    taken: inbox.Taken,
    refusal: FileRefusedError,
    earlier: Earlier,
    at: datetime,
    reading: Mapping[str, Any] | None = None,
) -> Settlement:
    """The file is kept in rejected/, the reason beside it."""
    line = new_line(taken, earlier, at, "rejected", reading)
    line = replace(line, reason_code=refusal.code, reason=str(refusal))

    def move() -> None:
        _write_reason(settings, line.stored_path, taken, refusal, at)
        inbox.settle(settings, taken, line.stored_path)
        clear_refusal(settings, earlier, line.stored_path)

    return Settlement(FileOutcome(taken.file_id, taken.name, "rejected", line), at, move, line)


def conflict(
    settings: Settings, taken: inbox.Taken, earlier: manifest.ManifestLine, other: str, at: datetime
) -> Settlement:
    """The same bytes under two people's names: one of the names is wrong, and nobody here knows which."""
    refusal = FileRefusedError(
        "identity_conflict",
        f"the same bytes were loaded as {earlier.original_name}; under this name they would be {other}'s",
        "Find out whose data these are; nothing was changed",
    )
    stored = inbox.rejected_path(taken.file_id, taken.name)

    def move() -> None:
        _write_reason(settings, stored, taken, refusal, at)
        inbox.settle(settings, taken, stored)

    shown = replace(earlier, reason_code=refusal.code, reason=str(refusal), stored_path=stored)
    return Settlement(FileOutcome(taken.file_id, taken.name, "rejected", shown), at, move)


def duplicate(settings: Settings, taken: inbox.Taken, earlier: manifest.ManifestLine, at: datetime) -> Settlement:
    """The bytes are here already; that they came in a container is noted, whichever came first."""
    is_noted = bool(earlier.container_id) or not taken.container_id
    line = earlier if is_noted else replace(earlier, container_id=taken.container_id)

    def move() -> None:
        inbox.discard_copy(settings, taken, line.stored_path)
        # A release that was killed after its commit has left the refused copy behind.
        _leave_rejected(settings, inbox.rejected_path(line.file_id, line.original_name), line.stored_path)

    outcome = FileOutcome(taken.file_id, taken.name, "duplicate", line)
    return Settlement(outcome, at, move, None if is_noted else line)


def unpacked(
    settings: Settings,
    taken: inbox.Taken,
    earlier: Earlier,
    at: datetime,
    told: Mapping[str, Any],
    actions: tuple[str, ...] = (),
    actor: str = "",
) -> Settlement:
    """The container itself: kept beside its members, so that the bytes that came are still there."""
    if earlier and earlier.status == "unpacked":
        return duplicate(settings, taken, earlier, at)
    line = new_line(taken, earlier, at, "unpacked", told)

    def move() -> None:
        inbox.settle(settings, taken, line.stored_path)
        clear_refusal(settings, earlier, line.stored_path)

    return Settlement(FileOutcome(taken.file_id, taken.name, "unpacked", line), at, move, line, actions, actor)


def _write_reason(settings: Settings, stored: str, taken: inbox.Taken, refusal: FileRefusedError, at: datetime) -> None:
    told = {"file": taken.name, "file_id": taken.file_id, "rejected_at": at.isoformat(), **refusal.as_dict()}
    inbox.write_reason(settings, stored, told)
