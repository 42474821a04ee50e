"""Whether a backup is whole: every file with its bytes, and a catalog that fits them. Nothing of it is changed."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from neuro_assets.backup.copied_lake import count_rows
from neuro_assets.backup.copying import BackupError, measure
from neuro_assets.backup.manifest import CATALOG, DATA, Manifest, read_manifest
from neuro_assets.lake.catalog_copy import CatalogCopyError, read_facts
from neuro_assets.lake.lake import LakeError
from neuro_assets.lake.layout import LAYOUT, newer_than_program

_SHOWN = 5


def check_backup(folder: Path) -> Manifest:
    """Read every byte and every row of a backup; its manifest, if all is as it says.

    Raises:
        BackupError: what is missing, damaged, or does not fit; or a newer version of the program made it.
    """
    folder = folder.expanduser().absolute()
    manifest = read_manifest(folder)
    if manifest.layout > LAYOUT:
        raise BackupError(newer_than_program(f"the lake in {folder} has layout {manifest.layout}"))
    _files_are_whole(folder, manifest)
    _catalog_fits(folder, manifest)
    _rows_can_be_read(folder, manifest)
    return manifest


def _files_are_whole(folder: Path, manifest: Manifest) -> None:
    missing, damaged = [], []
    for entry in manifest.files:
        path = folder / entry.path
        if not path.is_file():
            missing.append(entry.path)
        elif path.stat().st_size != entry.size or measure(path).sha256 != entry.sha256:
            damaged.append(entry.path)
    if missing or damaged:
        told = [f"{what}: {_some(paths)}" for what, paths in (("missing", missing), ("changed", damaged)) if paths]
        raise BackupError(f"the files in {folder} are not those of its manifest; {'; '.join(told)}")


def _catalog_fits(folder: Path, manifest: Manifest) -> None:
    """The catalog refers to all data files of the backup, in their sizes, and to no others."""
    if CATALOG not in {e.path for e in manifest.files}:
        raise BackupError(f"{folder} has no catalog")
    try:
        wanted = read_facts(folder / CATALOG).files
    except CatalogCopyError as error:
        raise BackupError(str(error)) from None
    there = {path: e.size for path, e in manifest.below(DATA).items()}
    if wanted == there:
        return
    lacking, strange = wanted.keys() - there.keys(), there.keys() - wanted.keys()
    other = {p for p in wanted.keys() & there.keys() if wanted[p] != there[p]}
    told = [
        f"{what}: {_some(sorted(paths))}"
        for what, paths in (
            ("the catalog refers to data files that are not there", lacking),
            ("data files the catalog does not know", strange),
            ("of another size than the catalog says", other),
        )
        if paths
    ]
    raise BackupError(f"the catalog in {folder} does not match its data files; {'; '.join(told)}")


def _rows_can_be_read(folder: Path, manifest: Manifest) -> None:
    try:
        found = count_rows(folder / CATALOG, folder / DATA)
    except (LakeError, duckdb.Error) as error:
        raise BackupError(f"the lake in {folder} cannot be read: {error}") from None
    if found != manifest.tables:
        other = sorted(t for t in found.keys() | manifest.tables.keys() if found.get(t) != manifest.tables.get(t))
        raise BackupError(f"tables in {folder} have other rows than its manifest says: {_some(other)}")


def _some(paths: Iterable[str]) -> str:
    every = list(paths)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
