"""What follows from answers: the wide view of each instrument, scores, and what is odd."""

from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line, markdown_table, results_of, spec_of_all, spec_of_days
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.checks.surveys import (
    anomaly_check_results,
    anomaly_check_specs,
    survey_check_results,
    survey_check_specs,
)
from neuro_assets.ingest.load import prepare_tables
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange, range_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.scoring.anomalies import find_anomalies, write_anomalies
from neuro_assets.scoring.compute import score_days, wide_table
from neuro_assets.sources.load import Sources
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import (
    SURVEY_ANOMALY,
    SURVEY_FLAG,
    SURVEY_RESPONSE,
    SURVEY_SCORE,
    SURVEY_SUBMISSION,
    SURVEY_TABLES,
)
from neuro_assets.surveys.load import codebooks_of


def build_survey_assets(sources: Sources, partitions: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Scores, flags, anomalies and a wide view for each instrument of the study; none where it has no instrument."""
    codebooks = codebooks_of(sources)
    if not codebooks:
        return []
    wide = tuple(wide_table(c) for c in codebooks)
    tables = (*SURVEY_TABLES, *wide)

    @dg.multi_asset(
        name="survey_scores",
        specs=[spec_of_days(table, [key_of(SURVEY_RESPONSE)], partitions) for table in tables],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=survey_check_specs(wide),
        can_subset=False,
    )
    @infrastructure_retried
    def survey_scores(context: dg.AssetExecutionContext, home: HomeResource):
        job, days = home.job(), range_of(context)
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, job.tables)
            report = score_days(connection, job, days.start, days.end)
            context.log.info(log_line("scored", days=str(days), responses=report.responses, scores=report.scores))
            checks = survey_check_results(connection, days, wide)
            return results_of(checks, {table: _metadata(connection, table, days) for table in tables})

    @dg.multi_asset(
        name="survey_anomalies",
        specs=[spec_of_all(SURVEY_ANOMALY, [key_of(SURVEY_SUBMISSION)])],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=anomaly_check_specs(),
        can_subset=False,
    )
    @infrastructure_retried
    def survey_anomalies(context: dg.AssetExecutionContext, home: HomeResource):
        job = home.job()
        with job.lake.connect() as connection:
            prepare_tables(job.lake, connection, (*job.tables, *SURVEY_TABLES))
            found = find_anomalies(connection, job)
            write_anomalies(connection, job, found)
            checks = anomaly_check_results(connection)
        context.log.info(log_line("anomalies_found", rows=found.rows.height))
        told = {"dagster/row_count": found.rows.height, "judged": markdown_table(found.judged)}
        (result,) = results_of(checks, {SURVEY_ANOMALY: told})
        return result

    return [survey_scores, survey_anomalies]


def _metadata(connection: Connection, table: Table, days: DayRange) -> dict[str, Any]:
    """How many rows the days have, and of what."""
    by = {SURVEY_SCORE: ("instrument", "score_name", "band"), SURVEY_FLAG: ("instrument", "flag")}.get(table)
    inside = f"FROM {table.qualified} WHERE day BETWEEN ? AND ?"
    bound = [days.start, days.end]
    counted = connection.execute(f"SELECT count(*) {inside}", bound).fetchall()[0][0]
    told: dict[str, Any] = {"rows_of_these_days": counted}
    if by and counted:
        columns = ", ".join(by)
        frame = connection.execute(
            f"SELECT {columns}, count(*) AS responses {inside} GROUP BY ALL ORDER BY ALL", bound
        ).pl()
        told["responses"] = markdown_table(frame)
    return told
