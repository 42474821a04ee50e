"""Making a study again from a backup, at the same place or at another, on the same kind of catalog or on another.

The home appears last and as a whole. Where catalog or data files lie outside it they are filled before, and a restore
that was interrupted goes on with what it had put there.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.backup.check import check_backup
from neuro_assets.backup.copying import BackupError, copy_file, pieces
from neuro_assets.backup.data_files import DataFiles, FolderFiles, data_files
from neuro_assets.backup.manifest import CATALOG, DATA, HOME, Entry, Manifest
from neuro_assets.ingest import outbox
from neuro_assets.lake.catalog_copy import catalog_state, copy_in
from neuro_assets.lake.errors import without_secrets
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings

Tell = Callable[[str], None]


def restore(settings: Settings, folder: Path, tell: Tell = lambda _: None) -> Manifest:
    """Make the study of a backup in the home, the catalog and the data path that the settings name.

    Args:
        settings: where to; the home must not be there, or be empty.
        folder: the backup.
        tell: gets a line for each part that is done.

    Raises:
        BackupError: the backup is not whole, or there is something where it is to go; nothing is changed then. Or
            the copy failed: then the home is not there.
        LakeError: the catalog or the object store cannot be reached.
    """
    folder = folder.expanduser().absolute()
    _refuse_home(settings.home)
    manifest = check_backup(folder)
    tell(f"the backup is whole: {len(manifest.files)} files, {sum(manifest.tables.values())} rows")
    with _alone(settings.home) as passing, data_files(_placed(settings.data_path, settings.home, passing)) as data:
        target = _Target(settings, passing, folder, manifest)
        target.refuse_strangers(data)
        try:
            target.fill(data, tell)
        except (OSError, sqlite3.Error, duckdb.Error) as error:
            told = without_secrets(str(error))
            raise BackupError(f"the restore failed ({told}); {settings.home} was not made") from error
    return manifest


def _refuse_home(home: Path) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BackupError(f"{home} is not empty; a study is restored to a place of its own (`neuro --home FOLDER …`)")


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """The folder beside the home in which it is put together; one restore of it at a time."""
    home.parent.mkdir(parents=True, exist_ok=True)
    passing, lock = home.with_name(f".{home.name}.restoring"), home.with_name(f".{home.name}.restoring.lock")
    try:
        with FileLock(lock, timeout=1):
            shutil.rmtree(passing, ignore_errors=True)
            try:
                yield passing
            finally:
                shutil.rmtree(passing, ignore_errors=True)
                lock.unlink(missing_ok=True)
    except Timeout:
        raise BackupError(f"another restore to {home} is under way") from None


def _placed(place: str, home: Path, passing: Path) -> str:
    """A path in the home -> where it is put together; any other as it is."""
    if "://" in place:
        return place
    path = Path(place).absolute()
    return str(passing / path.relative_to(home)) if home in path.parents else str(path)


@dataclass(frozen=True)
class _Target:
    settings: Settings
    passing: Path
    folder: Path
    manifest: Manifest

    @property
    def lake(self) -> Lake:
        """The lake while the home is being put together."""
        settings, catalog = self.settings, self.settings.catalog_url
        if catalog.startswith("sqlite:"):
            path = catalog.removeprefix("sqlite:")
            catalog = f"sqlite:{_placed(path, settings.home, self.passing)}"
        return Lake(
            catalog,
            _placed(settings.data_path, settings.home, self.passing),
            self.manifest.is_encrypted,
            settings.memory_limit,
            settings.threads,
        )

    def refuse_strangers(self, data: DataFiles) -> None:
        """Nothing but this very backup may lie where catalog and data files are to go."""
        if catalog_state(self.lake, self.folder / CATALOG) == "other":
            raise BackupError("NEURO_CATALOG names a catalog that holds another lake; restore to an empty one")
        wanted = {path: e.size for path, e in self.manifest.below(DATA).items()}
        strange = sorted(path for path, size in data.sizes().items() if wanted.get(path) != size)
        if strange:
            raise BackupError(
                f"{self.settings.data_path} holds other files than this backup's, for instance {strange[0]};"
                " restore to an empty place"
            )

    def fill(self, data: DataFiles, tell: Tell) -> None:
        """Data files, then the home, then the catalog, then the home to its place."""
        self._fill_data(data)
        tell(f"{len(self.manifest.below(DATA))} data files are at {self.settings.data_path}")
        self.passing.mkdir(parents=True, exist_ok=True)
        for name, entry in self.manifest.below(HOME).items():
            self._copy(entry, self.passing / name)
        failpoints.reach("restore.copied")
        copy, lake = self.folder / CATALOG, self.lake
        if catalog_state(lake, copy) == "empty":
            copy_in(copy, lake, self.settings.data_path)
        if not self.manifest.has_dagster and "ops.landing_file_days" in self.manifest.tables:
            _report_every_day(lake)
        os.sync()
        self.passing.rename(self.settings.home)
        tell(f"the home is at {self.settings.home}")

    def _fill_data(self, data: DataFiles) -> None:
        there = data.sizes()
        for path, entry in self.manifest.below(DATA).items():
            source = self.folder / DATA / path
            if path in there:
                continue
            if isinstance(data, FolderFiles):
                self._copy(entry, data.root / path)
            else:
                data.write(path, pieces(source))

    def _copy(self, entry: Entry, target: Path) -> None:
        if copy_file(self.folder / entry.path, target).sha256 != entry.sha256:
            raise BackupError(f"{entry.path} changed while it was being restored; {self.settings.home} was not made")


def _report_every_day(lake: Lake) -> None:
    """Dagster knows nothing of this lake: all its days are touched."""
    with lake.connect() as connection, lake.transaction(connection, [outbox.TABLE]):
        tables = connection.execute(
            "SELECT raw_table, list(DISTINCT day) FROM ops.landing_file_days WHERE day IS NOT NULL GROUP BY raw_table"
        ).fetchall()
        for raw_table, days in tables:
            outbox.put_days(connection, raw_table, days, "catch_up", datetime.now(UTC))
