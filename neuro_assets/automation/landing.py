"""The landing sensor: a thin shell over `plan_ingest`; no file is opened inside a tick."""

import json
import time
from dataclasses import dataclass

import dagster as dg

from neuro_assets.automation.ingest_job import ingest_job
from neuro_assets.automation.runs import IN_PROGRESS, consecutive_failures
from neuro_assets.ingest.inbox import list_landing, plan_ingest
from neuro_assets.settings import Settings

INTERVAL_S = 5
MAX_WAIT_S = 900.0


@dataclass(frozen=True)
class IngestRuns:
    """What the ingest job has been doing: is one under way, how many failed since the last good one, and when."""

    is_active: bool
    failures: int
    last_failed_at: float | None


def wait_left_s(runs: IngestRuns, now: float) -> float:
    """Seconds until a failed ingest is tried again: 10 s, doubling, at most 15 minutes; 0 if the clock was set back."""
    if not runs.failures or runs.last_failed_at is None:
        return 0.0
    if runs.last_failed_at > now:
        return 0.0
    return max(0.0, runs.last_failed_at + min(MAX_WAIT_S, 10.0 * 2 ** (runs.failures - 1)) - now)


def ingest_runs(instance: dg.DagsterInstance) -> IngestRuns:
    """The state of the ingest job, from Dagster's run storage."""
    active = instance.get_run_records(dg.RunsFilter(job_name=ingest_job.name, statuses=list(IN_PROGRESS)), limit=1)
    failures, last = consecutive_failures(instance, ingest_job.name)
    return IngestRuns(bool(active), failures, last)


def build_landing_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor of a home's landing folder."""

    @dg.sensor(
        name="landing",
        job=ingest_job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts one ingest for the files that lie ready in landing/.",
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings.landing.mkdir(parents=True, exist_ok=True)
        listing = list_landing(settings.landing)
        if not listing:
            return dg.SensorResult(cursor="{}", skip_reason="landing/ is empty")
        runs = ingest_runs(context.instance)
        if runs.is_active:
            return dg.SkipReason("an ingest is under way")
        if wait := wait_left_s(runs, time.time()):
            return dg.SkipReason(f"the last ingest failed {runs.failures} times; next try in {wait:.0f} s")
        plan = plan_ingest(
            listing,
            json.loads(context.cursor or "{}"),
            time.time_ns(),
            settle_ns=int(settings.settle_s * 1e9),
        )
        cursor = json.dumps(dict(plan.waiting))
        if not plan.take:
            return dg.SensorResult(cursor=cursor, skip_reason=f"{len(listing)} files are still settling")
        config = {"ops": {"ingest_files": {"config": {"names": [f.name for f in plan.take]}}}}
        return dg.SensorResult(run_requests=[dg.RunRequest(run_config=config)], cursor=cursor)

    return landing
