"""Homes that older versions of the program left behind, and what tests compare of a home."""

import zipfile
from pathlib import Path

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.sources.load import load_sources
from neuro_assets.study import load_study
from neuro_assets_tests.threads import THREADS

LAYOUT_1 = Path(__file__).parent / "lake" / "home_of_layout_1.zip"


def unpack(folder: Path) -> Settings:
    """The home of layout 1 in `folder/home`, the files it was given in `folder/given`; its settings."""
    with zipfile.ZipFile(LAYOUT_1) as packed:
        packed.extractall(folder)
    return settings_of(folder / "home")


def settings_of(home: Path, **others: str) -> Settings:
    """The settings of a home, whatever the environment says."""
    given = {f"NEURO_{name.upper()}": value for name, value in others.items()}
    return load_settings({"NEURO_HOME": str(home), "NEURO_SETTLE_S": "0", "NEURO_THREADS": THREADS} | given)


def job_of(settings: Settings) -> Ingest:
    """Lake, protocol and sources of a home."""
    study, sources = load_study(settings.study_path), load_sources(settings.source_dirs)
    return Ingest(settings, Lake.from_settings(settings), study, sources)


def content(settings: Settings) -> dict[str, pl.DataFrame]:
    """Every table of a lake, all rows in a fixed order."""
    with Lake.from_settings(settings).connect(read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_catalog = 'lake' AND table_type = 'BASE TABLE' ORDER BY 1"
        ).fetchall()
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").pl() for (name,) in names}


def differing(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> list[str]:
    """Names of the tables that are not the same in both."""
    return sorted(n for n in one.keys() | other.keys() if n not in one or n not in other or not one[n].equals(other[n]))
