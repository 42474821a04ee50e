"""Baselines: dbt models by day and by person, and the engagement verdict in Python."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import dagster as dg
import pandas as pd

from neuro_assets import failpoints
from neuro_assets.assets.conditions import on_touched_days
from neuro_assets.assets.describe import OWNERS, definition_metadata
from neuro_assets.assets.failures import infrastructure_retried, is_infrastructure, retry_infrastructure
from neuro_assets.ingest.load import prepare_lake
from neuro_assets.keys import BASELINES, key_of
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.errors import OvertakenError, lake_error_in
from neuro_assets.lake.lake import EVERY_TABLE, Lake
from neuro_assets.lake.lost_commits import settle_lost_commit
from neuro_assets.partitions import range_of
from neuro_assets.resources.dbt import PROJECT, dbt_executable, ensure_manifest
from neuro_assets.resources.home import HomeResource
from neuro_assets.science.engagement import engagement_trend
from neuro_assets.streams.catalogue import FRAME_TABLES

TREND = next(t for t in FRAME_TABLES if t.name == "user_engagement_trend")
DBT_LOCK = "baselines"
VERDICTS = ("improving", "stable", "degrading", "too_little_data")
VIEWS = ("stg_daily_activity", "stg_sleep")


def build_dbt_assets(partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The dbt models, one multi-asset per partitioning: those by day, and those of the whole record."""
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

    class Translator(DagsterDbtTranslator):
        """Group, owners and condition of every model; the key is already `[schema, model]`."""

        def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
            spec = super().get_asset_spec(manifest, unique_id, project)
            if not unique_id.startswith("model."):
                return spec
            return spec.replace_attributes(group_name=BASELINES, owners=OWNERS, automation_condition=on_touched_days())

    manifest = ensure_manifest()

    @dbt_assets(
        manifest=manifest,
        select="tag:by_day",
        name="baselines_by_day",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        dagster_dbt_translator=Translator(),
    )
    def by_day(context: dg.AssetExecutionContext, dbt: DbtCliResource, home: HomeResource) -> Iterator[Any]:
        days = range_of(context)
        yield from _build(context, dbt, home, {"start_day": str(days.start), "end_day": str(days.end)})

    @dbt_assets(
        manifest=manifest,
        select="tag:whole",
        name="baselines_by_person",
        backfill_policy=dg.BackfillPolicy.single_run(),
        dagster_dbt_translator=Translator(),
    )
    def by_person(context: dg.AssetExecutionContext, dbt: DbtCliResource, home: HomeResource) -> Iterator[Any]:
        yield from _build(context, dbt, home, {})

    return [by_day, by_person]


def _build(context: Any, dbt: Any, home: HomeResource, variables: dict[str, str]) -> Iterator[Any]:
    """`dbt build` under the lake's write lock; tests run where all they look at is built or was built before."""
    job = home.job()
    arguments = ["build", "--indirect-selection", "buildable", "--vars", json.dumps(variables)]

    def build() -> Iterator[Any]:
        with _infrastructure_told():
            _ensure_views(job.lake, dbt)
            yield from dbt.cli(arguments, context=context).stream()
        failpoints.reach("dbt.ran")

    try:
        prepare_lake(job.lake, job.tables)
        os.environ.update(job.lake.dbt_environment())
        yield from with_dbt_lock(job.lake, build)
    except Exception as error:
        if is_infrastructure(error):
            settle_lost_commit(job.lake)
        retry_infrastructure(context, error)
        raise


