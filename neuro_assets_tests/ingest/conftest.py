"""Homes whose tables are made once and copied, and a reader that plans files without any lake."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.sources.load import Sources, load_sources
from neuro_assets.study import Study
from neuro_assets_tests.conftest import MakeJob, study_of
from neuro_assets_tests.ingest.one_file import Reader


def _settings(home: Path) -> Settings:
    return load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": "2"})


@pytest.fixture(scope="session")
def vendor_sources() -> Sources:
    """The specs that come with the package."""
    return load_sources(load_settings({"NEURO_HOME": "/nowhere"}).source_dirs)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory, vendor_sources: Sources) -> Path:
    """A home with all tables and no file; copying it is much faster than making the tables."""
    settings = _settings(tmp_path_factory.mktemp("empty") / "home")
    job = Ingest(settings, Lake.from_settings(settings), study_of(), vendor_sources)
    prepare_lake(job.lake, job.tables)
    return settings.home


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory, empty_home: Path, vendor_sources: Sources) -> MakeJob:
    """`make_job(study=None, **study_overrides)`: an Ingest on a lake and a home of its own."""

    def make(study: Study | None = None, **overrides: object) -> Ingest:
        home = tmp_path_factory.mktemp("job") / "home"
        shutil.copytree(empty_home, home)
        settings = _settings(home)
        return Ingest(settings, Lake.from_settings(settings), study or study_of(**overrides), vendor_sources)

    return make


@pytest.fixture(scope="session")
def memory() -> Iterator[Connection]:
    """A DuckDB without any lake: what a file says can be read on it."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def reader(memory: Connection, tmp_path: Path, vendor_sources: Sources) -> Reader:
    """Plans files and reads their rows, without loading them."""
    return Reader(memory, tmp_path, vendor_sources)
