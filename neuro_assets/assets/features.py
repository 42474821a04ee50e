"""Features of participants' days and of trailing spans of days, and the catalogue of all of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line, markdown_table, results_of, spec_of_all, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks import features as checks
from neuro_assets.coverage.task import covered_streams
from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.by_night import tell_nights, tell_sleep_spans
from neuro_assets.features.by_rhythm import rhythm_streams, tell_rhythms
from neuro_assets.features.by_survey import tell_survey, tell_yield
from neuro_assets.features.catalog import catalog, write_catalog
from neuro_assets.features.trailing import tell_spans
from neuro_assets.features.use import tell_use
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.keys import key_of, key_of_name
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets.science.features.yields import YIELD
from neuro_assets.series.rollup import rolled_up_streams
from neuro_assets.sources.load import Sources
from neuro_assets.streams.coverage import COVERAGE_TABLES, DAILY, NOT_WORN, VALID_DAY, WEAR
from neuro_assets.streams.episodes import EPISODE_ACCOUNT, EPISODE_TABLES
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.features import (
    CIRCADIAN_SPANS,
    FEATURE_CATALOG,
    MINUTE_FAMILIES,
    MINUTE_TABLES,
    SLEEP_NIGHT,
    SLEEP_SPANS,
    trailing_table,
)
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_1D, SERIES_TABLES
from neuro_assets.streams.surveys import SURVEY_TABLES
from neuro_assets.study import Study
from neuro_assets.surveys.load import codebooks_of

Beside = Mapping[Table, frozenset[date]]
_SERIES = (*SERIES_TABLES, WEAR, NOT_WORN, VALID_DAY)
_OF_SLEEP = ("sleep_session", "sleep_stage", "daily_sleep")


@dataclass(frozen=True)
class _Told:
    """What one asset function tells.

    Attributes:
        name: of the function.
        read: what its tables follow from.
        needs: tables that have to be there.
        bases: the tables that follow from what is read.
        spans: the tables that follow from the first of those.
        tell: writes the tables; days beside, by table.
        check: the results of the tables' own checks.
        own: names of those, by table; every table has the two that all have.
    """

    name: str
    read: Iterable[dg.AssetKey]
    needs: tuple[Table, ...]
    bases: tuple[Table, ...]
    spans: Mapping[Table, Table]
    tell: Callable[[Connection, Ingest, DayRange], Beside]
    check: Callable[[Connection, DayRange], list[dg.AssetCheckResult]]
    own: Mapping[Table, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*self.bases, *self.spans)


def build_feature_assets(
    sources: Sources, study: Study, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The families of features that something is there for, and the catalogue."""
    told = [*_of_streams(sources, study), *_of_records(sources, study)]
    assets = [_asset(each, partitions) for each in told]
    return [*assets, _catalog([t for each in told for t in each.tables])] if assets else []


def _of_streams(sources: Sources, study: Study) -> list[_Told]:
    """Families of streams of samples: by the day, over spans of days, and their rhythm."""
    if not covered_streams(study).names:
        return []
    rolled_up = {s.name for s in rolled_up_streams(sources)}
    has_zones = bool(sources.feeding("heart_rate_zones"))
    told = [_minutes(f, has_zones=has_zones) for f in MINUTE_FAMILIES if f.name in rolled_up]
    if any(s.name in rolled_up for s in rhythm_streams(study)):
        told.append(_rhythms())
    return [*told, _yields()]


def _of_records(sources: Sources, study: Study) -> list[_Told]:
    """Families of nights, of the use of devices, and of surveys."""
    told = []
    if fed := [name for name in _OF_SLEEP if sources.feeding(name)]:
        told.append(_nights(fed))
    if sources.feeding(EVENT.name):
        told.append(_use())
    if codebooks_of(sources):
        told.append(_surveys(sources, study))
    return told


