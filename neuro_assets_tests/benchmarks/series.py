"""Rollups of a year of 1,000 people by the minute: what one more day costs, and what a reader waits for."""

import os
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import duckdb

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection, gather_by_day
from neuro_assets.lake.maintenance import maintain
from neuro_assets.series.read import read_series
from neuro_assets.series.rollup import roll_up_days
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.series import SERIES_1D, SERIES_1M, SERIES_TABLES
from neuro_assets_tests.benchmarks.homes import new_home
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import take_turns, timed

# Half a gigabyte a month of 1,000 people: BENCH_PEOPLE makes it less.
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000"))
BEHIND, ROUNDS = (1, 90, 365), 9
FIRST = date(2016, 3, 13)
LIMIT, GROWTH_LIMIT = 2, 1.25
_AT_ONCE = 4


def series(root: Path) -> Section:
    """Days are generated in the lake; each measured day is rolled up from its samples in staging."""
    plain = root / "plain"
    plain.mkdir()
    with new_home(root) as job:
        with job.lake.connect() as connection:
            with job.lake.transaction(connection, ["ddl"]):
                ensure_tables(connection, (*COVERAGE_TABLES, *SERIES_TABLES))
            filling, days, new = 0.0, 0, {}
            for behind in BEHIND:
                filling += timed(lambda since=days, until=behind: fill(job, connection, plain, since, until))
                days = behind
                new[behind] = median(_new_day(job, connection, behind + n) for n in range(3))
            rows = connection.execute(f"SELECT count(*) FROM {SERIES_1M.qualified}").fetchall()[0][0]
        size = sum(f.stat().st_size for f in Path(job.lake.data_path).rglob("*.parquet")) / 2**30
        before = _ask(job, plain)
        merging = timed(lambda: maintain(job.lake, grace_hours=0))
        after = _ask(job, plain)
        shutil.rmtree(plain)
    lines = [(f"roll up one new day, {n} days behind it", f"{seconds:.2f} s") for n, seconds in new.items()]
    for told, found in (("", before), (f", after maintenance ({merging:.0f} s)", after)):
        lines += [(f"{name}{told}", f"{1000 * t:.0f} ms") for name, t in found.items()]
    targets = [
        Target(f"one new day, {n} days behind it over {BEHIND[0]}", new[n] / new[BEHIND[0]], GROWTH_LIMIT, "x")
        for n in BEHIND[1:]
    ]
    for name in ("a person's week by the minute", "a person's year by the day"):
        bare = f"{name}: DuckDB on plain Parquet"
        targets.append(Target(f"{name}, over DuckDB on plain Parquet", after[name] / after[bare], LIMIT, "x"))
    return Section(
        "Rollups",
        f"{rows:,} minutes of steps of {PEOPLE:,} people, {BEHIND[-1]} days, in encrypted partitions ({size:.1f} GiB"
        f" with staging, hours and days), generated in {filling:.0f} s. A new day is 1,440 samples of each person;"
        " medians of three days. Reading is `read_series` on an open read-only connection, into a polars frame; beside"
        " it a query of a plain Parquet copy with the same sort and partitions. Each is asked"
        f" twice in turn and the second time counts; medians of {ROUNDS} rounds.",
        ("work", "time"),
        lines,
        targets,
    )


def _ask(job: Ingest, plain: Path) -> dict[str, float]:
    """Seconds of every question, asked in turns."""
    who = f"P{PEOPLE // 2:04}"
    week = FIRST + timedelta(days=200), FIRST + timedelta(days=206)
    year = FIRST, FIRST + timedelta(days=BEHIND[-1] - 1)
    with job.lake.connect(read_only=True) as connection, duckdb.connect() as bare:
        if job.lake.threads:
            bare.execute(f"SET threads = {job.lake.threads}")

        def read(since: date, until: date, rows: int) -> float:
            def work() -> None:
                assert read_series(connection, who, "steps", since, until).frame.height == rows

            return _read_in(work)

        def query(name: str, order: str, since: date, until: date, rows: int) -> float:
            sql = f"""
                SELECT * EXCLUDE (participant_id, stream)
                FROM read_parquet('{plain / name}/**/*.parquet', hive_partitioning = true)
                WHERE participant_id = $who AND stream = 'steps' AND day BETWEEN $since AND $until ORDER BY {order}
            """

            def work() -> None:
                assert bare.execute(sql, {"who": who, "since": since, "until": until}).pl().height == rows

            return _read_in(work)

        candidates: dict[str, Callable[[int], float]] = {
            "a person's week by the minute": lambda _: read(*week, 7 * 1440),
            "a person's week by the minute: DuckDB on plain Parquet": lambda _: query("1m", "ts", *week, 7 * 1440),
            "a person's year by the day": lambda _: read(*year, BEHIND[-1]),
            "a person's year by the day: DuckDB on plain Parquet": lambda _: query("1d", "day", *year, BEHIND[-1]),
        }
        return {name: t.median for name, t in take_turns(ROUNDS, candidates).items()}


