"""Staged samples written by hand, and their rollups."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets.series.rollup import SeriesReport, roll_up_days
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.tables import query

FIRST, LAST = date(2019, 10, 1), date(2020, 4, 30)
_NUMBERS = count(1)


@dataclass(frozen=True)
class Planted:
    """A study with staged samples."""

    job: Ingest
    connection: Connection

    def put(
        self,
        stream: str,
        who: str,
        since: datetime,
        values: list[float],
        *,
        period_s: int = 60,
        every_s: int = 0,
        offset_min: int = 0,
        fold: int = 0,
        quality: str = "ok",
    ) -> None:
        """Rows side by side from a wall time on, or one `every_s` seconds; the clock is `offset_min` ahead of UTC."""
        with self.job.lake.transaction(self.connection, [f"staging.{stream}"]):
            self.connection.execute(
                f"""
                INSERT INTO staging.{stream} BY NAME
                SELECT $who AS participant_id, local_ts::DATE AS day,
                    timezone('UTC', local_ts - to_minutes($offset)) AS ts, local_ts, $fold AS fold,
                    $offset AS utc_offset_min, $period AS period_s, value, $quality AS time_quality,
                    'participant' AS tz_source, 'test' AS source, 'f' AS file_id, $number AS row_number
                FROM (SELECT $since::TIMESTAMP + to_seconds($every * (n - 1)) AS local_ts, $values[n] AS value
                    FROM range(1, len($values) + 1) r(n))
                """,
                {
                    "who": who, "since": since, "values": values, "period": period_s, "every": every_s or period_s,
                    "offset": offset_min, "fold": fold, "quality": quality, "number": next(_NUMBERS),
                },
            )  # fmt: skip

    def cover(self, first: date, last: date | None = None) -> None:
        cover_days(self.connection, self.job, first, last or first)

    def roll_up(self, first: date, last: date | None = None) -> SeriesReport:
        return roll_up_days(self.connection, self.job, first, last or first)

    def rows(self, sql: str, *parameters: object) -> list[tuple]:
        return query(self.job.lake, sql, parameters)

    def tables(self) -> dict[str, list[tuple]]:
        """Every row of every table, in an order of its own."""
        return {t.name: self.rows(f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in SERIES_TABLES}


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A wall time of November 2019."""
    return datetime(2019, 11, day, hour, minute)


def minutes(values: list[float], hours: int) -> list[float]:
    """The values over and over, for so many hours."""
    return (values * (60 * hours // len(values) + 1))[: 60 * hours]


@pytest.fixture
def planted(make_job: Callable[..., Ingest]) -> Iterator[Callable[..., Planted]]:
    """`planted(**study)`: an empty study in UTC that expects steps."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Planted:
            fields: dict[str, object] = {
                "window": {"start": FIRST, "end": LAST},
                "default_time_zone": "UTC",
                "expected_streams": ("steps",),
            }
            job = make_job(**(fields | overrides))
            return Planted(job, stack.enter_context(job.lake.connect()))

        yield make


ONE_DAY = timedelta(days=1)
