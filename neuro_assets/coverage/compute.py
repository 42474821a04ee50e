"""Coverage of a range of days: every person's hours and days, what is there, and the reason for what is not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from neuro_assets.coverage.by_day import insert_rows_of_days, last_days
from neuro_assets.coverage.cross_stream import insert_cross_stream
from neuro_assets.coverage.evidence import BASIS, told_of_hour
from neuro_assets.coverage.hours import MARGIN, block_of
from neuro_assets.coverage.outdated import (
    Rewrite,
    gaps_around,
    outdated,
    rules_of,
    rules_of_person,
)
from neuro_assets.coverage.pulls import breaks_of, mark_on, marks_of, read_broken, streams_of_types
from neuro_assets.coverage.roster import Periods, Person, begin_of, first_days, last_rows, last_syncs, roster
from neuro_assets.coverage.task import Covered, Reached, Task, covered_streams
from neuro_assets.coverage.valid import judged, read_facts
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, gather_by_day, look_here_first
from neuro_assets.streams.coverage import COVERAGE_TABLES, DAILY, HOURLY, NOT_WORN, REASONS, VALID_DAY, WEAR
from neuro_assets.study import Window

# A block of people is some 10 million minutes: 100 MB.
_MINUTES_AT_ONCE = 10_000_000
_ORDER = {reason: n for n, reason in enumerate(REASONS)}
_DAY = timedelta(days=1)
# Stretches: where they are made -> where they are written, and what their length is called.
_STRETCHES = {"coverage_wear": (WEAR, "worn_min"), "coverage_not_worn": (NOT_WORN, "not_worn_min")}


@dataclass(frozen=True)
class CoverageReport:
    """What was written.

    Attributes:
        people: whose hours are told.
        hours: rows of hours.
        days: days, those included that were not asked for.
        days_of_other_wear: days that were not asked for, on which wear is another one than before.
    """

    people: int
    hours: int
    days: int
    days_of_other_wear: frozenset[date] = frozenset()


@dataclass(frozen=True)
class _Written:
    """One transaction: how many hours it has, and the days on which wear is another one than before."""

    hours: int = 0
    days_of_other_wear: frozenset[date] = frozenset()


def cover_days(
    connection: Connection, job: Ingest, first: date, last: date, now: datetime | None = None
) -> CoverageReport:
    """Write the tables of coverage for the days `first` to `last`, and for those that follow from them.

    Runs of non-wear reach over midnight, so the days beside are written again. So are gaps around them, and what
    `outdated` finds. Hours that have not begun are left out: nothing is missing of them yet.

    Args:
        connection: with the tables of staging there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
        now: the clock.
    """
    now = now or datetime.now(UTC)
    if missing_tables(connection, COVERAGE_TABLES):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, COVERAGE_TABLES)
    look_here_first(connection)
    study, covered = job.study, covered_streams(job.study)
    if not covered.names:
        return CoverageReport(0, 0, 0)
    window = study.window.closed(now.date())
    end = window.end or last
    since, until = max(first - MARGIN, window.start), min(last + MARGIN, end)
    people = roster(study, first_days(connection, (*covered.samples, *covered.by_day), (since, until)))
    task = Task(
        study=study,
        covered=covered,
        reached=_reached(connection, covered, people, (since, until)),
        held=_held(connection),
        breaks=breaks_of(
            read_broken(connection, study, now), people, streams_of_types(study, job.sources), covered.names
        ),
        first=since,
        last=until,
        now=now,
    )
    _leave_window(connection, job, window)
    written: list[_Written] = []
    days = 0
    if since <= until:
        before = _with_rows(connection, since, until)
        written.append(_cover(connection, job, task, people, None))
        days = (until - since).days + 1
        gaps = gaps_around(connection, since, until, before)
        written += [_again(connection, job, task, people, part, is_sure=False) for part in gaps]
    for part in outdated(connection, task, people):
        written.append(_again(connection, job, task, people, part))
        days += (part.last - part.first).days + 1
    other = frozenset(day for w in written for day in w.days_of_other_wear if not first <= day <= last)
    return CoverageReport(len(people), sum(w.hours for w in written), days, other)


def _again(
    connection: Connection, job: Ingest, task: Task, people: Sequence[Person], part: Rewrite, *, is_sure: bool = True
) -> _Written:
    """Write some people's days again; where it is not sure that they changed, only if they did."""
    who = set(part.people)
    some = [p for p in people if p.participant_id in who]
    part_task = replace(task, first=part.first, last=part.last)
    return _cover(connection, job, part_task, some, part.people, is_sure=is_sure)


