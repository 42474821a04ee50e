"""Reading a lake's tables in tests, and loading into them in one call."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import polars as pl

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.staging.stage import StagingReport, stage_days
from neuro_assets.streams.catalogue import stream


@lru_cache(maxsize=3)
def _reader(lake: Lake) -> tuple[ExitStack, Connection]:
    """A read-only connection kept open: it sees every commit, and opening one costs more than a query."""
    stack = ExitStack()
    return stack, stack.enter_context(lake.connect(read_only=True))


def query(lake: Lake, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
    """Rows of a query on a read-only connection."""
    return _reader(lake)[1].execute(sql, list(parameters)).fetchall()


def one(lake: Lake, sql: str, parameters: Sequence[object] = ()) -> object:
    """The single value of a query."""
    rows = query(lake, sql, parameters)
    assert len(rows) == 1
    return rows[0][0]


def read_table(lake: Lake, table: str, order: str) -> pl.DataFrame:
    """A whole table in a given order, all columns: two of them compare with `equals`."""
    return _reader(lake)[1].execute(f"SELECT * FROM {table} ORDER BY {order}").pl()


def load(job: Ingest, *paths: Path, choice: Choice | None = None) -> list[FileOutcome]:
    """Load files in this order."""
    return list(ingest_paths(job, paths, choice))


def stage(job: Ingest, name: str, first: date, last: date | None = None) -> StagingReport:
    """Stage days of a stream, both ends inclusive."""
    return stage_days(job, stream(name), first, last or first)


def put_syncs(job: Ingest, connection: Connection, who: str, given: Iterable[tuple[datetime, int | None]]) -> None:
    """Syncs of a person in UTC with their charge [%], as staging has them."""
    with job.lake.transaction(connection, ["staging.device_sync"]):
        for n, (at, charge) in enumerate(given):
            connection.execute(
                """
                INSERT INTO staging.device_sync BY NAME
                SELECT $who AS participant_id, $moment::DATE AS day, timezone('UTC', $moment::TIMESTAMP) AS ts,
                    $moment AS local_ts, 0 AS fold, 0 AS utc_offset_min, 'd' AS device_id, $charge AS battery_pct,
                    'ok' AS time_quality, 'study' AS tz_source, 'test' AS source, 'f' AS file_id, $n AS row_number
                """,
                {"who": who, "moment": at, "charge": charge, "n": n + 1},
            )
