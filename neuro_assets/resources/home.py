"""The study home as a Dagster resource: every step builds its lake, protocol and sources from it, nothing else."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.study import load_study
from neuro_assets.surveys.load import home_sources


class HomeResource(dg.ConfigurableResource):
    """Where the study lives. Values are those of `Settings`; a catalog with a password stays in the environment."""

    home: str = Field(description="NEURO_HOME")
    study: str = Field(description="Protocol file")

    @classmethod
    def of(cls, settings: Settings) -> "HomeResource":
        """The resource for a home."""
        return cls(home=str(settings.home), study=str(settings.study_path))

    def settings(self) -> Settings:
        """The environment's settings with this home."""
        return load_settings().model_copy(update={"home": Path(self.home), "study": Path(self.study)})

    def job(self) -> Ingest:
        """Lake, protocol and sources, read now."""
        settings = self.settings()
        study = load_study(settings.study_path)
        return Ingest(
            settings,
            Lake.from_settings(settings),
            study,
            home_sources(settings, study),
        )
