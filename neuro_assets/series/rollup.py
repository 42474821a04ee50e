"""Rolling up the streams of a range of days into the tables of `imputed.series_*`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, LakeBusyError, gather_by_day
from neuro_assets.series.clock import tell_clocks
from neuro_assets.series.parts import make_parts
from neuro_assets.sources.load import Sources
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.coverage import DAILY, WEAR
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import SERIES_1D, SERIES_1H, SERIES_1M, SERIES_TABLES, can_be_rolled_up

_DAY = timedelta(days=1)
# Some 2 GB while they are summed up; days beyond are a transaction of their own. A day is never cut.
_ROWS_AT_ONCE = 6_000_000
_TRIES = 10


@dataclass(frozen=True)
class SeriesReport:
    """What was read and written.

    Attributes:
        samples: rows of record.
        rows: table -> rows written.
    """

    samples: int
    rows: dict[str, int]


def rolled_up_streams(sources: Sources) -> list[Stream]:
    """The streams of samples of one value that a source feeds."""
    return [s for s in STREAMS if can_be_rolled_up(s) and sources.feeding(s.name)]


def roll_up_days(connection: Connection, job: Ingest, first: date, last: date) -> SeriesReport:
    """Write the rollups of the days `first` to `last`, and of no other day.

    What a day has follows from its rows in staging, the protocol's clocks and the wear of the day. A stretch of days
    with up to some 6 million samples is one transaction; it is computed before.

    Args:
        connection: with the tables of staging and coverage there.
        job: the study and the lake.
        first: first local day.
        last: last local day.

    Raises:
        LakeBusyError: rows of these days were staged anew again and again.
    """
    if missing_tables(connection, (*SERIES_TABLES, DAILY, WEAR)):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, (*SERIES_TABLES, DAILY, WEAR))
    streams = sorted(rolled_up_streams(job.sources), key=lambda s: s.name)
    samples, rows = 0, dict.fromkeys((t.qualified for t in SERIES_TABLES), 0)
    for since, until in _stretches(_counts(connection, streams, first, last), first, last):
        for _ in range(_TRIES):
            read = _versions(connection, streams, since, until)
            found = _make(connection, job, _with_rows(connection, streams, since, until), since, until)
            with job.lake.transaction(connection, [t.qualified for t in SERIES_TABLES]):
                # Another run may have written these days from newer rows meanwhile; they are not to be made old again.
                if read == _versions(connection, streams, since, until):
                    written = {t.qualified: _write(connection, t, since, until) for t in SERIES_TABLES}
                    break
        else:
            raise LakeBusyError(f"staging of {since} to {until} changed {_TRIES} times while it was read: try again")
        samples += found
        rows = {name: n + written[name] for name, n in rows.items()}
    return SeriesReport(samples, rows)


def _counts(connection: Connection, streams: Sequence[Stream], first: date, last: date) -> dict[date, int]:
    """Samples of each day, of all streams."""
    counts: dict[date, int] = {}
    for stream in streams:
        found = connection.execute(
            f"SELECT day, count(*) FROM {stream.qualified} WHERE day BETWEEN ? AND ? GROUP BY day", [first, last]
        )
        for day, rows in found.fetchall():
            counts[day] = counts.get(day, 0) + rows
    return counts


def _stretches(counts: Mapping[date, int], first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days in as few pieces as have so many samples at most, or are one day."""
    since, rows = first, 0
    for day in (first + n * _DAY for n in range((last - first).days + 1)):
        here = counts.get(day, 0)
        if rows and here and rows + here > _ROWS_AT_ONCE:
            yield since, day - _DAY
            since, rows = day, 0
        rows += here
    yield since, last


def _with_rows(connection: Connection, streams: Sequence[Stream], first: date, last: date) -> list[Stream]:
    """Those of the streams that have a row in these days."""
    asked = "SELECT 1 FROM {table} WHERE day BETWEEN ? AND ? LIMIT 1"
    return [s for s in streams if connection.execute(asked.format(table=s.qualified), [first, last]).fetchone()]


