"""What Dagster's run storage knows: failures in a row, finished runs, runs whose process is gone."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.launcher import LaunchRunContext
from dagster._core.storage.runs import InMemoryRunStorage, SqliteRunStorage

IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
RUNNING = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
PID_TAG = "neuro/pid"
HOST_TAG = "neuro/host"
_START_GRACE_S = 180.0


class HostRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, a process on this machine for each run, which also says which machine that is.

    deploy/dagster.yaml names it: in a database that several machines share, a process number alone means nothing.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Tag the run with this host and launch it."""
        self._instance.add_run_tags(context.dagster_run.run_id, {HOST_TAG: socket.gethostname()})
        super().launch_run(context)


def consecutive_failures(instance: dg.DagsterInstance, job: str, limit: int = 12) -> tuple[int, float | None]:
    """How many of a job's latest finished runs failed in a row, and when the last of them ended (epoch seconds)."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=list(FINISHED)), limit=limit)
    failures, last = 0, None
    for record in records:
        if record.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
        last = last or record.end_time or record.update_timestamp.timestamp()
    return failures, last


def fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Fail runs of this machine whose process is gone, so that nothing waits for them; returns their ids.

    A killed process cannot report its own end; Dagster then shows its run as started for ever and automation waits.
    Runs that another machine or a launcher of its own looks after are left alone, and so are runs in a shared
    database that do not say where they live.
    """
    orphans = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[*RUNNING, dg.DagsterRunStatus.NOT_STARTED])):
        run = record.dagster_run
        if not _is_ours(instance, run):
            continue
        if run.status == dg.DagsterRunStatus.NOT_STARTED and PID_TAG not in run.tags:
            continue  # whoever made it may be about to launch it; `neuro run` makes its runs in its own process
        pid, since = _process_of(instance, record)
        gone = not is_alive(pid, since) if pid else time.time() - since > _START_GRACE_S
        if gone:
            instance.report_run_failed(run, message="The process of this run is gone (killed or crashed).")
            orphans.append(run.run_id)
    return orphans


def process_tag() -> str:
    """The value of `PID_TAG` for a run in this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_ours(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    host = run.tags.get(HOST_TAG) or run.tags.get(PID_TAG, "").rpartition(":")[0]
    if host:
        return host == socket.gethostname()
    return isinstance(instance.run_launcher, dg.DefaultRunLauncher) and not is_shared(instance)


def is_shared(instance: dg.DagsterInstance) -> bool:
    """Whether other machines may keep their runs in the same storage: in any but SQLite's files and memory."""
    return not isinstance(instance.run_storage, (SqliteRunStorage, InMemoryRunStorage))


def _process_of(instance: dg.DagsterInstance, record: dg.RunRecord) -> tuple[int | None, float]:
    """The process a run said it lives in, and since when; no process yet for one that is just starting."""
    # A run may have waited in the queue for long before it was launched, which is its last change.
    since = record.start_time or record.update_timestamp.timestamp()
    tagged = record.dagster_run.tags.get(PID_TAG)
    if tagged and HOST_TAG not in record.dagster_run.tags:
        return int(tagged.rpartition(":")[2]), since
    events = instance.get_records_for_run(
        record.dagster_run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=50
    ).records
    for event in reversed(events):
        dagster_event = event.event_log_entry.dagster_event
        data = dagster_event.event_specific_data if dagster_event else None
        pid = getattr(data, "metadata", {}).get("pid")
        if pid is not None:
            return int(str(pid.value)), event.timestamp
    return None, since


def is_alive(pid: int, since: float) -> bool:
    """Whether the process `pid` that was seen at `since` (epoch seconds) still runs; a reused number is not it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    status = Path(f"/proc/{pid}")
    if not status.exists():
        return True
    if "\nState:\tZ" in (status / "status").read_text():
        return False
    return _started_at(status) <= since + 5.0


def _started_at(process: Path) -> float:
    """When a process began (epoch seconds). Not the folder's ctime: the kernel makes that anew when memory is short."""
    ticks = int((process / "stat").read_text().rpartition(")")[2].split()[19])
    boot = next(li for li in Path("/proc/stat").read_text().splitlines() if li.startswith("btime"))
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")


def ended_at(record: dg.RunRecord) -> datetime | None:
    """When a run ended."""
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None
