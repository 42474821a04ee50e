"""Finished runs into `ops.pipeline_runs` and one JSON line per step into the log; idempotent, with catch-up."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from neuro_assets.assets.describe import log_line
from neuro_assets.automation.runs import FINISHED
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.lake.lake import LakeBusyError

TABLE = "ops.pipeline_runs"
_WAIT_S = 20.0
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_PARTITION = "dagster/partition"


def record_runs(job: Ingest, instance: dg.DagsterInstance, limit: int = 200) -> int:
    """Write the finished runs that the table lacks, newest `limit`; returns how many were written."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED)), limit=limit)
    if not records:
        return 0
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        known = {row[0] for row in connection.execute(f"SELECT run_id FROM {TABLE}").fetchall()}
        fresh = [r for r in reversed(records) if r.dagster_run.run_id not in known]
        if not fresh:
            return 0
        with job.lake.transaction(connection, [TABLE], timeout_s=_WAIT_S):
            known = {row[0] for row in connection.execute(f"SELECT run_id FROM {TABLE}").fetchall()}
            fresh = [r for r in fresh if r.dagster_run.run_id not in known]
            for record in fresh:
                connection.execute(
                    f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    list(_line(instance, record).values()),
                )
    _log_steps(job.settings.home / "logs" / "steps.jsonl", instance, fresh)
    return len(fresh)


def _line(instance: dg.DagsterInstance, record: dg.RunRecord) -> dict[str, object]:
    run = record.dagster_run
    single = run.tags.get(_PARTITION)
    started, ended = record.start_time, record.end_time
    return {
        "run_id": run.run_id,
        "job": run.job_name,
        "status": run.status.value,
        "partition_start": run.tags.get(_RANGE[0], single),
        "partition_end": run.tags.get(_RANGE[1], single),
        "started_at": datetime.fromtimestamp(started, UTC) if started else None,
        "ended_at": datetime.fromtimestamp(ended, UTC) if ended else None,
        "duration_ms": round((ended - started) * 1000) if started and ended else None,
        "error": _error(instance, run.run_id) if run.status == dg.DagsterRunStatus.FAILURE else None,
    }


def _error(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The first failure's class and first line; quoted values are left out, they may be a participant's."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        error = getattr(event.event_specific_data, "error", None) if event else None
        if error is not None:
            return _without_values(error.cause or error)
        if event and event.message:
            return event.message.splitlines()[0][:500]
    return None


def _without_values(error: Any) -> str:
    """The error's first line, which names its class, quoted values left out; an apostrophe is no quote."""
    line = next(iter(error.message.splitlines()), "")
    told = line if line.startswith(error.cls_name or "") else f"{error.cls_name}: {line}"
    return re.sub(r"(?<!\w)(['\"`]).*?\1(?!\w)", "'…'", told)[:500]


def _log_steps(path: Path, instance: dg.DagsterInstance, records: list[dg.RunRecord]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        for record in records:
            for step in instance.get_run_step_stats(record.dagster_run.run_id):
                taken = round((step.end_time - step.start_time) * 1000) if step.end_time and step.start_time else None
                line = log_line(
                    "step",
                    run_id=step.run_id,
                    job=record.dagster_run.job_name,
                    step=step.step_key,
                    status=step.status.value if step.status else None,
                    attempts=len(step.attempts_list),
                    duration_ms=taken,
                )
                log.write(line + "\n")


def build_run_sensors() -> list[dg.SensorDefinition]:
    """One run-status sensor per way a run can end; what a tick misses, catch-up writes."""
    from neuro_assets.resources.home import HomeResource

    def build(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
        @dg.run_status_sensor(
            run_status=status,
            name=f"record_{status.value.lower()}",
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=15,
            description=f"Writes runs that ended as {status.value} to ops.pipeline_runs.",
        )
        def recorder(context: dg.RunStatusSensorContext, home: HomeResource) -> dg.SkipReason:
            try:
                count = record_runs(home.job(), context.instance)
            except LakeBusyError:
                return dg.SkipReason("the lake is being written; catch-up will record this run")
            return dg.SkipReason(f"recorded {count} runs")

        return recorder

    return [build(status) for status in FINISHED]