def _minutes(family: Family, *, has_zones: bool) -> _Told:
    base, spans = MINUTE_TABLES[family.name]
    zones = ["staging.heart_rate_zones"] if has_zones and family.name == "heart_rate" else []

    def tell(connection: Connection, job: Ingest, days: DayRange) -> Beside:
        beside = tell_days(connection, job, family, days.start, days.end).days_beside
        return {base: beside, spans: tell_spans(connection, job, family, base, days.start, days.end, beside)[1]}

    return _Told(
        f"features_{family.name}",
        [*map(key_of, _SERIES), *map(key_of_name, zones)],
        (*COVERAGE_TABLES, *SERIES_TABLES),
        (base,),
        {spans: base},
        tell,
        lambda connection, days: [
            checks.seen_check_result(connection, base, days),
            checks.spans_check_result(connection, family, base, days),
        ],
        {base: (checks.AS_SEEN,), spans: (checks.AS_DAYS,)},
    )


def _rhythms() -> _Told:
    table = CIRCADIAN_SPANS
    return _Told(
        "features_circadian",
        map(key_of, _SERIES),
        (*COVERAGE_TABLES, *SERIES_TABLES),
        (table,),
        {},
        lambda connection, job, days: {table: tell_rhythms(connection, job, days.start, days.end).days_beside},
        lambda connection, days: [checks.hours_check_result(connection, table, days)],
        {table: (checks.AS_HOURS,)},
    )


def _yields() -> _Told:
    base, spans = FEATURES_DATA_YIELD, trailing_table(YIELD)

    def tell(connection: Connection, job: Ingest, days: DayRange) -> Beside:
        beside = tell_yield(connection, job, days.start, days.end).days_beside
        return {base: beside, spans: tell_spans(connection, job, YIELD, base, days.start, days.end, beside)[1]}

    return _Told(
        "features_data_yield",
        map(key_of, (VALID_DAY, DAILY)),
        COVERAGE_TABLES,
        (base,),
        {spans: base},
        tell,
        lambda connection, days: [
            checks.covered_check_result(connection, base, days),
            checks.spans_check_result(connection, YIELD, base, days),
        ],
        {base: (checks.AS_COVERED,), spans: (checks.AS_DAYS,)},
    )


def _nights(fed: list[str]) -> _Told:
    base, spans, regularity = SLEEP_NIGHT, trailing_table(SLEEP), SLEEP_SPANS

    def tell(connection: Connection, job: Ingest, days: DayRange) -> Beside:
        beside = tell_nights(connection, job, days.start, days.end).days_beside
        return {
            base: beside,
            spans: tell_spans(connection, job, SLEEP, base, days.start, days.end, beside)[1],
            regularity: tell_sleep_spans(connection, job, days.start, days.end).days_beside,
        }

    return _Told(
        "features_sleep",
        [key_of_name(f"staging.{name}") for name in fed],
        (),
        (base,),
        {spans: base, regularity: base},
        tell,
        lambda connection, days: [
            checks.in_bed_check_result(connection, base, days),
            checks.spans_check_result(connection, SLEEP, base, days),
            checks.nights_check_result(connection, regularity, base, days),
        ],
        {base: (checks.IN_BED,), spans: (checks.AS_DAYS,), regularity: (checks.AS_NIGHTS,)},
    )


def _use() -> _Told:
    spans = {f.name: trailing_table(f) for f in USE_FAMILIES if any(each.is_trailing for each in f)}
    families = {f.name: f for f in USE_FAMILIES}

    def tell(connection: Connection, job: Ingest, days: DayRange) -> Beside:
        beside = tell_use(connection, job, days.start, days.end).days_beside
        told = dict.fromkeys(USE_TABLES.values(), beside)
        for name, table in spans.items():
            own = families[name], USE_TABLES[name]
            told[table] = tell_spans(connection, job, *own, days.start, days.end, beside)[1]
        return told

    def check(connection: Connection, days: DayRange) -> list[dg.AssetCheckResult]:
        of_spans = [checks.spans_check_result(connection, families[n], USE_TABLES[n], days) for n in spans]
        return [*of_spans, checks.screen_check_result(connection, USE_TABLES["screen"], days)]

    return _Told(
        "features_use",
        [key_of(EVENT), *map(key_of, EPISODE_TABLES)],
        (EVENT, *EPISODE_TABLES),
        tuple(USE_TABLES.values()),
        {table: USE_TABLES[name] for name, table in spans.items()},
        tell,
        check,
        {USE_TABLES["screen"]: (checks.AS_EPISODES,)} | dict.fromkeys(spans.values(), (checks.AS_DAYS,)),
    )