def _versions(connection: Connection, streams: Sequence[Stream], first: date, last: date) -> list[tuple]:
    """Which version of the days is staged, and which wear is told of them."""
    bound = {"first": first, "last": last}
    staged = connection.execute(
        "SELECT table_name, day, raw_version, study_version, staged_at FROM ops.staging_days"
        " WHERE day BETWEEN $first AND $last AND table_name IN (SELECT unnest($tables)) ORDER BY ALL",
        bound | {"tables": [s.qualified for s in streams]},
    ).fetchall()
    worn = connection.execute(
        f"SELECT day, count(*), bit_xor(hash(participant_id, ts, until_ts)) FROM {WEAR.qualified}"
        " WHERE day BETWEEN $first AND $last GROUP BY day ORDER BY day",
        bound,
    ).fetchall()
    return [*staged, *worn]


def _make(connection: Connection, job: Ingest, streams: Sequence[Stream], first: date, last: date) -> int:
    """Make the rows of the days, in temporary tables made_<name>; returns how many samples were read."""
    bound = {"first": first, "last": last}
    people = " UNION ".join(
        f"SELECT DISTINCT participant_id FROM {s.qualified} WHERE day BETWEEN $first AND $last" for s in streams
    )
    who = [w for (w,) in connection.execute(f"{people} ORDER BY 1", bound).fetchall()] if streams else []
    tell_clocks(connection, job.study, who, first, last)
    connection.execute(_HOURS, bound)
    for table in SERIES_TABLES:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE made_{table.name} AS FROM {table.qualified} LIMIT 0")
    samples = 0
    for stream in streams:
        samples += make_parts(connection, stream, first, last)
        connection.execute(_ROWS)
        is_interval = stream.sampling == "interval"
        of_parts = {
            "total": "round(sum(total), 9)" if is_interval else "NULL::DOUBLE",
            "mean": "sum(total) * 60 / sum(seconds)" if is_interval else "sum(total) / sum(n)",
        }
        of_one = {name: sql.replace("sum(", "(") for name, sql in of_parts.items()}
        connection.execute(_MINUTES.format(**of_one), bound | {"stream": stream.name})
        values = _VALUES.format(**of_parts)
        for sql in (_BY_HOUR, _BY_DAY):
            connection.execute(sql.format(values=values), {"stream": stream.name})
    return samples


def _write(connection: Connection, table: Table, first: date, last: date) -> int:
    """Put the rows of the days in the place of those that are there."""
    bound = [first, last]
    there = connection.execute(f"SELECT 1 FROM {table.qualified} WHERE day BETWEEN ? AND ? LIMIT 1", bound).fetchone()
    if there:
        connection.execute(f"DELETE FROM {table.qualified} WHERE day BETWEEN ? AND ?", bound)
    rows, days = connection.execute(f"SELECT count(*), count(DISTINCT day) FROM made_{table.name}").fetchall()[0]
    if rows:
        gather_by_day(connection, days)
        # They were made in the order of their table, stream by stream.
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM made_{table.name}")
    return rows


# The hours of everybody's clock. Wear is told of a day that has stretches of it, or of which coverage says that there
# is none; nothing else tells a day without wear from one that nobody has looked at.
_HOURS = f"""
CREATE OR REPLACE TEMP TABLE series_hours AS
WITH told AS (
    SELECT participant_id, day FROM {WEAR.qualified} WHERE day BETWEEN $first AND $last
    UNION SELECT participant_id, day FROM {DAILY.qualified} WHERE day BETWEEN $first AND $last AND worn_min = 0
), hours AS (
    SELECT p.participant_id, h.day, h.hour, h.fold, make_timestamptz(h.start_min * 60_000_000) AS ts,
        make_timestamptz((h.start_min + h.length_min) * 60_000_000) AS until_ts, h.length_min,
        t.participant_id IS NOT NULL AS is_told
    FROM clock_hours h JOIN clock_people p USING (clock) LEFT JOIN told t USING (participant_id, day)
), worn AS (
    SELECT h.participant_id, h.day, h.hour, h.fold,
        sum(date_diff('minute', greatest(h.ts, w.ts), least(h.until_ts, w.until_ts))) AS worn_min
    FROM hours h
    JOIN (SELECT * FROM {WEAR.qualified} WHERE day BETWEEN $first AND $last) w
        ON w.participant_id = h.participant_id AND w.day = h.day AND w.ts < h.until_ts AND w.until_ts > h.ts
    GROUP BY ALL
)
SELECT h.* EXCLUDE (is_told, until_ts), CASE WHEN is_told THEN coalesce(w.worn_min, 0) END::INTEGER AS worn_min
FROM hours h LEFT JOIN worn w USING (participant_id, day, hour, fold)
"""
# To nine decimals, so that it makes no difference in which order threads add.
_VALUES = """sum(n)::INTEGER AS n, {total} AS total, round({mean}, 9) AS mean, min(min) AS min, max(max) AS max,
    arg_min(first_value, first_place) AS first_value, arg_max(last_value, last_place) AS last_value"""
