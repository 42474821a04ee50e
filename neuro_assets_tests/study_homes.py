"""A study's home with its Dagster graph and an ephemeral instance: what tests of assets and automation run on."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import yaml

from neuro_assets.definitions import build_definitions
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.keys import key_of_name
from neuro_assets.lake.io_manager import LakeIOManager
from neuro_assets.lake.lake import Lake
from neuro_assets.resources.home import HomeResource
from neuro_assets.settings import Settings, load_settings
from neuro_assets_tests.tables import load, query, read_table
from neuro_assets_tests.threads import THREADS

PROTOCOL: dict[str, object] = {
    "id": "t",
    "default_time_zone": "America/New_York",
    "window": {"start": "2016-03-12", "end": "2016-05-13"},
    "auto_enrol": True,
    "expected_streams": [],
}
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def write_study(home: Path, **overrides: object) -> None:
    """The protocol of the public data as study.yaml, with fields replaced; `participants_csv` becomes that file."""
    fields = PROTOCOL | overrides
    people = fields.pop("participants_csv", None)
    if isinstance(people, str):
        (home / "participants.csv").write_text(people)
        fields["participants"] = "participants.csv"
    (home / "study.yaml").write_text(yaml.safe_dump(fields))


def settings_of(home: Path) -> Settings:
    """The settings of a home, whatever the environment says."""
    return load_settings({"NEURO_HOME": str(home), "NEURO_SETTLE_S": "1", "NEURO_THREADS": THREADS})


def graph_of(settings: Settings, like: dg.Definitions) -> dg.Definitions:
    """The graph of a home, made of the assets and jobs of another home with the same window."""
    resources = {
        "home": HomeResource.of(settings),
        "dbt": (like.resources or {})["dbt"],
        "lake_io_manager": LakeIOManager(home=str(settings.home)),
    }
    return dg.Definitions(assets=like.assets, jobs=like.jobs, resources=resources, executor=dg.in_process_executor)


@dataclass(frozen=True)
class StudyHome:
    """A home on disk, its definitions, and a Dagster instance of its own."""

    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    @property
    def job(self) -> Ingest:
        """Lake, protocol and sources as they are now."""
        return HomeResource.of(self.settings).job()

    def load(self, *paths: Path) -> list[FileOutcome]:
        """Load files in this order."""
        return load(self.job, *paths)

    def run(
        self, names: Iterable[str], first: date | None = None, last: date | None = None, **options: Any
    ) -> dg.ExecuteInProcessResult:
        """Materialise assets (`schema.table`) for a range of days, or whole, in one run, as automation would."""
        tags = {RANGE[0]: str(first), RANGE[1]: str(last or first)} if first else {}
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[key_of_name(n) for n in names],
            tags=tags,
            run_config=QUIET,
            **options,
        )

    @property
    def lake(self) -> Lake:
        """The home's lake."""
        return Lake.from_settings(self.settings)

    def frame(self, table: str, order: str) -> pl.DataFrame:
        """A whole table in a given order."""
        return read_table(self.lake, table, order)

    def rows(self, sql: str, *parameters: object) -> list[tuple]:
        """The rows of a query."""
        return query(self.lake, sql, parameters)

    def write(self, *statements: str) -> None:
        """Change tables behind the program's back, in one transaction."""
        with self.lake.connect() as connection, self.lake.transaction(connection, ["planted"]):
            for statement in statements:
                connection.execute(statement)

    def copy_to(self, home: Path, instance: dg.DagsterInstance) -> "StudyHome":
        """The same home at another place, to be changed freely."""
        shutil.copytree(self.settings.home, home, dirs_exist_ok=True)
        settings = settings_of(home)
        return replace(self, settings=settings, definitions=graph_of(settings, self.definitions), instance=instance)


def new_graph(home: Path, **overrides: object) -> dg.Definitions:
    """The real definitions, built once for all homes of the same window."""
    home.mkdir(parents=True, exist_ok=True)
    write_study(home, **overrides)
    return build_definitions(settings_of(home))


def materialised(result: dg.ExecuteInProcessResult, name: str) -> set[str | None]:
    """Partitions of an asset that a run materialised."""
    events = result.all_events
    return {
        e.step_materialization_data.materialization.partition
        for e in events
        if e.is_step_materialization and e.asset_key == key_of_name(name)
    }


def checks_of(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    """The check evaluations of an asset in a run, by check."""
    return {
        e.check_name: e
        for e in result.get_asset_check_evaluations()
        if e.asset_check_key.asset_key == key_of_name(name)
    }
