"""The landing folder: what lies there, what is ready, and moving it on. What is in a file is not looked at."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuro_assets.settings import Settings

# What a person says of the payloads beside it; it stays where it is.
NOTE = "neuro.yaml"
_UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
_CHUNK = 1 << 20
_LONGEST_NAME = 200
_LONGEST_SUFFIX = 16


@dataclass(frozen=True)
class Landed:
    """A file seen in the landing folder; `name` is relative to it."""

    name: str
    size_bytes: int
    mtime_ns: int

    @property
    def stamp(self) -> str:
        """Changes when the file does; costs no reading."""
        return f"{self.size_bytes}:{self.mtime_ns}"


def list_landing(folder: Path) -> list[Landed]:
    """The files of the landing folder, oldest first; dotfiles, unfinished downloads and notes are left out.

    Raises:
        OSError: the folder cannot be listed; that is not an empty folder.
    """
    found: list[Landed] = []
    for root, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            if file.startswith(".") or file.lower().endswith(_UNFINISHED) or file == NOTE:
                continue
            path = Path(root) / file
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append(Landed(path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda f: (f.mtime_ns, f.name))


def _raise(error: OSError) -> None:
    raise error


@dataclass(frozen=True)
class IngestPlan:
    """What a look at the landing folder asks for: files to take now, and what to remember of the rest."""

    take: tuple[Landed, ...]
    waiting: Mapping[str, str]


def plan_ingest(
    landed: list[Landed], seen: Mapping[str, str], now_ns: int, *, settle_ns: int, limit: int = 500
) -> IngestPlan:
    """Which files are ready, purely from two looks at the folder.

    A file is ready when it has not changed since the last look and its last change is `settle_ns` ago: one still
    being copied is left alone. One that was changed in the future, as far as this clock knows, has been unchanged
    since the last look: that must do, or a clock set back would hold up everything.

    Args:
        landed: the listing.
        seen: name -> stamp of the files seen before and not taken.
        now_ns: the clock, in nanoseconds.
        settle_ns: how long a file must be unchanged.
        limit: how many files one run takes.
    """
    ready = [f for f in landed if seen.get(f.name) == f.stamp and not 0 <= now_ns - f.mtime_ns < settle_ns]
    take = tuple(ready[:limit])
    taken = {f.name for f in take}
    waiting = {f.name: f.stamp for f in landed if f.name not in taken}
    return IngestPlan(take, dict(list(waiting.items())[: 4 * limit]))


def content_id(path: Path) -> str:
    """The file's identity: the sha256 of its bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True)
class Taken:
    """A file that has left landing/ and is not settled yet."""

    file_id: str
    name: str
    path: Path
    container_id: str | None = None


def take(settings: Settings, path: Path, name: str, *, keep_original: bool) -> Taken:
    """Bring a file into processing/, by rename within the home or by copy from outside, and identify it."""
    target = settings.processing / uuid.uuid4().hex / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if keep_original:
        partial = target.with_name(f".{uuid.uuid4().hex}.part")
        shutil.copyfile(path, partial)
        partial.replace(target)
    else:
        path.replace(target)
    return Taken(content_id(target), name, target)


def left_over(settings: Settings) -> list[Taken]:
    """Files an interrupted ingest left in processing/; the next one settles them first."""
    found: list[Taken] = []
    if not settings.processing.exists():
        return found
    for folder in sorted(f for f in settings.processing.iterdir() if f.is_dir()):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            if path.name.startswith(".") and path.name.endswith(".part"):
                path.unlink()
            else:
                found.append(Taken(content_id(path), path.relative_to(folder).as_posix(), path))
        clear_empty(folder, settings.processing)
    return found


def archive_path(file_id: str, name: str) -> str:
    """Where a loaded file rests, relative to the home; made of its content alone."""
    return f"archive/{file_id[:2]}/{file_id}/{_stored_name(name)}"


def rejected_path(file_id: str, name: str) -> str:
    """Where a refused file rests, relative to the home."""
    return f"rejected/{file_id[:12]}/{_stored_name(name)}"


def _stored_name(name: str) -> str:
    """The file's name without its folders, cut where a suffix of ours would make it too long for a file system."""
    path = Path(name)
    if len(path.name.encode()) <= _LONGEST_NAME:
        return path.name
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    return path.name.encode()[: _LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore") + suffix


def clean_name(name: str) -> str:
    """A name that can be written down: bytes that are no text become question marks in a diamond."""
    return os.fsencode(name).decode("utf-8", "replace")


def settle(settings: Settings, taken: Taken, stored: str) -> None:
    """Move a file from processing/ to its place; twice is the same as once."""
    target = settings.home / stored
    target.parent.mkdir(parents=True, exist_ok=True)
    taken.path.replace(target)
    clear_empty(taken.path.parent, settings.processing)


def discard_copy(settings: Settings, taken: Taken, stored: str) -> None:
    """Remove a repeated arrival, after making sure the home still holds its bytes."""
    if (settings.home / stored).exists():
        taken.path.unlink()
        clear_empty(taken.path.parent, settings.processing)
    else:
        settle(settings, taken, stored)


def put_back(settings: Settings, taken: Taken, *, is_copy: bool) -> None:
    """Undo `take`: a copy goes, any other file lies in landing/ again, or waits where it is if its place is taken."""
    target = settings.landing / taken.name
    if is_copy:
        taken.path.unlink()
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        taken.path.replace(target)
    clear_empty(taken.path.parent, settings.processing)


def clear_empty(folder: Path, stop: Path) -> None:
    """Remove empty folders upwards, up to but not including `stop`."""
    while folder != stop and stop in folder.parents and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def clear_old(folder: Path, age_s: float = 86_400) -> None:
    """Remove what a killed process left in scratch/; younger folders may be in use."""
    for left in folder.iterdir() if folder.exists() else ():
        if time.time() - left.stat().st_mtime > age_s:
            shutil.rmtree(left, ignore_errors=True)


def write_reason(settings: Settings, stored: str, reason: dict[str, Any]) -> None:
    """Put the reason beside a refused file, as `<name>.reason.json`."""
    path = settings.home / f"{stored}.reason.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.part")
    partial.write_text(json.dumps(reason, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
