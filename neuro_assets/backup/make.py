"""Taking a backup: everything of a home as of one moment, while others go on working with it.

Data files and archived files never change, so locks are held only while the moment is taken: the catalog, Dagster's
databases and what lies in landing/ and processing/ are copied under them, the rest afterwards.
"""

import errno
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from neuro_assets import __version__, failpoints
from neuro_assets.backup import contents
from neuro_assets.backup.copied_lake import count_rows, layout_of_copy
from neuro_assets.backup.copying import PRIVATE, BackupError, Tally, copy_file, make_folder, measure, write_new
from neuro_assets.backup.data_files import DataFiles, data_files
from neuro_assets.backup.manifest import CATALOG, DATA, FORMAT, HOME, Entry, Manifest, write_manifest
from neuro_assets.ingest.load import ingest_lock
from neuro_assets.lake.catalog_copy import CatalogFacts, copy_out, copy_sqlite, read_facts
from neuro_assets.lake.errors import without_secrets
from neuro_assets.lake.lake import Lake, LakeError
from neuro_assets.settings import Settings
from neuro_assets.study import Study, StudyError, load_study

Tell = Callable[[str], None]
# The outbox is emptied after Dagster was told: both are copied while nobody can do that.
_MOMENT = ("ops.outbox",)


def back_up(settings: Settings, folder: Path, tell: Tell = lambda _: None) -> Manifest:
    """Copy a study into a new folder, from which `restore` makes it again.

    Args:
        settings: the home, catalog and data files to copy.
        folder: new or empty, outside the home.
        tell: gets a line for each part that is done.

    Raises:
        BackupError: the place will not do, it is full, or a file that the catalog refers to is gone.
        LakeError: there is no lake, it cannot be opened, or others held it for too long.
    """
    folder = folder.expanduser().absolute()
    _refuse_place(settings, folder)
    lake = Lake.from_settings(settings)
    with lake.connect(read_only=True):
        pass  # a lake that is not there is told before anything is made
    with _told_of_trouble(folder), data_files(lake.data_path) as source:
        make_folder(folder, 0o700)
        folder.chmod(0o700)
        copying = _Copying(settings, folder, tell, _study(settings))
        archived = copying.moment(lake)
        facts = read_facts(folder / CATALOG)
        copying.archive(archived)
        copying.home()
        copying.data(source, facts)
        failpoints.reach("backup.copied")
        manifest = copying.manifest(facts)
        write_manifest(folder, manifest)
    return manifest


def _study(settings: Settings) -> Study | None:
    """The protocol; None where it cannot be read, which is no reason to have no backup."""
    try:
        return load_study(settings.study_path)
    except StudyError:
        return None


def _refuse_place(settings: Settings, folder: Path) -> None:
    place, home = folder.resolve(), settings.home
    data = [] if "://" in settings.data_path else [Path(settings.data_path).resolve()]
    for inside in (home, *data):
        if place == inside or inside in place.parents:
            raise BackupError(f"{folder} lies in {inside}, which it is to be a backup of; choose a place elsewhere")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty; every backup needs a folder of its own")


@contextmanager
def _told_of_trouble(folder: Path) -> Iterator[None]:
    """What happened to the disk, and that this backup is none."""
    unfinished = f"{folder} is unfinished and nothing can be restored from it: remove it, and start again elsewhere"
    try:
        yield
    except (BackupError, LakeError) as error:
        raise BackupError(f"{error}. {unfinished}") from None
    except (OSError, sqlite3.Error, duckdb.Error) as error:
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        is_full = full or "disk is full" in str(error)
        what = "there is no room left on the disk" if is_full else "the copy failed"
        raise BackupError(f"{what} ({without_secrets(str(error))}). {unfinished}") from error


