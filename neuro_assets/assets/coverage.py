"""Coverage: what was expected of each person, what is there, and why not; and where everybody stands now."""

from typing import Any

import dagster as dg
import polars as pl

from neuro_assets.assets.describe import (
    log_line,
    markdown_table,
    picture,
    results_of,
    spec_of_all,
    spec_of_days,
)
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.coverage import (
    coverage_check_results,
    coverage_check_specs,
    people_check_results,
    people_check_specs,
)
from neuro_assets.coverage.answering import asked_instruments
from neuro_assets.coverage.compute import cover_days
from neuro_assets.coverage.heat_map import heat_map, read_days
from neuro_assets.coverage.people import People, judge_people, write_people
from neuro_assets.coverage.task import covered_streams
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of, key_of_name
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.sources.load import Sources
from neuro_assets.streams.coverage import (
    ADHERENCE,
    COVERAGE_TABLES,
    DAILY,
    HOURLY,
    OVERVIEW,
    PEOPLE_TABLES,
    REASONS,
    VALID_DAY_SENSITIVITY,
    WEAR,
    WORKLIST,
)
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.study import Study
from neuro_assets.surveys.load import codebooks_of

_SHOWN_PEOPLE, _SHOWN_DAYS = 60, 120
# Wear is told by the first, gaps by the third; days by what is recorded of sleep and by the vendor's totals.
_READ = (
    *("steps", "heart_rate", "device_sync"),
    *("sleep_stage", "sleep_session", "daily_sleep", "daily_activity", "daily_steps"),
)


def build_coverage_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The tables of days and those of people; none where the protocol expects no stream that coverage is told of."""
    covered, asked = covered_streams(study), asked_instruments(codebooks_of(sources))
    if not (covered.names or asked):
        return []
    answers = [SURVEY_RESPONSE.name] if asked else []
    read = [name for name in dict.fromkeys((*covered.names, *_READ)) if sources.feeding(name)]

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
            for day in sorted(report.days_of_other_wear):
                # Of a night that non-wear reaches over, or under new rules: what follows from wear must know.
                context.log_event(dg.AssetMaterialization(key_of(WEAR), partition=str(day)))
            checks = coverage_check_results(connection, days)
            return results_of(checks, {table: _metadata(connection, table) for table in COVERAGE_TABLES})

    @dg.multi_asset(
        name="coverage_people",
        specs=[_spec_of_people(table, answers) for table in PEOPLE_TABLES],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=people_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def coverage_people(context: dg.AssetExecutionContext, home: HomeResource):
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, (*job.tables, *COVERAGE_TABLES))
            found = judge_people(connection, job)
            write_people(connection, job, found)
        checks = people_check_results(found.frames[ADHERENCE.qualified])
        context.log.info(log_line("people_judged", as_of=str(found.moment.at)))
        return results_of(checks, {table: _of_people(found, table) for table in PEOPLE_TABLES})

    return [coverage, coverage_people]


def _spec(table: Table, read: list[str], partitions: dg.DailyPartitionsDefinition) -> dg.AssetSpec:
    reasons = "\n".join(f"- `{name}`: {told}" for name, told in REASONS.items())
    told = f"\n\nReasons, the first one that holds:\n\n{reasons}" if table in {HOURLY, DAILY} else ""
    spec = spec_of_days(table, (key_of_name(f"staging.{name}") for name in read), partitions)
    return spec.replace_attributes(description=f"{table.description}{told}")


def _spec_of_people(table: Table, answers: list[str]) -> dg.AssetSpec:
    read = [*(key_of(t) for t in COVERAGE_TABLES), *(key_of_name(f"staging.{name}") for name in answers)]
    return spec_of_all(table, read, "\n\nJudged at a moment: written anew each morning, and when coverage is.")


def _of_people(found: People, table: Table) -> dict[str, Any]:
    """Counts, and what they are about: no participant is named here."""
    frame = found.frames[table.qualified]
    counted: dict[str, Any] = {"dagster/row_count": frame.height, "as_of": str(found.moment.at)}
    if table is VALID_DAY_SENSITIVITY:
        kept = frame.group_by("rule").agg(pl.col("days", "days_kept", "days_not_kept", "days_undecided").sum())
        return counted | {"days": markdown_table(kept.sort("rule"))}
    by = {OVERVIEW: "status", WORKLIST: "reason"}.get(table)
    if by:
        return counted | {f"people_{name}": count for name, count in frame[by].value_counts().sort(by).iter_rows()}
    return counted


def _metadata(connection: Connection, table: Table) -> dict[str, dg.MetadataValue]:
    """Of days: a picture of who has what, and why not."""
    if table is not DAILY:
        return {}
    days = read_days(connection, last_days=_SHOWN_DAYS, people=_SHOWN_PEOPLE)
    title = "Share of the day that is there, or why most of it is missing"
    return {"heat_map": picture(heat_map(days, title), title)} if days.height else {}
