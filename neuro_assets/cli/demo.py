"""`neuro simulate` and `neuro demo`: a study whose truth is known, and what was found of it."""

import os
import shutil
import signal
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuro_assets.cli.console import err, fail, out, table
from neuro_assets.cli.context import open_home, use_dagster_home
from neuro_assets.cli.demo_report import Finding, compare_with_truth
from neuro_assets.cli.files import report_to_dagster
from neuro_assets.home import STORAGE_VARIABLE
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.settings import load_settings

if TYPE_CHECKING:
    from neuro_assets.simulate import SimulationPlan
    from neuro_assets.simulate.minutes import MinutePlan

PARTICIPANTS, DAYS, SEED = 20, 45, 1
DEMO = "demo"
SERVED_PARTICIPANTS, SERVED_DAYS, SERVED_PORT = 10, 30, 8710


def simulate(
    folder: Annotated[Path | None, typer.Argument(metavar="OUT", help="Folder to write to.")] = None,
    scenario: Annotated[
        str,
        typer.Option(help="demo: the study of `neuro demo`, by the hour. full: by the minute, everything goes wrong."),
    ] = DEMO,
    plan: Annotated[
        Path | None, typer.Option(help="YAML file that says what to plant (docs/simulator.md); instead of a scenario.")
    ] = None,
    participants: Annotated[int | None, typer.Option(help="People; both scenarios have 20.")] = None,
    days: Annotated[int | None, typer.Option(help="Days; demo has 45, full 30.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same files.")] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; both begin on 2016-02-20.")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="hour|minute", help="Finest files: demo has hour, full minute.")
    ] = None,
    exports: Annotated[int | None, typer.Option(help="Exports, at equal distances: full has 3; demo always 2.")] = None,
    serve_google_health: Annotated[
        bool,
        typer.Option(
            "--serve-google-health",
            help="Write nothing: serve a pretended Google Health of --participants (10) with --days (30) behind them,"
            " until stopped (docs/google-health-server.md).",
        ),
    ] = False,
    port: Annotated[int, typer.Option(help="Of --serve-google-health; 0 for any.")] = SERVED_PORT,
) -> None:
    """Write a synthetic study as Fitabase files, with the truth beside them.

    OUT gets exports/ (drop them into landing/), truth/ (what was planted), study.yaml and participants.csv.
    """
    if serve_google_health:
        seed = SEED if seed is None else seed
        _serve_google_health(port, participants or SERVED_PARTICIPANTS, days or SERVED_DAYS, seed)
        return
    if folder is None:
        fail("OUT is missing: the folder to write to")
        raise typer.Exit(2)
    asked = {"participants": participants, "days": days, "seed": seed, "start": start.date() if start else None}
    asked |= {"resolution": resolution, "exports": exports}
    asked = {name: value for name, value in asked.items() if value is not None}
    try:
        planned = _demo_plan(asked) if plan is None and scenario == DEMO else _minute_plan(scenario, plan, asked)
    except ValueError as error:
        fail(str(error))
        raise typer.Exit(2) from None
    files = _write(folder, planned)
    out.print(f"{len(files)} export files in {folder / 'exports'}, what is true in {folder / 'truth'}")


def _serve_google_health(port: int, participants: int, days: int, seed: int) -> None:
    """Serve a world that goes with the clock, and say how a study connects to it."""
    from neuro_assets.simulate.google_health import GoogleHealthServer, World

    world = World(participants, datetime.now().astimezone().date() - timedelta(days=days), seed, live=True)
    try:
        server = GoogleHealthServer(world, port=port)
    except OSError as error:
        fail(f"port {port} of this machine cannot be had ({error.strerror}); choose another with --port")
        raise typer.Exit(1) from None
    with server:
        out.print(f"{participants} people with {days} days behind them, who live on with the clock: {server.url}")
        out.print("In the shell of a study:")
        for name, value in server.environment.items():
            out.print(f"  export {name}={value}", soft_wrap=True)
        first, last = min(world.people), max(world.people)
        out.print(f"Then: neuro participants connect ID, and choose an account of {first} to {last} on the page.")
        out.print("Ctrl-C stops it; accounts have to be connected again then.")
        stopped = threading.Event()
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda *_: stopped.set())
        stopped.wait()
        out.print(f"{len(server.log):,} requests answered")


