"""A million behavioural events to committed staging: counts to the row, twice the same, and COPY beside it."""

import io
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd

from neuro_assets.events.counts import BatchCounts, batch_counts
from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.benchmarks.homes import FIRST, new_home
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart, take_turns, timed
from neuro_assets_tests.servers import postgres_server
from neuro_assets_tests.tables import load, one, stage

PEOPLE, EVENTS, DAYS, ROUNDS = 1_000, 1_000_000, 5, 3
OURS, COPY = "this project: checked, recorded, deduplicated, committed", "pandas to PostgreSQL by COPY"
LAST = FIRST + timedelta(days=DAYS - 1)


def events(root: Path, rounds: int = ROUNDS) -> Section:
    """The load of one large batch."""
    with postgres_server() as server:
        dsn = server.new_database("bench")

        def loaded(way: str, number: int) -> float:
            code = f"""
from pathlib import Path
from neuro_assets_tests.benchmarks.events import seconds_of
told["seconds"] = seconds_of({way!r}, {number}, Path({str(root)!r}), {dsn!r})
"""
            seconds = apart(code, root).told["seconds"]
            server.sql("DROP TABLE IF EXISTS event", "bench")
            server.sql("CHECKPOINT")
            return seconds

        times = take_turns(rounds, {way: lambda number, way=way: loaded(way, number) for way in (OURS, COPY)})
    own, theirs = times[OURS].median, times[COPY].median
    return Section(
        "A batch of events",
        f"{EVENTS:,} events of {PEOPLE:,} people in {DAYS} days, as JSON lines from landing/ to committed staging; 3 %"
        f" are there twice, 2 % are invalid, 1 % are out of order. {rounds} rounds, each way in a fresh process"
        " that has done it once with a small file. Every count is asserted, and that the batch sent again and the days"
        " staged again change nothing. COPY does not check, date or deduplicate.",
        ("way", "median (range)", "events a second", "against ours"),
        [(way, t.shown, f"{EVENTS / t.median:,.0f}", f"{t.median / own:.2f} x") for way, t in times.items()],
        (Target("COPY over ours", theirs / own, 2.0, "x", is_floor=True),),
    )


def seconds_of(way: str, number: int, root: Path, dsn: str) -> float:
    """One load in this process, after a small one that imports what is imported at the first use."""
    _load(way, root, 10_000, number, dsn)
    return _load(way, root, EVENTS, number, dsn)


def _load(way: str, root: Path, count: int, number: int, dsn: str) -> float:
    if way == COPY:
        with TemporaryDirectory(dir=root) as folder:
            batch = write_events(Path(folder) / "events.jsonl", count, number)
            return timed(lambda: pandas_to_postgres(batch, dsn))
    with new_home(root) as job:
        batch = write_events(job.settings.landing / "events.jsonl", count, number)
        again = batch.read_bytes()
        seconds = timed(lambda: (load(job, batch), stage(job, "event", FIRST, LAST)))
        _assert_exact(job, count)
        if count == EVENTS:
            before = _content(job)
            batch.write_bytes(again)
            assert load(job, batch)[0].outcome == "duplicate"
            stage(job, "event", FIRST, LAST)
            assert _content(job) == before
        return seconds


def _assert_exact(job: Ingest, count: int) -> None:
    """3 % and 2 % are 30,000 and 20,000 rows of a million, no more and no fewer."""
    file_id = str(one(job.lake, "SELECT file_id FROM ops.landing_files"))
    with job.lake.connect(read_only=True) as connection:
        found = batch_counts(connection, file_id)
    twice, invalid = count * 3 // 100, count * 2 // 100
    staged = count - twice - invalid
    wanted = BatchCounts(received=count, staged=staged, rejected=invalid, deduplicated=twice, waiting=0, left_out=0)
    assert found == wanted, found
    assert one(job.lake, "SELECT count(*) FROM staging.event") == staged
    assert one(job.lake, "SELECT count(DISTINCT event_id) FROM staging.event") == staged


def _content(job: Ingest) -> object:
    sql = "SELECT count(*), sum(hash(e)::HUGEINT), sum(row_number) FROM staging.event e"
    with job.lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchone()


def write_events(path: Path, count: int, seed: int = 0, first: date = FIRST) -> Path:
    """A batch: of every 100 rows 3 repeat another, 2 are invalid, and 1 comes an hour's worth of rows too late.

    Every third event has no id of its own, and every second states the offset of New York; the others are in UTC.
    """
    step_ms = DAYS * 86_400_000 // count
    duckdb.sql(
        f"""
        COPY (
            SELECT CASE WHEN e % 3 > 0 THEN 'e' || e END AS event_id, 'P' || (1 + e % {PEOPLE}) AS user_id,
                CASE WHEN i % 100 = 50 THEN strftime(local, '%Y-%m-%d %H:%M:%S')
                     WHEN e % 2 = 0 THEN strftime(local, '%Y-%m-%dT%H:%M:%S.%g') || '-04:00'
                     ELSE strftime(local + INTERVAL 4 HOUR, '%Y-%m-%dT%H:%M:%S.%g') || 'Z' END AS "timestamp",
                CASE WHEN i % 100 = 75 THEN 'teleport'
                     ELSE (['unlock', 'lock', 'app_focus', 'app_blur', 'custom'])[(1 + hash(e, {seed}) % 5)::BIGINT]
                     END AS event_type,
                'com.example.app' || e % 40 AS app, 'phone-' || (1 + e % {PEOPLE}) AS device_id,
                round((hash(e) % 6000) / 10, 1) AS duration,
                {{'battery': e % 100, 'network': (['wifi', 'lte'])[(1 + e % 2)::BIGINT]}} AS metadata,
                1 AS schema_version
            FROM (SELECT i, e, TIMESTAMP '{first}' + to_milliseconds(e * {step_ms}) AS local
                  FROM (SELECT i, CASE WHEN i % 100 IN (20, 40, 60) THEN i - 7 ELSE i END AS e
                        FROM range({count}) t(i)))
            ORDER BY CASE WHEN i % 100 = 90 THEN i + {count} // 120 ELSE i END, i
        ) TO '{path}' (FORMAT json)
        """
    )
    return path


def pandas_to_postgres(batch: Path, dsn: str) -> None:
    """pandas, and COPY into a table of a PostgreSQL server; the metadata stay the text they are."""
    import json

    import psycopg2

    frame = pd.read_json(batch, lines=True, dtype=False, convert_dates=False)  # pyright: ignore[reportArgumentType]
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
    frame["metadata"] = frame["metadata"].map(json.dumps)
    text = io.StringIO()
    frame.to_csv(text, index=False, header=False)
    text.seek(0)
    session = psycopg2.connect(dsn)
    try:
        with session, session.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS event")
            cursor.execute(
                "CREATE TABLE event (event_id text, user_id text, ts timestamptz, event_type text, app text,"
                " device_id text, duration double precision, metadata jsonb, schema_version integer)"
            )
            cursor.copy_expert("COPY event FROM STDIN (FORMAT csv)", text)
    finally:
        session.close()
