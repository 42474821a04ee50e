"""The ingest job: loads landed files, follows a changed protocol, reports the touched days."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from neuro_assets.assets.describe import log_line
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.automation.report import report_touched
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.replay import reconcile_study
from neuro_assets.resources.home import HomeResource

INGEST_TAG = "neuro/ingest"


class IngestConfig(dg.Config):
    """Which files of landing/ to take; an empty list settles left-overs, protocol changes and open reports."""

    names: list[str] = Field(default_factory=list)


@dg.op(
    name="ingest_files",
    description="Loads files from landing/, one lake transaction each, and reports the days they touched.",
)
@infrastructure_retried
def ingest_files(context: dg.OpExecutionContext, config: IngestConfig, home: HomeResource) -> None:
    """Load, follow the protocol, report."""
    job = home.job()
    started = time.monotonic()
    outcomes = load_names(job, config.names, context.log)
    changes = reconcile_study(job)
    if changes:
        context.log.info(log_line("study_changed", subjects=len(changes)))
    days = report_touched(job, context.log_event)
    kinds = ("loaded", "duplicate", "rejected", "unpacked")
    counts = {kind: sum(o.outcome == kind for o in outcomes) for kind in kinds}
    context.log.info(log_line("ingest", duration_ms=_ms(started), days_reported=days, **counts))
    context.add_output_metadata({**counts, "days_reported": days, "rows": sum(o.line.rows or 0 for o in outcomes)})


def load_names(job: Ingest, names: list[str], log: Any) -> list[FileOutcome]:
    """Load files of landing/ by name and log one line each."""
    outcomes = []
    started = time.monotonic()
    for outcome in ingest_paths(job, [job.settings.landing / Path(name) for name in names]):
        log.info(
            log_line(
                "file",
                file_id=outcome.file_id[:12],
                outcome=outcome.outcome,
                table=outcome.line.raw_table,
                rows=outcome.line.rows,
                days=outcome.touched_days,
                reason_code=outcome.line.reason_code,
                duration_ms=_ms(started),
            )
        )
        outcomes.append(outcome)
        started = time.monotonic()
    return outcomes


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


@dg.job(name="ingest", tags={INGEST_TAG: "true"}, description="What the landing sensor starts.")
def ingest_job() -> None:
    """Load what has landed."""
    ingest_files()
