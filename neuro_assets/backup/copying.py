"""Copying files once, with size and sha256 taken on the way. Which files those are is decided elsewhere."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PIECE = 1 << 20
PRIVATE = 0o600


class BackupError(RuntimeError):
    """A backup cannot be made, is not whole, or cannot be restored here."""


@dataclass
class Tally:
    """Content that is measured while it passes."""

    content: Iterable[bytes]
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.content:
            self._digest.update(piece)
            self.size += len(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """Of what has passed so far."""
        return self._digest.hexdigest()


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file."""
    with path.open("rb") as handle:
        while piece := handle.read(_PIECE):
            yield piece


def measure(path: Path) -> Tally:
    """Size and sha256 of a file."""
    tally = Tally(pieces(path))
    for _ in tally:
        pass
    return tally


def write_new(path: Path, content: Iterable[bytes], mode: int = 0o666) -> None:
    """Make a file that is not there, and its folders.

    Args:
        path: the file.
        content: its bytes.
        mode: permissions, of which the process's mask takes some away; folders can be entered by whoever can read.

    Raises:
        FileExistsError: it is there.
    """
    make_folder(path.parent, mode | (mode & 0o444) >> 2)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as handle:
        handle.writelines(content)


def make_folder(path: Path, mode: int) -> None:
    """Make a folder and those above it, all with this mode."""
    if not path.is_dir():
        make_folder(path.parent, mode)
        path.mkdir(mode=mode, exist_ok=True)


def copy_file(source: Path, target: Path, mode: int = 0o666) -> Tally:
    """Copy a file with its time of change; what the copy's bytes measure.

    Raises:
        FileNotFoundError: the source is gone.
        FileExistsError: the target is there.
    """
    tally = Tally(pieces(source))
    told = source.stat()
    write_new(target, tally, mode)
    os.utime(target, ns=(told.st_atime_ns, told.st_mtime_ns))
    return tally
