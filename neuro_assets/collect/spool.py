"""Batches on the local disk: written line by line, finished, and handed over to the landing folder, oldest first.

`journal.json` holds what is known, and the lines under way, before they are written to the batch. So whenever the
process is killed, the next one can write them whole, and once. What the lines say is not looked at here.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from neuro_assets.collect.changes import State


class SpoolError(ValueError):
    """The spool, or who it is for, is not what a collector can work with."""


class Journal(BaseModel):
    """The last sample: whose it is, what is known after it, and the lines that belong at byte `size` of the batch."""

    user_id: str
    device_id: str
    state: State | None
    batch: str | None = None
    size: int = 0
    lines: list[str] = []


@dataclass(frozen=True)
class Left:
    """What a collector that was not ended left behind.

    Attributes:
        journal: its last sample, if it can be read.
        broken: pieces of events that could not be made whole, and where they are kept.
    """

    journal: Journal | None
    broken: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Handed:
    """What became of the finished batches.

    Attributes:
        n_batches: handed over now.
        n_waiting: still in the spool.
        trouble: why they wait.
    """

    n_batches: int
    n_waiting: int
    trouble: OSError | None = None


class Spool:
    """A folder with the batch being written, and those that wait for the landing folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.journal_path = folder / "journal.json"
        self._open, self._ready, self._broken = (folder / name for name in ("open", "ready", "broken"))
        self.batch: str | None = None
        self._size = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one collector at a time.

        Raises:
            SpoolError: another one is at work in this folder.
        """
        for folder in (self._open, self._ready):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "collect.lock", timeout=0):
                yield
        except Timeout:
            raise SpoolError(
                f"another collector works in {self.folder}; end that one, or give this one its own: --spool FOLDER"
            ) from None

    def write(self, journal: Journal) -> None:
        """Add the journal's lines to the batch, begun if there is none; on disk when this returns."""
        if journal.lines and self.batch is None:
            moment = datetime.now(UTC)
            self.batch = f"events_{moment:%Y%m%dT%H%M%S_%fZ}_{journal.device_id}_{uuid4().hex[:8]}.jsonl"
            self._size = 0
        self._note(journal.model_copy(update={"batch": self.batch, "size": self._size}))
        if journal.lines:
            self._append(journal.lines)

    def finish(self, journal: Journal) -> None:
        """The batch is complete, and waits to be handed over."""
        if self.batch is None:
            return
        # First the journal: it says that nothing of this batch is under way.
        self._note(journal.model_copy(update={"batch": None, "size": 0, "lines": []}))
        (self._open / self.batch).replace(self._ready / self.batch)
        _sync_folder(self._ready)
        self.batch = None

    def recover(self) -> Left:
        """Make the batch whole that a killed collector was writing; it is the batch being written now."""
        journal, broken = self._read_journal()
        under_way = self._open / journal.batch if journal is not None and journal.batch is not None else None
        for path in sorted(self._open.glob("*.jsonl")):
            if journal is not None and path == under_way and path.stat().st_size >= journal.size:
                self.batch, self._size = path.name, journal.size
                os.truncate(path, journal.size)
                self._append(journal.lines)
            else:
                broken += self._without_half_line(path)
                path.replace(self._ready / path.name)
        if journal is not None and self.batch is None and journal.batch is not None:
            self.write(journal)  # the batch was to begin with these lines
        return Left(journal, broken)

    def hand_over(self, landing: Path) -> Handed:
        """Bring the finished batches into the landing folder; they wait where it cannot be reached."""
        waiting = sorted(self._ready.glob("*.jsonl"))
        for n, path in enumerate(waiting):
            try:
                _bring(path, landing)
            except OSError as error:
                return Handed(n, len(waiting) - n, error)
            path.unlink()
        return Handed(len(waiting), 0)

    def _note(self, journal: Journal) -> None:
        write_whole(self.journal_path, journal.model_dump_json().encode())

    def _append(self, lines: Sequence[str]) -> None:
        path = self._open / str(self.batch)
        content = "".join(f"{line}\n" for line in lines).encode()
        with path.open("ab") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        if self._size == 0:
            _sync_folder(self._open)
        self._size += len(content)

    def _read_journal(self) -> tuple[Journal | None, tuple[Path, ...]]:
        if not self.journal_path.exists():
            return None, ()
        try:
            return Journal.model_validate_json(self.journal_path.read_bytes()), ()
        except ValidationError:
            return None, (self._keep("journal.json", self.journal_path.read_bytes()),)

    def _without_half_line(self, path: Path) -> tuple[Path, ...]:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return ()
        kept = self._keep(path.name, content[whole:])
        os.truncate(path, whole)
        return (kept,)

    def _keep(self, name: str, content: bytes) -> Path:
        self._broken.mkdir(exist_ok=True)
        kept = self._broken / f"{name}.{uuid4().hex[:8]}"
        write_whole(kept, content)
        return kept


def write_whole(path: Path, content: bytes) -> None:
    """A file that is there with all of its content, or as it was before."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


def _bring(path: Path, landing: Path) -> None:
    """Copy a batch beside its place under a name that no ingest takes, then rename it; twice is the same as once.

    Raises:
        OSError: the folder cannot be reached (it is never made: an empty mount point is no landing folder), or holds
            another file of this name.
    """
    if not landing.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(landing))
    target, content = landing / path.name, path.read_bytes()
    if target.exists():
        if target.read_bytes() == content:
            return
        raise FileExistsError(errno.EEXIST, "another file of this name is there", str(target))
    write_whole(target, content)


def _sync_folder(folder: Path) -> None:
    """A new name is on disk; where folders cannot be opened (Windows) the system sees to it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot; they write names at once.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}:
            raise
    finally:
        os.close(handle)
