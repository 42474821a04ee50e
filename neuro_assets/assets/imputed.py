"""Imputation: models, gaps, regular series in which each imputed value is marked, and their back-test."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from neuro_assets.assets.conditions import on_touched_days
from neuro_assets.assets.describe import log_line, markdown_table, picture, results_of, spec_of_all, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.imputed import (
    backtest_check_result,
    backtest_check_spec,
    imputed_check_results,
    imputed_check_specs,
)
from neuro_assets.imputation.backtest import run_backtest, write_backtest
from neuro_assets.imputation.compute import ensure_imputation, imputation_tables, impute_days
from neuro_assets.imputation.models import learn_all, mode_of
from neuro_assets.imputation.plot import plot_series, read_series_of
from neuro_assets.imputation.report import backtest_picture, summary_of
from neuro_assets.imputation.rules import imputed_streams
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.streams.coverage import HOURLY, NOT_WORN, VALID_DAY, WEAR
from neuro_assets.streams.imputed import BACKTEST, DAILY, GAP, MODEL_TABLES, values_table
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import SERIES_1H, SERIES_1M, SERIES_TABLES
from neuro_assets.study import Study

_DAYS_SHOWN = 7


def build_imputed_assets(study: Study, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """None where the protocol expects no stream of which anything may be filled in."""
    streams = imputed_streams(study)
    if not streams:
        return []
    return [_days(study, streams, partitions), _models(streams), _backtest()]


def _days(study: Study, streams: Sequence[Stream], partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Gaps, series and totals of touched days."""
    read = [key_of(t) for t in (SERIES_1M, SERIES_1H, HOURLY, VALID_DAY, WEAR, NOT_WORN)]
    models = [key_of(t) for t in MODEL_TABLES]
    tables = [t for t in imputation_tables(study) if t not in MODEL_TABLES]

    @dg.multi_asset(
        name="imputation",
        specs=[
            # A model that was learned anew changes nothing by itself: that is asked for.
            spec_of_days(table, [*read, *models], partitions).replace_attributes(
                automation_condition=on_touched_days(dg.AssetSelection.assets(*models))
            )
            for table in tables
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=imputed_check_specs(streams),
        can_subset=False,
    )
    @infrastructure_retried
    def imputation(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = impute_days(connection, job, days.start, days.end)
            context.log.info(
                log_line("imputed", days=str(days), values=report.imputed, days_beside=len(report.days_beside))
            )
            checks = imputed_check_results(connection, streams, days)
            pictures = {s.name: _picture(connection, s, days) for s in streams}
        facts: dict[Table, dict[str, Any]] = {t: {"rows_written": report.rows.get(t.qualified, 0)} for t in tables}
        for stream in streams:
            for resolution in ("1m", "1h"):
                facts[values_table(stream, resolution)] |= pictures[stream.name]
        facts[GAP] |= {"values_imputed": report.imputed, "days_beside": len(report.days_beside)}
        return results_of(checks, facts)

    return imputation


def _models(streams: Sequence[Stream]) -> dg.AssetsDefinition:
    """What filling in rests on, learned anew."""

    @dg.multi_asset(
        name="imputation_models",
        specs=[
            spec_of_all(
                t, [key_of(s) for s in SERIES_TABLES], "\n\nLearned when days need it, and anew when asked to be."
            ).replace_attributes(automation_condition=None)
            for t in MODEL_TABLES
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
    )
    @infrastructure_retried
    def imputation_models(context: dg.AssetExecutionContext, home: HomeResource):
        job = home.job()
        window = job.window
        with job.lake.connect() as connection:
            ensure_imputation(connection, job)
            mode = mode_of(job.study, datetime.now(UTC).date())
            learned = list(
                learn_all(connection, job, streams, mode, window.start, window.end or window.start, anew=True)
            )
        context.log.info(log_line("models_learned", models=len(learned), mode=mode))
        return results_of([], {t: {"models": len(learned)} for t in MODEL_TABLES})

    return imputation_models


def _backtest() -> dg.AssetsDefinition:
    """How wrong each method is on the study's own record."""

    @dg.multi_asset(
        name="imputation_backtest",
        specs=[
            spec_of_all(
                BACKTEST, [*(key_of(t) for t in SERIES_TABLES), key_of(GAP)], "\n\nRun weekly, and when asked for."
            ).replace_attributes(automation_condition=None)
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[backtest_check_spec()],
    )
    @infrastructure_retried
    def imputation_backtest(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        job = home.job()
        with job.lake.connect() as connection:
            ensure_imputation(connection, job)
            tested = run_backtest(connection, job)
            rows = write_backtest(connection, job, tested)
            check = backtest_check_result(connection)
        context.log.info(log_line("backtested", tests=len(tested), rows=rows))
        facts: dict[str, Any] = {"dagster/row_count": rows}
        if tested:
            title = "Error of the default over that of each method"
            facts |= {"summary": markdown_table(summary_of(tested)), "plot": picture(backtest_picture(tested), title)}
        return dg.MaterializeResult(asset_key=key_of(BACKTEST), metadata=facts, check_results=[check])

    return imputation_backtest


def _picture(connection: Connection, stream: Stream, days: DayRange) -> dict[str, dg.MetadataValue]:
    """The week, or the days asked for if those are fewer, of whom most was filled in; nothing where nothing was."""
    first = max(days.start, days.end - timedelta(days=_DAYS_SHOWN - 1))
    found = connection.execute(
        f"SELECT participant_id FROM {DAILY.qualified} WHERE stream = ? AND day BETWEEN ? AND ? AND imputed_min > 0"
        " GROUP BY 1 ORDER BY sum(imputed_min) DESC, 1 LIMIT 1",
        [stream.name, first, days.end],
    ).fetchone()
    if found is None:
        return {}
    title = f"{stream.name}: whom most was filled in of"
    data = read_series_of(connection, found[0], stream.name, first, days.end)
    return {"most_filled_in": picture(plot_series(data, title), title)}
