"""Where everybody stands at a moment: which days count, until when their data reach, and who was spoken to last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from neuro_assets.coverage.answers_given import first_answers, last_answers
from neuro_assets.coverage.gaps import TRACKER_SYNCS
from neuro_assets.coverage.pulls import Account
from neuro_assets.coverage.roster import Person, begin_of, first_days, last_rows, roster, zone_of
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.accounts import CONTACTS
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """A person at a moment.

    Attributes:
        person: who, with zones, first and last day.
        until: the last local day that is over and counts; before `person.first_day` where none is yet.
        known_until: of these, the last day that can have been known: earlier where later syncs have come since.
        handed_over: until when data reach: the last sync, or a later row; None where nothing came.
        last_row: the end of the last row of any stream; None where there is none.
        battery_pct: the charge at the last sync; None where that did not give it.
        has_syncs: whether there is a history of a tracker's syncs.
        silent: for how long nothing has come, without outages of the vendor, and as far as the account could be read;
            since the beginning of the first day where nothing ever came.
        contacted: when somebody last spoke to the person; None where nobody did.
        contacted_by: how.
        account: what of the person's account cannot be read; None where everything can, or nothing is pulled.
    """

    person: Person
    until: date
    known_until: date
    handed_over: datetime | None
    last_row: datetime | None
    battery_pct: int | None
    has_syncs: bool
    silent: timedelta
    contacted: datetime | None
    contacted_by: str | None
    account: Account | None = None

    @property
    def participant_id(self) -> str:
        """Who."""
        return self.person.participant_id

    @property
    def read_until(self) -> datetime | None:
        """Until when it is known whether anything came, where pulls that fail keep everything away."""
        return self.account.read_until if self.account else None


@dataclass(frozen=True)
class Moment:
    """The moment that people are looked at.

    Attributes:
        at: as far as can be judged: not after the study, and not after the last upload.
        asked: the moment that was asked for.
        last_upload: when the last file came; None before the first one.
    """

    at: datetime
    asked: datetime
    last_upload: datetime | None


def moment_of(connection: Connection, study: Study, asked: datetime) -> Moment:
    """The moment at which silence is measured.

    Where nobody has uploaded anything lately, nobody's silence since is told: it says something of the study's uploads.
    After the end of the study nothing is expected.
    """
    asked = asked.astimezone(UTC)
    found = connection.execute(
        "SELECT max(arrived_at) FROM ops.landing_arrivals WHERE outcome <> 'rejected' AND arrived_at <= ?", [asked]
    ).fetchone()
    last_upload = found[0] if found else None
    known = [asked] if last_upload is None else [asked, last_upload]
    if study.window.end:
        # The day after has begun everywhere on Earth 12 hours after it has in UTC.
        known.append(_utc(study.window.end + _DAY) + timedelta(hours=12))
    return Moment(min(known), asked, last_upload)


def standings(
    connection: Connection,
    study: Study,
    streams: Sequence[Stream],
    daily: Sequence[Stream],
    moment: Moment,
    accounts: Mapping[str, Account],
) -> list[Standing]:
    """Everybody of the roster, in the order of their ids.

    Args:
        connection: on the lake; nothing is written.
        study: the protocol.
        streams: those with a time of day that tell of a person's data.
        daily: those with a row a day that do.
        moment: when.
        accounts: of those whose account cannot be read.
    """
    at = moment.at
    people = roster(study, _first_days(connection))
    rows = _last_rows(connection, streams, daily, people, at)
    if not study.expected_streams:
        # Where answers are all that is expected, they tell that somebody is there.
        rows |= {who: max(ts, rows.get(who, ts)) for who, ts in last_answers(connection, at).items()}
    syncs = _last_syncs(connection, at)
    contacts = _last_contacts(connection, moment.asked)
    found = []
    for person in people:
        who = person.participant_id
        sync, battery, is_later = syncs.get(who, (None, None, False))
        # What a later sync brought was not there yet.
        reached = [m for m in (sync, None if is_later else rows.get(who)) if m]
        handed_over = max(reached, default=None)
        begin = begin_of(person, person.first_day)
        since = max(begin, handed_over) if handed_over else begin
        last_row, account = rows.get(who), accounts.get(who)
        read_until = account.read_until if account else None
        if is_later and last_row:
            last_row = min(last_row, handed_over) if handed_over else None
        yesterday = at.astimezone(zone_of(person, at.date())).date() - _DAY
        until = min(d for d in (yesterday, person.last_day, study.window.end) if d)
        found.append(
            Standing(
                person=person,
                until=until,
                known_until=_day_before(person, handed_over, until) if is_later else until,
                handed_over=handed_over,
                last_row=last_row,
                battery_pct=battery,
                has_syncs=sync is not None,
                silent=without_outages(since, min(at, read_until or at), study),
                contacted=contacts.get(who, (None, None))[0],
                contacted_by=contacts.get(who, (None, None))[1],
                account=account,
            )
        )
    return found


def _first_days(connection: Connection) -> dict[str, date]:
    """Each person's first day with data; of who has none, with an answer."""
    return first_answers(connection) | first_days(connection)


