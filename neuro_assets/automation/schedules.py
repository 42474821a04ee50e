"""What runs by the clock: nightly maintenance of the lake, who is to be contacted today, a weekly digest."""

import time
from datetime import UTC, datetime

import dagster as dg

from neuro_assets.assets.describe import log_line
from neuro_assets.assets.failures import infrastructure_retried
from neuro_assets.keys import key_of
from neuro_assets.lake.maintenance import maintain
from neuro_assets.resources.home import HomeResource
from neuro_assets.status import digest_text, read_status
from neuro_assets.streams.coverage import PEOPLE_TABLES
from neuro_assets.streams.imputed import BACKTEST
from neuro_assets.study import Study


@dg.op(name="maintain_lake", description="Merges small files, forgets old snapshots, removes orphaned files.")
@infrastructure_retried
def maintain_lake(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Maintain the lake."""
    started = time.monotonic()
    report = maintain(home.job().lake)
    context.add_output_metadata(vars(report))
    context.log.info(log_line("maintenance", duration_ms=round((time.monotonic() - started) * 1000), **vars(report)))


@dg.job(name="maintenance", description="Nightly care of the lake.")
def maintenance_job() -> None:
    """Maintain the lake."""
    maintain_lake()


@dg.op(name="write_digest", description="Writes the study's state in words to reports/.")
@infrastructure_retried
def write_digest(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Write the digest."""
    job = home.job()
    text = digest_text(read_status(job))
    path = job.settings.home / "reports" / f"digest_{datetime.now(UTC):%Y-%m-%d}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    context.add_output_metadata({"digest": dg.MetadataValue.md(text), "file": path.name})


@dg.job(name="digest", description="The week's state of the study in words.")
def digest_job() -> None:
    """Write the digest."""
    write_digest()


def build_people_schedule(study: Study) -> dg.ScheduleDefinition:
    """Everybody is looked at each morning: who has fallen silent shows by the clock alone, not by a file."""
    return dg.ScheduleDefinition(
        name="people_each_morning",
        job=dg.define_asset_job(
            "people",
            selection=dg.AssetSelection.assets(*(key_of(t) for t in PEOPLE_TABLES)),
            description="Where everybody stands now: overview, adherence, worklist.",
        ),
        cron_schedule="0 6 * * *",
        execution_timezone=study.default_time_zone or "UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def build_backtest_schedule(study: Study) -> dg.ScheduleDefinition:
    """Each week the study's own record tells how well its gaps are filled in."""
    return dg.ScheduleDefinition(
        name="weekly_backtest",
        job=dg.define_asset_job(
            "backtest",
            selection=dg.AssetSelection.assets(key_of(BACKTEST)),
            description="How well each method fills what was observed and hidden.",
        ),
        cron_schedule="0 4 * * 1",
        execution_timezone=study.default_time_zone or "UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


maintenance_schedule = dg.ScheduleDefinition(
    name="nightly_maintenance",
    job=maintenance_job,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
digest_schedule = dg.ScheduleDefinition(
    name="weekly_digest",
    job=digest_job,
    cron_schedule="0 6 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
