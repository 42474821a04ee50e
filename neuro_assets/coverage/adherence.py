"""Adherence: of the days that a person was asked to wear the device, how many count."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from neuro_assets.coverage.outdated import LAPSED
from neuro_assets.coverage.standing import Standing
from neuro_assets.coverage.why import MAIN_REASON_OF_DAYS, REASONS_OF_DAYS
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import ADHERENCE, VALID_DAY

# Name of a span -> how many days it trails; None: since the person's first day.
SPANS: dict[str, int | None] = {"7d": 7, "14d": 14, "28d": 28, "enrolled": None}
# What a person can do nothing about.
EXCUSED = ("held", "needs_reconsent", "source_failure")


def span_of(standing: Standing, days: int | None) -> tuple[date, date]:
    """First and last day of a span that ends with the last day that counts; the last is before the first if empty."""
    begin = standing.person.first_day
    return begin if days is None else max(begin, standing.until - timedelta(days=days - 1)), standing.until


def adherence(connection: Connection, standings: Sequence[Standing]) -> pl.DataFrame:
    """A row for each person and span, with the columns of `coverage.adherence`.

    A day that was not handed over yet waits: it is neither kept nor missed. One that fails for what the person can do
    nothing about is excused.
    """
    spans = pl.DataFrame(
        [
            (s.participant_id, name, *span_of(s, days), s.known_until)
            for s in standings
            for name, days in SPANS.items()
            if span_of(s, days)[0] <= s.until
        ],
        schema={
            "participant_id": pl.String,
            "span": pl.String,
            "first_day": pl.Date,
            "last_day": pl.Date,
            "known": pl.Date,
        },
        orient="row",
    )
    connection.register("frame_spans", spans.to_arrow())
    try:
        found = connection.execute(_SQL).pl()
    finally:
        connection.unregister("frame_spans")
    return found.select(ADHERENCE.column_names)


_SQL = f"""
WITH reasons AS ({REASONS_OF_DAYS}), why AS ({MAIN_REASON_OF_DAYS}), days AS (
    SELECT w.participant_id, w.span, w.first_day, w.last_day, v.day, v.is_handed_over, v.is_valid, v.worn_min,
        NOT v.is_valid AND (coalesce(why.reason IN {EXCUSED}, false) OR v.rules LIKE '%{LAPSED}') AS is_excused
    FROM frame_spans w
    LEFT JOIN {VALID_DAY.qualified} v
        ON v.participant_id = w.participant_id AND v.day BETWEEN w.first_day AND w.known
    LEFT JOIN why ON why.participant_id = v.participant_id AND why.day = v.day
), counted AS (
    SELECT participant_id, "span", first_day, last_day,
        (last_day - first_day + 1)::INTEGER AS days_expected,
        count(*) FILTER (is_handed_over)::INTEGER AS days_handed_over,
        count(*) FILTER (is_valid)::INTEGER AS days_valid,
        count(*) FILTER (NOT is_valid AND NOT is_excused)::INTEGER AS days_not_valid,
        count(*) FILTER (is_excused)::INTEGER AS days_excused,
        avg(worn_min) FILTER (is_handed_over) / 60 AS worn_h_per_day
    FROM days GROUP BY ALL
), by_span AS (
    SELECT w.participant_id, w.span, r.reason, sum(r.minutes) AS minutes
    FROM frame_spans w
    JOIN reasons r ON r.participant_id = w.participant_id AND r.day BETWEEN w.first_day AND w.known
    GROUP BY ALL
), most AS (
    SELECT participant_id, "span", arg_max(reason, (minutes, reason)) AS main_reason FROM by_span GROUP BY ALL
)
SELECT *, days_expected - days_valid - days_not_valid - days_excused AS days_waiting,
    days_valid / nullif(days_valid + days_not_valid, 0) AS adherence
FROM counted LEFT JOIN most USING (participant_id, "span")
ORDER BY participant_id, days_expected, "span"
"""
