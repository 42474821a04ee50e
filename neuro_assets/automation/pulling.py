"""Pulling by itself: everybody once a day, and between times whoever has waited too long or has just consented."""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from neuro_assets.assets.describe import log_line
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.assets.google_health import WAIT_S, report_pulls
from neuro_assets.automation.report import report_touched
from neuro_assets.automation.runs import IN_PROGRESS
from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.overdue import overdue_people
from neuro_assets.connectors.google_health.pull import NoAccountsError, is_pulling, pull, report_of, rules_of
from neuro_assets.resources.home import HomeResource
from neuro_assets.study import Study

_INTERVAL_S = 300
# Who could not be pulled is tried again after this long, not at every look.
_AGAIN = timedelta(hours=2)


class PullConfig(dg.Config):
    """Whom to pull; an empty list is everybody who is connected."""

    people: list[str] = Field(default_factory=list)


@dg.op(name="pull_accounts", description="Pulls what is due from participants' accounts, and reports touched days.")
@infrastructure_retried
def pull_accounts(context: dg.OpExecutionContext, config: PullConfig, home: HomeResource) -> None:
    """Pull, load, report."""
    job = home.job()
    started = time.monotonic()
    try:
        outcomes = list(pull(job, config.people or None, wait_s=WAIT_S))
    except NoAccountsError as nobody:
        context.log.info(log_line("pull", skipped=str(nobody)))
        return
    report = report_of(job, outcomes, started)
    days = report_touched(job, context.log_event)
    report_pulls(context, job)
    counts = {f"{outcome} {code}".strip(): n for (outcome, code), n in report.outcomes.items()}
    context.log.info(
        log_line("pull", duration_ms=round(1000 * report.seconds), people=report.people, requests=report.requests)
    )
    context.add_output_metadata(
        {
            "participants": report.people,
            "requests": report.requests,
            "days_changed": report.changed_days,
            "days_reported": days,
            "data_types": counts,
            "seconds": report.seconds,
        }
    )


@dg.job(name="pull", description="What is new in participants' accounts.")
def pull_job() -> None:
    """Pull accounts."""
    pull_accounts()


def build_pulling(
    study: Study,
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition], list[dg.JobDefinition]]:
    """Sensor, schedule and job of a study that pulls from accounts; nothing for any other."""
    if study.google_health is None:
        return [], [], []
    hour, minute = study.google_health.pull_at.split(":")
    daily = dg.ScheduleDefinition(
        name="pull_each_day",
        job=pull_job,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=study.default_time_zone or "UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )

    @dg.sensor(
        name="overdue_accounts",
        job=pull_job,
        minimum_interval_seconds=_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Pulls who has just consented, and who has not been pulled for too long.",
    )
    def overdue_accounts(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult | dg.SkipReason:
        runs = dg.RunsFilter(job_name=pull_job.name, statuses=list(IN_PROGRESS))
        if context.instance.get_run_records(runs, limit=1):
            return dg.SkipReason("a pull is under way")
        job = home.job()
        if is_pulling(job):
            return dg.SkipReason("a pull is under way")
        now = datetime.now(UTC)
        people = overdue_people(job, Accounts(job.settings, job.study), rules_of(job.study), now, _AGAIN)
        if not people:
            return dg.SkipReason("nobody is overdue")
        config = {"ops": {"pull_accounts": {"config": {"people": people}}}}
        return dg.SensorResult(run_requests=[dg.RunRequest(run_config=config)])

    return [overdue_accounts], [daily], [pull_job]