@dataclass
class _Copying:
    """One backup under way: what has been copied so far, and what a person should know of it."""

    settings: Settings
    folder: Path
    tell: Tell
    study: Study | None
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_dagster: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def moment(self, lake: Lake) -> list[Path]:
        """What has to be of one moment; returns the archived files of then."""
        with ingest_lock(self.settings):
            self._intake()
            archived = [p for name in contents.ARCHIVED for p in contents.files_below(self.settings.home / name)]
            # Few, and `neuro retry` takes them away.
            self._files(p for p in archived if self.settings.rejected in p.parents)
            with lake.write_lock(_MOMENT):
                # Dagster first: whatever it knows as done is then in the catalog.
                self._dagster()
                copy_out(lake, self.folder / CATALOG)
        self._measured(CATALOG)
        self.tell("catalog, Dagster's runs and events, landing/, processing/ and rejected/ are copied")
        return [p for p in archived if self.settings.archive in p.parents]

    def _intake(self) -> None:
        left_out = 0
        for name in contents.INTAKE:
            for path in list(contents.files_below(self.settings.home / name)):
                try:
                    left_out += not self._settled(path)
                except FileNotFoundError:
                    continue  # whoever had dropped it took it away
        if left_out:
            self.notes.append(f"{left_out} files in landing/ were still being written and are not in this backup")

    def _settled(self, path: Path) -> bool:
        """Copy a file unless it is being written."""
        before = path.stat()
        is_landing = self.settings.landing in path.parents
        if is_landing and 0 <= time.time() - before.st_mtime < self.settings.settle_s:
            return False
        self._copy(path)
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return True
        (self.folder / self.entries.pop().path).unlink()
        return False

    def _dagster(self) -> None:
        for path in contents.dagster_databases(self.settings):
            self._database(path)
            self.has_dagster = self.settings.dagster_storage is None
        if not self.has_dagster:
            self.notes.append(
                "Dagster's runs and events are not kept in this home, so they are not in this backup; a restore"
                " reports every day to Dagster, which computes it again"
            )

    def _database(self, path: Path) -> None:
        """A database that may be in use, whole."""
        name = f"{HOME}{path.relative_to(self.settings.home).as_posix()}"
        write_new(self.folder / name, [], PRIVATE)
        copy_sqlite(path, self.folder / name)
        self._measured(name)

    def archive(self, paths: list[Path]) -> None:
        """Loaded files, which never change."""
        self._files(paths)
        self.tell(f"{len(paths)} archived files are copied")

    def home(self) -> None:
        """Everything else in the home, and a protocol that lies elsewhere."""
        for path in contents.other_files(self.settings):
            try:
                self._copy(path)
            except FileNotFoundError:
                continue  # a log that was purged meanwhile
        for path in contents.connection_databases(self.settings):
            self._database(path)
        self._keys()
        self._outside_protocol()

    def _keys(self) -> None:
        folder = self.settings.home / contents.KEYS
        if any(contents.files_below(folder)):
            self.notes.append(
                f"{folder} is not in this backup: keep the keys of encrypted answers and of tokens elsewhere, and put"
                " them there again after a restore"
            )

    def _outside_protocol(self) -> None:
        protocol = self.settings.study_path
        if self.settings.home in protocol.parents:
            return
        wanted = [(protocol, Path("study.yaml"))]
        if self.study and self.study.participants:
            wanted.append((protocol.parent / self.study.participants, self.study.participants))
        copied = {e.path for e in self.entries}
        for path, name in wanted:
            if name.is_absolute() or ".." in name.parts or f"{HOME}{name.as_posix()}" in copied:
                self.notes.append(f"{path} lies outside the home and is not in this backup")
            else:
                self._copy(path, f"{HOME}{name.as_posix()}")

    def data(self, source: DataFiles, facts: CatalogFacts) -> None:
        """The files that the copied catalog refers to."""
        self._refuse_full(sum(facts.files.values()))
        for path, size in sorted(facts.files.items()):
            tally = Tally(source.read(path))
            try:
                write_new(self.folder / DATA / path, tally, PRIVATE)
            except FileNotFoundError:
                raise BackupError(
                    f"the data file {path}, which the catalog refers to, is gone: maintenance removed it meanwhile"
                    " (then another backup will do), or the lake is damaged"
                ) from None
            if tally.size != size:
                raise BackupError(f"the data file {path} has {tally.size} bytes and the catalog says {size}")
            self.entries.append(Entry(f"{DATA}{path}", tally.size, tally.sha256))
        self.tell(f"{len(facts.files)} data files are copied")

    def manifest(self, facts: CatalogFacts) -> Manifest:
        """What the manifest is to say; reads every row of the copy."""
        catalog = self.folder / CATALOG
        return Manifest(
            format=FORMAT,
            program=__version__,
            layout=layout_of_copy(catalog, self.folder / DATA),
            duckdb=duckdb.__version__,
            ducklake=facts.format_version,
            made_at=self.started_at.isoformat(timespec="seconds"),
            study=self.study.id if self.study else "",
            snapshot_id=facts.snapshot_id,
            snapshot_at=facts.snapshot_at,
            is_encrypted=facts.is_encrypted,
            has_dagster=self.has_dagster,
            tables=count_rows(catalog, self.folder / DATA),
            files=sorted(self.entries, key=lambda e: e.path),
            notes=self.notes,
        )

    def _files(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self._copy(path)

    def _copy(self, path: Path, name: str | None = None) -> None:
        name = name or f"{HOME}{path.relative_to(self.settings.home).as_posix()}"
        tally = copy_file(path, self.folder / name, PRIVATE)
        self.entries.append(Entry(name, tally.size, tally.sha256))

    def _measured(self, name: str) -> None:
        tally = measure(self.folder / name)
        self.entries.append(Entry(name, tally.size, tally.sha256))

    def _refuse_full(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise BackupError(
                f"there is no room left on the disk: the data files have {needed:,} bytes, {free:,} are free"
            )
