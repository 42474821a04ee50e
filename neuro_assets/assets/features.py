"""Features of participants' days and of trailing spans of days."""

from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line, results_of, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.features import (
    AS_DAYS,
    AS_HOURS,
    AS_NIGHTS,
    AS_SEEN,
    IN_BED,
    feature_check_specs,
    hours_check_result,
    in_bed_check_result,
    nights_check_result,
    seen_check_result,
    spans_check_result,
    table_check_results,
)
from neuro_assets.coverage.task import covered_streams
from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.by_night import tell_nights, tell_sleep_spans
from neuro_assets.features.by_rhythm import rhythm_streams, tell_rhythms
from neuro_assets.features.trailing import tell_spans
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of, key_of_name
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.series.rollup import rolled_up_streams
from neuro_assets.sources.load import Sources
from neuro_assets.streams.coverage import COVERAGE_TABLES, NOT_WORN, VALID_DAY, WEAR
from neuro_assets.streams.features import (
    CIRCADIAN_SPANS,
    MINUTE_FAMILIES,
    MINUTE_TABLES,
    SLEEP_NIGHT,
    SLEEP_SPANS,
    trailing_table,
)
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.study import Study


def build_feature_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The families of features whose streams a source feeds."""
    if not covered_streams(study).names:
        return []
    rolled_up = {s.name for s in rolled_up_streams(sources)}
    zones = ["staging.heart_rate_zones"] if sources.feeding("heart_rate_zones") else []
    assets = [
        _minute_asset(family, zones if family.name == "heart_rate" else [], partitions)
        for family in MINUTE_FAMILIES
        if family.name in rolled_up
    ]
    if any(s.name in rolled_up for s in rhythm_streams(study)):
        assets.append(_rhythm_asset(partitions))
    if fed := [name for name in _OF_SLEEP if sources.feeding(name)]:
        assets.append(_sleep_asset(fed, partitions))
    return assets


def _minute_asset(family: Family, besides: list[str], partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    base, spans = MINUTE_TABLES[family.name]
    read = [key_of(t) for t in (*SERIES_TABLES, WEAR, NOT_WORN, VALID_DAY)] + [key_of_name(name) for name in besides]

    @dg.multi_asset(
        name=f"features_{family.name}",
        specs=[spec_of_days(base, read, partitions), spec_of_days(spans, [key_of(base)], partitions)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[*feature_check_specs(base, AS_SEEN), *feature_check_specs(spans, AS_DAYS)],
        can_subset=False,
    )
    @infrastructure_retried
    def features(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_features(connection, job, (*COVERAGE_TABLES, *SERIES_TABLES, base, spans))
            report = tell_days(connection, job, family, days.start, days.end)
            rows, beside = tell_spans(connection, job, family, base, days.start, days.end, report.days_beside)
            context.log.info(log_line("features_told", family=family.name, days=str(days), **report.rows, spans=rows))
            checks = [
                *table_check_results(connection, base, days),
                seen_check_result(connection, base, days),
                *table_check_results(connection, spans, days),
                spans_check_result(connection, family, base, days),
            ]
            facts = {
                base: _facts(connection, base, days) | {"days_beside": len(report.days_beside)},
                spans: _facts(connection, spans, days) | {"days_beside": len(beside)},
            }
            return results_of(checks, facts)

    return features


def _rhythm_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    read = [key_of(t) for t in (*SERIES_TABLES, WEAR, NOT_WORN, VALID_DAY)]

    @dg.multi_asset(
        name="features_circadian",
        specs=[spec_of_days(CIRCADIAN_SPANS, read, partitions)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=feature_check_specs(CIRCADIAN_SPANS, AS_HOURS),
    )
    @infrastructure_retried
    def features_circadian(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_features(connection, job, (*COVERAGE_TABLES, *SERIES_TABLES, CIRCADIAN_SPANS))
            report = tell_rhythms(connection, job, days.start, days.end)
            context.log.info(log_line("features_told", family="circadian", days=str(days), **report.rows))
            checks = [
                *table_check_results(connection, CIRCADIAN_SPANS, days),
                hours_check_result(connection, CIRCADIAN_SPANS, days),
            ]
            facts = _facts(connection, CIRCADIAN_SPANS, days) | {"days_beside": len(report.days_beside)}
        return dg.MaterializeResult(asset_key=key_of(CIRCADIAN_SPANS), metadata=facts, check_results=checks)

    return features_circadian


_OF_SLEEP = ("sleep_session", "sleep_stage", "daily_sleep")


def _sleep_asset(fed: list[str], partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    trailing = trailing_table(SLEEP)
    tables = (SLEEP_NIGHT, trailing, SLEEP_SPANS)
    read = [key_of_name(f"staging.{name}") for name in fed]

    @dg.multi_asset(
        name="features_sleep",
        specs=[
            spec_of_days(SLEEP_NIGHT, read, partitions),
            *(spec_of_days(t, [key_of(SLEEP_NIGHT)], partitions) for t in (trailing, SLEEP_SPANS)),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            *feature_check_specs(SLEEP_NIGHT, IN_BED),
            *feature_check_specs(trailing, AS_DAYS),
            *feature_check_specs(SLEEP_SPANS, AS_NIGHTS),
        ],
        can_subset=False,
    )
    @infrastructure_retried
    def features_sleep(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_features(connection, job, tables)
            report = tell_nights(connection, job, days.start, days.end)
            spans = tell_sleep_spans(connection, job, days.start, days.end)
            _, beside = tell_spans(connection, job, SLEEP, SLEEP_NIGHT, days.start, days.end, report.days_beside)
            context.log.info(log_line("features_told", family="sleep", days=str(days), **report.rows, **spans.rows))
            checks = [
                *(result for t in tables for result in table_check_results(connection, t, days)),
                in_bed_check_result(connection, SLEEP_NIGHT, days),
                spans_check_result(connection, SLEEP, SLEEP_NIGHT, days),
                nights_check_result(connection, SLEEP_SPANS, SLEEP_NIGHT, days),
            ]
            told = {SLEEP_NIGHT: report.days_beside, trailing: beside, SLEEP_SPANS: spans.days_beside}
            facts = {t: _facts(connection, t, days) | {"days_beside": len(told[t])} for t in tables}
            return results_of(checks, facts)

    return features_sleep


def _facts(connection: Connection, table: Table, days: DayRange) -> dict[str, Any]:
    sql = f"SELECT count(*), count(DISTINCT participant_id) FROM {table.qualified} WHERE day BETWEEN ? AND ?"
    rows, people = connection.execute(sql, [days.start, days.end]).fetchall()[0]
    return {"rows_of_these_days": rows, "participants": people}
