"""Raw tables: filled by the ingest; materialising a day here reads the archived files that touch it again."""

import dagster as dg

from neuro_assets.assets.describe import OWNERS, definition_metadata
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.ingest.replay import replay_days
from neuro_assets.keys import key_of
from neuro_assets.partitions import range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.load import FileKind

LANDING = dg.AssetSpec(
    ["ops", "landing_files"],
    group_name="ops",
    description="The manifest of every file that arrived; the landing sensor and `neuro ingest` write it.",
    kinds={"ducklake"},
    owners=OWNERS,
)


def build_raw_asset(kind: FileKind, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The raw asset of one kind of file."""
    table = kind.raw_table

    @dg.asset(
        key=key_of(table),
        deps=[LANDING.key],
        group_name="raw",
        description=f"{table.description}\n\nMaterialising days reads the archived files that touch them again.",
        kinds={"ducklake", "csv"},
        owners=OWNERS,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        metadata=definition_metadata(table),
    )
    @infrastructure_retried
    def raw(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        days = range_of(context)
        lines = replay_days(home.job(), kind, days.start, days.end)
        context.log.info("replayed %d files for %s", len(lines), days)
        return dg.MaterializeResult(
            metadata={"files_replayed": len(lines), "rows_replayed": sum(li.rows or 0 for li in lines)}
        )

    return raw
