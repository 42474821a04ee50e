"""`neuro run` and `neuro maintain`: doing now what automation would do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, Any

import typer

from neuro_assets.cli.console import err, fail, out, print_json
from neuro_assets.cli.context import open_home, quiet_dagster
from neuro_assets.cli.files import report_to_dagster
from neuro_assets.ingest.load import Ingest
from neuro_assets.settings import load_settings

# The whole log of a run is in Dagster; the terminal gets one line a run and what failed.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def open_instance() -> Iterator[Any]:
    """The home's Dagster instance."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance


def load_graph() -> Any:
    """The definitions of the home."""
    from neuro_assets.definitions import build_definitions

    return build_definitions()


def stale_plan(instance: Any, definitions: Any, since: str | None = None, until: str | None = None) -> Any:
    """What is out of date, within a range of days."""
    from neuro_assets.automation.stale import StalePlan, plan_stale, read_states

    plan = plan_stale(read_states(instance, definitions.resolve_asset_graph()))
    days = {name: [d for d in found if (since or d) <= d <= (until or d)] for name, found in plan.days.items()}
    return StalePlan({name: found for name, found in days.items() if found}, plan.whole)


def run(
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")] = None,
    select: Annotated[
        str | None,
        typer.Option(help="Only these assets (a Dagster selection), stale or not, for the given days."),
    ] = None,
    learn: Annotated[bool, typer.Option(help="Let models learn anew that are due by the protocol.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Materialise what is out of date, then say what was done. Exit code 1 if a run failed."""
    job = open_home()
    quiet_dagster()
    from neuro_assets.automation.run_records import record_runs
    from neuro_assets.automation.runs import fail_orphans

    with open_instance() as instance:
        fail_orphans(instance)
        report_to_dagster(job)
        definitions = load_graph()
        done = (
            _run_selected(instance, definitions, job, select, since, until)
            if select
            else (_run_stale(instance, definitions, since, until))
        )
        if learn and not select and all(d["success"] for d in done):
            done += _run_due(instance, definitions, job)
        record_runs(job, instance)
    if as_json:
        print_json({"runs": done})
    elif not done:
        out.print("everything is current")
    else:
        ended = "failed" if any(not d["success"] for d in done) else "done"
        out.print(f"{ended}: {sum(d['success'] for d in done)} of {len(done)} runs, {_days_told(done)}")
    if any(not d["success"] for d in done):
        raise typer.Exit(1)


def _days_told(done: list[dict[str, Any]]) -> str:
    spans = [f"{d['from']} to {d['to']}" for d in done if d["from"]]
    return f"days {', '.join(spans)}" if spans else "tables of the whole record"


def _run_stale(instance: Any, definitions: Any, since: str | None, until: str | None) -> list[dict[str, Any]]:
    from neuro_assets.keys import key_of_name

    plan = stale_plan(instance, definitions, since, until)
    before, done = None, []
    # A run may find that it concerns days beside its own (`coverage.wear`): they are out of date then, and follow.
    while plan.days and plan.days != before and all(d["success"] for d in done):
        for span, names in plan.ranges():
            keys = [key_of_name(n) for n in names]
            done.append(execute(instance, definitions, keys, str(span.start), str(span.end)))
        before, plan = plan.days, stale_plan(instance, definitions, since, until)
    if plan.whole and all(d["success"] for d in done):
        done.append(execute(instance, definitions, [key_of_name(n) for n in plan.whole]))
    return done


def _run_due(instance: Any, definitions: Any, job: Ingest) -> list[dict[str, Any]]:
    """Let the models learn that are due, as the sensor would."""
    from neuro_assets.cli import model

    due = model.due_models(job) if job.study.models else {}
    return model.learn(instance, definitions, job, due, "neuro run") if due else []


def _run_selected(
    instance: Any, definitions: Any, job: Ingest, select: str, since: str | None, until: str | None
) -> list[dict[str, Any]]:
    import dagster as dg

    graph = definitions.resolve_asset_graph()
    keys = dg.AssetSelection.from_string(select).resolve(graph)
    by_day = [k for k in keys if graph.get(k).is_executable and graph.get(k).partitions_def]
    whole = [k for k in keys if graph.get(k).is_executable and not graph.get(k).partitions_def]
    window = job.window
    done = []
    if by_day:
        done.append(execute(instance, definitions, by_day, since or str(window.start), until or str(window.end)))
    if whole and all(d["success"] for d in done):
        done.append(execute(instance, definitions, whole))
    return done


def execute(
    instance: Any,
    definitions: Any,
    keys: list[Any],
    start: str | None = None,
    end: str | None = None,
    *,
    config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Materialise assets in one run, for a range of days where they have some; tells what failed, and what was run."""
    from neuro_assets.automation.runs import PID_TAG, process_tag
    from neuro_assets.keys import table_name

    tags = {PID_TAG: process_tag()}
    if start and end:
        tags |= {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}
    names = sorted(table_name(k) for k in keys)
    err.print(f"running {', '.join(names)}" + (f" for {start} to {end}" if start else ""))
    log = load_settings().home / "logs" / "run.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as handle, redirect_stdout(handle):
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=keys, tags=tags, raise_on_error=False, run_config=_QUIET | (config or {})
        )
    if not result.success:
        for event in result.all_events:
            if event.is_step_failure:
                error = event.event_specific_data.error
                cause = error.cause or error if error else None
                # The name of the class says nothing to whoever reads the terminal.
                told = re.sub(r"^[\w.]+Error: ", "", cause.message.strip()) if cause else "failed"
                fail(f"{event.step_key}: {told}")
    return {"run_id": result.run_id, "assets": names, "from": start, "to": end, "success": result.success}


def maintain() -> None:
    """Merge small files, forget old snapshots, remove orphaned files."""
    from neuro_assets.lake.maintenance import maintain as maintain_lake

    report = maintain_lake(open_home().lake)
    out.print(
        f"files {report.files_before} -> {report.files_after}, snapshots {report.snapshots_before} ->"
        f" {report.snapshots_after}, {report.files_removed} files removed"
    )