def demo() -> None:
    """Simulate 20 people for 45 days, run everything, and hold what was found against what is true."""
    _leave_the_study_alone()
    settings = load_settings()
    settings = settings.model_copy(update={"home": settings.home / "demo"})
    use_dagster_home(settings)
    started = time.monotonic()
    simulated = settings.home / "simulated"
    files = _write(simulated, _demo_plan({"participants": PARTICIPANTS, "days": DAYS, "seed": SEED}))
    for name in ("study.yaml", "participants.csv"):
        shutil.copyfile(simulated / name, settings.home / name)
    err.print(f"{PARTICIPANTS} people, {DAYS} days, {len(files)} export files ({time.monotonic() - started:.0f} s)")
    job = open_home()
    _drop_and_load(job, files, simulated / "exports")
    _run_everything(job)
    with job.lake.connect(read_only=True) as connection:
        findings = compare_with_truth(connection, simulated / "truth")
    _tell(findings, settings.home, time.monotonic() - started)
    if not all(f.is_as_expected for f in findings):
        raise typer.Exit(1)


def _leave_the_study_alone() -> None:
    """The demo has a home, a lake and records of its own, wherever the environment keeps those of a study."""
    for name in ("NEURO_STUDY", "NEURO_CATALOG", "NEURO_DATA", STORAGE_VARIABLE):
        os.environ.pop(name, None)


def _demo_plan(asked: dict[str, Any]) -> "SimulationPlan":
    """Raise ValueError for what the scenario does not have."""
    from neuro_assets.simulate import SimulationPlan

    if asked.pop("resolution", "hour") != "hour" or asked.pop("exports", 2) != 2:
        raise ValueError("demo has files by the hour and two exports; add --scenario full or --plan FILE for others")
    return SimulationPlan(**asked)


def _minute_plan(scenario: str, plan: Path | None, asked: dict[str, Any]) -> "MinutePlan":
    """Raise ValueError for a plan that cannot be used."""
    from neuro_assets.simulate import minutes

    base = minutes.load_plan(plan) if plan else minutes.scenario(scenario)
    if "exports" in asked:
        kept = base.exports.model_dump(exclude={"days"})
        asked["exports"] = kept | {"count": asked["exports"]}
    return minutes.changed(base, **asked)


def _write(folder: Path, plan: "SimulationPlan | MinutePlan") -> list[Path]:
    from neuro_assets.simulate import SimulationPlan, minutes, simulate_study, write_study

    if isinstance(plan, SimulationPlan):
        return write_study(simulate_study(plan), folder)
    return minutes.write_minutes(minutes.plant_minutes(plan), folder)


def _drop_and_load(job: Ingest, files: list[Path], root: Path) -> None:
    """Put the exports into landing/, as a person would, and load them."""
    landed = []
    for file in files:
        target = job.settings.landing / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        landed.append(target)
    started = time.monotonic()
    outcomes = list(ingest_paths(job, landed))
    rows = sum(o.line.rows or 0 for o in outcomes if o.outcome == "loaded")
    err.print(
        f"{sum(o.outcome == 'loaded' for o in outcomes)} files with {rows:,} rows loaded,"
        f" {sum(o.outcome == 'duplicate' for o in outcomes)} seen before ({time.monotonic() - started:.0f} s)"
    )


def _run_everything(job: Ingest) -> None:
    from neuro_assets.cli.work import run

    report_to_dagster(job)
    run(since=None, until=None, select=None, learn=False, as_json=False)


def _tell(findings: list[Finding], home: Path, seconds: float) -> None:
    out.print()
    table(
        "What was planted, and what the tables say",
        ["", "planted", "found", ""],
        [[f.question, f.planted, f.found, f.verdict] for f in findings],
    )
    out.print(f"done in {seconds:.0f} s. The study is in {home}. Next:")
    person = "participant_id=P008 day=2016-03-31"
    out.print(f"  neuro --home {home} dev          the Dagster interface, on http://127.0.0.1:3000")
    out.print(f"  neuro --home {home} status       files, days, holds, quarantine")
    out.print(f"  neuro --home {home} trace baselines.user_activity_deviation {person}")
    out.print(f'  neuro --home {home} sql "select * from baselines.user_engagement_trend"')
    out.print(f"  neuro --home {home} train        models of its answers: one that holds, and one that does not")
    out.print("`neuro` is .venv/bin/neuro. Your own study: neuro init, then edit .neuro/study.yaml.")
