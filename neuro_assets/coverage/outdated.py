"""Covered days that must be written again although no row of theirs is new: what decided them has changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from neuro_assets.coverage.gaps import (
    AFTER_LAST_SYNC,
    DRAIN_SYNCS,
    GAP_BASES,
    LOW_AT_LAST_SYNC,
    NOT_FETCHED,
    TRACKER_SYNCS,
)
from neuro_assets.coverage.pulls import marks_of
from neuro_assets.coverage.roster import Person, has_day, zone_of
from neuro_assets.coverage.task import Reached, Task
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import DAILY, HOURLY, VALID_DAY, WEAR
from neuro_assets.study import CoverageRules

LAPSED = "+lapsed"
# The evidence of what waits for the next sync.
WAITS = "nothing has been handed over since"
_DAY = timedelta(days=1)
# Days written in one go: what is held in memory grows with it.
_AT_ONCE = 62
_FAR = date(9999, 1, 1)
# What is written of a day, by number; another one makes every covered day outdated. 2: stretches of wear. 3: stretches
# of non-wear, and runs of zeros that short holes do not end. 4: syncs of scales are none of the tracker's.
_WRITTEN = 4


@dataclass(frozen=True)
class Rewrite:
    """Days of some people, both ends inclusive."""

    people: tuple[str, ...]
    first: date
    last: date


def rules_of(rules: CoverageRules, held: frozenset[tuple[str, date]], first: date, last: date) -> dict[date, str]:
    """The version of the rules for each day: equal where wear, gaps, valid days, outages and holds around it are.

    A gap that reaches into an outage or a held day is told otherwise, as far back as a device remembers.
    """
    body = rules.model_dump(mode="json", exclude={"outages", "overview", "worklist"})
    reach = timedelta(days=rules.device_memory_days) * 2 + 2 * _DAY
    found: dict[date, str] = {}
    for day in (first + n * _DAY for n in range((last - first).days + 1)):
        noon = datetime.combine(day, time(12), UTC)
        near = [o for o in rules.outages if o.since < noon + reach and o.until > noon - 2 * _DAY]
        holds = sorted(f"{name} {d}" for name, d in held if day - _DAY <= d < day + reach)
        text = json.dumps(
            [_WRITTEN, body, [o.model_dump(mode="json", exclude={"note"}) for o in near], holds], sort_keys=True
        )
        found[day] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def rules_of_person(day_rules: str, person: Person, day: date, mark: str = "") -> str:
    """The same for a person, who lives in a zone, whose account may not be read, and whose consent may have lapsed.

    Args:
        day_rules: of the day.
        person: who.
        day: the day.
        mark: of the streams that pulls have stopped to bring; empty where they have not.
    """
    is_lapsed = any(p.since <= day and (p.until is None or day <= p.until) for p in person.lapses)
    return f"{day_rules} {zone_of(person, day).key}{mark}{LAPSED if is_lapsed else ''}"


def outdated(connection: Connection, task: Task, people: Sequence[Person]) -> list[Rewrite]:
    """What to write again, once the days that were asked for are written.

    - hours and days that waited for a sync or a row which has come since;
    - people who came to the roster or have left it, or whose first or last day is another one;
    - days under other rules or in another zone, and days that were not over when they were written;
    - days from when pulls stopped to bring something, and the same days once they bring it again;
    - days on which nobody has a row, between days that have some: no new row will ever touch them;
    - days that were written by a version that wrote less of them.

    Args:
        connection: with all tables of coverage there.
        task: what coverage is told from; its days play no part.
        people: the roster.
    """
    extent = connection.execute(f"SELECT min(day), max(day) FROM {DAILY.qualified}").fetchone()
    if extent is None or extent[0] is None:
        return []
    found = _waiting(connection, task.reached) + _changed(connection, task, people, extent) + _without_wear(connection)
    known = {p.participant_id: p for p in people}
    # A day that a clock never showed, or whose zone nobody knows, has no hours, now or later.
    return _gathered((who, day) for who, day in found if who not in known or has_day(known[who], day))


def gaps_around(connection: Connection, first: date, last: date, before: Sequence[str]) -> list[Rewrite]:
    """Days outside a range whose gaps are told by rows and syncs that may be new within it.

    A gap is told by the row that ends it and by the syncs around it. So for everybody who has rows or syncs in the
    range, or had rows: back to the last row and the last sync before it; and where it has syncs, on to as many later
    ones as tell the drain of the battery.

    Args:
        connection: with the tables of coverage written for the range.
        first: first day of the range.
        last: last day.
        before: who had rows in the range before it was written.
    """
    found = connection.execute(
        f"""
        WITH active AS (
            SELECT DISTINCT participant_id FROM {DAILY.qualified}
            WHERE day BETWEEN $first AND $last AND observed_min > 0
            UNION SELECT participant_id FROM {TRACKER_SYNCS} WHERE day BETWEEN $first AND $last
            UNION SELECT unnest($before)
        ), rows_before AS (
            SELECT participant_id, max(day) AS day FROM {DAILY.qualified} SEMI JOIN active USING (participant_id)
            WHERE observed_min > 0 AND worn_min IS NOT NULL AND day < $first GROUP BY 1
        ), syncs_around AS (
            SELECT participant_id, max(day) FILTER (day < $first) AS previous,
                bool_or(day BETWEEN $first AND $last) AS is_inside,
                (list(day ORDER BY ts) FILTER (day > $last))[{DRAIN_SYNCS}] AS following
            FROM {TRACKER_SYNCS} SEMI JOIN active USING (participant_id) GROUP BY 1
        ), reach AS (
            SELECT participant_id,
                -- Nothing before: back to the first day.
                CASE WHEN r.day IS NULL OR (s.participant_id IS NOT NULL AND s.previous IS NULL) THEN DATE '0001-01-01'
                    ELSE least(r.day, s.previous) END AS since,
                CASE WHEN s.is_inside THEN coalesce(s.following, $far) ELSE $last END AS until
            FROM active LEFT JOIN rows_before r USING (participant_id) LEFT JOIN syncs_around s USING (participant_id)
        )
        SELECT DISTINCT h.participant_id, h.day FROM {HOURLY.qualified} h JOIN reach USING (participant_id)
        WHERE h.day BETWEEN since AND until AND h.day NOT BETWEEN $first AND $last
            AND h.basis IN (SELECT unnest($bases))
        """,
        {"first": first, "last": last, "before": list(before), "bases": list(GAP_BASES), "far": _FAR},
    ).fetchall()
    return _gathered(found)


def _waiting(connection: Connection, reached: Reached) -> list[tuple[str, date]]:
    who = sorted(reached.until.keys() | reached.rows_until.keys() | reached.whole_until.keys())
    moments = {"until": reached.until, "rows_until": reached.rows_until, "whole_until": reached.whole_until}
    frame = pl.DataFrame(
        {"participant_id": who} | {name: [at.get(w) for w in who] for name, at in moments.items()},
        {"participant_id": pl.String} | dict.fromkeys(moments, pl.Datetime("us", "UTC")),
    )
    connection.register("frame_seen", frame.to_arrow())
    # A local day is over everywhere when the second day after it has begun in UTC.
    found = connection.execute(
        f"""
        SELECT participant_id, day FROM {HOURLY.qualified} JOIN frame_seen USING (participant_id)
        WHERE basis IN ('{AFTER_LAST_SYNC}', '{LOW_AT_LAST_SYNC}', '{NOT_FETCHED}')
            AND ts < date_trunc('minute', CASE basis WHEN '{NOT_FETCHED}' THEN rows_until ELSE until END)
        UNION
        SELECT participant_id, day FROM {DAILY.qualified} JOIN frame_seen USING (participant_id)
        WHERE worn_min IS NULL AND evidence = $waits AND day + 2 <= timezone('UTC', until)::DATE
        UNION
        SELECT participant_id, day FROM {VALID_DAY.qualified} JOIN frame_seen USING (participant_id)
        WHERE NOT is_handed_over AND day + 2 <= timezone('UTC', whole_until)::DATE
        """,
        {"waits": WAITS},
    ).fetchall()
    connection.unregister("frame_seen")
    return found


_CHANGED = f"""
WITH covered AS (
    SELECT participant_id, day, count(*) FILTER (stream IN (SELECT unnest($streams))) AS streams,
        count(*) AS all_streams, bool_and(expected_min = 0) AS is_outside, bool_or(expected_min = 0) AS has_outside
    FROM {DAILY.qualified} GROUP BY ALL
), days AS (
    SELECT day, rules FROM frame_rules
    -- Days with rows that are not covered yet are about to be, by a run of their own.
    WHERE day IN (SELECT day FROM covered) OR day NOT IN (
        SELECT day FROM ops.staging_days
        WHERE status = 'accepted' AND rows_staged > 0 AND table_name IN (SELECT unnest($staged)))
), wanted AS (
    SELECT p.participant_id, d.day, d.day NOT BETWEEN p.first_day AND p.last_day AS is_outside,
        d.rules || ' ' || z.zone || coalesce(m.mark, '') || CASE WHEN EXISTS (
            SELECT 1 FROM frame_lapses l
            WHERE l.participant_id = p.participant_id AND d.day BETWEEN l.since AND l.until
        ) THEN '{LAPSED}' ELSE '' END AS rules
    FROM frame_roster p
    JOIN days d ON d.day >= p.told_from
    -- Before the first zone of a person there are no hours.
    JOIN frame_zones z ON z.participant_id = p.participant_id AND d.day >= z.since AND d.day < z.until
    LEFT JOIN frame_marks m ON m.participant_id = p.participant_id AND d.day >= m.since AND d.day < m.until
    WHERE d.day < $over
)
SELECT w.participant_id, w.day
FROM wanted w
LEFT JOIN covered c USING (participant_id, day)
LEFT JOIN {VALID_DAY.qualified} v USING (participant_id, day)
WHERE c.streams IS DISTINCT FROM $count OR c.all_streams <> c.streams
    OR c.is_outside <> w.is_outside OR c.has_outside <> w.is_outside
    OR (NOT w.is_outside AND v.rules IS DISTINCT FROM w.rules)
