"""Gaps of a stream: what lies between stretches of values, within the hours that the protocol asks for."""

from datetime import date

from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.model import Mode
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.science.imputation.series import Resolution
from neuro_assets.streams.coverage import HOURLY, REASONS
from neuro_assets.streams.imputed import DAILY, DROPOUT, GAP, OBSERVED
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

_ORDER = " ".join(f"WHEN '{reason}' THEN {n}" for n, reason in enumerate(REASONS))
# By then the reason of a gap is settled, for a day that knows only the past.
_SETTLED_AFTER_DAYS = 2

# From where to where each person's gaps are told anew: the days, and every gap that reaches into them or ends there.
_SPAN = f"""
CREATE OR REPLACE TEMP TABLE gap_span AS
WITH own AS (
    SELECT participant_id, min(ts) AS since, max(ts + to_minutes(length_min)) AS until
    FROM {HOURLY.qualified} SEMI JOIN made_days USING (participant_id, day)
    WHERE stream = $stream AND day BETWEEN $first AND $last GROUP BY 1
), reach AS (
    SELECT o.participant_id, min(g.ts) AS since, max(g.until_ts) AS until
    FROM own o JOIN {GAP.qualified} g ON g.participant_id = o.participant_id AND g.stream = $stream
        AND g.resolution = $resolution AND g.ts <= o.until AND g.until_ts >= o.since
    GROUP BY 1
)
SELECT o.participant_id, least(o.since, r.since) AS since, greatest(o.until, r.until) AS until
FROM own o LEFT JOIN reach r USING (participant_id)
"""

# What is missing, hour by hour; `n` numbers a person's gaps.
_PARTS = f"""
CREATE OR REPLACE TEMP TABLE gap_parts AS
WITH hours AS (
    SELECT h.participant_id, h.day, h.hour, greatest(h.ts, s.since) AS ts,
        least(h.ts + to_minutes(h.length_min), s.until) AS until, h.reason
    FROM {HOURLY.qualified} h JOIN gap_span s USING (participant_id)
    WHERE h.stream = $stream AND h.expected_min > 0
        AND h.ts + to_minutes(h.length_min) > s.since AND h.ts < s.until
        AND h.day BETWEEN $first AND $last
        -- Days whose values are differently far apart are not missing here.
        AND (h.participant_id, h.day) IN (
            SELECT participant_id, day FROM made_days WHERE kind = 'asked'
            UNION ALL
            SELECT participant_id, day FROM {DAILY.qualified} ANTI JOIN told_days USING (participant_id, day)
            WHERE stream = $stream AND resolution = $resolution AND day BETWEEN $first AND $last
        )
), stretches AS (
    SELECT participant_id, day, ts, until_ts, state FROM made_observed
    UNION ALL
    SELECT o.participant_id, o.day, o.ts, o.until_ts, o.state
    FROM {OBSERVED.qualified} o
    SEMI JOIN gap_span USING (participant_id) ANTI JOIN told_days USING (participant_id, day)
    WHERE o.stream = $stream AND o.resolution = $resolution
        AND o.day BETWEEN $first AND $last
), edges AS (
    SELECT participant_id, ts AS hour_ts, ts AS since, ts AS until FROM hours
    UNION ALL SELECT participant_id, ts, until, until FROM hours
    UNION ALL
    SELECT h.participant_id, h.ts, greatest(h.ts, s.ts), least(h.until, s.until_ts)
    FROM hours h JOIN stretches s ON s.participant_id = h.participant_id AND s.day = h.day
        AND s.ts < h.until AND s.until_ts > h.ts
    WHERE s.state = 'valid'
), pieces AS (
    SELECT participant_id, hour_ts, until AS ts,
        lead(since) OVER (PARTITION BY participant_id, hour_ts ORDER BY since, until) AS until
    FROM edges
), missing AS (
    SELECT p.participant_id, h.day, h.hour, p.ts, p.until, coalesce(h.reason, 'unknown') AS reason,
        date_diff('minute', p.ts, p.until) AS minutes
    FROM pieces p JOIN hours h ON h.participant_id = p.participant_id AND h.ts = p.hour_ts WHERE p.ts < p.until
), unworn AS (
    SELECT m.participant_id, m.ts,
        sum(date_diff('minute', greatest(m.ts, s.ts), least(m.until, s.until_ts))) AS minutes
    FROM missing m JOIN stretches s ON s.participant_id = m.participant_id AND s.day = m.day
        AND s.ts < m.until AND s.until_ts > m.ts
    WHERE s.state = 'not_worn' GROUP BY ALL
)
SELECT m.*, coalesce(u.minutes, 0) AS unworn_min,
    sum(is_begin::INTEGER) OVER (PARTITION BY m.participant_id ORDER BY m.ts) AS n
FROM (
    SELECT *, ts IS DISTINCT FROM lag(until) OVER (PARTITION BY participant_id ORDER BY ts) AS is_begin FROM missing
) m LEFT JOIN unworn u ON u.participant_id = m.participant_id AND u.ts = m.ts
"""

