"""Covered days that must be written again although no row of theirs is new: what waited has come, or rules changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from neuro_assets.coverage.gaps import AFTER_LAST_SYNC, LOW_AT_LAST_SYNC, NOT_FETCHED
from neuro_assets.coverage.roster import Person
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import DAILY, HOURLY, VALID_DAY
from neuro_assets.study import CoverageRules, Study

_DAY = timedelta(days=1)
# Days written in one go: what is held in memory grows with it.
_AT_ONCE = 62
_LAPSED = "+lapsed"


@dataclass(frozen=True)
class Rewrite:
    """Days of some people, both ends inclusive."""

    people: tuple[str, ...]
    first: date
    last: date


def rules_of(rules: CoverageRules, first: date, last: date) -> dict[date, str]:
    """The version of the rules for each day: equal where wear, gaps, valid days and the outages around it are."""
    body = rules.model_dump(mode="json", exclude={"outages", "overview", "worklist"})
    found: dict[date, str] = {}
    for day in (first + n * _DAY for n in range((last - first).days + 1)):
        # A local day reaches from 14 hours before that of UTC to 12 after it.
        noon = datetime.combine(day, time(12), UTC)
        near = [o for o in rules.outages if o.since < noon + _DAY and o.until > noon - 2 * _DAY]
        text = json.dumps([body, [o.model_dump(mode="json", exclude={"note"}) for o in near]], sort_keys=True)
        found[day] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def rules_of_person(day_rules: str, person: Person, day: date) -> str:
    """The same for a person, whose consent may have lapsed then."""
    is_lapsed = any(p.since <= day and (p.until is None or day <= p.until) for p in person.lapses)
    return day_rules + (_LAPSED if is_lapsed else "")


def outdated(
    connection: Connection,
    study: Study,
    people: Sequence[Person],
    streams: Sequence[str],
    staged: Sequence[str],
    synced: Mapping[str, datetime],
    rows_until: Mapping[str, datetime],
    now: datetime,
) -> list[Rewrite]:
    """What to write again, once the days that were asked for are written.

    - hours that waited for a sync or a row which has come since;
    - people who came to the roster, or whose first or last day is another one;
    - days under other rules, and days that were not over when they were written;
    - days on which nobody has a row, between days that have some: no new row will ever touch them.

    Args:
        connection: with all tables of coverage there.
        study: the protocol.
        people: the roster.
        streams: names of the streams that are covered.
        staged: tables of staging whose rows coverage is written from.
        synced: the last sync of those with a history of them.
        rows_until: the end of everybody's last row.
        now: the clock.
    """
    extent = connection.execute(f"SELECT min(day), max(day) FROM {DAILY.qualified}").fetchone()
    if extent is None or extent[0] is None:
        return []
    waiting = _waiting(connection, synced, rows_until)
    changed = _changed(connection, study, people, streams, staged, extent, now)
    by_day: dict[date, set[str]] = {}
    for who, day in (*waiting, *changed):
        by_day.setdefault(day, set()).add(who)
    return list(_gathered(by_day))


def _waiting(
    connection: Connection, synced: Mapping[str, datetime], rows_until: Mapping[str, datetime]
) -> list[tuple[str, date]]:
    who = sorted(synced.keys() | rows_until.keys())
    frame = pl.DataFrame(
        {
            "participant_id": who,
            "synced": [synced.get(w, rows_until.get(w)) for w in who],
            "rows_until": [rows_until.get(w) for w in who],
        },
        {"participant_id": pl.String, "synced": pl.Datetime("us", "UTC"), "rows_until": pl.Datetime("us", "UTC")},
    )
    connection.register("frame_seen", frame.to_arrow())
    found = connection.execute(
        f"""
        SELECT DISTINCT participant_id, day FROM {HOURLY.qualified} JOIN frame_seen USING (participant_id)
        WHERE basis IN ('{AFTER_LAST_SYNC}', '{LOW_AT_LAST_SYNC}', '{NOT_FETCHED}')
            AND ts < date_trunc('minute', CASE basis WHEN '{NOT_FETCHED}' THEN rows_until ELSE synced END)
        """
    ).fetchall()
    connection.unregister("frame_seen")
    return found


def _changed(
    connection: Connection,
    study: Study,
    people: Sequence[Person],
    streams: Sequence[str],
    staged: Sequence[str],
    extent: tuple[date, date],
    now: datetime,
) -> list[tuple[str, date]]:
    rules = rules_of(study.coverage, *extent)
    persons = pl.DataFrame(
        [
            (p.participant_id, date.min if p.is_listed else p.first_day, p.first_day, p.last_day or date.max)
            for p in people
        ],
        schema={"participant_id": pl.String, "told_from": pl.Date, "first_day": pl.Date, "last_day": pl.Date},
        orient="row",
    )
    lapses = pl.DataFrame(
        [(p.participant_id, lapse.since, lapse.until or date.max) for p in people for lapse in p.lapses],
        schema={"participant_id": pl.String, "since": pl.Date, "until": pl.Date},
        orient="row",
    )
    days = pl.DataFrame({"day": list(rules), "rules": list(rules.values())}, {"day": pl.Date, "rules": pl.String})
    for name, frame in (("frame_roster", persons), ("frame_lapses", lapses), ("frame_rules", days)):
        connection.register(name, frame.to_arrow())
    found = connection.execute(
        f"""
        WITH covered AS (
            SELECT participant_id, day, count(*) AS streams, bool_and(expected_min = 0) AS is_outside,
                bool_or(expected_min = 0) AS has_outside
            FROM {DAILY.qualified} WHERE stream IN (SELECT unnest($streams)) GROUP BY ALL
        ), days AS (
            SELECT day, rules FROM frame_rules
            -- Days with rows that are not covered yet are about to be, by a run of their own.
            WHERE day IN (SELECT day FROM covered) OR day NOT IN (
                SELECT day FROM ops.staging_days
                WHERE status = 'accepted' AND rows_staged > 0 AND table_name IN (SELECT unnest($staged)))
        ), wanted AS (
            SELECT p.participant_id, d.day, d.day NOT BETWEEN p.first_day AND p.last_day AS is_outside,
                d.rules || CASE WHEN EXISTS (
                    SELECT 1 FROM frame_lapses l
                    WHERE l.participant_id = p.participant_id AND d.day BETWEEN l.since AND l.until
                ) THEN '{_LAPSED}' ELSE '' END AS rules
            FROM frame_roster p JOIN days d ON d.day >= p.told_from
            WHERE d.day < $over
        )
        SELECT w.participant_id, w.day
        FROM wanted w
        LEFT JOIN covered c USING (participant_id, day)
        LEFT JOIN {VALID_DAY.qualified} v USING (participant_id, day)
        WHERE c.streams IS DISTINCT FROM $count OR c.is_outside <> w.is_outside OR c.has_outside <> w.is_outside
            OR (NOT w.is_outside AND v.rules IS DISTINCT FROM w.rules)
        """,
        {
            "streams": list(streams),
            "staged": list(staged),
            "count": len(streams),
            # By then it is over in every zone.
            "over": now.date() - _DAY,
        },
    ).fetchall()
    for name in ("frame_roster", "frame_lapses", "frame_rules"):
        connection.unregister(name)
    return found


def _gathered(by_day: Mapping[date, set[str]]) -> Iterator[Rewrite]:
    """Days side by side, with everybody whom one of them concerns."""
    first: date | None = None
    last, who = date.min, set[str]()
    for day in sorted(by_day):
        if first is not None and (day - last != _DAY or (day - first).days >= _AT_ONCE):
            yield Rewrite(tuple(sorted(who)), first, last)
            first = None
        if first is None:
            first, who = day, set()
        last = day
        who |= by_day[day]
    if first is not None:
        yield Rewrite(tuple(sorted(who)), first, last)
