"""10,000 small files in landing/ at once, against one file with the same rows."""

from pathlib import Path

import duckdb

from neuro_assets.ingest.load import ingest_paths
from neuro_assets_tests.benchmarks.homes import FIRST, FIRST_ID, new_home
from neuro_assets_tests.benchmarks.report import Section
from neuro_assets_tests.benchmarks.timing import timed
from neuro_assets_tests.tables import load, one

FILES, DAYS = 2_000, 50


def write_small_files(landing: Path, files: int = FILES, days: int = DAYS) -> list[Path]:
    """Hours of steps, a day of a person each, in the vendor's form."""
    rows = duckdb.sql(_rows(files, days)).fetchall()
    paths = []
    for n in range(files):
        path = landing / f"{n:05}" / "hourlySteps_merged.csv"
        path.parent.mkdir(parents=True)
        lines = "".join(f"{who},{at},{steps}\n" for _, who, at, steps in rows[24 * n : 24 * n + 24])
        path.write_text("Id,ActivityHour,StepTotal\n" + lines)
        paths.append(path)
    return paths


def _rows(files: int, days: int) -> str:
    return f"""
        SELECT n, {FIRST_ID} + n // {days}, strftime(instant, '%-m/%-d/%Y %-I:%M:%S %p'), (hash(n, h) % 5000)::INTEGER
        FROM (SELECT n, h, TIMESTAMP '{FIRST}' + to_hours((n % {days}) * 24 + h) AS instant
              FROM range({files}) a(n), range(24) b(h))
        ORDER BY n, h
        """


def small_files(root: Path) -> Section:
    """The time of a small file."""
    with new_home(root) as job:
        paths = write_small_files(job.settings.landing)
        many = timed(lambda: list(ingest_paths(job, paths)))
        count, rows = FILES, FILES * 24
        assert one(job.lake, "SELECT count(*) FROM ops.landing_files WHERE status = 'loaded'") == count
        assert one(job.lake, "SELECT count(*) FROM raw.fitabase_hourly_steps") == rows
    with new_home(root) as job:
        path = job.settings.landing / "hourlySteps_merged.csv"
        columns = '#2 AS "Id", #3 AS "ActivityHour", #4 AS "StepTotal"'
        duckdb.sql(f"COPY (SELECT {columns} FROM ({_rows(FILES, DAYS)})) TO '{path}' (HEADER)")
        single = timed(lambda: load(job, path))
        assert one(job.lake, "SELECT count(*) FROM raw.fitabase_hourly_steps") == rows
    return Section(
        "Many small files",
        f"{count:,} files of 24 rows, a person's day each, ingested in one call, against one file with the same"
        f" {rows:,} rows; one run each.",
        ("what", "seconds", "a file", "a row"),
        [
            (f"{count:,} files", f"{many:.1f}", f"{many / count * 1e3:.0f} ms", f"{many / rows * 1e6:.0f} µs"),
            ("one file", f"{single:.2f}", f"{single * 1e3:.0f} ms", f"{single / rows * 1e6:.1f} µs"),
        ],
    )
