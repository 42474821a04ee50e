"""Making a study's home: its folders, a commented protocol, Dagster's settings. Nothing that is there is changed."""

import shutil
from datetime import UTC, datetime

from neuro_assets.settings import REPOSITORY, Settings
from neuro_assets.study import default_study_yaml


def ensure_home(settings: Settings) -> list[str]:
    """Create what a home lacks; returns what was made, relative to the home."""
    made: list[str] = []
    for folder in (
        settings.landing,
        settings.archive,
        settings.rejected,
        settings.home / "sources",
        settings.home / "surveys",
        settings.home / "models",
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
        shutil.copyfile(REPOSITORY / "dagster.yaml", instance)
        made.append("dagster/dagster.yaml")
    return made
