"""A study with instruments of its own, and files of answers taken all the way to scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.scoring.compute import score_days
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.tables import load, query, read_table, stage

FIRST, LAST = date(2024, 3, 1), date(2024, 3, 31)


@dataclass(frozen=True)
class Surveyed:
    """A study in New York in March 2024 that takes everybody."""

    job: Ingest

    def file(self, name: str, text: str | bytes) -> Path:
        """A file of answers, outside the landing zone."""
        path = self.job.settings.home.parent / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def give(self, name: str, text: str | bytes, choice: Choice | None = None) -> FileOutcome:
        """Load a file."""
        (outcome,) = load(self.job, self.file(name, text), choice=choice)
        return outcome

    def compute(self, first: date = FIRST, last: date = LAST) -> None:
        """Stage and score days."""
        stage(self.job, "survey_response", first, last)
        with self.job.lake.connect() as connection:
            score_days(connection, self.job, first, last)

    def rows(self, sql: str) -> list[tuple]:
        """A query."""
        return query(self.job.lake, sql)

    def quarantined(self) -> list[tuple]:
        """Row, rule, column and value of what was kept out."""
        return self.rows(
            "SELECT row_number, rule, column_name, value FROM ops.quarantine ORDER BY row_number, column_name, rule"
        )

    def table(self, name: str) -> pl.DataFrame:
        """All rows of a table."""
        return read_table(self.job.lake, name, "ALL")


@pytest.fixture
def surveyed(make_job: Callable[..., Ingest]) -> Callable[..., Surveyed]:
    """`surveyed(*codebooks, surveys=(...))`: a study with codebooks of its own, given as YAML, and built-in ones."""

    def make(*codebooks: str, surveys: Sequence[str] = (), **study: object) -> Surveyed:
        job = make_job(**({"window": {"start": FIRST, "end": LAST}, "surveys": tuple(surveys)} | study))
        folder = job.settings.home / "surveys"
        folder.mkdir(exist_ok=True)
        for number, text in enumerate(codebooks):
            (folder / f"own{number}.yaml").write_text(text, encoding="utf-8")
        return Surveyed(replace(job, sources=home_sources(job.settings, job.study)))

    return make
