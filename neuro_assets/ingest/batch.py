"""Arrivals that are committed together: small files by the hundred, a large one alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from neuro_assets import failpoints
from neuro_assets.ingest import manifest
from neuro_assets.ingest.outcomes import Earlier, FileOutcome, Settlement
from neuro_assets.ingest.rows import Tray
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.surveys.answer_key import AnswerKeyError

FILES = 200
ROWS = 100_000
SECONDS = 15.0
WRITTEN = (
    "ops.landing_files",
    "ops.landing_arrivals",
    "ops.landing_file_days",
    "ops.outbox",
    "ops.quarantine",
    "ops.audit",
)


@dataclass
class Batch:
    """What waits to be committed: manifest lines, arrivals, and rows on a tray.

    Until then the files wait in processing/, where the next ingest finds them should this one be killed.

    Attributes:
        lake: where to.
        connection: with the lake attached.
        tray: the rows.
        done: what has been committed.
        put_back: why files lie again where they came from; nothing is wrong with these.
    """

    lake: Lake
    connection: Connection
    tray: Tray
    done: list[FileOutcome] = field(default_factory=list)
    put_back: AnswerKeyError | None = None
    _waiting: list[Settlement] = field(default_factory=list)
    _lines: dict[str, manifest.ManifestLine] = field(default_factory=dict)
    _known: dict[str, manifest.ManifestLine] = field(default_factory=dict)
    _ids: set[str] | None = None
    _last: datetime | None = None
    _since: float = 0.0

    def line_of(self, file_id: str) -> Earlier:
        """The manifest line of these bytes, as it will be."""
        if file_id in self._lines:
            return self._lines[file_id]
        if self._ids is None:
            self._ids = {row[0] for row in self.connection.execute("SELECT file_id FROM ops.landing_files").fetchall()}
        if file_id in self._ids and file_id not in self._known:
            self._known |= manifest.read_lines(self.connection, [file_id])
        return self._known.get(file_id)

    def instant(self) -> datetime:
        """The instant of an arrival: now, or just after the one before should the clock stand still or go back.

        First arrivals decide ties, so they must keep the order in which files came.
        """
        now = datetime.now(UTC)
        if self._last is None:
            self._last = manifest.next_instant(self.connection, now)
        else:
            self._last = max(now, self._last + timedelta(microseconds=1))
        return self._last

    def add(self, settlement: Settlement) -> None:
        """Let a settlement wait."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(settlement)
        if settlement.line is not None:
            self._lines[settlement.line.file_id] = settlement.line

    @property
    def is_full(self) -> bool:
        """Whether it is time to commit."""
        return (
            len(self._waiting) >= FILES
            or self.tray.rows >= ROWS
            or (bool(self._waiting) and time.monotonic() - self._since > SECONDS)
        )

    def outcomes(self) -> list[FileOutcome]:
        """What has been committed since the last call."""
        told, self.done = self.done, []
        return told

    def commit(self, write: Callable[[], Settlement] | None = None, into: tuple[str, ...] = ()) -> None:
        """Commit what waits in one transaction, then bring the bytes to their places.

        Args:
            write: writes rows inside that transaction, and says what becomes of their file.
            into: the tables it writes.
        """
        if not self._waiting and write is None:
            return
        with self.lake.transaction(self.connection, [*self.tray.raw_tables, *into, *WRITTEN]):
            if write is not None:
                self.add(write())
            self.tray.write("ingest")
            manifest.write_lines(self.connection, list(self._lines.values()), self._known.keys() & self._lines.keys())
            arrived = [(s.outcome.file_id, s.outcome.name, s.at, s.outcome.outcome) for s in self._waiting]
            manifest.record_arrivals(self.connection, arrived)
            actions = [
                (s.at, s.actor, action, s.outcome.file_id, s.outcome.name)
                for s in self._waiting
                for action in s.actions
            ]
            manifest.record_actions(self.connection, actions)
        failpoints.reach("ingest.loaded")
        settled, self._waiting = self._waiting, []
        if self._ids is not None:
            self._ids |= self._lines.keys()
        self._lines.clear()
        self._known.clear()
        self.tray.clear()
        for settlement in settled:
            settlement.move()
            failpoints.reach("ingest.archived")
            self.done.append(settlement.outcome)
