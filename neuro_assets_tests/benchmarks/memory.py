"""The most memory that a load and a 31-day backfill hold, each in a process of its own."""

from pathlib import Path

from neuro_assets_tests.benchmarks.homes import new_home, write_heart_rate, write_minute_steps
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart
from neuro_assets_tests.tables import one

PEOPLE, DAYS, READINGS = 1_000, 31, 2_880
GB = 1e9
_LOAD = """
from pathlib import Path
from neuro_assets.ingest.load import ingest_paths
from neuro_assets_tests.benchmarks.homes import job_of
import os, time
job = job_of(Path(os.environ["NEURO_HOME"]))
started = time.perf_counter()
outcomes = list(ingest_paths(job, sorted(job.settings.landing.rglob("*.csv"))))
assert {o.outcome for o in outcomes} == {"loaded"}, outcomes
told["seconds"] = time.perf_counter() - started
"""
_BACKFILL = """
from datetime import timedelta
from pathlib import Path
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.benchmarks.homes import FIRST, job_of
import os, time
job = job_of(Path(os.environ["NEURO_HOME"]))
started = time.perf_counter()
report = stage_days(job, stream("steps"), FIRST, FIRST + timedelta({days} - 1))
assert not report.held
told["seconds"] = time.perf_counter() - started
"""


def memory(root: Path) -> Section:
    """One large file, and a month of minutes of 1,000 people staged at once."""
    with new_home(root) as job:
        write_heart_rate(job.settings.landing / "heartrate_seconds_merged.csv", PEOPLE, READINGS)
        one_file = apart(_LOAD, job.settings.home)
    with new_home(root) as job:
        for day in range(DAYS):
            write_minute_steps(job.settings.landing / f"{day:02}" / "minuteStepsNarrow_merged.csv", PEOPLE, day)
        files = apart(_LOAD, job.settings.home)
        backfill = apart(_BACKFILL.format(days=DAYS), job.settings.home)
        assert one(job.lake, "SELECT count(*) FROM staging.steps") == PEOPLE * DAYS * 1440
    rows = [
        ("one file", f"{PEOPLE * READINGS:,}", one_file),
        (f"{DAYS} files, a day each", f"{PEOPLE * DAYS * 1440:,}", files),
        (f"staging {DAYS} days at once", f"{PEOPLE * DAYS * 1440:,}", backfill),
    ]
    return Section(
        "Memory, and a 31-day backfill",
        f"Readings every 30 s, and minutes of steps, of {PEOPLE:,} people; one run each, in processes of their own. The"
        " memory is the most that the kernel saw the process hold, Python and all.",
        ("work", "rows", "seconds", "memory"),
        [(name, count, f"{m.told['seconds']:.1f}", f"{m.peak_bytes / GB:.2f} GB") for name, count, m in rows],
        (
            Target("memory of one file's load", one_file.peak_bytes / GB, 1.5, "GB"),
            Target(f"memory of the {DAYS}-day backfill", backfill.peak_bytes / GB, 2.5, "GB"),
        ),
    )
