"""What is written when an arrival is not loaded, and what every arrival leaves: its line, and where its bytes lie."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from neuro_assets.ingest import inbox, manifest
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.settings import Settings

_LINE = ("ops.landing_files", "ops.landing_arrivals")
Earlier = manifest.ManifestLine | None


@dataclass(frozen=True)
class FileOutcome:
    """What became of one arrival: loaded, duplicate, rejected, or unpacked (its members are arrivals of their own)."""

    file_id: str
    name: str
    outcome: str
    line: manifest.ManifestLine
    touched_days: int = 0


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


def clear_refusal(settings: Settings, refused: str, stored_now: str) -> None:
    """A refused file that has been loaded since leaves rejected/."""
    if refused == stored_now:
        return
    for path in (settings.home / refused, settings.home / f"{refused}.reason.json"):
        path.unlink(missing_ok=True)
    inbox.clear_empty((settings.home / refused).parent, settings.rejected)


@dataclass(frozen=True)
class Outcomes:
    """Writes down what became of arrivals whose rows are not loaded; the bytes are moved after the commit."""

    settings: Settings
    lake: Lake
    connection: Connection

    def refused(
        self,
        taken: inbox.Taken,
        refusal: FileRefusedError,
        earlier: Earlier,
        at: datetime,
        reading: Mapping[str, Any] | None = None,
    ) -> FileOutcome:
        """The file is kept in rejected/, the reason beside it."""
        line = new_line(taken, earlier, at, "rejected", reading)
        line = replace(line, reason_code=refusal.code, reason=str(refusal))
        with self.lake.transaction(self.connection, _LINE):
            manifest.write_line(self.connection, line, replaces=earlier is not None)
            manifest.record_arrival(self.connection, taken.file_id, taken.name, at, "rejected")
        self._write_reason(line.stored_path, taken, refusal, at)
        inbox.settle(self.settings, taken, line.stored_path)
        return FileOutcome(taken.file_id, taken.name, "rejected", line)

    def conflict(self, taken: inbox.Taken, earlier: manifest.ManifestLine, other: str) -> FileOutcome:
        """The same bytes under two people's names: one of the names is wrong, and nobody here knows which."""
        refusal = FileRefusedError(
            "identity_conflict",
            f"the same bytes were loaded as {earlier.original_name}; under this name they would be {other}'s",
            "Find out whose data these are; nothing was changed",
        )
        stored = inbox.rejected_path(taken.file_id, taken.name)
        now = datetime.now(UTC)
        self._arrived(taken, now, "rejected")
        self._write_reason(stored, taken, refusal, now)
        inbox.settle(self.settings, taken, stored)
        line = replace(earlier, reason_code=refusal.code, reason=str(refusal), stored_path=stored)
        return FileOutcome(taken.file_id, taken.name, "rejected", line)

    def duplicate(self, taken: inbox.Taken, earlier: manifest.ManifestLine) -> FileOutcome:
        """The bytes are here already; that they came in a container is noted, whichever came first."""
        with self.lake.transaction(self.connection, _LINE):
            manifest.record_arrival(self.connection, taken.file_id, taken.name, datetime.now(UTC), "duplicate")
            if taken.container_id and not earlier.container_id:
                earlier = replace(earlier, container_id=taken.container_id)
                manifest.write_line(self.connection, earlier, replaces=True)
        inbox.discard_copy(self.settings, taken, earlier.stored_path)
        # A release that was killed after its commit has left the refused copy behind.
        refused = inbox.rejected_path(earlier.file_id, earlier.original_name)
        clear_refusal(self.settings, refused, earlier.stored_path)
        return FileOutcome(taken.file_id, taken.name, "duplicate", earlier)

    def unpacked(self, taken: inbox.Taken, earlier: Earlier, at: datetime, kind: str) -> FileOutcome:
        """The container itself: kept beside its members, so that the bytes that came are still there."""
        if earlier and earlier.status == "unpacked":
            return self.duplicate(taken, earlier)
        line = new_line(taken, earlier, at, "unpacked", {"format": kind})
        with self.lake.transaction(self.connection, _LINE):
            manifest.write_line(self.connection, line, replaces=earlier is not None)
            manifest.record_arrival(self.connection, taken.file_id, taken.name, at, "unpacked")
        inbox.settle(self.settings, taken, line.stored_path)
        if earlier:
            clear_refusal(self.settings, earlier.stored_path, line.stored_path)
        return FileOutcome(taken.file_id, taken.name, "unpacked", line)

    def _arrived(self, taken: inbox.Taken, at: datetime, outcome: str) -> None:
        with self.lake.transaction(self.connection, ["ops.landing_arrivals"]):
            manifest.record_arrival(self.connection, taken.file_id, taken.name, at, outcome)

    def _write_reason(self, stored: str, taken: inbox.Taken, refusal: FileRefusedError, at: datetime) -> None:
        told = {"file": taken.name, "file_id": taken.file_id, "rejected_at": at.isoformat(), **refusal.as_dict()}
        inbox.write_reason(self.settings, stored, told)
