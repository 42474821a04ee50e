"""Making a study's home: its folders, a commented protocol, Dagster's settings. Nothing that is there is changed."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from neuro_assets.settings import REPOSITORY, Settings, SettingsError
from neuro_assets.study import default_study_yaml

# dagster.yaml refers to the database by this name, so that the password stays in the environment.
STORAGE_VARIABLE = "NEURO_DAGSTER_STORAGE"


def ensure_home(settings: Settings) -> list[str]:
    """Create what a home lacks; returns what was made, relative to the home.

    Raises:
        SettingsError: the home's dagster.yaml keeps Dagster's records elsewhere than the environment says.
    """
    made: list[str] = []
    for folder in (
        settings.landing,
        settings.archive,
        settings.rejected,
        settings.home / "sources",
        settings.home / "surveys",
        settings.models,
        settings.dagster_home,
    ):
        if not folder.exists():
            folder.mkdir(parents=True)
            made.append(folder.relative_to(settings.home).as_posix())
    if settings.study is None and not settings.study_path.exists():
        settings.study_path.write_text(default_study_yaml(datetime.now(UTC)), encoding="utf-8")
        made.append("study.yaml")
    instance = settings.dagster_home / "dagster.yaml"
    if not instance.exists():
        shutil.copyfile(_instance_settings(settings), instance)
        made.append("dagster/dagster.yaml")
    _agree(settings, instance)
    return made


def _instance_settings(settings: Settings) -> Path:
    return REPOSITORY / "deploy" / "dagster.yaml" if settings.dagster_storage else REPOSITORY / "dagster.yaml"


def _agree(settings: Settings, instance: Path) -> None:
    """Runs must not be looked for in one place and written to another."""
    lines = instance.read_text(encoding="utf-8").splitlines()
    is_on_server = any(STORAGE_VARIABLE in line.split("#", 1)[0] for line in lines)
    if settings.dagster_storage and not is_on_server:
        raise SettingsError(
            f"{STORAGE_VARIABLE} names a PostgreSQL database, but {instance} keeps Dagster's records elsewhere. Rename"
            " that file, and the one for PostgreSQL is put in its place (records made so far stay where they are); or"
            f" unset {STORAGE_VARIABLE}"
        )
    if is_on_server and not settings.dagster_storage:
        raise SettingsError(
            f"{instance} keeps Dagster's records in the PostgreSQL database that {STORAGE_VARIABLE} names, but it is"
            " not set. Set it; or rename that file, and the one for SQLite is put in its place"
        )
