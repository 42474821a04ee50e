"""`neuro simulate` and `neuro demo`: a study whose truth is known, and what was found of it."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.console import err, out, table
from neuro_assets.cli.context import open_home, use_dagster_home
from neuro_assets.cli.demo_report import Finding, compare_with_truth
from neuro_assets.cli.files import report_to_dagster
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.settings import load_settings

PARTICIPANTS, DAYS, SEED = 20, 45, 1


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.")],
    participants: Annotated[int, typer.Option(help="People.")] = PARTICIPANTS,
    days: Annotated[int, typer.Option(help="Days.")] = DAYS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = SEED,
) -> None:
    """Write a synthetic study as Fitabase files, with the truth beside them."""
    files = _write(folder, participants, days, seed)
    out.print(f"{len(files)} export files in {folder / 'exports'}, what is true in {folder / 'truth'}")


def demo() -> None:
    """Simulate 20 people for 45 days, run everything, and hold what was found against what is true."""
    settings = load_settings()
    settings = settings.model_copy(update={"home": settings.home / "demo", "study": None})
    use_dagster_home(settings)
    started = time.monotonic()
    simulated = settings.home / "simulated"
    files = _write(simulated, PARTICIPANTS, DAYS, SEED)
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


def _write(folder: Path, participants: int, days: int, seed: int) -> list[Path]:
    from neuro_assets.simulate import SimulationPlan, simulate_study, write_study

    return write_study(simulate_study(SimulationPlan(participants=participants, days=days, seed=seed)), folder)


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
    run(since=None, until=None, select=None, as_json=False)


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
    out.print("`neuro` is .venv/bin/neuro. Your own study: neuro init, then edit .neuro/study.yaml.")