_MINUTES = f"""
INSERT INTO made_{SERIES_1M.name} BY NAME
WITH minutes AS (
    SELECT participant_id, day, ts, local_ts, fold, n::INTEGER AS n, {{total}} AS total, round({{mean}}, 9) AS mean,
        min, max, first_value, last_value
    FROM series_parts WHERE coarseness = 0
), told AS (
    SELECT DISTINCT participant_id, day FROM series_hours WHERE worn_min IS NOT NULL
), worn AS (
    SELECT participant_id, ts, until_ts FROM {WEAR.qualified}
    WHERE day BETWEEN $first::DATE - 1 AND $last::DATE + 1
)
SELECT m.*, a.rows_of_day, $stream AS stream,
    date_diff('minute', timezone('UTC', m.ts), m.local_ts)::SMALLINT AS utc_offset_min, 1.0 AS observed_share,
    CASE WHEN t.participant_id IS NOT NULL THEN coalesce(m.ts < w.until_ts, false)::DOUBLE END AS worn_share
FROM minutes m
JOIN series_rows a ON a.participant_id = m.participant_id AND a.day = m.day
LEFT JOIN told t ON t.participant_id = m.participant_id AND t.day = m.day
ASOF LEFT JOIN worn w ON w.participant_id = m.participant_id AND m.ts >= w.ts
ORDER BY m.day, m.participant_id, m.ts, m.local_ts
"""
_ROWS = """
CREATE OR REPLACE TEMP TABLE series_rows AS
SELECT participant_id, day, sum(n)::INTEGER AS rows_of_day FROM series_parts GROUP BY ALL
"""
_BY_HOUR = f"""
INSERT INTO made_{SERIES_1H.name} BY NAME
WITH hours AS (
    SELECT participant_id, day, hour(local_ts)::TINYINT AS hour, fold,
        -- Where nobody knows the clock: where this one began by itself.
        min(ts - (local_ts - date_trunc('hour', local_ts))) AS shown_ts, {{values}}
    FROM series_parts WHERE coarseness <= 1 GROUP BY ALL
)
SELECT h.* EXCLUDE (shown_ts), a.rows_of_day, $stream AS stream, coalesce(c.ts, shown_ts) AS ts, c.length_min,
    s.observed_min / c.length_min AS observed_share, c.worn_min / c.length_min AS worn_share
FROM hours h
JOIN series_rows a USING (participant_id, day)
LEFT JOIN series_seen s USING (participant_id, day, hour, fold)
LEFT JOIN series_hours c USING (participant_id, day, hour, fold)
ORDER BY h.day, h.participant_id, ts
"""
_BY_DAY = f"""
INSERT INTO made_{SERIES_1D.name} BY NAME
WITH days AS (
    SELECT participant_id, day, {{values}}, ['1m', '1h', '1d'][min(coarseness) + 1] AS finest
    FROM series_parts GROUP BY ALL
), seen AS (
    SELECT participant_id, day, sum(observed_min) AS observed_min FROM series_seen GROUP BY ALL
), clock AS (
    SELECT participant_id, day, sum(length_min)::INTEGER AS length_min, sum(worn_min) AS worn_min
    FROM series_hours GROUP BY ALL
)
SELECT d.*, $stream AS stream, c.length_min, s.observed_min / c.length_min AS observed_share,
    c.worn_min / c.length_min AS worn_share
FROM days d
LEFT JOIN seen s USING (participant_id, day)
LEFT JOIN clock c USING (participant_id, day)
ORDER BY d.participant_id, d.day
"""