def _read_in(work: Callable[[], None]) -> float:
    """Seconds of a question that has been asked before; nothing is written, so nothing has to reach the disk."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _new_day(job: Ingest, connection: Connection, number: int) -> float:
    """Seconds to roll up a day that has just been staged."""
    day = FIRST + timedelta(days=number)
    with job.lake.transaction(connection, ["staging.steps"]):
        _make_minutes(connection, number, number + 1)
        _stage(connection, 1)
    seconds = timed(lambda: roll_up_days(connection, job, day, day))
    # The days to come are generated; what was measured makes room for them.
    tables = ("staging.steps", *(t.qualified for t in SERIES_TABLES))
    with job.lake.transaction(connection, tables):
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE day = ?", [day])
    return seconds


def fill(job: Ingest, connection: Connection, plain: Path, since: int, until: int) -> None:
    """Write days that are behind, as samples and as what they are rolled up to, and the plain copies."""
    for first in range(since, until, _AT_ONCE):
        last = min(first + _AT_ONCE, until)
        _make_minutes(connection, first, last)
        with job.lake.transaction(connection, ["staging.steps", *(t.qualified for t in SERIES_TABLES)]):
            _stage(connection, last - first)
            for sql in (_OF_MINUTES, _OF_HOURS, _OF_DAYS):
                connection.execute(sql)
        connection.execute(_COPY.format(query=_OF_MINUTES.split("BY NAME")[1], folder=plain / "1m", by="day"))
    if until == BEHIND[-1]:
        query = f"SELECT *, year(day) AS year, month(day) AS month FROM {SERIES_1D.qualified}"
        ordered = f"{query} ORDER BY stream, participant_id, day"
        connection.execute(_COPY.format(query=ordered, folder=plain / "1d", by="year, month"))


def _make_minutes(connection: Connection, first: int, last: int) -> None:
    """Minutes of everybody, a quarter of them with steps."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE bench_minutes AS
        SELECT 'P' || lpad(p::VARCHAR, 4, '0') AS participant_id, DATE '{FIRST}' + d::INTEGER AS day,
            DATE '{FIRST}' + to_minutes(1440 * d + m) AS local_ts,
            CASE WHEN hash(p, d, m // 15) % 4 = 0 THEN hash(p, d, m) % 120 ELSE 0 END::DOUBLE AS value
        FROM range({first}, {last}) a(d), range({PEOPLE}) b(p), range(1440) c(m)
        ORDER BY d, p, m
        """
    )


def _stage(connection: Connection, days: int) -> None:
    gather_by_day(connection, days)
    connection.execute(
        """
        INSERT INTO staging.steps BY NAME
        SELECT participant_id, day, timezone('UTC', local_ts + INTERVAL 5 HOUR) AS ts, local_ts, 0 AS fold,
            -300 AS utc_offset_min, 60 AS period_s, value, 'ok' AS time_quality, 'study' AS tz_source,
            'bench' AS source, 'f' AS file_id, 1 AS row_number
        FROM bench_minutes
        """
    )


_VALUES = """'steps' AS stream, count(*)::INTEGER AS n, sum(value) AS total, avg(value) AS mean, min(value) AS min,
    max(value) AS max, arg_min(value, local_ts) AS first_value, arg_max(value, local_ts) AS last_value,
    1.0 AS observed_share, NULL::DOUBLE AS worn_share"""
_OF_MINUTES = f"""
INSERT INTO {SERIES_1M.qualified} BY NAME
SELECT participant_id, day, 'steps' AS stream, timezone('UTC', local_ts + INTERVAL 5 HOUR) AS ts, local_ts,
    0::TINYINT AS fold, -300::SMALLINT AS utc_offset_min, 1::INTEGER AS n, value AS total, value AS mean, value AS min,
    value AS max, value AS first_value, value AS last_value, 1.0::DOUBLE AS observed_share, NULL::DOUBLE AS worn_share,
    1440::INTEGER AS rows_of_day
FROM bench_minutes
"""
_OF_HOURS = f"""
INSERT INTO imputed.series_1h BY NAME
SELECT participant_id, day, hour(local_ts)::TINYINT AS hour, 0 AS fold,
    timezone('UTC', date_trunc('hour', local_ts) + INTERVAL 5 HOUR) AS ts, 60 AS length_min,
    1440::INTEGER AS rows_of_day, {_VALUES}
FROM bench_minutes GROUP BY ALL ORDER BY day, participant_id, ts
"""
_OF_DAYS = f"""
INSERT INTO {SERIES_1D.qualified} BY NAME
SELECT participant_id, day, 1440 AS length_min, '1m' AS finest, {_VALUES} FROM bench_minutes
GROUP BY ALL ORDER BY day, participant_id
"""
_COPY = """
COPY ({query}) TO '{folder}'
(FORMAT parquet, PARTITION_BY ({by}), PARQUET_VERSION v2, OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part_{{uuid}}')
"""
