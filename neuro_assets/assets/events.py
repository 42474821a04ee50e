"""What follows from events: episodes of use, answers to notifications, and daily totals."""

from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line, markdown_table, results_of, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.events import event_check_results, event_check_specs
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sessions.compute import sessionise_days
from neuro_assets.sources.load import Sources
from neuro_assets.streams.episodes import EPISODE_ACCOUNT, EPISODE_TABLES
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.model import Table


def build_event_assets(sources: Sources, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Episodes, daily totals and the account of both; none where nothing brings events."""
    if not sources.feeding(EVENT.name):
        return []

    @dg.multi_asset(
        name="episodes",
        specs=[spec_of_days(table, [key_of(EVENT)], partitions) for table in EPISODE_TABLES],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=event_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def episodes(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = sessionise_days(connection, job, days.start, days.end)
            context.log.info(log_line("sessionised", days=str(days), events=report.events, **report.rows))
            written = DayRange(report.first, report.last)
            # Days beside may wait for a run of their own: what these days have is whole, what those have need not be.
            checks = event_check_results(connection, days)
            told = {"days_written": str(written)}
            return results_of(checks, {t: _metadata(connection, t, days) | told for t in EPISODE_TABLES})

    return [episodes]


def _metadata(connection: Connection, table: Table, days: DayRange) -> dict[str, Any]:
    """How many rows the days have, and of the account what it says."""
    inside, bound = f"FROM {table.qualified} WHERE day BETWEEN ? AND ?", [days.start, days.end]
    told: dict[str, Any] = {
        "rows_of_these_days": connection.execute(f"SELECT count(*) {inside}", bound).fetchall()[0][0]
    }
    if table is EPISODE_ACCOUNT:
        sql = f"SELECT episodes, rule, sum(n)::BIGINT AS n {inside} GROUP BY ALL ORDER BY ALL"
        told["account"] = markdown_table(connection.execute(sql, bound).pl())
    return told
