"""A small study with everything a home can have, and a backup of it; tests copy what they change."""

import shutil
from pathlib import Path

import pytest

from neuro_assets.backup.make import back_up
from neuro_assets.lake.migrations import migrate
from neuro_assets.settings import Settings
from neuro_assets.streams.catalogue import OPS_TABLES
from neuro_assets_tests.old_homes import job_of, settings_of, unpack


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Loaded and refused files, tables at several versions, Dagster's records, folders of its own, a landed file."""
    folder = tmp_path_factory.mktemp("study")
    settings = unpack(folder)
    job = job_of(settings)
    migrate(job.lake, OPS_TABLES)
    with job.lake.connect() as connection, job.lake.transaction(connection, ["ops.audit"]):
        connection.execute("INSERT INTO ops.audit SELECT now(), 'me', 'x', n::VARCHAR, NULL FROM range(5) r(n)")
    with job.lake.connect() as connection, job.lake.transaction(connection, ["ops.audit"]):
        connection.execute("DELETE FROM ops.audit WHERE subject = '3'")
    for place in ("sources/mine.txt", "surveys/phq9.yaml", "models/m1/model.bin", "logs/run.log", "README.txt", ".env"):
        path = settings.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(place)
    settings.landing.mkdir(exist_ok=True)
    shutil.copy(folder / "given" / "daily_second.csv", settings.landing)
    return settings


@pytest.fixture(scope="module")
def kept(study: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it, only to be read."""
    folder = tmp_path_factory.mktemp("kept") / "backup"
    back_up(study, folder)
    return folder


@pytest.fixture
def backup(kept: Path, tmp_path: Path) -> Path:
    """The same backup, to be damaged."""
    shutil.copytree(kept, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def home(study: Settings, tmp_path: Path) -> Settings:
    """The same study, to be changed."""
    shutil.copytree(study.home, tmp_path / "home")
    return settings_of(tmp_path / "home")
