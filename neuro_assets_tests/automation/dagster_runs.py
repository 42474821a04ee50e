"""Runs as Dagster's storage would hold them, for what looks at runs without starting any."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.test_utils import create_run_for_test

from neuro_assets.keys import key_of_name


def put_run(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, job: str = "ingest", **tags: str
) -> dg.DagsterRun:
    """A run that stands at a status."""
    return create_run_for_test(instance, job_name=job, status=status, tags=tags)


def put_failed_run(instance: dg.DagsterInstance, job: str = "ingest") -> dg.DagsterRun:
    """A run that has just failed."""
    run = put_run(instance, dg.DagsterRunStatus.STARTED, job)
    instance.report_run_failed(run)
    return run


def put_run_under_way(instance: dg.DagsterInstance, names: Iterable[str], day: str) -> dg.DagsterRun:
    """A started run that is going to materialise one day of some assets."""
    keys = [key_of_name(n) for n in names]
    run = create_run_for_test(
        instance,
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": day},
        asset_selection=set(keys),
    )
    for key in keys:
        event = DagsterEvent.build_asset_materialization_planned_event(
            run.job_name, "step", AssetMaterializationPlannedData(key, partition=day)
        )
        instance.report_dagster_event(event, run.run_id)
    return run
