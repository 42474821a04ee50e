"""Gaps of a stream: what lies between stretches of values, within the hours that the protocol asks for."""

from datetime import date

from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.science.imputation.series import Resolution
from neuro_assets.streams.coverage import HOURLY, REASONS
from neuro_assets.streams.imputed import DAILY, DROPOUT, GAP, OBSERVED
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

_ORDER = " ".join(f"WHEN '{reason}' THEN {n}" for n, reason in enumerate(REASONS))

# From where to where each person's gaps are told anew: the days, and every gap that reaches into them or ends there.
_SPAN = f"""
CREATE OR REPLACE TEMP TABLE gap_span AS
WITH asked AS (
    SELECT participant_id, min(ts) AS since, max(ts + to_minutes(length_min)) AS until
    FROM {HOURLY.qualified} SEMI JOIN made_days USING (participant_id, day)
    WHERE stream = $stream AND day BETWEEN $first AND $last GROUP BY 1
), reach AS (
    SELECT a.participant_id, min(g.ts) AS since, max(g.until_ts) AS until
    FROM asked a JOIN {GAP.qualified} g ON g.participant_id = a.participant_id AND g.stream = $stream
        AND g.resolution = $resolution AND g.ts <= a.until AND g.until_ts >= a.since
    GROUP BY 1
)
SELECT a.participant_id, least(a.since, r.since) AS since, greatest(a.until, r.until) AS until
FROM asked a LEFT JOIN reach r USING (participant_id)
"""

_GAPS = f"""
CREATE OR REPLACE TEMP TABLE made_gap AS
WITH extent AS (
    SELECT min(since)::DATE - 2 AS first, max(until)::DATE + 2 AS last FROM gap_span
), hours AS (
    SELECT h.participant_id, h.day, h.hour, greatest(h.ts, s.since) AS ts,
        least(h.ts + to_minutes(h.length_min), s.until) AS until, h.reason
    FROM {HOURLY.qualified} h JOIN gap_span s USING (participant_id)
    WHERE h.stream = $stream AND h.expected_min > 0
        AND h.ts + to_minutes(h.length_min) > s.since AND h.ts < s.until
        AND h.day BETWEEN (SELECT first FROM extent) AND (SELECT last FROM extent)
        -- Days whose values are differently far apart are not missing here.
        AND (h.participant_id, h.day) IN (
            SELECT participant_id, day FROM made_days WHERE day BETWEEN $first AND $last
            UNION ALL
            SELECT participant_id, day FROM {DAILY.qualified}
            WHERE stream = $stream AND resolution = $resolution AND day NOT BETWEEN $first AND $last
        )
), stretches AS (
    SELECT participant_id, day, ts, until_ts, state FROM made_observed
    UNION ALL
    SELECT o.participant_id, o.day, o.ts, o.until_ts, o.state
    FROM {OBSERVED.qualified} o SEMI JOIN gap_span USING (participant_id)
    WHERE o.stream = $stream AND o.resolution = $resolution AND o.day NOT BETWEEN $first AND $last
        AND o.day BETWEEN (SELECT first FROM extent) AND (SELECT last FROM extent)
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
    SELECT p.participant_id, h.day, h.hour, p.ts, p.until, h.reason, date_diff('minute', p.ts, p.until) AS minutes
    FROM pieces p JOIN hours h ON h.participant_id = p.participant_id AND h.ts = p.hour_ts WHERE p.ts < p.until
), unworn AS (
    SELECT m.participant_id, m.ts,
        sum(date_diff('minute', greatest(m.ts, s.ts), least(m.until, s.until_ts))) AS minutes
    FROM missing m JOIN stretches s ON s.participant_id = m.participant_id AND s.day = m.day
        AND s.ts < m.until AND s.until_ts > m.ts
    WHERE s.state = 'not_worn' GROUP BY ALL
), parts AS (
    SELECT m.*, coalesce(u.minutes, 0) AS unworn_min,
        sum(is_begin::INTEGER) OVER (PARTITION BY m.participant_id ORDER BY m.ts) AS n
    FROM (
        SELECT *, ts IS DISTINCT FROM lag(until) OVER (PARTITION BY participant_id ORDER BY ts) AS is_begin
        FROM missing
    ) m LEFT JOIN unworn u ON u.participant_id = m.participant_id AND u.ts = m.ts
), by_reason AS (
    SELECT participant_id, n, reason, sum(minutes) AS minutes FROM (
        SELECT participant_id, n, 'not_worn' AS reason, unworn_min AS minutes FROM parts
        UNION ALL
        SELECT participant_id, n, coalesce(reason, 'unknown'), minutes - unworn_min FROM parts
    ) WHERE minutes > 0 GROUP BY ALL
), reasons AS (
    SELECT participant_id, n, arg_min(reason, (-minutes, CASE reason {_ORDER} END)) AS reason
    FROM by_reason GROUP BY ALL
), found AS (
    SELECT participant_id, n, arg_min(day, ts) AS day, min(ts) AS ts, max(until) AS until_ts,
        sum(minutes)::INTEGER AS gap_min
    FROM parts GROUP BY ALL
), last_seen AS (
    SELECT participant_id, max(ts) AS ts FROM (
        SELECT participant_id, ts FROM made_observed WHERE state = 'valid'
        UNION ALL
        SELECT participant_id, ts FROM {OBSERVED.qualified}
        WHERE stream = $stream AND resolution = $resolution AND state = 'valid'
            AND day NOT BETWEEN $first AND $last AND day >= (SELECT first FROM extent)
    ) GROUP BY 1
)
SELECT f.participant_id, f.day, $stream AS stream, $resolution AS resolution,
    substr(md5(concat_ws('|', f.participant_id, $stream, $resolution, epoch_us(f.ts))), 1, 16) AS gap_id,
    f.ts, f.until_ts, f.gap_min, r.reason,
    ['night', 'morning', 'afternoon', 'evening'][1 + (middle.hour // 6)::INTEGER] AS part_of_day,
    coalesce(f.until_ts <= l.ts, false) AS is_over
FROM found f
JOIN reasons r USING (participant_id, n)
LEFT JOIN last_seen l USING (participant_id)
ASOF JOIN (SELECT participant_id, ts AS hour_ts, hour FROM hours) middle
    ON middle.participant_id = f.participant_id
    AND f.ts + to_microseconds(epoch_us(f.until_ts - f.ts) // 2) >= middle.hour_ts
"""


