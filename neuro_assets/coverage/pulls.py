"""What the accounts of pulls say of people: which data types cannot be read now, since when, and of which streams."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from neuro_assets.coverage.roster import Person, zone_of
from neuro_assets.ingest.pulls import SOURCE
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.sources.load import Sources
from neuro_assets.streams.pulls import PULLS
from neuro_assets.study import Study

# What tells an hour is this and the words of its evidence.
PULL = "pull:"
SCOPE_MISSING, DENIED = "scope_missing", "permission_denied"
NOT_LINKED, MISMATCH = "account_not_linked", "account_mismatch"
# What the person can do something about; of other failures it does not matter which one it is today.
CURABLE = (DENIED, NOT_LINKED, MISMATCH)
_DAY = timedelta(days=1)
_FAR = date(9999, 1, 1)
_WORDS = {SCOPE_MISSING: "consent to this kind of data is missing"}
_RECONSENT = "consent is asked for anew"


@dataclass(frozen=True)
class BrokenType:
    """A data type of a person that cannot be read.

    Attributes:
        name: of the data type.
        reason: `needs_reconsent` or `source_failure`.
        code: why, by the latest pull.
        first_code: why, by the first pull that failed so.
        since: when that was.
        first_at: the first pull of all.
        complete_at: the last complete delta; None where there was none.
        known_day: the last day that a complete backfill has asked for, up to its own; None where there was none.
    """

    name: str
    reason: str
    code: str
    first_code: str
    since: datetime
    first_at: datetime
    complete_at: datetime | None
    known_day: date | None

    @property
    def read_until(self) -> datetime:
        """Until when it could be read; before the first pull nobody knows otherwise."""
        return self.complete_at or self.first_at

    @property
    def is_curable(self) -> bool:
        """Whether the person can do something about it."""
        return self.reason == "needs_reconsent" or self.code in CURABLE

    @property
    def told(self) -> str:
        """Why, in words for the evidence."""
        return self.first_code if self.reason == "source_failure" else _WORDS.get(self.code, _RECONSENT)

    def first_day(self, person: Person) -> date:
        """The first of the person's days that no complete pull was asked for to its end."""
        if self.complete_at is None:
            begin = local_day(person, self.first_at)
        else:
            begin = local_day(person, self.complete_at) + _DAY
        return begin if self.known_day is None else max(begin, self.known_day + _DAY)


@dataclass(frozen=True)
class Break:
    """A stream of a person that a data type has stopped to feed.

    Attributes:
        stream: which.
        reason: of coverage.
        told_by: `PULL` and the words of the evidence.
        since_min: since when, in minutes since 1970 UTC.
        first_day: the first local day that is concerned; all later ones are.
    """

    stream: str
    reason: str
    told_by: str
    since_min: int
    first_day: date


Breaks = Mapping[str, Sequence[Break]]
# Half-open ranges of days with what the version of their rules says of breaks.
Marks = Mapping[str, Sequence[tuple[date, date, str]]]


def local_day(person: Person, moment: datetime) -> date:
    """The person's day at a moment."""
    return moment.astimezone(zone_of(person, moment.date())).date()


_SQL = f"""
WITH lines AS (
    SELECT participant_id, data_type, fetched_at, last_day, outcome, coalesce(error_code, outcome) AS code,
        CASE WHEN outcome = 'needs_reconsent' OR code IN (SELECT unnest($curable::VARCHAR[])) THEN code
            ELSE 'failed' END AS why,
        outcome = 'complete' AS is_complete, is_complete AND is_delta IS NOT TRUE AS is_filled
    FROM {PULLS.qualified}
    WHERE source = $source AND fetched_at <= $now AND data_type IN (SELECT unnest($types::VARCHAR[]))
), latest AS (
    SELECT participant_id, data_type, min(fetched_at) AS first_at,
        max(fetched_at) FILTER (is_complete AND NOT is_filled) AS complete_at,
        max(least(last_day, timezone('UTC', fetched_at)::DATE)) FILTER (is_filled) AS known_day,
        arg_max(outcome, fetched_at) FILTER (NOT is_filled) AS outcome_now,
        arg_max(code, fetched_at) FILTER (NOT is_filled) AS code_now,
        arg_max(why, fetched_at) FILTER (NOT is_filled) AS why_now
    FROM lines GROUP BY ALL HAVING outcome_now <> 'complete'
)
SELECT participant_id, data_type, outcome_now, code_now, arg_min(l.code, l.fetched_at), min(l.fetched_at),
    first_at, complete_at, known_day
FROM latest JOIN lines l USING (participant_id, data_type)
WHERE NOT l.is_complete AND l.why = why_now AND (complete_at IS NULL OR l.fetched_at > complete_at)
GROUP BY ALL
"""