_BY_REASON = """
SELECT participant_id, n, day, 'not_worn' AS reason, unworn_min AS minutes FROM gap_parts WHERE unworn_min > 0
UNION ALL
SELECT participant_id, n, day, reason, minutes - unworn_min FROM gap_parts WHERE minutes > unworn_min
"""
_MOST = f"arg_min(reason, (-minutes, CASE reason {_ORDER} END))"

_GAPS = f"""
CREATE OR REPLACE TEMP TABLE made_gap AS
WITH reasons AS (
    SELECT participant_id, n, {_MOST} AS reason
    FROM (SELECT participant_id, n, reason, sum(minutes) AS minutes FROM ({_BY_REASON}) GROUP BY ALL) GROUP BY ALL
), found AS (
    SELECT participant_id, n, arg_min(day, ts) AS day, min(ts) AS ts, max(until) AS until_ts,
        sum(minutes)::INTEGER AS gap_min, sum(unworn_min)::INTEGER AS unworn_min
    FROM gap_parts GROUP BY ALL
), last_seen AS (
    SELECT participant_id, max(ts) AS ts FROM (
        SELECT participant_id, ts FROM made_observed WHERE state = 'valid'
        UNION ALL
        SELECT participant_id, ts FROM {OBSERVED.qualified}
        SEMI JOIN found USING (participant_id) ANTI JOIN told_days USING (participant_id, day)
        WHERE stream = $stream AND resolution = $resolution AND state = 'valid'
            AND day >= $first
    ) GROUP BY 1
), told AS (
    SELECT f.*, coalesce(f.until_ts <= l.ts, false) AS is_over,
        substr(md5(concat_ws('|', f.participant_id, $stream, $resolution, epoch_us(f.ts))), 1, 16) AS gap_id
    FROM found f LEFT JOIN last_seen l USING (participant_id)
), why AS (
    SELECT t.*, CASE WHEN t.gap_min <= $dropout_min AND t.is_over AND r.reason IN ('not_worn', 'unknown')
        THEN '{DROPOUT}' ELSE r.reason END AS reason
    FROM told t JOIN reasons r USING (participant_id, n)
)
SELECT w.participant_id, w.n, w.day, $stream AS stream, $resolution AS resolution, w.gap_id, w.ts, w.until_ts,
    w.gap_min, w.unworn_min, w.reason,
    ['night', 'morning', 'afternoon', 'evening'][1 + (middle.hour // 6)::INTEGER] AS part_of_day, w.is_over,
    CASE
        WHEN NOT list_contains($reasons, w.reason) THEN 'not_allowed'
        WHEN $longest = 0 AND $longest_total = 0 THEN 'not_imputed'
        WHEN NOT w.is_over THEN 'not_over'
        WHEN w.gap_min <= $longest THEN NULL
        WHEN w.gap_min <= $longest_total THEN 'only_totals'
        ELSE 'too_long' END AS refusal,
    refusal IS NULL AS is_allowed
FROM why w
ASOF JOIN gap_parts middle
    ON middle.participant_id = w.participant_id
    AND w.ts + to_microseconds(epoch_us(w.until_ts - w.ts) // 2) >= middle.ts
"""

