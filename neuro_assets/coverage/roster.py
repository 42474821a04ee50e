"""Whose coverage is told: everybody of the participants file, and whom the study has enrolled by their data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from neuro_assets.coverage.gaps import TRACKER_SYNCS
from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import utc_spans
from neuro_assets.streams.coverage import DAILY
from neuro_assets.streams.model import Stream
from neuro_assets.study import Lapse, Study, zone_periods

Periods = tuple[tuple[date, date, str], ...]

_DAY = timedelta(days=1)
# Days that are looked through first.
_STRETCH = 3


@dataclass(frozen=True)
class Person:
    """Somebody whose hours are counted.

    Attributes:
        participant_id: who.
        periods: half-open ranges of local days with their zone.
        first_day: first day of the person's enrolment.
        last_day: last day; None while it lasts.
        lapses: when consent had lapsed.
        is_listed: whether the participants file has the person. Days before the first one are told of these alone.
    """

    participant_id: str
    periods: Periods
    first_day: date
    last_day: date | None
    lapses: tuple[Lapse, ...] = ()
    is_listed: bool = True


def zone_of(person: Person, day: date) -> ZoneInfo:
    """The zone of a person on a local day."""
    zones = (zone for since, until, zone in person.periods if since <= day < until)
    return ZoneInfo(next(zones, person.periods[-1][2]))


def begin_of(person: Person, day: date) -> datetime:
    """When a person's local day begins."""
    return datetime.combine(day, time(), zone_of(person, day))


def has_day(person: Person, day: date) -> bool:
    """Whether the person's clock ever showed the day: the date line swallows some, and zones may begin later."""
    return any(s.utc_end > s.utc_start for s in utc_spans(person.periods, day, day))


def roster(study: Study, seen: Mapping[str, date]) -> list[Person]:
    """Everybody whose zone is known, in the order of their ids.

    Somebody without an enrolment date, or enrolled by data alone (`auto_enrol`), counts from the first day with data:
    nothing tells that anything was expected of them before.

    Args:
        study: the protocol.
        seen: each person's first day with data.
    """
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
        people += [Person(who, always, day, None, is_listed=False) for who, day in seen.items() if who not in listed]
    return sorted((p for p in people if p.periods), key=lambda p: p.participant_id)


def first_days(
    connection: Connection, streams: Sequence[Stream] = (), anew: tuple[date, date] | None = None
) -> dict[str, date]:
    """Each person's first day with data, as the tables of coverage have it.

    Args:
        connection: with the tables of coverage there.
        streams: whose rows are data.
        anew: days that are about to be covered: of these staging is asked. The whole of it is never looked through.
    """
    parts = [f"SELECT participant_id, min(day) AS day FROM {DAILY.qualified} WHERE observed_min > 0"]
    bound: dict[str, date] = {}
    if anew:
        bound = {"first": anew[0], "last": anew[1]}
        parts[0] += " AND day NOT BETWEEN $first AND $last"
        parts += [
            f"SELECT participant_id, min(day) AS day FROM {s.qualified} WHERE day BETWEEN $first AND $last"
            for s in streams
        ]
    rows = " UNION ALL ".join(f"{part} GROUP BY 1" for part in parts)
    return dict(connection.execute(f"SELECT participant_id, min(day) FROM ({rows}) GROUP BY 1", bound).fetchall())


def next_rows(
    connection: Connection, streams: Sequence[Stream], people: Iterable[str], after: datetime
) -> dict[str, datetime]:
    """Each person's first row of any stream from a moment on; staging is read in ever longer stretches."""
    newest = _newest(connection, streams)
    # A local day begins up to 14 hours before that of UTC, and ends up to 12 after it.
    since = after.date() - _DAY
    found: dict[str, datetime] = {}
    missing, span = set(people), _STRETCH
    while missing and newest is not None and since <= newest:
        until = since + (span - 1) * _DAY
        rows = " UNION ALL ".join(
            f"SELECT participant_id, min(ts) AS ts FROM {s.qualified} WHERE ts >= $after"
            " AND day BETWEEN $since AND $until AND participant_id IN (SELECT unnest($people)) GROUP BY 1"
            for s in streams
        )
        bound = {"after": after, "since": since, "until": until, "people": list(missing)}
        found |= _of_each(connection, f"SELECT participant_id, min(ts) FROM ({rows}) GROUP BY 1", bound)
        missing -= found.keys()
        since, span = until + _DAY, span * 4
    return found


def last_rows(
    connection: Connection,
    streams: Sequence[Stream],
    people: Iterable[str],
    at: datetime | None = None,
    anew: tuple[date, date] | None = None,
) -> dict[str, datetime]:
    """The end of each person's last row of any stream that begins before the moment.

    The last days of staging are looked through for everybody, and those that are about to be covered (`anew`). For who
    has nothing there it is the last day on which they are covered with something; the record is not looked through.
    """
    newest = _newest(connection, streams)
    if newest is None:
        return {}
    # A local day is at most one day ahead of that of UTC.
    until = newest if at is None else min(newest, at.date() + _DAY)
    everybody = list(people)
    found = _last_of(connection, streams, everybody, [until - n * _DAY for n in range(_STRETCH)], at)
    missing = [who for who in everybody if who not in found]
    days = _last_covered(connection, missing, until - _STRETCH * _DAY)
    older = [(list(days), sorted(set(days.values())))]
    if anew:
        older.append((missing, [anew[0] + n * _DAY for n in range((anew[1] - anew[0]).days + 1)]))
    for whose, which in older:
        for who, end in _last_of(connection, streams, whose, which, at).items():
            found[who] = max(end, found.get(who, end))
    return found


def _last_covered(connection: Connection, people: Sequence[str], until: date) -> dict[str, date]:
    """The last day up to one on which each person is covered with rows of samples."""
    return dict(
        connection.execute(
            f"SELECT participant_id, max(day) FROM {DAILY.qualified} WHERE observed_min > 0 AND worn_min IS NOT NULL"
            " AND day <= ? AND participant_id IN (SELECT unnest(?)) GROUP BY 1",
            [until, list(people)],
        ).fetchall()
    )


def _last_of(
    connection: Connection, streams: Sequence[Stream], people: Sequence[str], days: Sequence[date], at: datetime | None
) -> dict[str, datetime]:
    rows = " UNION ALL ".join(
        f"SELECT participant_id, max(ts) + to_seconds(max_by(period_s, ts)) AS until FROM {s.qualified}"
        f" WHERE {'' if at is None else 'ts < $at AND '}day IN (SELECT unnest($days))"
        " AND participant_id IN (SELECT unnest($people)) GROUP BY 1"
        for s in streams
    )
    bound = {"days": list(days), "people": list(people)} | ({} if at is None else {"at": at})
    return _of_each(connection, f"SELECT participant_id, max(until) FROM ({rows}) GROUP BY 1", bound)


def _of_each(connection: Connection, sql: str, bound: Mapping[str, object]) -> dict[str, datetime]:
    return dict(connection.execute(sql, bound).fetchall())


def _newest(connection: Connection, streams: Sequence[Stream]) -> date | None:
    days = " UNION ALL ".join(f"SELECT max(day) AS day FROM {s.qualified}" for s in streams)
    found = connection.execute(f"SELECT max(day) FROM ({days})").fetchone()
    return found[0] if found else None


def last_syncs(connection: Connection) -> dict[str, datetime]:
    """The last sync of each person's trackers, for those who have a history of them."""
    return dict(connection.execute(f"SELECT participant_id, max(ts) FROM {TRACKER_SYNCS} GROUP BY 1").fetchall())
