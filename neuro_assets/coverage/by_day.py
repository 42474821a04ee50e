"""Streams with a row a day: the vendor's summaries of days, and nights. Is the day's row there, or why not?"""

from collections.abc import Iterable, Sequence
from datetime import date

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import DAILY
from neuro_assets.streams.model import Stream

# Sleep is counted to the day of waking up, and missing where the night before it was.
_NIGHTS = {"daily_sleep": "day", "sleep_session": "date_of_sleep"}
_NIGHT_ENDS_H = 8


def last_days(connection: Connection, streams: Sequence[Stream], people: Iterable[str]) -> dict[str, date]:
    """Each person's last day with a row of one of the streams."""
    if not streams:
        return {}
    rows = " UNION ALL ".join(
        f"SELECT participant_id, max({_day_of(s)}) AS day FROM {s.qualified}"
        " WHERE participant_id IN (SELECT unnest($people)) GROUP BY 1"
        for s in streams
    )
    return dict(
        connection.execute(
            f"SELECT participant_id, max(day) FROM ({rows}) GROUP BY 1", {"people": list(people)}
        ).fetchall()
    )


def insert_rows_of_days(connection: Connection, stream: Stream, first: date, last: date, evidence: str) -> None:
    """Write the days of a stream to `coverage.daily`, from `coverage_hours` and the rows of staging.

    A row stands for its day. Where it is missing, the hours of the day tell why (of a night those before 8 o'clock):
    the reason of most of what is missing, if the device was not worn for most of them; else nothing tells it.

    Args:
        connection: inside a transaction on the lake.
        stream: the stream.
        first: first local day.
        last: last local day.
        evidence: SQL that tells the evidence of an hour.
    """
    hours = f"hour < {_NIGHT_ENDS_H}" if stream.name in _NIGHTS else "true"
    connection.execute(
        f"""
        INSERT INTO {DAILY.qualified} BY NAME
        WITH present AS (
            -- A log of sleep lies on the day of its start.
            SELECT DISTINCT participant_id, {_day_of(stream)} AS day FROM {stream.qualified}
            WHERE day BETWEEN $first::DATE - 2 AND $last::DATE + 1
        ), days AS (
            SELECT participant_id, day, sum(length_min) AS length_min, sum(expected_min) AS expected_min,
                sum(valid_min) FILTER ({hours}) AS seen_min, sum(length_min) FILTER ({hours}) AS asked_min
            FROM coverage_hours WHERE stream = $stream GROUP BY ALL
        ), by_reason AS (
            SELECT participant_id, day, reason, {evidence} AS evidence, sum(missing_min) AS minutes
            FROM coverage_hours WHERE stream = $stream AND {hours} AND reason IS NOT NULL GROUP BY ALL
        ), most AS (
            SELECT participant_id, day, arg_max(reason, (of_reason, reason)) AS reason,
                arg_max(evidence, (of_reason, reason, minutes, evidence)) AS evidence
            FROM (
                SELECT *, sum(minutes) OVER (PARTITION BY participant_id, day, reason) AS of_reason FROM by_reason
            ) GROUP BY ALL
        )
        SELECT d.participant_id, d.day, $stream AS stream, length_min::INTEGER AS length_min,
            expected_min::INTEGER AS expected_min,
            CASE WHEN p.day IS NULL THEN 0 ELSE length_min END::INTEGER AS observed_min, NULL::INTEGER AS worn_min,
            CASE WHEN p.day IS NULL THEN 0 ELSE length_min END::INTEGER AS valid_min,
            CASE WHEN p.day IS NULL THEN length_min ELSE 0 END::INTEGER AS missing_min,
            CASE WHEN p.day IS NOT NULL THEN NULL
                WHEN 2 * seen_min > asked_min OR m.reason IS NULL THEN 'unknown' ELSE m.reason END AS reason,
            CASE WHEN p.day IS NOT NULL THEN NULL
                WHEN 2 * seen_min > asked_min OR m.reason IS NULL THEN 'worn, and other streams have rows'
                ELSE m.evidence END AS evidence
        FROM days d
        LEFT JOIN present p USING (participant_id, day)
        LEFT JOIN most m USING (participant_id, day)
        ORDER BY d.day, d.participant_id
        """,
        {"stream": stream.name, "first": first, "last": last},
    )


def _day_of(stream: Stream) -> str:
    return _NIGHTS.get(stream.name, "day")