def _is_changed(connection: Connection, task: Task, only: Sequence[str]) -> bool:
    """Whether what is told of some people's hours differs from what is written."""
    found = connection.execute(
        f"""
        SELECT 1 FROM (SELECT *, {told_of_hour()} AS evidence FROM coverage_hours WHERE NOT by_day) n
        FULL JOIN (
            SELECT * FROM {HOURLY.qualified} WHERE day BETWEEN ? AND ? AND participant_id IN (SELECT unnest(?))
        ) o USING (participant_id, day, stream, hour, fold)
        WHERE n.valid_min IS DISTINCT FROM o.valid_min OR n.reason IS DISTINCT FROM o.reason
            OR n.evidence IS DISTINCT FROM o.evidence LIMIT 1
        """,
        [task.first, task.last, list(only)],
    ).fetchone()
    return found is not None


def _leave_window(connection: Connection, job: Ingest, window: Window) -> None:
    """Take away what a study has covered that has another window by now."""
    bound = [window.start, window.end or date.max]
    sql = f"SELECT 1 FROM {DAILY.qualified} WHERE day NOT BETWEEN ? AND ? LIMIT 1"
    if connection.execute(sql, bound).fetchone():
        with job.lake.transaction(connection, [t.qualified for t in COVERAGE_TABLES]):
            for table in COVERAGE_TABLES:
                connection.execute(f"DELETE FROM {table.qualified} WHERE day NOT BETWEEN ? AND ?", bound)


def _with_rows(connection: Connection, first: date, last: date) -> list[str]:
    """Who is covered with rows in a range, before it is written again."""
    found = connection.execute(
        f"SELECT DISTINCT participant_id FROM {DAILY.qualified} WHERE observed_min > 0 AND day BETWEEN ? AND ?",
        [first, last],
    ).fetchall()
    return [who for (who,) in found]


def _reached(connection: Connection, covered: Covered, people: Sequence[Person], anew: tuple[date, date]) -> Reached:
    names = [p.participant_id for p in people]
    synced, rows_until = last_syncs(connection), last_rows(connection, covered.read, names, anew=anew)
    last_day = last_days(connection, covered.by_day, names)
    return Reached(
        until=_reach(people, last_day, 1, rows_until) | synced,
        rows_until=rows_until,
        came_until=_reach(people, last_day, 0, rows_until),
        whole_until=_reach(people, last_day, 0, rows_until, synced),
    )


def _reach(
    people: Sequence[Person], last_day: Mapping[str, date], days: int, *moments: Mapping[str, datetime]
) -> dict[str, datetime]:
    """The latest of everybody's moments and of the beginning of their last row of a day, or `days` after it."""
    found: dict[str, datetime] = {}
    for person in people:
        who = person.participant_id
        reached = [m[who] for m in moments if who in m]
        if who in last_day:
            reached.append(begin_of(person, last_day[who] + days * _DAY))
        if reached:
            found[who] = max(reached)
    return found


def _held(connection: Connection) -> frozenset[tuple[str, date]]:
    found = connection.execute(
        "SELECT replace(table_name, 'staging.', ''), day FROM ops.day_holds WHERE released_at IS NULL"
    ).fetchall()
    return frozenset(found)


def _cover(
    connection: Connection,
    job: Ingest,
    task: Task,
    people: Sequence[Person],
    only: Sequence[str] | None,
    *,
    is_sure: bool = True,
) -> _Written:
    """Write a range of days in one transaction, of everybody or `only` of some."""
    _prepare(connection)
    for block in _blocks(people, task.first, task.last):
        part = block_of(connection, task, block)
        if part is None:
            continue
        told = {
            "coverage_hours": part.hours,
            "coverage_facts": [part.days],
            "coverage_wear": [part.wear],
            "coverage_not_worn": [part.not_worn],
        }
        for name, frames in told.items():
            for frame in frames:
                connection.register("frame_part", frame.to_arrow())
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM frame_part")
                connection.unregister("frame_part")
    _tell_people(connection, task, people)
    if only is not None and not is_sure and not _is_changed(connection, task, only):
        return _Written()
    days = judged(read_facts(connection, task), task.study.coverage.valid_day)
    with job.lake.transaction(connection, [t.qualified for t in COVERAGE_TABLES]):
        other = _days_of_other_wear(connection, task, only)
        _write(connection, task, days, only)
    counted = connection.execute("SELECT count(*) FROM coverage_hours WHERE NOT by_day").fetchone()
    return _Written(counted[0] if counted else 0, other)


