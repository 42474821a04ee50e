"""Rollups of the streams of samples, by the minute, the hour and the day."""

from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line, results_of, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.series import series_check_results, series_check_specs
from neuro_assets.coverage.task import covered_streams
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.series.rollup import roll_up_days, rolled_up_streams
from neuro_assets.sources.load import Sources
from neuro_assets.streams.coverage import WEAR
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.study import Study


def build_series_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The rollups of whatever stream of samples a source feeds; none where there is no such stream."""
    streams = rolled_up_streams(sources)
    if not streams:
        return []
    # Without a stream that coverage is told of there is no asset of wear.
    read = [*(key_of(s) for s in streams), *([key_of(WEAR)] if covered_streams(study).names else [])]

    @dg.multi_asset(
        name="series",
        specs=[spec_of_days(table, read, partitions) for table in SERIES_TABLES],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=series_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def series(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = roll_up_days(connection, job, days.start, days.end)
            context.log.info(log_line("rolled_up", days=str(days), samples=report.samples, **report.rows))
            checks = series_check_results(connection, rolled_up_streams(job.sources), days)
            return results_of(checks, {table: _metadata(connection, table, days) for table in SERIES_TABLES})

    return [series]


def _metadata(connection: Connection, table: Table, days: DayRange) -> dict[str, Any]:
    sql = f"SELECT count(*), count(DISTINCT participant_id) FROM {table.qualified} WHERE day BETWEEN ? AND ?"
    rows, people = connection.execute(sql, [days.start, days.end]).fetchall()[0]
    return {"rows_of_these_days": rows, "participants": people}
