"""The safety net: what an interrupted run, a restart or a lost event left undone is found and done."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import dagster as dg

from neuro_assets.automation.ingest_job import ingest_job
from neuro_assets.automation.landing import ingest_runs, wait_left_s
from neuro_assets.automation.run_records import record_runs
from neuro_assets.automation.runs import IN_PROGRESS, fail_orphans
from neuro_assets.automation.stale import StalePlan, plan_stale, read_states
from neuro_assets.ingest import outbox
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.ingest.replay import study_changes
from neuro_assets.keys import key_of_name
from neuro_assets.lake.lake import LakeBusyError
from neuro_assets.resources.home import HomeResource

INTERVAL_S = 30
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass(frozen=True)
class Net:
    """What a look found, in the order in which it is mended."""

    has_leftovers: bool
    is_busy: bool
    stale: StalePlan


@dataclass(frozen=True)
class NetState:
    """Remembered between looks: since when the same plan has been seen idle, and how often it was requested."""

    key: str = ""
    looks: int = 0
    requests: int = 0
    requested_at: float = 0.0


def plan_requests(net: Net, state: NetState, now: float) -> tuple[list[dg.RunRequest], NetState]:
    """Runs to request for what stays stale while nothing runs.

    Automation has the first word: only what is stale in two looks in a row, with nothing under way, is requested
    here. A plan that does not get better is requested again after 1, 2, 4 … minutes, at most an hour.
    """
    if net.is_busy:
        # What was requested may be what runs: the count of requests goes on, the looks in a row do not.
        return [], replace(state, looks=0)
    if net.stale.is_empty:
        return [], NetState()
    key = hashlib.sha256(json.dumps([net.stale.days, net.stale.whole], sort_keys=True).encode()).hexdigest()
    if key != state.key:
        return [], NetState(key=key, looks=1)
    wait = min(3600.0, 60.0 * 2 ** (state.requests - 1)) if state.requests else 0.0
    if state.looks < 1 or now - state.requested_at < wait:
        return [], NetState(key, state.looks + 1, state.requests, state.requested_at)
    return _run_requests(net.stale), NetState(key, 0, state.requests + 1, now)


def _run_requests(plan: StalePlan) -> list[dg.RunRequest]:
    requests = [
        dg.RunRequest(
            asset_selection=[key_of_name(n) for n in names],
            tags={_RANGE[0]: str(span.start), _RANGE[1]: str(span.end), "neuro/cause": "catch_up"},
        )
        for span, names in plan.ranges()
    ]
    if not requests and plan.whole:
        requests.append(
            dg.RunRequest(asset_selection=[key_of_name(n) for n in plan.whole], tags={"neuro/cause": "catch_up"})
        )
    return requests


def has_leftovers(job: Ingest) -> bool:
    """Whether an ingest without files has something to do: left-over files, open reports, a changed protocol."""
    if job.settings.processing.exists() and any(job.settings.processing.iterdir()):
        return True
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        return bool(outbox.pending(connection)) or bool(study_changes(connection, job))


def build_catch_up_sensor() -> dg.SensorDefinition:
    """The sensor that looks for runs that should have happened and have not; `leftovers` looks for ingests."""

    @dg.sensor(
        name="catch_up",
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        asset_selection=dg.AssetSelection.all() - dg.AssetSelection.groups("raw", "ops"),
        description="Finds what an interruption left undone: orphaned runs, unrecorded runs, stale days.",
    )
    def catch_up(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult:
        instance, job = context.instance, home.job()
        orphans = fail_orphans(instance)
        try:
            record_runs(job, instance)
        except LakeBusyError:
            context.log.info("the lake is being written; runs are recorded at the next look")
        net = _look(context, job)
        cursor = json.loads(context.cursor or "{}")
        known = NetState(**cursor)
        requests, state = ([], known) if net.has_leftovers else plan_requests(net, known, time.time())
        told = f"{len(orphans)} orphaned runs failed; " if orphans else ""
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(_as_dict(state)),
            skip_reason=None if requests else f"{told}{_in_words(net)}",
        )

    return catch_up


def build_leftovers_sensor() -> dg.SensorDefinition:
    """The sensor for what an ingest left over; one of its own, since a sensor of assets can start no other job."""

    @dg.sensor(
        name="leftovers",
        job=ingest_job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds what an ingest left undone: files in processing/, open reports, a changed protocol.",
    )
    def leftovers(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult:
        if _is_busy(context.instance):
            return dg.SensorResult(skip_reason="runs are under way")
        if not has_leftovers(home.job()):
            return dg.SensorResult(skip_reason="nothing is left over")
        if wait := wait_left_s(ingest_runs(context.instance), time.time()):
            return dg.SensorResult(skip_reason=f"the last ingest failed; next try in {wait:.0f} s")
        return dg.SensorResult(run_requests=[dg.RunRequest()])

    return leftovers


def _look(context: dg.SensorEvaluationContext, job: Ingest) -> Net:
    instance = context.instance
    if _is_busy(instance):
        return Net(has_leftovers=False, is_busy=True, stale=StalePlan())
    definition = context.repository_def
    if definition is None:
        raise dg.DagsterInvariantViolationError("catch_up needs the repository it runs in")
    plan = plan_stale(read_states(instance, definition.asset_graph))
    return Net(has_leftovers(job), is_busy=False, stale=plan)


def _is_busy(instance: dg.DagsterInstance) -> bool:
    return bool(instance.get_run_records(dg.RunsFilter(statuses=list(IN_PROGRESS)), limit=1)) or any(
        not b.status.value.startswith(("COMPLETED", "CANCELED", "FAILED")) for b in instance.get_backfills(limit=5)
    )


def _as_dict(state: NetState) -> Mapping[str, object]:
    return {
        "key": state.key,
        "looks": state.looks,
        "requests": state.requests,
        "requested_at": state.requested_at,
    }


def _in_words(net: Net) -> str:
    if net.is_busy:
        return "runs are under way"
    if net.has_leftovers:
        return "an ingest goes first"
    return "everything is current" if net.stale.is_empty else "something is stale; automation has the first word"
