"""Episodes of a range of days, from the staged events: which events must be read, and which days written again.

Events further apart than `EVENT_REACH_MIN` (12 hours) are not linked, so nothing reaches further: an event concerns the
episodes that begin up to 12 hours before or after it, which last 12 hours at most, and what becomes of events up to 24
hours later. The days of that are written again; to write a day, events are read from 24 hours before it begins to 12
after it ends. What a day is in UTC follows from the offsets that are in use around it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, LakeBusyError, gather_by_day
from neuro_assets.sessions.clock import clock_of, zone_offsets
from neuro_assets.sessions.frames import episode_frames
from neuro_assets.streams.episodes import EPISODE_ACCOUNT, EPISODE_TABLES, SCREEN_DAY
from neuro_assets.streams.events import EVENT, EVENT_TYPES
from neuro_assets.streams.model import Table
from neuro_assets.study import EVENT_REACH_MIN

_TYPES = tuple(t for t in EVENT_TYPES if t != "custom")
_REACH = timedelta(minutes=EVENT_REACH_MIN)
_DAY = timedelta(days=1)
# All that is read or written for a day is less than that away from it.
_NEIGHBOURHOOD = timedelta(days=10)
# Some 700 MB while they are made into episodes.
_EVENTS_AT_ONCE = 1_000_000
_TRIES = 10


@dataclass(frozen=True)
class SessionReport:
    """What was read and written.

    Attributes:
        first: first local day written.
        last: last local day written.
        events: events read, those of the days around included.
        rows: table -> rows written.
    """

    first: date
    last: date
    events: int
    rows: dict[str, int]


@dataclass(frozen=True)
class Span:
    """What has to be read and written for a range of days that something is new of.

    Attributes:
        first: first local day to write.
        last: last local day to write.
        since: events are read from here.
        until: up to here, which is not read any more.
        read: the days that these events lie on.
    """

    first: date
    last: date
    since: datetime
    until: datetime
    read: tuple[date, date]

    @classmethod
    def of(cls, first: date, last: date, lowest_min: int, highest_min: int) -> "Span":
        """The span of some days, where clocks are from `lowest_min` to `highest_min` minutes ahead of UTC."""
        lowest, highest = timedelta(minutes=lowest_min), timedelta(minutes=highest_min)

        def utc(begin: date, end: date) -> tuple[datetime, datetime]:
            return _midnight(begin) - highest, _midnight(end + _DAY) - lowest

        def local(begin: datetime, end: datetime) -> tuple[date, date]:
            return (begin + lowest).date(), (end + highest - timedelta.resolution).date()

        begin, end = utc(first, last)
        written = local(begin - _REACH, end + 2 * _REACH)
        begin, end = utc(*written)
        since, until = begin - 2 * _REACH, end + _REACH
        return cls(*written, since, until, local(since, until))


def sessionise_days(connection: Connection, job: Ingest, first: date, last: date) -> SessionReport:
    """Write the tables of episodes for the days `first` to `last`, and for those that follow from them.

    What a day has never depends on which days were asked for together, nor on the order in which events came, once the
    days of all of them have been asked for.

    Args:
        connection: with the tables of staging there.
        job: the study and the lake.
        first: first local day.
        last: last local day.

    Raises:
        LakeBusyError: events of these days were staged anew again and again.
    """
    if missing_tables(connection, (EVENT, *EPISODE_TABLES)):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, (EVENT, *EPISODE_TABLES))
    for _ in range(_TRIES):
        span = Span.of(first, last, *_offsets(connection, job, first, last))
        staged, events = _staged(connection, span), _make(connection, job, span)
        with job.lake.transaction(connection, [t.qualified for t in EPISODE_TABLES]):
            # Another run may have written these days from newer events meanwhile; they are not to be made old again.
            if staged == _staged(connection, span):
                rows = {t.qualified: _write(connection, t, span) for t in EPISODE_TABLES}
                break
    else:
        raise LakeBusyError(f"{EVENT.qualified} changed {_TRIES} times while {first} to {last} were read: try again")
    for table in EPISODE_TABLES:
        connection.execute(f"DROP TABLE made_{table.name}")
    return SessionReport(span.first, span.last, events, rows)


def _make(connection: Connection, job: Ingest, span: Span) -> int:
    """Make the rows of the days, in temporary tables made_<name>; returns how many events were read."""
    events = 0
    for table in EPISODE_TABLES:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE made_{table.name} AS FROM {table.qualified} LIMIT 0")
    for people in _blocks(connection, span):
        found = _events(connection, span, people)
        events += found.height
        clock = clock_of(job.study, found, *span.read)
        for table, frame in episode_frames(found, job.study.events, clock).items():
            connection.register("frame_made", frame.filter(pl.col("day").is_between(span.first, span.last)).to_arrow())
            connection.execute(f"INSERT INTO made_{table.name} BY NAME SELECT * FROM frame_made")
            connection.unregister("frame_made")
    return events


def _staged(connection: Connection, span: Span) -> list[tuple]:
    """Return which version of the days that are read is staged."""
    return connection.execute(
        "SELECT day, raw_version, study_version, staged_at FROM ops.staging_days"
        " WHERE table_name = ? AND day BETWEEN ? AND ? ORDER BY ALL",
        [EVENT.qualified, *span.read],
    ).fetchall()


def _write(connection: Connection, table: Table, span: Span) -> int:
    """Put the rows of the days in the place of those that are there."""
    bound = [span.first, span.last]
    there = connection.execute(f"SELECT 1 FROM {table.qualified} WHERE day BETWEEN ? AND ? LIMIT 1", bound).fetchone()
    if there:
        connection.execute(f"DELETE FROM {table.qualified} WHERE day BETWEEN ? AND ?", bound)
    found = connection.execute(f"SELECT count(*), count(DISTINCT day) FROM made_{table.name}").fetchall()[0]
    if found[0]:
        gather_by_day(connection, found[1])
        order = ", ".join(("day", *table.sort_by))
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM made_{table.name} ORDER BY {order}")
    return found[0]


def _offsets(connection: Connection, job: Ingest, first: date, last: date) -> tuple[int, int]:
    """Return the least and the greatest offset [minutes] in use around some days: now, and when they were written."""
    first, last = first - _NEIGHBOURHOOD, last + _NEIGHBOURHOOD
    tables = [t for t in (EVENT, *EPISODE_TABLES) if t not in {EPISODE_ACCOUNT, SCREEN_DAY}]
    asked = " UNION ALL ".join(
        f"SELECT min(utc_offset_min) AS lowest, max(utc_offset_min) AS highest FROM {t.qualified}"
        " WHERE day BETWEEN $first AND $last"
        for t in tables
    )
    told = connection.execute(f"SELECT min(lowest), max(highest) FROM ({asked})", {"first": first, "last": last})
    known = zone_offsets(job.study, first, last) | {n for n in told.fetchall()[0] if n is not None}
    return min(known), max(known)


def _blocks(connection: Connection, span: Span) -> Iterator[list[str]]:
    """Yield people, as many at a time as have about a million events."""
    counted = connection.execute(
        f"SELECT participant_id, count(*) FROM {EVENT.qualified} WHERE day BETWEEN ? AND ? GROUP BY 1 ORDER BY 1",
        [*span.read],
    ).fetchall()
    block: list[str] = []
    events = 0
    for who, n in counted:
        if block and events + n > _EVENTS_AT_ONCE:
            yield block
            block, events = [], 0
        block.append(who)
        events += n
    if block:
        yield block


def _events(connection: Connection, span: Span, people: list[str]) -> pl.DataFrame:
    """Return the events of some people that the span reaches to."""
    found = connection.execute(
        f"""
        SELECT participant_id, device_id, ts, event_id, event_type, app, row_number, utc_offset_min,
            CASE WHEN event_type = 'focus_start' AND json_valid(details)
                THEN try_cast(json_extract_string(details, '$.planned_min') AS DOUBLE) END AS planned_min
        FROM {EVENT.qualified}
        WHERE day BETWEEN $first AND $last AND ts >= $since AND ts < $until
            AND participant_id BETWEEN $from AND $to AND event_type IN (SELECT unnest($types))
        """,
        {
            "first": span.read[0],
            "last": span.read[1],
            "since": span.since,
            "until": span.until,
            "from": people[0],
            "to": people[-1],
            "types": list(_TYPES),
        },
    ).pl()
    return found.with_columns(pl.col("ts").dt.cast_time_unit("us").dt.convert_time_zone("UTC"))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
