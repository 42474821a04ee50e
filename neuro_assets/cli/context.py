"""What every command starts from: the home, and what Dagster knows of it."""

import logging
import os

from neuro_assets.home import ensure_home
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.sources.load import load_sources
from neuro_assets.study import load_study


def open_home() -> Ingest:
    """The home of the environment, made if it is not there."""
    settings = load_settings()
    ensure_home(settings)
    use_dagster_home(settings)
    return Ingest(
        settings,
        Lake.from_settings(settings),
        load_study(settings.study_path),
        load_sources(settings.source_dirs),
    )


def use_dagster_home(settings: Settings) -> None:
    """Point Dagster at this home's storage, for this process and its children."""
    os.environ["NEURO_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def quiet_dagster() -> None:
    """Only warnings and errors of Dagster's own logging on the terminal."""
    logging.getLogger("dagster").setLevel(logging.WARNING)