UNION
SELECT participant_id, day FROM covered LEFT JOIN frame_roster p USING (participant_id)
WHERE p.participant_id IS NULL OR day < p.told_from
"""


def _changed(
    connection: Connection, task: Task, people: Sequence[Person], extent: tuple[date, date]
) -> list[tuple[str, date]]:
    """Days between the first and the last covered one on which people, streams or rules are others by now."""
    frames = _protocol_frames(task, people, extent)
    for name, frame in frames.items():
        connection.register(name, frame.to_arrow())
    found = connection.execute(
        _CHANGED,
        {
            "streams": task.covered.names,
            "staged": [s.qualified for s in (*task.covered.read, *task.covered.by_day)],
            "count": len(task.covered.names),
            # By then it is over in every zone.
            "over": task.now.date() - _DAY,
        },
    ).fetchall()
    for name in frames:
        connection.unregister(name)
    return found


def _without_wear(connection: Connection) -> list[tuple[str, date]]:
    """Days outside of people's enrolment, which have no rules, that were written before there was a table of wear."""
    outside = connection.execute(
        f"SELECT DISTINCT participant_id, day FROM {DAILY.qualified} WHERE expected_min = 0 AND worn_min > 0"
    ).fetchall()
    if not outside:
        return []
    there = connection.execute(
        f"SELECT DISTINCT participant_id, day FROM {WEAR.qualified} WHERE day IN (SELECT unnest(?))",
        [sorted({day for _, day in outside})],
    ).fetchall()
    return sorted(set(outside) - set(there))