def _day_before(person: Person, moment: datetime | None, until: date) -> date:
    """The last local day that is over at the moment; before the person's first one without a moment."""
    if moment is None:
        return person.first_day - _DAY
    return min(until, moment.astimezone(zone_of(person, moment.date())).date() - _DAY)


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def without_outages(since: datetime, until: datetime, study: Study) -> timedelta:
    """How long it is from one moment to another, without outages that concern all streams that are expected."""
    length, done = max(until - since, timedelta()), since
    for outage in sorted(study.coverage.outages, key=lambda o: o.since):
        if not outage.streams or set(outage.streams) >= set(study.expected_streams):
            # Outages may overlap.
            begin, end = max(done, outage.since), min(until, outage.until)
            length -= max(end - begin, timedelta())
            done = max(done, end)
    return length


def _last_rows(
    connection: Connection, streams: Sequence[Stream], daily: Sequence[Stream], people: Sequence[Person], at: datetime
) -> dict[str, datetime]:
    """The end of each person's last row, up to the moment. A row of a day is there until the day ends."""
    names = [p.participant_id for p in people]
    until = {who: min(ts, at) for who, ts in last_rows(connection, streams, names, at).items()}
    whose = {p.participant_id: p for p in people}
    for stream in daily:
        for who, day in connection.execute(
            f"SELECT participant_id, max(day) FROM {stream.qualified} WHERE day <= ? GROUP BY 1", [at.date()]
        ).fetchall():
            if who in whose:
                end = min(begin_of(whose[who], day + _DAY), at)
                until[who] = max(until.get(who, end), end)
    return until


def _last_syncs(connection: Connection, at: datetime) -> dict[str, tuple[datetime | None, int | None, bool]]:
    """Each person's last sync of a tracker up to the moment, the charge then, and whether there was a later one."""
    found = connection.execute(
        "SELECT participant_id, max(ts) FILTER (ts <= $at), arg_max_null(battery_pct, ts) FILTER (ts <= $at),"
        f" bool_or(ts > $at) FROM {TRACKER_SYNCS} GROUP BY 1",
        {"at": at},
    ).fetchall()
    return {who: (ts, battery, is_later) for who, ts, battery, is_later in found}


def _last_contacts(connection: Connection, at: datetime) -> dict[str, tuple[datetime, str]]:
    """Nobody was spoken to in a lake that was made before contacts were recorded."""
    if CONTACTS.qualified not in existing_columns(connection):
        return {}
    found = connection.execute(
        f"SELECT participant_id, max(contacted_at), arg_max(contacted_by, contacted_at) FROM {CONTACTS.qualified}"
        " WHERE contacted_at <= ? GROUP BY 1",
        [at],
    ).fetchall()
    return {who: (ts, how) for who, ts, how in found}
