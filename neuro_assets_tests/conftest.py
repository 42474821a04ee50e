"""Fixtures that several folders of tests use: homes, lakes and the public data."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as generated

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.sources.load import Sources, load_sources
from neuro_assets.study import Study, Window
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.threads import THREADS

if TYPE_CHECKING:
    import dagster as dg

    from neuro_assets_tests.study_homes import StudyHome

REPOSITORY = Path(__file__).resolve().parent.parent
FITABASE_WINDOW = Window(start=date(2016, 3, 12), end=date(2016, 5, 13))

# How long an example takes says more about what else the machine does than about the program.
generated.register_profile("here", deadline=None)
generated.load_profile("here")
os.environ.setdefault("NEURO_THREADS", THREADS)  # of commands that a test calls in this process

MakeJob = Callable[..., Ingest]
MakeHome = Callable[..., "StudyHome"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """On several workers a file's tests stay on one; those of assets/, which share one costly home, all on one."""
    from xdist.scheduler import LoadFileScheduling

    class ByHome(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "assets" if "/assets/" in file else file

    return ByHome(config, log)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of an empty home of this test's own."""
    return load_settings({"NEURO_HOME": str(tmp_path / "home"), "NEURO_THREADS": THREADS})


def study_of(**overrides: object) -> Study:
    """The study that the public Fitabase data fit, with fields replaced by `overrides`."""
    fields: dict[str, object] = {
        "id": "t",
        "default_time_zone": "America/New_York",
        "window": FITABASE_WINDOW,
        "auto_enrol": True,
    }
    return Study.model_validate(fields | overrides)


def _settings(home: Path) -> Settings:
    return load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})


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
    """`make_job(study=None, **study_overrides)`: an Ingest on a lake and a home of its own.

    Session-scoped, so that a module can share one lake where its tests only read.
    """

    def make(study: Study | None = None, **overrides: object) -> Ingest:
        home = tmp_path_factory.mktemp("job") / "home"
        shutil.copytree(empty_home, home)
        settings = _settings(home)
        study = study or study_of(**overrides)
        sources = home_sources(settings, study) if study.surveys or study.google_health else vendor_sources
        return Ingest(settings, Lake.from_settings(settings), study, sources)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the repository, or where SHARED_DATA says."""
    if os.environ.get("SHARED_DATA") == "none":
        pytest.skip("SHARED_DATA=none: this machine says that it has no public data")
    folder = Path(os.environ.get("SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        reason = f"the public data are not at {folder}; set SHARED_DATA to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def fitabase(shared_data: Path) -> dict[str, list[Path]]:
    """Kind of file -> its files in the order of their periods, for the six kinds that have a source spec."""
    root = shared_data / "fitabase"
    names = {
        "daily_activity": "dailyActivity_merged.csv",
        "sleep_day": "sleepDay_merged.csv",
        "hourly_steps": "hourlySteps_merged.csv",
        "hourly_calories": "hourlyCalories_merged.csv",
        "hourly_intensities": "hourlyIntensities_merged.csv",
        "heartrate_seconds": "heartrate_seconds_merged.csv",
    }
    folders = [*sorted(root.glob("period*")), root / "heartrate_partial"]
    return {kind: [f / name for f in folders if (f / name).exists()] for kind, name in names.items()}


# Dagster is imported inside: tests of pure functions start without it.
@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> "dg.Definitions":
    """The real definitions on the window of the public data; every home of the same window can share them."""
    from neuro_assets_tests.study_homes import new_graph

    return new_graph(tmp_path_factory.mktemp("graph") / "home")


@pytest.fixture(scope="session")
def new_instance() -> "Iterator[Callable[[], dg.DagsterInstance]]":
    """`new_instance()`: an ephemeral Dagster instance, closed at the end of the session."""
    import dagster as dg

    with ExitStack() as stack:
        yield lambda: stack.enter_context(dg.DagsterInstance.ephemeral())


@pytest.fixture(scope="session")
def make_home(
    tmp_path_factory: pytest.TempPathFactory, graph: "dg.Definitions", new_instance: "Callable[[], dg.DagsterInstance]"
) -> MakeHome:
    """`make_home(**protocol_overrides)`: a study's home with definitions and an instance of its own."""
    from neuro_assets_tests.study_homes import StudyHome, graph_of, settings_of, write_study

    def make(**overrides: object) -> StudyHome:
        home = tmp_path_factory.mktemp("study")
        write_study(home, **overrides)
        settings = settings_of(home)
        return StudyHome(settings, graph_of(settings, graph), new_instance())

    return make
