"""The manifest of a backup: what is in it, made by what. It is written last: a folder without one is no backup."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from neuro_assets.backup.copying import PRIVATE, BackupError, write_new

FORMAT = 1
NAME = "manifest.json"
CATALOG = "catalog.sqlite"
DATA = "data/"
HOME = "home/"


@dataclass(frozen=True)
class Entry:
    """A file of the backup: its path in it, with `/`, its size in bytes and the sha256 of its bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        format: of the backup itself.
        program: version of neuro_assets that made it.
        layout: of the lake's tables.
        duckdb: version of DuckDB that made it.
        ducklake: format of the catalog.
        made_at: when, UTC.
        study: id of the study.
        snapshot_id: version of the lake.
        snapshot_at: when that was committed.
        is_encrypted: whether the data files are.
        has_dagster: whether Dagster's runs and events are in it.
        tables: `schema.table` -> rows.
        files: everything in the backup but the manifest.
        notes: what a person should know of it.
    """

    format: int
    program: str
    layout: int
    duckdb: str
    ducklake: str
    made_at: str
    study: str
    snapshot_id: int
    snapshot_at: str
    is_encrypted: bool
    has_dagster: bool
    tables: dict[str, int]
    files: list[Entry]
    notes: list[str] = field(default_factory=list)

    def below(self, folder: str) -> dict[str, Entry]:
        """The files below a folder of the backup, by their path in it."""
        return {e.path.removeprefix(folder): e for e in self.files if e.path.startswith(folder)}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(e.size for e in self.files)

    def summary(self) -> dict[str, Any]:
        """For JSON: everything but the list of files."""
        told = {k: v for k, v in asdict(self).items() if k != "files"}
        return told | {"files": len(self.files), "size_bytes": self.size}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into the backup at once and for good: everything else must be on disk before."""
    os.sync()
    passing = folder / f"{NAME}.part"
    write_new(passing, [json.dumps(asdict(manifest), indent=1).encode("ascii")], PRIVATE)
    for place in (passing, folder):
        if place == folder:
            passing.rename(folder / NAME)
        _to_disk(place)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: there is none, it cannot be read, or a newer program wrote it.
    """
    if not folder.is_dir():
        raise BackupError(f"there is no folder {folder}")
    try:
        told = json.loads((folder / NAME).read_text("ascii"))
    except FileNotFoundError:
        raise BackupError(
            f"{folder} has no {NAME}: it is no backup, or one that was never finished; nothing can be restored from it"
        ) from None
    except ValueError as error:
        raise BackupError(f"{folder / NAME} is damaged: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        raise BackupError(f"{folder / NAME} is not the manifest of a backup")
    if told["format"] > FORMAT:
        raise BackupError(
            f"{folder} is a backup of format {told['format']} and this program reads {FORMAT}: it was made by a newer"
            f" version of neuro_assets ({told.get('program')}); install that version"
        )
    try:
        manifest = TypeAdapter(Manifest).validate_python(told)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BackupError(f"{folder / NAME} is damaged: {place}: {error.errors()[0]['msg']}") from None
    for entry in manifest.files:
        place = PurePosixPath(entry.path)
        if place.is_absolute() or ".." in place.parts:
            raise BackupError(f"{folder / NAME} is damaged: '{entry.path}' lies outside the backup")
    return manifest
