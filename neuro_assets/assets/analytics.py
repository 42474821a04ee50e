"""Analytics of the whole study: what its people are like, and whether each of them holds their level."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from neuro_assets.analytics.changes import judge, tally
from neuro_assets.analytics.measures import MEASURE_TABLES, put_values
from neuro_assets.analytics.picture import changes_picture
from neuro_assets.analytics.population import summarise
from neuro_assets.analytics.report import short_changes, short_population
from neuro_assets.analytics.write import ensure_table, write_table
from neuro_assets.assets.describe import log_line, markdown_table, picture, spec_of_all
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.analytics import analytics_check_results, analytics_check_specs
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import look_here_first
from neuro_assets.resources.home import HomeResource
from neuro_assets.streams.analytics import CHANGE_POINT, POPULATION_SUMMARY
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.model import Table

_SHOWN = 20


def build_analytics_assets(present: Collection[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Analytics of the features that are among the assets there are; nothing without any of them."""
    read = [t for t in MEASURE_TABLES if key_of(t) in present]
    if not read:
        return []
    if key_of(VALID_DAY) in present:
        read.append(VALID_DAY)
    return [_population(read), _changes(read)]


def _population(read: list[Table]) -> dg.AssetsDefinition:
    """What the study's people are like."""

    @dg.multi_asset(
        name="analytics_population_summary",
        specs=[spec_of_all(POPULATION_SUMMARY, map(key_of, read))],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=analytics_check_specs(POPULATION_SUMMARY),
    )
    @infrastructure_retried
    def analytics_population_summary(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            ensure_table(connection, job, POPULATION_SUMMARY)
            look_here_first(connection)
            put_values(connection)
            found = summarise(connection)
            write_table(connection, job, POPULATION_SUMMARY, found)
            checks = analytics_check_results(connection, POPULATION_SUMMARY)
        context.log.info(log_line("population_summarised", measures=found.height))
        facts = {"dagster/row_count": found.height, "population": markdown_table(short_population(found))}
        return dg.MaterializeResult(asset_key=key_of(POPULATION_SUMMARY), metadata=facts, check_results=checks)

    return analytics_population_summary


def _changes(read: list[Table]) -> dg.AssetsDefinition:
    """Who holds the level of the own record, and whose changed."""

    @dg.multi_asset(
        name="analytics_change_point",
        specs=[spec_of_all(CHANGE_POINT, map(key_of, read))],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=analytics_check_specs(CHANGE_POINT),
    )
    @infrastructure_retried
    def analytics_change_point(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            ensure_table(connection, job, CHANGE_POINT)
            look_here_first(connection)
            put_values(connection)
            found = judge(connection)
            write_table(connection, job, CHANGE_POINT, found)
            checks = analytics_check_results(connection, CHANGE_POINT)
            drawn = changes_picture(connection, found)
        changed = int((found["verdict"] == "changed").sum())
        context.log.info(log_line("change_points_found", records=found.height, changes=changed))
        facts: dict[str, Any] = {
            "dagster/row_count": found.height,
            "changes": changed,
            "people": markdown_table(tally(found)),
            "surest": markdown_table(short_changes(found).head(_SHOWN)),
        }
        if drawn:
            facts["plot"] = picture(drawn, "The surest changes")
        return dg.MaterializeResult(asset_key=key_of(CHANGE_POINT), metadata=facts, check_results=checks)

    return analytics_change_point
