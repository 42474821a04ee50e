"""What to ask for of a participant's data type: which local days, and the moments that have them whole. Pure.

The days follow from the last pull that is complete, not from the clock: a tracker that was silent for two weeks
brings two weeks, and days of which nobody could know yet are asked for until they can.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from neuro_assets.sources.google_health.data_types import ROLLUP_MAX_DAYS, DataType
from neuro_assets.study_google_health import GoogleHealthRules

# No place on earth is further from UTC. A day is whole, wherever it was lived, from its first start to its last end.
EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
DAY = timedelta(days=1)
# Trackers keep a month of days, and a week of minutes, that they have not handed over.
MEMORY = 35 * DAY
PAUSE = timedelta(hours=24)
RETIRED_FOR = timedelta(days=7)
REFUSALS = 3


@dataclass(frozen=True)
class TypeState:
    """What is known of a participant's data type from earlier pulls.

    Attributes:
        fetched_at: when the last complete delta was.
        syncs: the latest sync of each tracker that it knew of: the watermark.
        deepest_day: the first day asked for by any complete delta of the last seven days.
        outcome: of the last pull, complete or not.
        tried_at: when that was.
        newest_day: the last day of which something had come; known where no tracker tells of syncs.
        first_day: the first day asked for by any complete delta.
    """

    fetched_at: datetime | None = None
    syncs: tuple[datetime, ...] = ()
    deepest_day: date | None = None
    outcome: str | None = None
    tried_at: datetime | None = None
    newest_day: date | None = None
    first_day: date | None = None

    def resting_until(self, consented_at: datetime | None = None) -> datetime | None:
        """Until when it is not asked for, after it was refused or had ended; a consent since then ends that."""
        if self.tried_at is None or (consented_at is not None and consented_at > self.tried_at):
            return None
        if self.outcome == "paused":
            return self.tried_at + PAUSE
        return self.tried_at + RETIRED_FOR if self.outcome == "retired" else None


@dataclass(frozen=True)
class Days:
    """Local days, both inclusive; `is_open` where the last one is that of the pull."""

    first: date
    last: date
    is_open: bool


def delta(
    data_type: DataType,
    state: TypeState,
    now: datetime,
    zone: str | None,
    rules: GoogleHealthRules,
    presence: tuple[date, date | None],
    syncs: Collection[datetime] = (),
) -> Days | None:
    """The days that a daily pull asks for; None where there are none any more.

    Args:
        data_type: which type.
        state: from earlier pulls.
        now: in UTC.
        zone: the account's.
        rules: the protocol's.
        presence: the days on which the participant takes part; no other is asked for.
        syncs: the latest sync of each tracker, as known now.
    """
    earliest, latest = presence
    clock = ZoneInfo(zone) if zone else UTC
    today = now.astimezone(clock).date()
    last, is_open = (now + EAST).date(), True
    if latest is not None and last > latest:
        last, is_open = latest, False
    of_first = max(earliest, today - rules.first_days * DAY)
    known = known_until(state, syncs, rules)
    if known is None:
        return _days(of_first, last, is_open=is_open)
    starts = [today - rules.recheck_days * DAY]
    starts.append((known - timedelta(hours=rules.lookback_h)).astimezone(clock).date())
    starts.append(first_incomplete(known, clock, rules))
    if data_type.is_deep and is_deep_due(state, today, rules, earliest):
        starts.append(today - rules.deep_recheck_days * DAY)
    if state.first_day is not None and of_first < state.first_day:
        # The person was enrolled earlier than was known, or the lake has pulls of another home.
        starts.append(of_first)
    return _days(max(earliest, min(starts)), last, is_open=is_open)


def known_until(state: TypeState, syncs: Collection[datetime], rules: GoogleHealthRules) -> datetime | None:
    """Up to when everything had come that there is now, by the last complete delta; None where there was none.

    A tracker that has synced since brings what it had from its sync before on, also where another one has synced
    meanwhile, but nothing that is older than it remembers. Where no tracker tells of syncs, nothing is known beyond the
    last day of which something had come.
    """
    if state.fetched_at is None:
        return None
    if state.syncs:
        moved = set(state.syncs).difference(syncs) if syncs else ()
        known = min(moved, default=max(state.syncs))
    elif state.newest_day is not None:
        known = min(state.fetched_at, datetime.combine(state.newest_day, time(), UTC))
    else:
        known = state.fetched_at - rules.first_days * DAY
    return max(known, state.fetched_at - MEMORY)


def _days(first: date, last: date, *, is_open: bool) -> Days | None:
    return Days(first, last, is_open) if first <= last else None


def first_incomplete(last_sync_at: datetime, clock: tzinfo, rules: GoogleHealthRules) -> date:
    """The first local day of which a tracker that synced then had not handed over everything."""
    return (last_sync_at - timedelta(hours=rules.grace_h)).astimezone(clock).date()


def is_deep_due(state: TypeState, today: date, rules: GoogleHealthRules, earliest: date) -> bool:
    """Whether no pull of the last seven days went as far back as is asked for once a week."""
    return state.deepest_day is None or state.deepest_day > max(earliest, today - rules.deep_recheck_days * DAY)


def bounds(days: Days, now: datetime) -> tuple[datetime, datetime]:
    """The moments from which and before which points lie that belong to any of the days, wherever they were lived."""
    start = datetime.combine(days.first, time(), UTC) - EAST
    if days.is_open:
        return start, (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
    return start, datetime.combine(days.last + DAY, time(), UTC) + _WEST


def filter_of(data_type: DataType, days: Days, now: datetime) -> str:
    """The filter that has all points of the days. An open one has no end: what is newest belongs to it."""
    start, end = bounds(days, now)
    if data_type.dialect == "utc":
        since, until = f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"
    elif data_type.dialect == "civil":
        since, until = f"{days.first}T00:00:00", f"{days.last + DAY}T00:00:00"
    else:
        since, until = f"{days.first}", f"{days.last + DAY}"
    told = f'{data_type.member} >= "{since}"'
    return told if days.is_open else f'{told} AND {data_type.member} < "{until}"'


def ranges(days: Days, now: datetime) -> list[tuple[datetime, datetime]]:
    """The ranges that roll-ups of the days are asked in, none longer than the interface allows; the latest first."""
    start, end = bounds(days, now)
    found: list[tuple[datetime, datetime]] = []
    while start < end:
        since = max(start, end - ROLLUP_MAX_DAYS * DAY)
        found.append((since, end))
        end = since
    return found