def with_dbt_lock(lake: Lake, build: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What `build` yields, under the lock that dbt needs.

    On PostgreSQL others write other tables meanwhile, and a commit of dbt takes longer than theirs: where they keep
    overtaking it until DuckLake gives up, the same is built once more while they wait. dbt commits by itself, so the
    lock is confirmed once it has ended: was it lost, that is an error, and the same is built again.

    Raises:
        LakeError: the lock was not to be had, or was lost.
    """
    try:
        with lake.write_lock([DBT_LOCK]) as lock:
            yield from build()
            lock.confirm()
    except OvertakenError:
        with lake.write_lock([EVERY_TABLE]) as lock:
            yield from build()
            lock.confirm()


@contextmanager
def _infrastructure_told() -> Iterator[None]:
    """A lost catalog or store inside dbt is the lake's fault, not one of the models.

    Raises:
        LakeError: instead of dbt's error, where its text says so.
    """
    from dagster_dbt.errors import DagsterDbtCliRuntimeError

    try:
        yield
    except DagsterDbtCliRuntimeError as error:
        if told := lake_error_in(str(error)):
            raise told from error
        raise


def _ensure_views(lake: Lake, dbt: Any) -> None:
    """Views are made once: a day with one of two streams present must not miss the other's view."""
    with lake.connect(read_only=True) as connection:
        present = existing_columns(connection)
    if not all(f"{BASELINES}.{name}" in present for name in VIEWS):
        dbt.cli(["run", "--select", "config.materialized:view"]).wait()


def build_dbt_resource() -> Any:
    """Dbt's command line for the project."""
    from dagster_dbt import DbtCliResource
    from packaging.version import Version

    class InstalledDbt(DbtCliResource):
        """Dbt as installed: the stock resource asks `dbt --version` at every run: 4 s, and a call to PyPI."""

        @property
        def _cli_version(self) -> Version:  # pyright: ignore[reportIncompatibleVariableOverride]
            return Version(metadata.version("dbt-core"))

    return InstalledDbt(project_dir=str(PROJECT), profiles_dir=str(PROJECT), dbt_executable=dbt_executable())


def build_engagement_asset() -> dg.AssetsDefinition:
    """The engagement verdict, one a person."""

    @dg.asset(
        key=key_of(TREND),
        deps=[[BASELINES, "user_daily_activity"], [BASELINES, "user_baseline_activity"]],
        group_name=BASELINES,
        description=(
            f"{TREND.description}\n\nTheil-Sen slope with its 95 % interval and Mann-Kendall p on worn, complete"
            " days after the baseline window; share of active days over the trailing 7 and 28 days."
        ),
        kinds={"ducklake", "pandas"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=on_touched_days(),
        io_manager_key="lake_io_manager",
        metadata=definition_metadata(TREND),
        check_specs=[
            dg.AssetCheckSpec(
                "one_row_per_person",
                asset=key_of(TREND),
                description="Everybody with activity has exactly one verdict.",
            )
        ],
    )
    @infrastructure_retried
    def user_engagement_trend(context: dg.AssetExecutionContext, home: HomeResource):
        daily, baselines = _read_activity(home.job().lake)
        trend = engagement_trend(daily, baselines)
        people = len(set(daily["participant_id"]))
        return dg.MaterializeResult(
            value=trend,
            metadata=dict(_verdict_counts(trend)),
            check_results=[
                dg.AssetCheckResult(
                    check_name="one_row_per_person",
                    passed=bool(trend["participant_id"].is_unique) and len(trend) == people,
                    metadata={"people": int(people), "verdicts": len(trend)},
                )
            ],
        )

    return user_engagement_trend


def _verdict_counts(trend: pd.DataFrame) -> Iterator[tuple[str, int]]:
    found = trend["verdict"].tolist()
    for verdict in VERDICTS:
        yield f"people_{verdict}", found.count(verdict)


def _read_activity(lake: Lake) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Daily steps and baselines of everybody, days as dates."""
    with lake.connect(read_only=True) as connection:
        daily = connection.execute(
            "SELECT participant_id, day, steps, is_partial_day FROM baselines.user_daily_activity"
        ).to_arrow_table()
        baselines = connection.execute("SELECT * FROM baselines.user_baseline_activity").to_arrow_table()
    return daily.to_pandas(date_as_object=True), baselines.to_pandas(date_as_object=True)