def read_broken(connection: Connection, study: Study, now: datetime) -> dict[str, list[BrokenType]]:
    """Each person's data types that cannot be read at a moment, in the protocol's order.

    The latest pull of a type decides: what the next one has made good leaves nothing. A failure counts once the type
    is overdue (`google_health.overdue_h`) since its last complete delta; that consent is gone counts at once. A
    complete backfill brings nobody up to date, and makes nothing good but the days it asked for.

    Args:
        connection: on the lake; nothing is written.
        study: the protocol; nothing is asked of the lake where it does not pull.
        now: later pulls are left out.
    """
    rules = study.google_health
    if rules is None:
        return {}
    bound = {"source": SOURCE, "now": now, "types": list(rules.types), "curable": list(CURABLE)}
    late, order = now - timedelta(hours=rules.overdue_h), rules.types
    found: dict[str, list[BrokenType]] = defaultdict(list)
    for who, name, outcome, *fields in connection.execute(_SQL, bound).fetchall():
        reason = outcome if outcome == "needs_reconsent" else "source_failure"
        broken = BrokenType(name, reason, *fields)
        if reason == "needs_reconsent" or broken.read_until <= late:
            found[who].append(broken)
    return {who: sorted(types, key=lambda t: order.index(t.name)) for who, types in found.items()}


def streams_of_types(study: Study, sources: Sources) -> dict[str, frozenset[str]]:
    """Data types that the protocol pulls -> the streams that they feed."""
    rules = study.google_health
    if rules is None:
        return {}
    fed = {k.kind: k.spec.streams.keys() for k in sources.kinds if k.source.name == SOURCE}
    return {name: frozenset(s for kind in BY_NAME[name].kinds for s in fed.get(kind, ())) for name in rules.types}


def breaks_of(
    broken: Mapping[str, Sequence[BrokenType]],
    people: Sequence[Person],
    feeds: Mapping[str, frozenset[str]],
    streams: Sequence[str],
) -> dict[str, list[Break]]:
    """Each person's broken streams; of several breaks of a stream the one that holds comes last.

    Args:
        broken: from `read_broken`.
        people: the roster.
        feeds: from `streams_of_types`.
        streams: those that are told of.
    """
    found: dict[str, list[Break]] = {}
    for person in people:
        breaks = [
            Break(stream, t.reason, PULL + t.told, int(t.since.timestamp() // 60), t.first_day(person))
            for t in broken.get(person.participant_id, ())
            for stream in streams
            if stream in feeds.get(t.name, ())
        ]
        if breaks:
            # The one that has lasted longest holds.
            breaks.sort(key=lambda b: (b.first_day, b.since_min, b.told_by), reverse=True)
            found[person.participant_id] = breaks
    return found


def marks_of(breaks: Breaks) -> dict[str, list[tuple[date, date, str]]]:
    """What tells days under other breaks apart; a day without any has no mark."""
    found: dict[str, list[tuple[date, date, str]]] = {}
    for who, own in breaks.items():
        edges = [*sorted({b.first_day for b in own}), _FAR]
        found[who] = [
            (since, until, _mark([b for b in own if b.first_day <= since])) for since, until in pairwise(edges)
        ]
    return found


def mark_on(marks: Marks, participant_id: str, day: date) -> str:
    """The mark of a person's day."""
    return next((mark for since, until, mark in marks.get(participant_id, ()) if since <= day < until), "")


def _mark(breaks: Sequence[Break]) -> str:
    text = json.dumps(sorted((b.stream, b.reason, b.told_by, b.since_min) for b in breaks))
    return f"+pulls.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Account:
    """What of a person's account cannot be read, of the data types that the protocol needs.

    Attributes:
        broken: these types, at least one.
        is_all: whether there is no other.
    """

    broken: tuple[BrokenType, ...]
    is_all: bool

    @property
    def read_until(self) -> datetime | None:
        """Until when it is known whether something came; None where it is still known, or the person can cure it."""
        if not self.is_all or all(t.is_curable for t in self.broken):
            return None
        return max(t.read_until for t in self.broken)


def accounts_of(
    broken: Mapping[str, Sequence[BrokenType]], study: Study, feeds: Mapping[str, frozenset[str]]
) -> dict[str, Account]:
    """Everybody whose account cannot be read, as far as expected streams need it; all of it where none is expected."""
    needed = {name for name, streams in feeds.items() if streams & set(study.expected_streams)} or set(feeds)
    found: dict[str, Account] = {}
    for who, types in broken.items():
        own = tuple(t for t in types if t.name in needed)
        if own:
            found[who] = Account(own, len(own) == len(needed))
    return found
