"""Staged minutes and syncs written by hand, so that a test says exactly what is there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets_tests.tables import put_syncs, query

FIRST, LAST = date(2019, 11, 1), date(2019, 11, 30)


@dataclass(frozen=True)
class Planted:
    """A study in UTC, where the wall clock is the clock."""

    job: Ingest
    connection: Connection

    def minutes(self, stream: str, who: str, since: datetime, until: datetime, value: float) -> None:
        """A row for each minute of a half-open stretch of UTC."""
        with self.job.lake.transaction(self.connection, [f"staging.{stream}"]):
            self.connection.execute(
                f"""
                INSERT INTO staging.{stream} BY NAME
                SELECT $who AS participant_id, moment::DATE AS day, timezone('UTC', moment) AS ts, moment AS local_ts,
                    0 AS fold, 0 AS utc_offset_min, $period AS period_s, $value AS value, 'ok' AS time_quality,
                    'study' AS tz_source, 'test' AS source, 'f' AS file_id, row_number() OVER () AS row_number
                FROM (SELECT unnest(generate_series($since::TIMESTAMP, $until::TIMESTAMP - INTERVAL 1 MINUTE,
                    INTERVAL 1 MINUTE)) AS moment)
                """,
                {
                    "who": who,
                    "since": since,
                    "until": until,
                    "value": value,
                    "period": 60 if stream == "steps" else 1,
                },
            )

    def worn(self, who: str, since: datetime, until: datetime) -> None:
        """Steps and a heart rate in each minute."""
        self.minutes("steps", who, since, until, 10)
        self.minutes("heart_rate", who, since, until, 70)

    def off(self, who: str, since: datetime, until: datetime) -> None:
        """What a device says that lies on a table: 0 steps, no heart rate."""
        self.minutes("steps", who, since, until, 0)

    def syncs(self, who: str, given: Iterable[tuple[datetime, int | None]]) -> None:
        """Syncs with their charge."""
        put_syncs(self.job, self.connection, who, given)

    def cover(self, first: date = FIRST, last: date = LAST, now: datetime | None = None) -> None:
        """Compute coverage of some days."""
        cover_days(self.connection, self.job, first, last, now)

    def hours(self, who: str, stream: str = "steps") -> dict[datetime, tuple[int, int, str | None]]:
        """Beginning of an hour in UTC -> valid minutes, missing minutes, reason."""
        rows = query(
            self.job.lake,
            "SELECT timezone('UTC', ts), valid_min, missing_min, reason FROM coverage.hourly"
            " WHERE participant_id = ? AND stream = ? ORDER BY ts",
            [who, stream],
        )
        return {at: (valid, missing, reason) for at, valid, missing, reason in rows}

    def reasons(self, who: str, since: datetime, until: datetime, stream: str = "steps") -> set[str | None]:
        """The reasons of the hours of a stretch."""
        return {reason for at, (_, _, reason) in self.hours(who, stream).items() if since <= at < until}


@pytest.fixture(scope="module")
def planted(make_job: Callable[..., Ingest]) -> Iterator[Callable[..., Planted]]:
    """`planted(**study)`: an empty study in UTC that expects steps and heart rate."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Planted:
            fields: dict[str, object] = {
                "window": {"start": FIRST, "end": LAST},
                "default_time_zone": "UTC",
                "expected_streams": ("steps", "heart_rate"),
            }
            job = make_job(**(fields | overrides))
            return Planted(job, stack.enter_context(job.lake.connect()))

        yield make


def day(n: int, hour: float = 0) -> datetime:
    """An hour of a day of November."""
    return datetime(2019, 11, 1) + timedelta(days=n - 1, hours=hour)