# The part that each local day has of a gap, and what refuses it there, whatever its length.
_OF_THE_WHOLE = """
SELECT p.participant_id, p.day, g.gap_id, min(p.ts) AS ts, max(p.until) AS until_ts, g.gap_min, g.reason,
    CASE WHEN g.refusal IN ('not_allowed', 'not_imputed', 'not_over') THEN g.refusal END AS refusal
FROM gap_parts p JOIN made_gap g USING (participant_id, n) GROUP BY ALL
"""
_BY_THEN = f"""
WITH days AS (
    SELECT participant_id, n, day, min(ts) AS ts, max(until) AS until_ts, sum(minutes)::INTEGER AS minutes
    FROM gap_parts GROUP BY ALL
), known AS (
    SELECT *, sum(minutes) OVER before AS gap_min, least(day, min(day) OVER before + {_SETTLED_AFTER_DAYS}) AS settled
    FROM days WINDOW before AS (PARTITION BY participant_id, n ORDER BY day)
), by_reason AS (
    SELECT participant_id, n, day, reason, sum(minutes) AS minutes FROM ({_BY_REASON}) GROUP BY ALL
), until_then AS (
    SELECT k.participant_id, k.n, k.day, r.reason, sum(r.minutes) AS minutes
    FROM known k JOIN by_reason r ON r.participant_id = k.participant_id AND r.n = k.n AND r.day <= k.settled
    GROUP BY ALL
), reasons AS (
    SELECT participant_id, n, day, {_MOST} AS reason FROM until_then GROUP BY ALL
), ends AS (
    SELECT participant_id, day, max(ts + to_minutes(length_min)) AS ends
    FROM {HOURLY.qualified} SEMI JOIN days USING (participant_id, day)
    WHERE stream = $stream AND day BETWEEN $first AND $last GROUP BY ALL
), told AS (
    SELECT k.participant_id, k.day, g.gap_id, k.ts, k.until_ts, k.gap_min::INTEGER AS gap_min,
        CASE WHEN k.gap_min <= $dropout_min AND g.is_over AND g.until_ts < e.ends AND g.until_ts = k.until_ts
            AND r.reason IN ('not_worn', 'unknown') THEN '{DROPOUT}' ELSE r.reason END AS reason
    FROM known k
    JOIN reasons r USING (participant_id, n, day)
    JOIN made_gap g USING (participant_id, n)
    JOIN ends e USING (participant_id, day)
)
SELECT *, CASE
    WHEN NOT list_contains($reasons, reason) THEN 'not_allowed'
    WHEN $longest = 0 AND $longest_total = 0 THEN 'not_imputed' END AS refusal
FROM told
"""


def tell_gaps(
    connection: Connection, study: Study, stream: Stream, resolution: Resolution, rule: Rule, mode: Mode
) -> None:
    """Make `gap_span`, `made_gap` and `made_gap_day`: the gaps around some days, and the part each day has of them.

    In a past-only mode the part of a day has the reason and the length that the gap had by then.

    Args:
        connection: with `made_observed`, the stretches of days that are told anew, and `made_days`: whose days these
            are (`asked`), which are no longer of this resolution (`left`), and which are beside.
        study: the protocol.
        stream: the stream.
        resolution: how far apart the people's values are.
        rule: how its gaps are filled in.
        mode: whether what comes later may be used.
    """
    own = {"stream": stream.name, "resolution": resolution.name}
    rules = {
        "reasons": [DROPOUT, *study.imputation.reasons],
        "dropout_min": study.imputation.dropout_min,
        "longest": rule.longest_min,
        "longest_total": rule.longest_total_min,
    }
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE told_days AS SELECT participant_id, day FROM made_days WHERE kind <> 'beside'"
    )
    connection.execute(_SPAN, own | _extent(connection, "min(day), max(day) FROM made_days"))
    extent = _extent(connection, "min(since)::DATE - 2, max(until)::DATE + 2 FROM gap_span")
    connection.execute(_PARTS, own | extent)
    connection.execute(_GAPS, own | rules | {"first": extent["first"]})
    make = "CREATE OR REPLACE TEMP TABLE made_gap_day AS"
    if mode == "past_only":
        connection.execute(f"{make} {_BY_THEN}", {"stream": stream.name} | rules | extent)
    else:
        connection.execute(f"{make} {_OF_THE_WHOLE}")


def _extent(connection: Connection, days: str) -> dict[str, date]:
    """The first and the last of the days, as a range that a query of a partitioned table can be bound to."""
    found = connection.execute(f"SELECT {days}").fetchall()[0]
    return dict(zip(("first", "last"), (day or date.min for day in found), strict=True))
