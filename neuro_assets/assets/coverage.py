"""Coverage: what was expected of each person, what is there, and the one reason for what is missing."""

import dagster as dg

from neuro_assets.assets.conditions import on_touched_days
from neuro_assets.assets.describe import OWNERS, definition_metadata, log_line, picture
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.coverage import coverage_check_results, coverage_check_specs
from neuro_assets.coverage.compute import cover_days, expected_samples
from neuro_assets.coverage.heat_map import heat_map, read_days
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of, key_of_name
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.load import Sources
from neuro_assets.streams.coverage import COVERAGE_TABLES, DAILY, REASONS
from neuro_assets.streams.model import Table
from neuro_assets.study import Study

# Wear is told by these, and gaps by the last.
_READ = ("steps", "heart_rate", "device_sync")


def build_coverage_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """`coverage.hourly` and `coverage.daily`; none where the protocol expects no stream of samples."""
    streams = [s.name for s in expected_samples(study)]
    if not streams:
        return []
    read = [name for name in dict.fromkeys((*streams, *_READ)) if sources.feeding(name)]

    @dg.multi_asset(
        name="coverage",
        specs=[_spec(table, read, partitions) for table in COVERAGE_TABLES],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=coverage_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def coverage(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = cover_days(connection, job, days.start, days.end)
            context.log.info(log_line("covered", days=str(days), people=report.people, hours=report.hours))
            checks = coverage_check_results(connection, days)
            return tuple(
                dg.MaterializeResult(
                    asset_key=key_of(table),
                    metadata=_metadata(connection, table),
                    check_results=[c for c in checks if c.asset_key == key_of(table)],
                )
                for table in COVERAGE_TABLES
            )

    return [coverage]


def _spec(table: Table, read: list[str], partitions: dg.DailyPartitionsDefinition) -> dg.AssetSpec:
    reasons = "\n".join(f"- `{name}`: {told}" for name, told in REASONS.items())
    return dg.AssetSpec(
        key_of(table),
        deps=[key_of_name(f"staging.{name}") for name in read],
        group_name=table.schema,
        description=f"{table.description}\n\nReasons, the first one that holds:\n\n{reasons}",
        kinds={"ducklake"},
        owners=OWNERS,
        partitions_def=partitions,
        automation_condition=on_touched_days(),
        metadata=definition_metadata(table),
    )


def _metadata(connection: Connection, table: Table) -> dict[str, dg.MetadataValue]:
    """Of days: a picture of who has what, and why not."""
    if table is not DAILY:
        return {}
    days = read_days(connection)
    title = "Share of the day that is there, or why most of it is missing"
    return {"heat_map": picture(heat_map(days, title), title)} if days.height else {}
