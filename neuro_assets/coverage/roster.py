"""Whose coverage is told: everybody of the participants file, and whom the study has enrolled by their data."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Stream
from neuro_assets.study import Lapse, Study, zone_periods

Periods = tuple[tuple[date, date, str], ...]


@dataclass(frozen=True)
class Person:
    """Somebody whose hours are counted.

    Attributes:
        participant_id: who.
        periods: half-open ranges of local days with their zone.
        first_day: first day of the person's enrolment.
        last_day: last day; None while it lasts.
        lapses: when consent had lapsed.
    """

    participant_id: str
    periods: Periods
    first_day: date
    last_day: date | None
    lapses: tuple[Lapse, ...] = ()


def roster(connection: Connection, study: Study, streams: Iterable[Stream]) -> list[Person]:
    """Everybody whose zone is known, in the order of their ids.

    Somebody without an enrolment date, or enrolled by data alone (`auto_enrol`), counts from the first day with data:
    nothing tells that anything was expected of them before.
    """
    seen = _first_days(connection, streams)
    people = [
        Person(
            p.participant_id,
            tuple(z[:3] for z in zone_periods(study, p)),
            p.enrolled_on or seen.get(p.participant_id, study.window.start),
            p.withdrawn_on,
            p.consent_lapsed,
        )
        for p in study.people
    ]
    if study.auto_enrol and study.default_time_zone:
        listed = {p.participant_id for p in study.people}
        always: Periods = ((date.min, date.max, study.default_time_zone),)
        people += [Person(who, always, day, None) for who, day in seen.items() if who not in listed]
    return sorted((p for p in people if p.periods), key=lambda p: p.participant_id)


def _first_days(connection: Connection, streams: Iterable[Stream]) -> dict[str, date]:
    tables = " UNION ALL ".join(
        f"SELECT participant_id, min(day) AS day FROM {s.qualified} GROUP BY 1" for s in streams
    )
    return dict(connection.execute(f"SELECT participant_id, min(day) FROM ({tables}) GROUP BY 1").fetchall())


def next_rows(connection: Connection, streams: Iterable[Stream], after: datetime) -> dict[str, datetime]:
    """Each person's first row of any stream from a moment on."""
    rows = " UNION ALL ".join(
        f"SELECT participant_id, min(ts) AS ts FROM {s.qualified} WHERE ts >= $after AND day >= $day GROUP BY 1"
        for s in streams
    )
    # A local day begins up to 14 hours before that of UTC, and ends up to 12 after it.
    bound = {"after": after, "day": after.date() - timedelta(days=1)}
    return dict(connection.execute(f"SELECT participant_id, min(ts) FROM ({rows}) GROUP BY 1", bound).fetchall())


def last_seen(connection: Connection, streams: Iterable[Stream]) -> dict[str, datetime]:
    """Until when each person's data reach: the device's last sync where there is a history of it, else the last row."""
    rows = " UNION ALL ".join(
        f"SELECT participant_id, max(ts) + to_seconds(max_by(period_s, ts)) AS until FROM {s.qualified} GROUP BY 1"
        for s in streams
    )
    return dict(
        connection.execute(
            f"""
            SELECT participant_id, coalesce(max(s.until), max(r.until))
            FROM (SELECT participant_id, max(until) AS until FROM ({rows}) GROUP BY 1) r
            FULL JOIN (SELECT participant_id, max(ts) AS until FROM staging.device_sync GROUP BY 1) s
                USING (participant_id)
            GROUP BY 1
            """
        ).fetchall()
    )
