"""Homes and files for the benchmarks. Files are written by DuckDB, in the vendor's form."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import yaml

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.resources.home import HomeResource
from neuro_assets.settings import load_settings

FIRST = date(2016, 4, 12)
# Not a round number: a file whose ids all end in 0000 is refused as rounded by a spreadsheet.
FIRST_ID = 1_503_960_366


@contextmanager
def new_home(root: Path) -> Iterator[Ingest]:
    """A home with an empty lake, gone at the end."""
    home = Path(mkdtemp(dir=root))
    (home / "landing").mkdir()
    protocol = {"id": "bench", "default_time_zone": "America/New_York", "auto_enrol": True}
    window = {"start": "2016-03-12", "end": "2017-03-12"}
    (home / "study.yaml").write_text(yaml.safe_dump(protocol | {"window": window}))
    job = job_of(home)
    prepare_lake(job.lake, job.tables)
    try:
        yield job
    finally:
        shutil.rmtree(home, ignore_errors=True)


def job_of(home: Path) -> Ingest:
    """Lake, protocol and sources of a home."""
    settings = load_settings({"NEURO_HOME": str(home)})
    return HomeResource.of(settings).job()


def lake_of(home: Path) -> Lake:
    """The lake of a home."""
    return Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))


def write_heart_rate(path: Path, people: int, readings: int, seed: int = 0, first: date = FIRST) -> Path:
    """One day of readings for each person, evenly spread over it, in the vendor's form."""
    step_s = 86_400 // readings
    return _write(
        path,
        f"""
        SELECT {FIRST_ID} + p AS "Id", strftime(instant, '%-m/%-d/%Y %-I:%M:%S %p') AS "Time",
               60 + (hash(p, r, {seed}) % 60)::INTEGER AS "Value"
        FROM (SELECT p, r, TIMESTAMP '{first}' + to_seconds(r * {step_s}) AS instant
              FROM range({people}) a(p), range({readings}) b(r))
        ORDER BY p, r
        """,
    )


def write_minute_steps(path: Path, people: int, day: int) -> Path:
    """One day of minutes for each person, `day` days after FIRST."""
    return _write(
        path,
        f"""
        SELECT {FIRST_ID} + p AS "Id", strftime(instant, '%-m/%-d/%Y %-I:%M:%S %p') AS "ActivityMinute",
               (hash(p, m, {day}) % 120)::INTEGER AS "Steps"
        FROM (SELECT p, m, TIMESTAMP '{FIRST}' + to_minutes({day} * 1440 + m) AS instant
              FROM range({people}) a(p), range(1440) b(m))
        ORDER BY p, m
        """,
    )


def write_hourly_steps(path: Path, person: int, day: int) -> Path:
    """One day of hours of one person."""
    return _write(
        path,
        f"""
        SELECT {FIRST_ID} + {person} AS "Id", strftime(instant, '%-m/%-d/%Y %-I:%M:%S %p') AS "ActivityHour",
               (hash({person}, h, {day}) % 5000)::INTEGER AS "StepTotal"
        FROM (SELECT h, TIMESTAMP '{FIRST}' + to_hours({day} * 24 + h) AS instant FROM range(24) b(h)) ORDER BY h
        """,
    )


def _write(path: Path, query: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER)")
    return path
