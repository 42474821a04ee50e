"""What must hold of episodes whatever the events: pieces make up episodes, none overlap, totals are their sums."""

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.streams.episodes import (
    EPISODE_ACCOUNT,
    NOTIFICATION_RESPONSE,
    PIECE_TABLES,
    SCREEN_DAY,
    SCREEN_EPISODE,
)
from neuro_assets.streams.model import Table

ADD_UP, APART, TOTALS = "pieces_add_up", "episodes_do_not_overlap", "totals_are_sums"
ACCOUNTED, IN_TIME = "episodes_accounted_for", "answers_are_told_whole"


def event_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the assets of episodes yield."""
    return [
        *(
            _spec(t, ADD_UP, "The pieces of each episode are all there, and as long as the episode.")
            for t in PIECE_TABLES
        ),
        *(_spec(t, APART, "No device has two episodes at a time.") for t in PIECE_TABLES),
        _spec(NOTIFICATION_RESPONSE, IN_TIME, "An answer has both a time and a type, or there is none."),
        _spec(EPISODE_ACCOUNT, ACCOUNTED, "Each opening is one episode that begins on its day."),
        _spec(SCREEN_DAY, TOTALS, "The totals of a day are the sums of its pieces, those over the cap left out."),
    ]


def event_check_results(connection: Connection, days: DayRange) -> list[dg.AssetCheckResult]:
    """The results for days that were just written."""
    return [
        *(_result(connection, days, t, ADD_UP, _ADD_UP.format(table=t.qualified)) for t in PIECE_TABLES),
        *(_result(connection, days, t, APART, _APART.format(table=t.qualified)) for t in PIECE_TABLES),
        _result(connection, days, NOTIFICATION_RESPONSE, IN_TIME, _IN_TIME),
        _result(connection, days, EPISODE_ACCOUNT, ACCOUNTED, _ACCOUNTED),
        _result(connection, days, SCREEN_DAY, TOTALS, _TOTALS),
    ]


def _spec(table: Table, name: str, description: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=key_of(table), description=description)


def _result(connection: Connection, days: DayRange, table: Table, name: str, sql: str) -> dg.AssetCheckResult:
    wrong = connection.execute(sql, {"first": days.start, "last": days.end}).fetchall()[0][0]
    return dg.AssetCheckResult(
        asset_key=key_of(table), check_name=name, passed=wrong == 0, metadata={"rows_at_fault": wrong}
    )


# An episode of 12 hours reaches a day or two; its pieces on the days beside are looked at with it.
_ADD_UP = """
WITH whole AS (
    SELECT bool_or(day BETWEEN $first AND $last) AS is_asked, count(*) AS pieces, min(piece) AS least,
        max(piece) AS greatest, min(ts) AS since, any_value(began_ts) AS began_ts, sum(duration_s) AS made_s,
        any_value(episode_s) AS episode_s,
        bool_or((end_ts IS NULL) <> (duration_s IS NULL)
            OR abs(duration_s - (epoch_us(end_ts) - epoch_us(ts)) / 1e6) > 1e-6) AS is_wrong
    FROM {table} WHERE day BETWEEN $first::DATE - 3 AND $last::DATE + 3
    GROUP BY participant_id, device_id, start_event_id, began_ts
)
SELECT count(*) FROM whole WHERE is_asked AND (
    is_wrong OR least <> 0 OR greatest <> pieces - 1 OR since <> began_ts OR (made_s IS NULL) <> (episode_s IS NULL)
    OR abs(made_s - episode_s) > 1e-5
)
"""
_APART = """
WITH pieces AS (
    SELECT day, ts, max(end_ts) OVER (
            PARTITION BY participant_id, device_id ORDER BY ts, end_ts
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS taken_until
    FROM {table} WHERE day BETWEEN $first::DATE - 3 AND $last::DATE + 3 AND end_ts IS NOT NULL
)
SELECT count(*) FROM pieces WHERE day BETWEEN $first AND $last AND ts < taken_until
"""
_IN_TIME = f"""
SELECT count(*) FROM {NOTIFICATION_RESPONSE.qualified}
WHERE day BETWEEN $first AND $last AND (response_s IS NULL) <> (response_type IS NULL)
"""
_ACCOUNTED = f"""
WITH begun AS (
    {
    " UNION ALL ".join(
        f"SELECT participant_id, day, '{kind}' AS episodes, count(*) AS n FROM {table.qualified}"
        " WHERE day BETWEEN $first AND $last AND piece = 0 GROUP BY ALL"
        for kind, table in zip(("screen", "app", "focus"), PIECE_TABLES, strict=True)
    )
}
    UNION ALL SELECT participant_id, day, 'notification', count(*) FROM {NOTIFICATION_RESPONSE.qualified}
    WHERE day BETWEEN $first AND $last GROUP BY ALL
), told AS (
    SELECT participant_id, day, episodes, sum(n) AS n FROM {EPISODE_ACCOUNT.qualified}
    WHERE day BETWEEN $first AND $last AND (rule LIKE 'openings_%' OR rule LIKE 'notifications_%') GROUP BY ALL
)
SELECT count(*) FROM begun FULL JOIN told USING (participant_id, day, episodes) WHERE begun.n IS DISTINCT FROM told.n
"""
_TOTALS = f"""
WITH parts AS (
    SELECT participant_id, day, sum(duration_s) / 60 AS minutes FROM {SCREEN_EPISODE.qualified}
    WHERE day BETWEEN $first AND $last AND NOT is_over_cap
    GROUP BY participant_id, day, device_id, start_event_id, began_ts
), sums AS (
    SELECT participant_id, day, count(*) AS n, sum(minutes) AS total, max(minutes) AS longest, min(minutes) AS shortest
    FROM parts GROUP BY ALL
), days AS (
    SELECT * FROM {SCREEN_DAY.qualified} WHERE day BETWEEN $first AND $last
)
SELECT count(*) FROM sums FULL JOIN days d USING (participant_id, day)
WHERE n IS DISTINCT FROM n_episodes OR abs(total - sum_min) > 1e-6 OR abs(longest - max_min) > 1e-6
    OR abs(shortest - min_min) > 1e-6 OR abs(mean_min * n - total) > 1e-6
"""
