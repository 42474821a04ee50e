"""Does anything cost more than its share as days, people or files become many?"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from neuro_assets.ingest.load import ingest_paths
from neuro_assets_tests.benchmarks.homes import FIRST, new_home, write_hourly_steps, write_minute_steps
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import timed
from neuro_assets_tests.tables import load, stage

ROUNDS, FILES = 5, 100
LIMIT = 1.25


def growth(root: Path) -> Section:
    """Four times as much, against once: a ratio of 1 is linear, above it is worse."""
    rows, targets = [], []
    for name, small, large, work in (
        ("days (250 people)", 2, 8, lambda n: _load_and_stage(root, 250, n)),
        ("people (2 days)", 250, 1_000, lambda n: _load_and_stage(root, n, 2)),
    ):
        few, many = _medians(work, small, large)
        ratio = many / few / (large / small)
        rows.append((name, f"{small}: {few:.2f} s", f"{large}: {many:.2f} s", f"{ratio:.2f}"))
        targets.append(Target(f"cost a unit, {large} {name.split()[0]} over {small}", ratio, LIMIT))
    first, last = _one_after_another(root)
    rows.append((f"files, each ingested alone (1 to {FILES})", f"first 10: {first:.2f} s", f"last 10: {last:.2f} s",
                 f"{last / first:.2f}"))  # fmt: skip
    targets.append(Target(f"the {FILES}th ingest over the first", last / first, LIMIT))
    return Section(
        "Growth",
        f"Minutes of steps, loaded and staged; medians of {ROUNDS} rounds in turns. For files: the median time of"
        " `ingest` called for one small file (24 hours of one person), each a call of its own.",
        ("what grows", "few", "many", "cost a unit, many over few"),
        rows,
        targets,
    )


def _medians(work: Callable[[int], float], small: int, large: int) -> tuple[float, float]:
    times = sorted((work(small), work(large)) for _ in range(ROUNDS))
    few, many = sorted(t[0] for t in times), sorted(t[1] for t in times)
    return few[ROUNDS // 2], many[ROUNDS // 2]


def _load_and_stage(root: Path, people: int, days: int) -> float:
    with new_home(root) as job:
        for day in range(days):
            write_minute_steps(job.settings.landing / f"{day:02}" / "minuteStepsNarrow_merged.csv", people, day)
        files = sorted(job.settings.landing.rglob("*.csv"))
        return timed(lambda: (load(job, *files), stage(job, "steps", FIRST, FIRST + timedelta(days - 1))))


def _one_after_another(root: Path) -> tuple[float, float]:
    with new_home(root) as job:
        seconds = []
        for n in range(FILES):
            path = write_hourly_steps(job.settings.landing / f"{n}" / "hourlySteps_merged.csv", n % 20, n // 20)
            seconds.append(timed(lambda path=path: list(ingest_paths(job, [path]))))
    return sorted(seconds[:10])[5], sorted(seconds[-10:])[5]
