"""Raw tables of Google Health: materialising days asks the participants' accounts for them again."""

from collections import Counter

import dagster as dg

from neuro_assets.assets.describe import OWNERS, definition_metadata, spec_of_all
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.assets.raw import LANDING
from neuro_assets.checks.google_health import (
    break_check_result,
    break_check_spec,
    pull_check_results,
    pull_check_specs,
)
from neuro_assets.connectors.google_health.pull import pull, report_of, rules_of
from neuro_assets.coverage.source_breaks import write_source_breaks
from neuro_assets.ingest.load import Ingest, prepare_lake, prepare_tables
from neuro_assets.ingest.pulls import SOURCE
from neuro_assets.keys import key_of
from neuro_assets.partitions import range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.streams.catalogue import stream
from neuro_assets.streams.pulls import PULLS, SOURCE_BREAK
from neuro_assets.study import Study

# A run waits for the pull that is under way: a daily one of a large study takes its time.
WAIT_S = 4 * 3600.0


def build_google_health_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The account of pulls, and the raw assets, of a study that pulls from accounts; none for any other."""
    kinds = [k for k in sources.kinds if k.source.name == SOURCE]
    return [_pulls(study), _raw(kinds, partitions), _breaks(kinds)] if kinds else []


def report_pulls(context: dg.OpExecutionContext | dg.AssetExecutionContext, job: Ingest) -> None:
    """Tell Dagster that the account of pulls has new lines, and what is to be looked at in it."""
    context.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=key_of(PULLS)))
    with job.lake.connect(read_only=True) as connection:
        for result in pull_check_results(connection, job.study):
            context.instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=key_of(PULLS),
                    check_name=str(result.check_name),
                    passed=result.passed,
                    severity=result.severity,
                    metadata=result.metadata,
                )
            )


def _pulls(study: Study) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(PULLS),
        deps=[LANDING.key],
        group_name="ops",
        description=f"{PULLS.description}\n\nThe pull job writes it; materialising it looks through it.",
        kinds={"ducklake"},
        owners=OWNERS,
        check_specs=pull_check_specs(),
        metadata=definition_metadata(PULLS),
    )
    @infrastructure_retried
    def pulls(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        prepare_lake(job.lake, job.tables)
        with job.lake.connect(read_only=True) as connection:
            results = list(pull_check_results(connection, study))
            told = connection.execute(f"SELECT count(*), count(DISTINCT participant_id) FROM {PULLS.qualified}")
            lines, people = told.fetchall()[0]
        return dg.MaterializeResult(metadata={"lines": lines, "participants": people}, check_results=results)

    return pulls


def _breaks(kinds: list[FileKind]) -> dg.AssetsDefinition:
    streams = sorted({name for k in kinds for name in k.spec.streams})
    deps = [key_of(stream(name)) for name in streams]

    @dg.multi_asset(name="source_breaks", specs=[spec_of_all(SOURCE_BREAK, deps)], check_specs=[break_check_spec()])
    @infrastructure_retried
    def source_breaks(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, (*job.tables, SOURCE_BREAK))
            found = write_source_breaks(connection, job)
        told = {"breaks": found.height, "participants": found["participant_id"].n_unique()}
        return dg.MaterializeResult(metadata=told, check_results=[break_check_result(found)])

    return source_breaks


def _raw(kinds: list[FileKind], partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="google_health",
        specs=[_spec(kind, partitions) for kind in kinds],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    @infrastructure_retried
    def google_health(context: dg.AssetExecutionContext, home: HomeResource):
        days = range_of(context)
        wanted = [k for k in kinds if key_of(k.raw_table) in context.selected_asset_keys]
        kept = {k.kind for k in wanted}
        job = home.job()
        types = [t for t in rules_of(job.study).types if kept & set(BY_NAME[t].kinds)]
        outcomes = list(pull(job, None, (days.start, days.end), types=types, wait_s=WAIT_S))
        report = report_of(job, outcomes, 0.0)
        report_pulls(context, job)
        context.log.info("pulled %s: %d requests, %d days changed", days, report.requests, report.changed_days)
        told = Counter({f"{outcome} {code}".strip(): n for (outcome, code), n in report.outcomes.items()})
        for kind in wanted:
            yield dg.MaterializeResult(
                asset_key=key_of(kind.raw_table),
                metadata={
                    "participants": report.people,
                    "requests": report.requests,
                    "days_changed": report.changed_days,
                    "data_types": dict(told),
                },
            )

    return google_health


def _spec(kind: FileKind, partitions: dg.DailyPartitionsDefinition) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(kind.raw_table),
        deps=[LANDING.key],
        group_name="raw",
        description=f"{kind.raw_table.description}\n\nMaterialising days asks the accounts for them again.",
        kinds={"ducklake", "googlecloud"},
        owners=OWNERS,
        partitions_def=partitions,
        metadata=definition_metadata(kind.raw_table),
    )
