"""Who answers: for each instrument with a schedule, the periods in which people are asked, and what came in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any

import polars as pl

from neuro_assets.coverage.roster import Person, begin_of, zone_of
from neuro_assets.coverage.standing import Moment
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import SURVEY
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.study import Study
from neuro_assets.surveys.model import Codebook

_DAY = timedelta(days=1)
_SCHEMA = {
    "participant_id": pl.String,
    "instrument": pl.String,
    "first_day": pl.Date,
    "last_day": pl.Date,
    "times_asked": pl.Int32,
    "times_answered": pl.Int32,
    "is_over": pl.Boolean,
    "reason": pl.String,
    "evidence": pl.String,
}


@dataclass(frozen=True)
class Asked:
    """An instrument that people are asked to answer again and again.

    Attributes:
        name: the codebook.
        title: its title.
        every_days: days of a period; the first one begins with a person's first day.
        times: how often it is asked in one.
    """

    name: str
    title: str
    every_days: int
    times: int


def asked_instruments(codebooks: Sequence[Codebook]) -> list[Asked]:
    """The instruments that have a schedule."""
    return [
        Asked(c.name, c.title, c.schedule.every_days, c.schedule.times_a_day * c.schedule.every_days)
        for c in codebooks
        if c.schedule is not None
    ]


def answering(
    connection: Connection, study: Study, people: Sequence[Person], asked: Sequence[Asked], moment: Moment
) -> pl.DataFrame:
    """A row for each person, instrument and period that has begun, with the columns of `coverage.survey`.

    A period that is not over has no reason yet. Of several reasons the first one in `coverage.REASONS` is told; the
    protocol excuses a period only where it concerns every day of it.

    Args:
        connection: on the lake; nothing is written.
        study: the protocol.
        people: the roster.
        asked: instruments with a schedule.
        moment: what is later is left out.
    """
    if not asked:
        return pl.DataFrame(schema=_SCHEMA)
    came, held = _responses(connection, moment.asked), _held(connection)
    rows = [row for person in people for one in asked for row in _periods(study, person, one, moment, came, held)]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").select(SURVEY.column_names)


def _periods(
    study: Study,
    person: Person,
    asked: Asked,
    moment: Moment,
    came: dict[tuple[str, str], dict[date, int]],
    held: frozenset[date],
) -> Iterator[tuple[object, ...]]:
    today = moment.asked.astimezone(zone_of(person, moment.asked.date())).date()
    ends = [d for d in (today, person.last_day, study.window.end) if d]
    answers = came.get((person.participant_id, asked.name), {})
    first = max(person.first_day, study.window.start)
    while first <= min(ends):
        last = first + timedelta(days=asked.every_days - 1)
        days = [first + n * _DAY for n in range(asked.every_days)]
        answered = min(asked.times, sum(answers.get(day, 0) for day in days))
        is_over = last < today
        reason, evidence = None, None
        if is_over and answered < asked.times:
            reason, evidence = _reason(study, person, days, held)
        yield (
            *(person.participant_id, asked.name, first, last, asked.times, answered),
            *(is_over, reason, evidence),
        )
        first = last + _DAY


def _reason(study: Study, person: Person, days: Sequence[date], held: frozenset[date]) -> tuple[str, str]:
    """Why an answer is missing in a period that is over."""
    if person.last_day and days[-1] > person.last_day:
        return "withdrawn", "withdrawn_on of the participant"
    if all(day in held for day in days):
        return "held", "ops.day_holds"
    if any(p.since <= days[0] and (p.until is None or days[-1] <= p.until) for p in person.lapses):
        return "needs_reconsent", "consent_lapsed of the participant"
    begin, end = begin_of(person, days[0]), begin_of(person, days[-1] + _DAY)
    for outage in study.coverage.outages:
        is_concerned = not outage.streams or SURVEY_RESPONSE.name in outage.streams
        if is_concerned and outage.since <= begin and end <= outage.until:
            return "source_failure", "coverage.outages of the protocol"
    return "not_answered", "no answer has come"


def _responses(connection: Connection, until: datetime) -> dict[tuple[str, str], dict[date, int]]:
    """(participant, instrument) -> day -> responses in which anything is answered."""
    found = connection.execute(
        f"""
        SELECT participant_id, instrument, day, count(DISTINCT (local_ts, fold, response_id))
        FROM {SURVEY_RESPONSE.qualified} WHERE NOT is_missing AND ts <= ? GROUP BY ALL
        """,
        [until],
    ).fetchall()
    came: dict[tuple[str, str], dict[date, int]] = {}
    for who, instrument, day, count in found:
        came.setdefault((who, instrument), {})[day] = count
    return came


def _held(connection: Connection) -> frozenset[date]:
    found = connection.execute(
        "SELECT day FROM ops.day_holds WHERE released_at IS NULL AND table_name = ?", [SURVEY_RESPONSE.qualified]
    ).fetchall()
    return frozenset(day for (day,) in found)


@dataclass(frozen=True)
class NotAnswered:
    """An instrument that somebody has not answered lately, since which day, and for how many days."""

    title: str
    since: date
    days: int


def not_answered(answers: pl.DataFrame, asked: Sequence[Asked], study: Study) -> dict[str, NotAnswered]:
    """Who has left an instrument unanswered in the last periods that are over, for as long as the protocol says.

    Of several instruments it is the one that has waited longest.
    """
    titles = {a.name: a.title for a in asked}
    found: dict[str, NotAnswered] = {}
    over = answers.filter(pl.col("is_over")).sort("participant_id", "instrument", "first_day")
    for (who, name), periods in over.group_by(["participant_id", "instrument"], maintain_order=True):
        run = list(takewhile(lambda p: p["reason"] == "not_answered" and p["times_answered"] == 0, _backwards(periods)))
        if not run:
            continue
        since = run[-1]["first_day"]
        days = (run[0]["last_day"] - since).days + 1
        before = found.get(str(who))
        if days >= study.coverage.worklist.not_answered_days and (before is None or days > before.days):
            found[str(who)] = NotAnswered(titles[str(name)], since, days)
    return found


def _backwards(periods: pl.DataFrame) -> Iterator[dict[str, Any]]:
    yield from periods.reverse().iter_rows(named=True)
