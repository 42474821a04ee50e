"""Which files of a home belong in a backup. The lake's own are not among them: its catalog says which those are."""

import os
from collections.abc import Iterator
from pathlib import Path

from neuro_assets.lake.lake import lock_files
from neuro_assets.settings import Settings

# The order in which a file goes through them: copied in this order none is missed, though one may be met twice.
INTAKE = ("landing", "processing")
ARCHIVED = ("archive", "rejected")
KEYS = "keys"
CONNECTIONS = "connections"
# scratch: copies of files that are being read. demo: a home of its own, which `neuro demo` makes again. keys: who has
# a backup shall not have by that the key of what is encrypted.
# connections: copied as databases are; beside them are locks and the requests of a day.
_LEFT_OUT = {"lake", "scratch", "demo", KEYS, CONNECTIONS}


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder and the folders in it, also through links."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        here = Path(parent)
        yield from (here / n for n in sorted(names) if (here / n).is_file())


def other_files(settings: Settings) -> Iterator[Path]:
    """What lies in the home beside the lake, the intake, the archive and Dagster's databases."""
    home = settings.home
    apart = {*_LEFT_OUT, *INTAKE, *ARCHIVED}
    for child in sorted(home.iterdir()):
        if child.name in apart or child.name.startswith(".env") or _is_of_lake(settings, child):
            continue
        for path in files_below(child) if child.is_dir() else [child]:
            if path.suffix == ".lock" or _is_of_lake(settings, path):
                continue
            if settings.dagster_home not in path.parents or not _is_of_database(path):
                yield path


def dagster_databases(settings: Settings) -> list[Path]:
    """Dagster's SQLite files: runs, events, schedules."""
    return [p for p in files_below(settings.dagster_home) if p.name.endswith(".db")]


def connection_databases(settings: Settings) -> list[Path]:
    """Participants' connections: tokens under encryption, and the history of consents."""
    return [p for p in files_below(settings.home / CONNECTIONS) if p.suffix == ".sqlite"]


def _is_of_database(path: Path) -> bool:
    """A SQLite database, or what goes with one that is in use."""
    name = path.name
    for ending in ("-wal", "-shm", "-journal"):
        name = name.removesuffix(ending)
    return name.endswith(".db")


def _is_of_lake(settings: Settings, path: Path) -> bool:
    """Below the data path, or the catalog, its locks or its journal, where those lie elsewhere in the home."""
    places = [Path(settings.data_path)] if "://" not in settings.data_path else []
    if settings.catalog_url.startswith("sqlite:"):
        catalog = Path(settings.catalog_url.removeprefix("sqlite:"))
        places += [catalog, *lock_files(catalog), *(Path(f"{catalog}{e}") for e in ("-wal", "-shm"))]
    return any(path == place.absolute() or place.absolute() in path.parents for place in places)
