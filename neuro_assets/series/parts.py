"""From staged samples to parts of minutes: what every resolution is summed up from, and which minutes are observed.

A part is what a stream has of record in one minute of one person, apart by how long its rows stand for: up to a minute,
up to an hour, longer. A row belongs to the minute in which it begins. Rows at times that the clock jumped over are of
the hour that it jumped to.
"""

from datetime import date

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Stream
from neuro_assets.streams.series import LONGEST_PERIOD_S

# Readings that are further apart are no series; as in coverage.
_SPARSEST_MIN = 15

# Values of intervals per minute, so that rows of any period compare. The order is that of true time; what the clock
# jumped over comes first.
_PARTS = """
CREATE OR REPLACE TEMP TABLE series_parts AS
WITH samples AS ({samples})
SELECT participant_id, day, date_trunc('minute', ts) AS ts, date_trunc('minute', local_ts) AS local_ts, fold,
    CASE WHEN period_s <= {minute} THEN 0 WHEN period_s <= {hour} THEN 1 ELSE 2 END::TINYINT AS coarseness,
    count(*) AS n, sum(value) AS total, sum(period_s) AS seconds, min(rate) AS min, max(rate) AS max,
    arg_min(rate, place) AS first_value, arg_max(rate, place) AS last_value,
    min(place) AS first_place, max(place) AS last_place
FROM samples
GROUP BY ALL
"""
_SAMPLES = """
SELECT participant_id, day, ts, local_ts, fold, period_s, value, {rate} AS rate, epoch_us(ts) * 2 + 1 AS place
FROM {table}_of_record WHERE day BETWEEN $first AND $last
"""
_SAMPLES_WITH_JUMPS = """
SELECT r.participant_id, r.day, r.ts,
    coalesce(timezone('UTC', r.ts) + to_minutes(s.offset_min), r.local_ts) AS local_ts,
    coalesce(s.fold, r.fold) AS fold, r.period_s, r.value, {rate} AS rate,
    epoch_us(r.ts) * 2 + (r.time_quality <> 'dst_gap')::BIGINT AS place
FROM (SELECT * FROM {table}_of_record WHERE day BETWEEN $first AND $last) r
LEFT JOIN clock_people p ON p.participant_id = r.participant_id AND r.time_quality = 'dst_gap'
LEFT JOIN clock_spans s
    ON s.clock = p.clock AND timezone('UTC', r.ts) >= s.since AND timezone('UTC', r.ts) < s.until
"""
_COUNTED = "SELECT coalesce(sum(n), 0)::BIGINT, count(*) FILTER (coarseness > 0) FROM series_parts"

# Which minutes have a row begin in them that stands for a minute at most, or are within a longer one.
_OTHER_ROWS = """
INSERT INTO series_reach
SELECT DISTINCT participant_id, day, epoch_us(ts) // 60_000_000 + unnest(range(greatest(period_s // 60, 1))) AS minute,
    utc_offset_min, fold
FROM {table} WHERE day BETWEEN $first AND $last
"""
# Where most readings of a person's day are further apart than a minute each stands for as many as is usual there.
_BETWEEN_READINGS = f"""
INSERT INTO series_reach
WITH seen AS (
    SELECT participant_id, day, minute, lead(minute) OVER (PARTITION BY participant_id, day ORDER BY minute) - minute
        AS step
    FROM (
        SELECT participant_id, day, epoch_us(ts) // 60_000_000 AS minute FROM series_parts WHERE coarseness = 0
        UNION SELECT participant_id, day, minute FROM series_reach
    )
), usual AS (
    SELECT participant_id, day, floor(median(step))::BIGINT AS step
    FROM seen GROUP BY ALL HAVING count(*) > 2 AND 2 * count(*) FILTER (step = 1) < count(*) - 1
), sparse AS (
    SELECT * FROM usual WHERE step BETWEEN 2 AND {_SPARSEST_MIN}
), own AS (
    SELECT participant_id, day, ts, local_ts, fold FROM series_parts SEMI JOIN sparse USING (participant_id, day)
    WHERE coarseness = 0
)
SELECT participant_id, day, epoch_us(ts) // 60_000_000 + unnest(range(step)) AS minute,
    date_diff('minute', timezone('UTC', ts), local_ts) AS utc_offset_min, fold
FROM own JOIN sparse USING (participant_id, day)
"""
# Minutes beyond the day of the row are left out: a day follows from its own rows.
_SEEN = """
CREATE OR REPLACE TEMP TABLE series_seen AS
WITH reached AS (
    SELECT r.participant_id, r.day, r.minute, coalesce(s.fold, r.fold) AS fold,
        make_timestamp(r.minute * 60_000_000) + to_minutes(coalesce(s.offset_min, r.utc_offset_min)) AS local_ts
    FROM series_reach r
    LEFT JOIN clock_people p USING (participant_id)
    LEFT JOIN clock_spans s ON s.clock = p.clock AND make_timestamp(r.minute * 60_000_000) >= s.since
        AND make_timestamp(r.minute * 60_000_000) < s.until
), minutes AS (
    SELECT participant_id, day, hour(local_ts) AS hour, fold, epoch_us(ts) // 60_000_000 AS minute
    FROM series_parts WHERE coarseness = 0
    UNION {every}
    SELECT participant_id, day, hour(local_ts), fold, minute FROM reached WHERE local_ts::DATE = day
)
SELECT participant_id, day, hour::TINYINT AS hour, fold, count(*) AS observed_min FROM minutes GROUP BY ALL
"""


def make_parts(connection: Connection, stream: Stream, first: date, last: date) -> int:
    """Make the temporary tables `series_parts` and `series_seen` of a stream's days; returns how many rows were read.

    A minute is observed, as in coverage, where a row of any period is there: one of a minute or less stands for the
    minute in which it begins, a longer one for each of its minutes, and a reading for as many minutes as the readings
    of that person and day are usually apart (the median, up to 15).

    Args:
        connection: with the temporary tables of `tell_clocks`.
        stream: of samples.
        first: first local day.
        last: last local day.
    """
    bound = {"first": first, "last": last}
    is_interval = stream.sampling == "interval"
    rate = "CASE WHEN period_s = 60 THEN value ELSE round(value * 60.0 / period_s, 9) END" if is_interval else "value"
    minute, hour = LONGEST_PERIOD_S["1m"], LONGEST_PERIOD_S["1h"]
    inside = f"FROM {stream.qualified} WHERE day BETWEEN $first AND $last"
    jumped = connection.execute(f"SELECT 1 {inside} AND time_quality = 'dst_gap' LIMIT 1", bound).fetchone()
    samples = (_SAMPLES_WITH_JUMPS if jumped else _SAMPLES).format(table=stream.qualified, rate=rate)
    connection.execute(_PARTS.format(samples=samples, minute=minute, hour=hour), bound)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE series_reach (participant_id VARCHAR, day DATE, minute BIGINT,"
        " utc_offset_min SMALLINT, fold TINYINT)"
    )
    rows, coarse = connection.execute(_COUNTED).fetchall()[0]
    staged = connection.execute(f"SELECT count(*) {inside}", bound).fetchall()[0][0]
    # Otherwise every row is of record, and stands for its own minute.
    if coarse or rows < staged:
        connection.execute(_OTHER_ROWS.format(table=stream.qualified), bound)
    if not is_interval:
        connection.execute(_BETWEEN_READINGS)
    reaches = connection.execute("SELECT 1 FROM series_reach LIMIT 1").fetchone() is not None
    connection.execute(_SEEN.format(every="" if reaches else "ALL"))
    return rows