def _surveys(sources: Sources, study: Study) -> _Told:
    table = FEATURES_SURVEY
    # Up to which day somebody's scores are told follows from whatever there is of the person.
    reach = [SERIES_1D] if rolled_up_streams(sources) and covered_streams(study).names else []
    reach += [EPISODE_ACCOUNT] if sources.feeding(EVENT.name) else []
    return _Told(
        "features_survey",
        [*map(key_of, SURVEY_TABLES), *map(key_of, reach)],
        (*SURVEY_TABLES, SERIES_1D, EPISODE_ACCOUNT),
        (table,),
        {},
        lambda connection, job, days: {table: tell_survey(connection, job, days.start, days.end).days_beside},
        lambda connection, days: [checks.scores_check_result(connection, table, days)],
        {table: (checks.AS_SCORED,)},
    )


def _asset(told: _Told, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    read = list(told.read)
    specs = [spec_of_days(t, read, partitions) for t in told.bases]
    specs += [spec_of_days(t, [key_of(base)], partitions) for t, base in told.spans.items()]

    @dg.multi_asset(
        name=told.name,
        specs=specs,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[s for t in told.tables for s in checks.feature_check_specs(t, *told.own.get(t, ()))],
        can_subset=False,
    )
    @infrastructure_retried
    def features(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            ensure_features(connection, job, (*told.needs, *told.tables))
            beside = told.tell(connection, job, days)
            context.log.info(log_line("features_told", family=told.name, days=str(days)))
            results = [r for t in told.tables for r in checks.table_check_results(connection, t, days)]
            results += told.check(connection, days)
            facts = {t: _facts(connection, t, days, beside[t]) for t in told.tables}
        found = results_of(results, facts)
        # Of a single table Dagster wants a result, not one of a kind.
        return found if len(found) > 1 else next(iter(found))

    return features


def _facts(connection: Connection, table: Table, days: DayRange, beside: frozenset[date]) -> dict[str, Any]:
    sql = f"SELECT count(*), count(DISTINCT participant_id) FROM {table.qualified} WHERE day BETWEEN ? AND ?"
    rows, people = connection.execute(sql, [days.start, days.end]).fetchall()[0]
    return {"rows_of_these_days": rows, "participants": people, "days_beside": len(beside)}


def _catalog(tables: list[Table]) -> dg.AssetsDefinition:
    """What every feature is, and whether its known answers hold."""

    @dg.multi_asset(
        name="features_catalog",
        specs=[spec_of_all(FEATURE_CATALOG, map(key_of, tables))],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[checks.catalog_check_spec()],
    )
    @infrastructure_retried
    def features_catalog(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job, found = home.job(), catalog()
        with job.lake.connect() as connection:
            ensure_features(connection, job, (FEATURE_CATALOG,))
            write_catalog(connection, job.lake, found)
            check = checks.catalog_check_result(connection)
        context.log.info(log_line("features_catalogued", features=found.height))
        shown = found.select("family", "feature", "unit", "version", "description", "known_answers", "known_hold")
        facts = {"dagster/row_count": found.height, "features": markdown_table(shown)}
        return dg.MaterializeResult(asset_key=key_of(FEATURE_CATALOG), metadata=facts, check_results=[check])

    return features_catalog
