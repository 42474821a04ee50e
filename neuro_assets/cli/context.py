"""What every command starts from: the home, and what Dagster knows of it."""

import logging
import os

from neuro_assets.home import STORAGE_VARIABLE, ensure_home
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Lake, LakeError
from neuro_assets.lake.layout import LakeLayoutError, check_layout
from neuro_assets.settings import Settings, load_settings
from neuro_assets.study import load_study
from neuro_assets.surveys.load import home_sources


def open_home() -> Ingest:
    """The home of the environment, made if it is not there, with a lake this program can work on.

    Raises:
        LakeLayoutError: the lake was made by an older or a newer version of the program.
    """
    job = open_any_home()
    _follow_declarations(job)
    return job


def open_any_home() -> Ingest:
    """The home of the environment, made if it is not there, whatever version made its lake."""
    settings = load_settings()
    ensure_home(settings)
    use_dagster_home(settings)
    study = load_study(settings.study_path)
    return Ingest(
        settings,
        Lake.from_settings(settings),
        study,
        home_sources(settings, study),
    )


def _follow_declarations(job: Ingest) -> None:
    """Refuse a lake of another layout; where a new version has more tables, make them before anybody looks for them."""
    try:
        with job.lake.connect(read_only=True) as connection:
            present = existing_columns(connection)
            check_layout(connection, present)
    except LakeLayoutError:
        raise
    except LakeError:
        return  # there is no lake yet, or it cannot be reached: the command itself tells which
    if present and any(t.qualified not in present for t in job.tables):
        prepare_lake(job.lake, job.tables)


def use_dagster_home(settings: Settings) -> None:
    """Point Dagster at this home's storage, for this process and its children."""
    os.environ["NEURO_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    if settings.dagster_storage:
        # SQLAlchemy takes a URL without a driver for another one than Dagster brings.
        _, _, rest = settings.dagster_storage.partition("://")
        os.environ[STORAGE_VARIABLE] = f"postgresql+psycopg2://{rest}"


def quiet_dagster() -> None:
    """Only warnings and errors of Dagster's own logging on the terminal."""
    logging.getLogger("dagster").setLevel(logging.WARNING)
