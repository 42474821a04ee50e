"""Staged events written by hand, so that a test says exactly what is there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.sessions.compute import SessionReport, sessionise_days
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets.streams.events import EVENT
from neuro_assets_tests.tables import query

FIRST, LAST = date(2020, 1, 1), date(2020, 12, 31)


@dataclass(frozen=True)
class Event:
    """One event; `clock` is a zone, or an offset in minutes."""

    who: str
    at: datetime
    kind: str
    app: str | None = None
    device: str | None = "d"
    clock: str | int = "America/New_York"
    id: str = ""
    details: str | None = None
    number: int = 1

    @property
    def local(self) -> datetime:
        return (self.at + timedelta(minutes=self.offset)).replace(tzinfo=None)

    @property
    def offset(self) -> int:
        if isinstance(self.clock, int):
            return self.clock
        shift = self.at.astimezone(ZoneInfo(self.clock)).utcoffset() or timedelta()
        return int(shift.total_seconds()) // 60

    @property
    def day(self) -> date:
        return self.local.date()


def log(*lines: str, who: str = "p", **fields: object) -> list[Event]:
    """Events from lines such as "2020-03-08T04:30 unlock" or "2020-03-08T04:30 app_focus chat", in UTC."""
    found = []
    for n, line in enumerate(lines):
        when, kind, *app = line.split()
        at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        found.append(Event(who, at, kind, app[0] if app else None, id=f"e{n}", number=n + 1, **fields))  # type: ignore[arg-type]
    return found


@dataclass(frozen=True)
class Planted:
    """A study with staged events."""

    job: Ingest
    connection: Connection

    def put(self, events: Iterable[Event]) -> None:
        """Add events to staging."""
        rows = [
            (e.who, e.day, e.at, e.local, e.offset, e.id, e.kind, e.device, e.app, e.details, e.number) for e in events
        ]
        names = ("participant_id", "day", "ts", "local_ts", "utc_offset_min", "event_id", "event_type", "device_id",
                 "app", "details", "row_number")  # fmt: skip
        texts = ("participant_id", "event_id", "event_type", "device_id", "app", "details")
        frame = pl.DataFrame(
            rows, names, orient="row", infer_schema_length=None, schema_overrides=dict.fromkeys(texts, pl.String)
        )
        self.connection.register("planted", frame.to_arrow())
        with self.job.lake.transaction(self.connection, [EVENT.qualified]):
            self.connection.execute(
                f"""
                INSERT INTO {EVENT.qualified} BY NAME
                SELECT *, 0 AS fold, 1 AS schema_version, 'ok' AS time_quality, 'payload' AS tz_source,
                    'test' AS source, 'f' AS file_id FROM planted
                """
            )
        self.connection.unregister("planted")

    def sessionise(self, first: date, last: date) -> SessionReport:
        return sessionise_days(self.connection, self.job, first, last)

    def rows(self, sql: str) -> list[tuple]:
        return query(self.job.lake, sql)

    def tables(self) -> dict[str, list[tuple]]:
        """Every row of every table, in an order of its own."""
        return {t.name: self.rows(f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in EPISODE_TABLES}


@pytest.fixture
def planted(make_job: Callable[..., Ingest]) -> Iterator[Callable[..., Planted]]:
    """`planted(**study)`: an empty study in New York."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Planted:
            job = make_job(
                **({"window": {"start": FIRST, "end": LAST}, "default_time_zone": "America/New_York"} | overrides)
            )
            connection = stack.enter_context(job.lake.connect())
            with job.lake.transaction(connection, ["ddl"]):
                ensure_tables(connection, (EVENT, *EPISODE_TABLES))
            return Planted(job, connection)

        yield make