def _days_of_other_wear(connection: Connection, task: Task, only: Sequence[str] | None) -> frozenset[date]:
    """Days of which wear, or non-wear, is about to be written otherwise than it is."""
    found: set[date] = set()
    for made, (table, length) in _STRETCHES.items():
        different = connection.execute(
            f"""
            WITH new AS (
                SELECT participant_id, day, make_timestamptz(start_min * 60_000_000) AS ts, minutes FROM {made}
            ), old AS (
                SELECT participant_id, day, ts, {length} AS minutes FROM {table.qualified}
                WHERE day BETWEEN $first AND $last{_whose(only)}
            )
            SELECT DISTINCT day FROM ((FROM new EXCEPT FROM old) UNION ALL (FROM old EXCEPT FROM new))
            """,
            {"first": task.first, "last": task.last} | ({} if only is None else {"people": list(only)}),
        ).fetchall()
        found |= {day for (day,) in different}
    return frozenset(found)


def _whose(only: Sequence[str] | None) -> str:
    return "" if only is None else " AND participant_id IN (SELECT unnest($people))"


def _blocks(people: Sequence[Person], first: date, last: date) -> Iterator[list[Person]]:
    """People whose clocks show the same, as many as fit memory."""
    same: dict[Periods, list[Person]] = {}
    lo, hi = first - 2 * MARGIN, last + 3 * MARGIN
    for person in people:
        # Where somebody lived at other times makes no difference.
        here = tuple((max(a, lo), min(b, hi), zone) for a, b, zone in person.periods if a < hi and b > lo)
        same.setdefault(here, []).append(person)
    size = max(1, _MINUTES_AT_ONCE // (1440 * ((last - first).days + 3)))
    for group in same.values():
        for n in range(0, len(group), size):
            yield group[n : n + size]


def _prepare(connection: Connection) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE coverage_hours (participant_id VARCHAR, day DATE, stream VARCHAR, by_day BOOLEAN,"
        " hour TINYINT, fold TINYINT, start_min BIGINT, length_min INTEGER, expected_min INTEGER, observed_min INTEGER,"
        " worn_min INTEGER, valid_min INTEGER, missing_min INTEGER, reason VARCHAR, told_by VARCHAR, told_min BIGINT)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE coverage_facts (participant_id VARCHAR, day DATE, length_min INTEGER,"
        " ends_min BIGINT, has_rows BOOLEAN, tells_wear BOOLEAN, worn_min INTEGER, worn_06_23_min INTEGER,"
        " worn_08_20_min INTEGER, worn_awake_min INTEGER, heart_rate_min INTEGER, heart_rate_hours DOUBLE,"
        " steps_from_minutes DOUBLE, steps_observed_min INTEGER, moving_min INTEGER,"
        " moving_without_heart_rate_min INTEGER, in_bed_min INTEGER,"
        " asleep_min INTEGER, steps_asleep DOUBLE)"
    )
    for name in _STRETCHES:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} (participant_id VARCHAR, day DATE, start_min BIGINT, minutes INTEGER)"
        )


