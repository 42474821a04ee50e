"""A heart-rate CSV to committed staging, against bare DuckDB turning the same CSV into sorted Parquet."""

import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets_tests.tables import load, one, stage

pytestmark = pytest.mark.bench
PEOPLE, READINGS, ROUNDS = 1_000, 2_880, 3


def test_heart_rate_csv_to_committed_staging(make_job: Callable[..., Ingest], tmp_path: Path):
    ours, bare = [], []
    for round_number in range(ROUNDS):
        csv = _heart_rate_csv(tmp_path / f"{round_number}.csv", seed=round_number)
        bare.append(_timed(lambda csv=csv: _bare_duckdb(csv, tmp_path / "bare.parquet")))
        job = make_job()
        prepare_lake(job.lake, job.tables)
        ours.append(_timed(lambda csv=csv, job=job: (load(job, csv), stage(job, "heart_rate", _DAY, _DAY))))
        # The speed fails nothing; a time for rows that did not arrive would be no measurement.
        assert one(job.lake, "SELECT count(*) FROM staging.heart_rate") == PEOPLE * READINGS
    ratio = statistics.median(ours) / statistics.median(bare)
    print(
        f"\n{PEOPLE * READINGS:,} heart-rate rows: staging {statistics.median(ours):.2f} s,"
        f" bare DuckDB {statistics.median(bare):.2f} s, ratio {ratio:.1f} (median of {ROUNDS})"
    )


_DAY = date(2016, 4, 12)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _heart_rate_csv(path: Path, seed: int) -> Path:
    """One day, a reading every 30 s a person, in the vendor's form."""
    duckdb.sql(
        f"""
        COPY (
            SELECT 1000000000 + p AS "Id",
                   strftime(TIMESTAMP '2016-04-12' + to_seconds(r * 30), '%-m/%-d/%Y %-I:%M:%S %p') AS "Time",
                   60 + (hash(p, r, {seed}) % 60)::INTEGER AS "Value"
            FROM range({PEOPLE}) a(p), range({READINGS}) b(r)
            ORDER BY p, r
        ) TO '{path}' (HEADER)
        """
    )
    return path


def _bare_duckdb(csv: Path, parquet: Path) -> None:
    duckdb.sql(
        f"""
        COPY (
            SELECT "Id", strptime("Time", '%-m/%-d/%Y %-I:%M:%S %p') AS t, "Value"
            FROM read_csv('{csv}', columns = {{'Id': 'VARCHAR', 'Time': 'VARCHAR', 'Value': 'INTEGER'}}, header = true)
            ORDER BY "Id", t
        ) TO '{parquet}' (COMPRESSION zstd)
        """
    )