def _protocol_frames(task: Task, people: Sequence[Person], extent: tuple[date, date]) -> dict[str, pl.DataFrame]:
    """What `_CHANGED` compares with: people, their zones, lapses and marks, and the rules of each day."""
    rules = rules_of(task.study.coverage, task.held, *extent)
    span = {"since": pl.Date, "until": pl.Date}
    return {
        "frame_roster": pl.DataFrame(
            [
                (p.participant_id, date.min if p.is_listed else p.first_day, p.first_day, p.last_day or _FAR)
                for p in people
            ],
            schema={"participant_id": pl.String, "told_from": pl.Date, "first_day": pl.Date, "last_day": pl.Date},
            orient="row",
        ),
        "frame_zones": pl.DataFrame(
            [(p.participant_id, *period) for p in people for period in p.periods],
            schema={"participant_id": pl.String, **span, "zone": pl.String},
            orient="row",
        ),
        "frame_lapses": pl.DataFrame(
            [(p.participant_id, lapse.since, lapse.until or _FAR) for p in people for lapse in p.lapses],
            schema={"participant_id": pl.String, **span},
            orient="row",
        ),
        "frame_marks": pl.DataFrame(
            [(who, *mark) for who, marks in marks_of(task.breaks).items() for mark in marks],
            schema={"participant_id": pl.String, **span, "mark": pl.String},
            orient="row",
        ),
        "frame_rules": pl.DataFrame(
            {"day": list(rules), "rules": list(rules.values())}, {"day": pl.Date, "rules": pl.String}
        ),
    }


def _gathered(person_days: Iterable[tuple[str, date]]) -> list[Rewrite]:
    """Days side by side, with everybody whom one of them concerns."""
    by_day: dict[date, set[str]] = {}
    for who, day in person_days:
        by_day.setdefault(day, set()).add(who)
    found: list[tuple[date, date, set[str]]] = []
    for day in sorted(by_day):
        if found and day - found[-1][1] == _DAY and (day - found[-1][0]).days < _AT_ONCE:
            first, _, who = found.pop()
            found.append((first, day, who | by_day[day]))
        else:
            found.append((day, day, by_day[day]))
    return [Rewrite(tuple(sorted(who)), first, last) for first, last, who in found]
