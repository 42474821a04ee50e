"""Staging tables: one asset per canonical stream, by day."""

from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import polars as pl

from neuro_assets.assets.conditions import on_touched_days
from neuro_assets.assets.describe import (
    OWNERS,
    day_metadata,
    definition_metadata,
    log_line,
    markdown_table,
    participants_plot,
)
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.agreement import agreement_check_results, agreement_check_specs, agreement_of_others
from neuro_assets.checks.staging import staging_check_results, staging_check_specs
from neuro_assets.events.counts import batch_counts
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.load import Sources
from neuro_assets.staging.stage import stage_days_on
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

FRESH_FOR = timedelta(hours=48)
_SHOWN_BATCHES = 20


def build_staging_asset(
    stream: Stream, sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    """The staging asset of one stream, fed by every kind of file that maps onto it."""
    is_expected = stream.name in study.expected_streams

    @dg.asset(
        key=key_of(stream),
        deps=[key_of(k.raw_table) for k in sources.feeding(stream.name)],
        group_name=stream.schema,
        description=_description(stream),
        kinds={"ducklake", "pandera"},
        owners=OWNERS,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=on_touched_days(),
        check_specs=[*staging_check_specs(stream), *agreement_check_specs(stream)],
        metadata=definition_metadata(stream),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_FOR) if is_expected else None,
    )
    @infrastructure_retried
    def staging(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = stage_days_on(connection, job, stream, days.start, days.end)
            for day in report.days:
                context.add_asset_metadata(day_metadata(day), partition_key=day.day.isoformat())
            # A range run gives each of its days an event; the picture belongs to one of them, not to all.
            context.add_asset_metadata(_plot(connection, stream), partition_key=days.end.isoformat())
            if stream is EVENT:
                context.add_asset_metadata(_batches(connection, days), partition_key=days.end.isoformat())
            context.log.info(log_line("staged", table=stream.qualified, days=str(days), **report.totals()))
            for evaluation in agreement_of_others(connection, stream):
                context.instance.report_runless_asset_event(evaluation)
            checks = [*staging_check_results(connection, stream, days), *agreement_check_results(connection, stream)]
            return dg.MaterializeResult(check_results=checks)

    return staging


def _description(stream: Stream) -> str:
    rules = [f"- `{r.name}`: {r.description}" for r in stream.rules]
    view = f"\n\nSums belong on `{stream.qualified}_of_record`: each hour once." if stream.has_of_record else ""
    return "\n".join([stream.description + view, "", "Rules beside types and ranges:", *rules])


def _batches(connection: Connection, days: DayRange) -> dict[str, dg.MarkdownMetadataValue]:
    """What became of the batches that touch these days, the newest first."""
    found = connection.execute(
        "SELECT DISTINCT file_id, strftime(f.loaded_at, '%Y-%m-%d %H:%M') AS loaded_at"
        " FROM ops.landing_files f SEMI JOIN ops.landing_file_days d ON d.file_id = f.file_id AND d.raw_table = ?"
        f" AND d.day BETWEEN ? AND ? WHERE f.status = 'loaded' ORDER BY loaded_at DESC, file_id LIMIT {_SHOWN_BATCHES}",
        ["raw.events_batch", days.start, days.end],
    ).fetchall()
    if not found:
        return {}
    lines = [{"batch": file_id[:12], "loaded": at} | asdict(batch_counts(connection, file_id)) for file_id, at in found]
    return {"batches": markdown_table(pl.DataFrame(lines))}


def _plot(connection: Connection, stream: Stream) -> dict[str, dg.MarkdownMetadataValue]:
    """Participants per day over the last half year of accounts."""
    counts = dict(
        connection.execute(
            "SELECT day, participants FROM ops.staging_days WHERE table_name = ? AND status = 'accepted'"
            " QUALIFY day > max(day) FILTER (participants > 0) OVER () - 183",
            [stream.qualified],
        ).fetchall()
    )
    if not counts:
        return {}
    return {"participants_by_day": participants_plot(counts, f"{stream.qualified}: participants by day")}
