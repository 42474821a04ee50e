"""What Dagster adds: loading the code location, a run around the work, and the way from a drop to fresh tables."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.benchmarks.homes import FIRST, FIRST_ID, new_home, write_hourly_steps
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart, take_turns
from neuro_assets_tests.command import NEURO, environment_of
from neuro_assets_tests.servers import free_port
from neuro_assets_tests.tables import load, query

ROUNDS, DROPS = 5, 3
PATIENCE_S = 600
_OURS = "import neuro_assets.definitions\nassert neuro_assets.definitions.defs"
_LIBRARIES = "import dagster, dagster_dbt, dagster_duckdb"
_FUNCTION = """
import os, time
from pathlib import Path
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.benchmarks.homes import FIRST, job_of
job = job_of(Path(os.environ["NEURO_HOME"]))
for _ in range(2):
    started = time.perf_counter()
    stage_days(job, stream("steps"), FIRST, FIRST)
    told["seconds"] = time.perf_counter() - started
"""
_RUN = """
import time
import dagster as dg
from neuro_assets.definitions import build_definitions
from neuro_assets_tests.benchmarks.homes import FIRST
definitions = build_definitions()
job = definitions.resolve_implicit_global_asset_job_def()
quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
with dg.DagsterInstance.get() as instance:
    for _ in range(2):
        started = time.perf_counter()
        result = job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["staging", "steps"])], partition_key=str(FIRST),
            run_config=quiet,
        )
        told["seconds"] = time.perf_counter() - started
        assert result.success
"""


def code_location(root: Path) -> Section:
    """Importing the definitions, against importing the libraries they are made with."""
    with new_home(root) as job:
        home = job.settings.home
        apart(_OURS, home)  # the first load parses the dbt project
        times = take_turns(
            ROUNDS,
            {"libraries": lambda _: apart(_LIBRARIES, home).seconds, "ours": lambda _: apart(_OURS, home).seconds},
        )
    ratio = times["ours"].median / times["libraries"].median
    return Section(
        "Loading the code location",
        f"A new Python process each; {ROUNDS} rounds in turns.",
        ("what", "median (range)"),
        [
            ("`import dagster, dagster_dbt, dagster_duckdb`", times["libraries"].shown),
            ("the definitions of a home", times["ours"].shown),
        ],
        (Target("ours over the libraries", ratio, 1.3, "x"),),
    )


def overhead(root: Path) -> Section:
    """One small day staged by the function, and by a run of Dagster that calls it."""
    with new_home(root) as job:
        load(job, write_hourly_steps(job.settings.landing / "hourlySteps_merged.csv", 1, 0))
        home = job.settings.home
        apart(_RUN, home)
        times = take_turns(
            ROUNDS,
            {
                "function": lambda _: apart(_FUNCTION, home).told["seconds"],
                "run": lambda _: apart(_RUN, home).told["seconds"],
            },
        )
    added = times["run"].median - times["function"].median
    return Section(
        "Dagster's own overhead",
        f"One day of one stream with 24 rows, staged for the second time in a process; {ROUNDS} rounds in turns. A run"
        f" adds **{added:.2f} s** (events, checks, metadata, storage), whatever the number of rows.",
        ("what", "median (range)"),
        [("the function", times["function"].shown), ("a Dagster run of the asset", times["run"].shown)],
    )


def latency(root: Path) -> Section:
    """Seconds from a drop until the tables that follow from it are fresh, with `neuro dev` running."""
    with new_home(root) as job:
        protocol = job.settings.home / "study.yaml"
        protocol.write_text(protocol.read_text().replace("2017-03-12", "2016-05-12"))
        process = _start(job)
        try:
            _drop(job, 0)
            _until(job, 0)
            seconds = []
            for n in range(1, DROPS + 1):
                _drop(job, n)
                started = time.monotonic()
                _until(job, n)
                seconds.append(time.monotonic() - started)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    return Section(
        "From a drop to fresh tables",
        f"`neuro dev` with its sensors and daemon, one small file of a new person at a time, {DROPS} drops one after"
        " the other: seconds until `staging.steps` has its rows. Sensors look every 5 s and Dagster's automation every"
        " 30 s; a run is a process of its own.",
        ("drop", "seconds"),
        [(f"{n}", f"{s:.0f}") for n, s in enumerate(seconds, 1)],
    )


def _start(job: Ingest) -> subprocess.Popen:
    environment = environment_of(
        job.settings.home, NEURO_SETTLE_S=str(job.settings.settle_s), NEURO_THREADS=str(os.cpu_count())
    )
    command = [NEURO, "dev", "--port", str(free_port())]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _drop(job: Ingest, n: int) -> None:
    path = write_hourly_steps(job.settings.home / f"{n}.csv", n, 3)
    shutil.move(path, job.settings.landing / f"{n} hourlySteps_merged.csv")


def _until(job: Ingest, n: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    sql = "SELECT count(*) FROM staging.steps WHERE participant_id = ?"
    while query(job.lake, sql, [str(FIRST_ID + n)]) != [(24,)]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"drop {n} was not staged within {PATIENCE_S} s ({FIRST})")
        time.sleep(1)