def tell_gaps(
    connection: Connection, study: Study, stream: Stream, resolution: Resolution, rule: Rule, first: date, last: date
) -> None:
    """Make `made_gap` and `gap_span`: the gaps around some days, and from where to where they are all.

    Args:
        connection: with `made_observed`, the stretches of these days, and `made_days`, whose days they are.
        study: the protocol.
        stream: the stream.
        resolution: how far apart the people's values are.
        rule: how its gaps are filled in.
        first: first local day.
        last: last local day.
    """
    bound = {"stream": stream.name, "resolution": resolution.name, "first": first, "last": last}
    connection.execute(_SPAN, {k: bound[k] for k in ("stream", "resolution", "first", "last")})
    connection.execute(_GAPS, bound)
    connection.execute(
        f"UPDATE made_gap SET reason = '{DROPOUT}'"
        " WHERE gap_min <= ? AND is_over AND reason IN ('not_worn', 'unknown')",
        [study.imputation.dropout_min],
    )
    connection.execute("ALTER TABLE made_gap ADD COLUMN refusal VARCHAR")
    connection.execute(
        """
        UPDATE made_gap SET refusal = CASE
            WHEN reason NOT IN (SELECT unnest($reasons)) THEN 'not_allowed'
            WHEN $longest = 0 AND $total = 0 THEN 'not_imputed'
            WHEN NOT is_over THEN 'not_over'
            WHEN gap_min <= $longest THEN NULL
            WHEN gap_min <= $total THEN 'only_totals'
            ELSE 'too_long' END
        """,
        {
            "reasons": [DROPOUT, *study.imputation.reasons],
            "longest": rule.longest_min,
            "total": rule.longest_total_min,
        },
    )
    connection.execute("ALTER TABLE made_gap ADD COLUMN is_allowed BOOLEAN")
    connection.execute("UPDATE made_gap SET is_allowed = refusal IS NULL")
