"""At which resolution each person's days of a stream are filled in."""

from collections.abc import Mapping
from datetime import date, timedelta

from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.series import Resolution
from neuro_assets.streams.coverage import HOURLY
from neuro_assets.streams.imputed import DAILY
from neuro_assets.streams.model import Stream
from neuro_assets.streams.series import SERIES_1D

_DAY = timedelta(days=1)
# So many days away, what somebody has tells at which resolution a day without a value goes.
_AROUND = 35
DayPeople = Mapping[date, frozenset[str]]


def resolutions_of(
    connection: Connection, stream: Stream, first: date, last: date
) -> tuple[dict[str, DayPeople], dict[str, DayPeople]]:
    """Resolution -> day -> people of whom the stream is expected, by how far apart their values of the day are.

    By the minute where any are; a day without a value goes with the last one before it that has some, else with the
    next one, within five weeks; who has none then goes with most people. Where nobody has any, nothing is told.

    Returns:
        Whose days they are: those asked for, and those around them that have been imputed at another resolution.
        And whose they are no longer, where they have been.
    """
    found = connection.execute(
        f"""
        WITH seen AS (
            SELECT participant_id, day, finest = '1m' AS is_minute FROM {SERIES_1D.qualified}
            WHERE stream = $stream AND finest <> '1d' AND day BETWEEN $since AND $until
        ), imputed AS (
            SELECT participant_id, day, resolution FROM {DAILY.qualified}
            WHERE stream = $stream AND day BETWEEN $first - {_AROUND} AND $last + {_AROUND}
        ), asked AS (
            SELECT participant_id, day FROM {HOURLY.qualified}
            WHERE stream = $stream AND day BETWEEN $first AND $last
            UNION
            SELECT participant_id, day FROM imputed WHERE day NOT BETWEEN $first AND $last
        ), usual AS (
            SELECT d.day, count(*) FILTER (is_minute) * 2 >= count(*) AS is_minute
            FROM (SELECT DISTINCT day FROM asked) d
            JOIN seen s ON s.day BETWEEN d.day - {_AROUND} AND d.day + {_AROUND}
            GROUP BY d.day
        ), told AS (
            SELECT a.participant_id, a.day, CASE WHEN coalesce(
                CASE WHEN a.day - p.day <= {_AROUND} THEN p.is_minute END,
                CASE WHEN n.day - a.day <= {_AROUND} THEN n.is_minute END,
                u.is_minute) THEN '1m' ELSE '1h' END AS resolution
            FROM asked a
            ASOF LEFT JOIN seen p ON p.participant_id = a.participant_id AND a.day >= p.day
            ASOF LEFT JOIN seen n ON n.participant_id = a.participant_id AND a.day <= n.day
            JOIN usual u ON u.day = a.day
        )
        SELECT t.participant_id, t.day, t.resolution, nullif(i.resolution, t.resolution) AS before
        FROM told t LEFT JOIN imputed i USING (participant_id, day)
        WHERE t.day BETWEEN $first AND $last OR before IS NOT NULL
        """,
        {
            "stream": stream.name,
            "since": first - 2 * _AROUND * _DAY,
            "until": last + 2 * _AROUND * _DAY,
            "first": first,
            "last": last,
        },
    ).fetchall()
    now: dict[str, dict[date, set[str]]] = {}
    left: dict[str, dict[date, set[str]]] = {}
    for who, day, resolution, before in found:
        now.setdefault(resolution, {}).setdefault(day, set()).add(who)
        if before is not None:
            left.setdefault(before, {}).setdefault(day, set()).add(who)
    return _frozen(now), _frozen(left)


def people_of(connection: Connection, stream: Stream, resolution: Resolution, first: date, last: date) -> list[str]:
    """Whose days, some of them at least, go by a resolution."""
    days = resolutions_of(connection, stream, first, last)[0].get(resolution.name, {})
    return sorted(frozenset().union(*(who for day, who in days.items() if first <= day <= last)))


def _frozen(places: Mapping[str, Mapping[date, set[str]]]) -> dict[str, DayPeople]:
    return {name: {day: frozenset(who) for day, who in days.items()} for name, days in places.items()}
