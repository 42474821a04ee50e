"""Events of some people in, the rows of every table of episodes out. The lake belongs to compute.py."""

import polars as pl

from neuro_assets.science.episodes import (
    Episodes,
    app_episodes,
    focus_sessions,
    notification_response,
    screen_episodes,
)
from neuro_assets.science.local_days import daily_totals, split_by_local_day
from neuro_assets.streams.episodes import (
    APP_EPISODE,
    EPISODE_ACCOUNT,
    FOCUS_SESSION,
    NOTIFICATION_RESPONSE,
    SCREEN_DAY,
    SCREEN_EPISODE,
)
from neuro_assets.streams.model import Table
from neuro_assets.study import EVENT_REACH_MIN, EventRules

_US_PER_S = 1_000_000


def episode_frames(events: pl.DataFrame, rules: EventRules, clock: pl.DataFrame) -> dict[Table, pl.DataFrame]:
    """Return the rows of each table of episodes, of all days that the events reach.

    Args:
        events: as neuro_assets.science.episodes wants them, with app and planned_min.
        rules: how the protocol wants them to be read.
        clock: the zones of the people, as `split_by_local_day` wants them.
    """
    events = events.with_columns(day=_days(events, clock))
    whole = {
        "screen": (
            SCREEN_EPISODE,
            screen_episodes(
                events, rules.screen_cap_min, opened_by=(rules.screen_opened_by,), reach_min=EVENT_REACH_MIN
            ),
        ),
        "app": (APP_EPISODE, app_episodes(events, rules.categories, rules.app_cap_min, reach_min=EVENT_REACH_MIN)),
        "focus": (
            FOCUS_SESSION,
            focus_sessions(events, rules.categories, rules.distracting, reach_min=EVENT_REACH_MIN),
        ),
    }
    frames: dict[Table, pl.DataFrame] = {}
    totals = pl.DataFrame()
    for table, found in whole.values():
        pieces, marks = _placed(found.table, clock)
        if table is SCREEN_EPISODE:
            totals = daily_totals(pieces)
        frames[table] = _as(table, pl.concat([pieces, marks]))
    answers = notification_response(events, rules.response_within_min)
    frames[NOTIFICATION_RESPONSE] = _answers(answers, rules, clock)
    accounts = [_account(kind, found) for kind, (_, found) in whole.items()]
    frames[EPISODE_ACCOUNT] = pl.concat([*accounts, _account_of_answers(frames[NOTIFICATION_RESPONSE])])
    frames[SCREEN_DAY] = totals.select(SCREEN_DAY.column_names)
    return frames


def _days(events: pl.DataFrame, clock: pl.DataFrame) -> pl.Series:
    """Return the local day of each event."""
    moments = events.select("participant_id", start_utc="ts", end_utc="ts").with_row_index("episode")
    return split_by_local_day(moments, clock)["day"]


def _placed(table: pl.DataFrame, clock: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pieces of the episodes with an end, and a row each for those without one."""
    told = table.with_columns(began_ts="start_utc", whole_us="duration_us")
    marks = told.filter(pl.col("end_utc").is_null()).with_columns(end_utc="start_utc")
    marks = split_by_local_day(marks, clock)
    unknown = (pl.lit(None, marks[c].dtype).alias(c) for c in ("end_utc", "duration_us", "duration_min"))
    return split_by_local_day(told, clock), marks.with_columns(unknown)


def _as(table: Table, pieces: pl.DataFrame) -> pl.DataFrame:
    return pieces.with_columns(
        ts="start_utc",
        local_ts="local_start",
        end_ts="end_utc",
        duration_s=pl.col("duration_us") / _US_PER_S,
        episode_s=pl.col("whole_us") / _US_PER_S,
    ).select(table.column_names)


def _answers(answers: pl.DataFrame, rules: EventRules, clock: pl.DataFrame) -> pl.DataFrame:
    moments = answers.with_row_index("episode").with_columns(start_utc="ts", end_utc="ts")
    category = pl.col("app").replace_strict(dict(rules.categories), default=None, return_dtype=pl.String)
    placed = split_by_local_day(moments, clock).with_columns(
        local_ts="local_start", category=category if rules.categories else pl.lit(None, pl.String)
    )
    return placed.select(NOTIFICATION_RESPONSE.column_names)


def _account(kind: str, found: Episodes) -> pl.DataFrame:
    """Count what became of the events of each day, and how the episodes ended that begin on it."""
    keys, table = ["participant_id", "day"], found.table
    parts = [
        found.fates.select(*keys, "rule"),
        table.filter(pl.col("ended_by").is_not_null()).select(*keys, rule=pl.format("ended_by_{}", "ended_by")),
        table.filter(pl.col("duration_us") == 0).select(*keys, rule=pl.lit("episodes_zero_length")),
    ]
    if "is_over_cap" in table.columns:
        parts.append(table.filter("is_over_cap").select(*keys, rule=pl.lit("episodes_over_cap")))
    return _counted(kind, pl.concat(parts))


def _account_of_answers(answers: pl.DataFrame) -> pl.DataFrame:
    rule = pl.when(pl.col("response_s").is_null()).then(pl.lit("unanswered"))
    rule = rule.otherwise(pl.format("answered_by_{}", "response_type"))
    return _counted("notification", answers.select("participant_id", "day", rule=pl.format("notifications_{}", rule)))


def _counted(kind: str, rows: pl.DataFrame) -> pl.DataFrame:
    counted = rows.group_by("participant_id", "day", "rule").agg(n=pl.len().cast(pl.Int64))
    return counted.with_columns(episodes=pl.lit(kind)).select(EPISODE_ACCOUNT.column_names)