def _tell_people(connection: Connection, task: Task, people: Sequence[Person]) -> None:
    """Make `coverage_people`: everybody's days that count, until when data reach, and the rules that are applied.

    Days before the first one are told of listed people alone, whatever else is written.
    """
    unlisted = [(p.participant_id, p.first_day) for p in people if not p.is_listed]
    if unlisted:
        frame = pl.DataFrame(unlisted, {"participant_id": pl.String, "first_day": pl.Date}, orient="row")
        connection.register("frame_unlisted", frame.to_arrow())
        for table in ("coverage_hours", *_STRETCHES):
            connection.execute(
                f"DELETE FROM {table} h USING frame_unlisted u"
                " WHERE h.participant_id = u.participant_id AND h.day < u.first_day"
            )
        connection.unregister("frame_unlisted")
    rules = rules_of(task.study.coverage, task.held, task.first, task.last)
    whole, came = task.reached.whole_until, task.reached.came_until
    marks = marks_of(task.breaks)
    days = pl.DataFrame(
        [
            (
                p.participant_id,
                day,
                rules_of_person(rules[day], p, day, mark_on(marks, p.participant_id, day)),
                whole.get(p.participant_id),
                came.get(p.participant_id),
            )
            for p in people
            for day in rules
            if p.first_day <= day and (p.last_day is None or day <= p.last_day)
        ],
        schema={
            "participant_id": pl.String,
            "day": pl.Date,
            "rules": pl.String,
            "until": pl.Datetime("us", "UTC"),
            "came_until": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    connection.register("frame_days", days.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE coverage_people AS SELECT * FROM frame_days")
    connection.unregister("frame_days")


def _write(connection: Connection, task: Task, days: pl.DataFrame, only: Sequence[str] | None) -> None:
    first, last = task.first, task.last
    evidence = told_of_hour()
    gather_by_day(connection, (last - first).days + 1)
    for table in COVERAGE_TABLES:
        connection.execute(
            f"DELETE FROM {table.qualified} WHERE day BETWEEN $first AND $last{_whose(only)}",
            {"first": first, "last": last} | ({} if only is None else {"people": list(only)}),
        )
    connection.execute(
        f"""
        INSERT INTO {HOURLY.qualified} BY NAME
        SELECT * EXCLUDE (by_day, start_min, told_by, told_min), make_timestamptz(start_min * 60_000_000) AS ts,
            {BASIS} AS basis, {evidence} AS evidence
        FROM coverage_hours WHERE NOT by_day ORDER BY day, participant_id, stream, start_min
        """
    )
    for made, (table, length) in _STRETCHES.items():
        connection.execute(
            f"""
            INSERT INTO {table.qualified} BY NAME
            SELECT participant_id, day, make_timestamptz(start_min * 60_000_000) AS ts,
                make_timestamptz((start_min + minutes) * 60_000_000) AS until_ts, minutes AS {length}
            FROM {made} ORDER BY day, participant_id, start_min
            """
        )
    order = " ".join(f"WHEN '{r}' THEN {n}" for r, n in _ORDER.items())
    connection.execute(
        f"""
        INSERT INTO {DAILY.qualified} BY NAME
        WITH by_reason AS (
            SELECT participant_id, day, stream, reason, {evidence} AS evidence,
                sum(missing_min) FILTER (reason IS NOT NULL) AS minutes,
                sum(length_min) AS length_min, sum(expected_min) AS expected_min, sum(observed_min) AS observed_min,
                sum(worn_min) AS worn_min, sum(valid_min) AS valid_min, sum(missing_min) AS missing_min
            FROM coverage_hours WHERE NOT by_day GROUP BY ALL
        ), by_hour AS (
            SELECT *, sum(minutes) OVER (PARTITION BY participant_id, day, stream, reason) AS of_reason FROM by_reason
        )
        SELECT participant_id, day, stream, sum(length_min)::INTEGER AS length_min,
            sum(expected_min)::INTEGER AS expected_min, sum(observed_min)::INTEGER AS observed_min,
            sum(worn_min)::INTEGER AS worn_min, sum(valid_min)::INTEGER AS valid_min,
            sum(missing_min)::INTEGER AS missing_min,
            arg_min(reason, (-of_reason, CASE reason {order} END)) FILTER (reason IS NOT NULL) AS reason,
            arg_min(evidence, (-of_reason, CASE reason {order} END, -minutes, evidence)) FILTER (reason IS NOT NULL)
                AS evidence
        FROM by_hour GROUP BY ALL ORDER BY day, participant_id, stream
        """
    )
    for s in task.covered.by_day:
        insert_rows_of_days(connection, s, first, last, evidence)
    connection.register("frame_valid", days.select(VALID_DAY.column_names).to_arrow())
    connection.execute(f"INSERT INTO {VALID_DAY.qualified} BY NAME SELECT * FROM frame_valid")
    connection.unregister("frame_valid")
    insert_cross_stream(connection, task.now)
