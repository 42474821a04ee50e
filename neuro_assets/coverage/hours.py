"""The hours of a block of people, and what their days say as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.coverage.gaps import GapRules, Stretch, Syncs, read_syncs, tell_gap
from neuro_assets.coverage.minutes import Bools, MinuteGrid, read_minutes
from neuro_assets.coverage.person_days import day_facts
from neuro_assets.coverage.roster import Person, next_rows
from neuro_assets.coverage.sleep import read_sleep
from neuro_assets.coverage.task import Task
from neuro_assets.lake.lake import Connection
from neuro_assets.science.local_time import utc_spans
from neuro_assets.science.person_hours import PersonHours, person_hours
from neuro_assets.science.wear import WearParameters, worn
from neuro_assets.study import CoverageRules, Study

# Runs of non-wear reach over midnight.
MARGIN = timedelta(days=1)
# What tells of a gap, and the reason that it is.
_OF_GAP = {
    "after_last_sync": "not_synced",
    "low_at_last_sync": "battery",
    "not_fetched": "not_synced",
    "lost": "not_synced",
    "battery": "battery",
    "charged": "battery",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Block:
    """Rows for the temporary tables: hours of each stream, one row a person and day, and stretches of (non-)wear."""

    hours: list[pl.DataFrame]
    days: pl.DataFrame
    wear: pl.DataFrame
    not_worn: pl.DataFrame


@dataclass(frozen=True)
class _Hours:
    """Counts of minutes for each person and hour, and which hours are told."""

    hours: PersonHours
    grid: MinuteGrid
    told: NDArray[np.intp]

    def count(self, minutes: Bools) -> NDArray[np.int16]:
        """How many of an hour's minutes are so, of the hours that are told."""
        begins = self.hours.start_min - self.grid.start_min
        return np.add.reduceat(minutes, begins, axis=1, dtype=np.int16)[:, self.told]


def block_of(connection: Connection, task: Task, block: list[Person]) -> Block | None:
    """The hours of people whose clocks show the same; None where none of them has begun."""
    first, last = task.first, task.last
    around = first - MARGIN, last + MARGIN
    hours = person_hours(utc_spans(block[0].periods, *around), *around)
    if not len(hours):
        return None
    names = [p.participant_id for p in block]
    minutes = int(hours.start_min[-1] + hours.length_min[-1] - hours.start_min[0])
    start = int(hours.start_min[0])
    is_asked = (hours.day >= np.datetime64(first)) & (hours.day <= np.datetime64(last))
    told = np.flatnonzero(is_asked & (hours.start_min < task.now.timestamp() // 60))
    if not len(told):
        return None
    day_begins = hours.start_min[np.append(True, hours.day[1:] != hours.day[:-1])] - start
    grid = read_minutes(connection, names, task.covered.read, start, day_begins, minutes)
    tells_wear = ~np.isnan(grid.steps) | grid.observed["heart_rate"]
    is_worn = _worn(grid, day_begins, task.study.coverage)
    # Where neither steps nor a heart rate are there on a day nothing tells wear, and what is there counts.
    is_told = np.logical_or.reduceat(tells_wear, day_begins, axis=1)
    is_worn |= grid.any_row & ~np.repeat(is_told, np.diff(day_begins, append=minutes), axis=1)
    counted = _Hours(hours, grid, told)
    beyond = next_rows(connection, task.covered.read, names, datetime.fromtimestamp((start + minutes) * 60, UTC))
    any_row = counted.count(grid.any_row)
    worn_min = counted.count(is_worn)
    unworn = counted.count(tells_wear & ~is_worn)
    places = _Gaps(connection, task, block, beyond, grid, hours).reasons(told, any_row)
    shared = _Shared(task, block, hours, told, any_row, worn_min, unworn, places)
    frames = []
    for s in task.covered.samples:
        observed = grid.observed[s.name]
        frames.append(_frame(shared, s.name, counted.count(observed), counted.count(observed & is_worn), by_day=False))
    seen = counted.count(grid.any_row & is_worn) if task.covered.by_day else any_row
    frames += [_frame(shared, s.name, any_row, seen, by_day=True) for s in task.covered.by_day]
    sleep = read_sleep(connection, grid.steps.shape, start)
    days = day_facts(names, hours, grid, is_worn, tells_wear, sleep, first, last)
    wear, not_worn = (stretches_of(names, hours, told, day_begins, m) for m in (is_worn, tells_wear & ~is_worn))
    return Block(frames, days, wear, not_worn)


def stretches_of(
    names: Sequence[str],
    hours: PersonHours,
    told: NDArray[np.intp],
    day_begins: NDArray[np.int64],
    minutes: Bools,
) -> pl.DataFrame:
    """The longest stretches of minutes within a local day and the hours that are told, sorted by person and time.

    Args:
        names: of the people.
        hours: of the minutes, all of them, side by side.
        told: which of the hours are told.
        day_begins: where local days begin, counted from the first minute.
        minutes: which are meant; shape (people, minutes).

    Returns:
        participant_id, day, start_min (since 1970-01-01 UTC), minutes.
    """
    count = minutes.shape[1]
    hour_of = np.repeat(np.arange(len(hours)), np.diff(hours.start_min - hours.start_min[0], append=count))
    is_told, is_midnight = np.zeros(len(hours), dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    is_told[told], is_midnight[day_begins] = True, True
    own = minutes & is_told[hour_of]
    goes_on = own[:, 1:] & own[:, :-1] & ~is_midnight[1:]
    nothing = np.zeros((len(own), 1), dtype=np.bool_)
    person, begin = np.nonzero(own & ~np.hstack((nothing, goes_on)))
    _, last = np.nonzero(own & ~np.hstack((goes_on, nothing)))
    return pl.DataFrame(
        {
            "participant_id": np.asarray(names, dtype=object)[person].tolist(),
            "day": hours.day[hour_of[begin]],
            "start_min": hours.start_min[0] + begin,
            "minutes": (last - begin + 1).astype(np.int32),
        },
        schema_overrides={"participant_id": pl.String},
    )


def _worn(grid: MinuteGrid, day_begins: NDArray[np.int64], rules: CoverageRules) -> Bools:
    zero_run_min = rules.wear.zero_run_min
    parameters = WearParameters(
        zero_run_min=zero_run_min,
        # Minutes that were lost on the way make nobody wear a device that lies still.
        zero_hole_min=zero_run_min,
        heart_rate_bridge_min=rules.wear.heart_rate_bridge_min,
    )
    has_rate = grid.observed["heart_rate"]
    if rules.wear.method != "automatic":
        return worn(rules.wear.method, grid.steps, has_rate, parameters)
    by_rate, by_steps = (worn(m, grid.steps, has_rate, parameters) for m in ("heart_rate", "zero_steps"))
    length = np.diff(day_begins, append=has_rate.shape[1])
    has_any, moved = (np.logical_or.reduceat(m, day_begins, axis=1) for m in (has_rate, grid.steps > 0))
    # A few zeros between long holes are no sign of wear on a day without a step.
    by_steps &= np.repeat(moved, length, axis=1)
    return np.where(np.repeat(has_any, length, axis=1), by_rate, by_steps)


class _Gaps:
    """Why minutes without any row are missing."""

    def __init__(
        self,
        connection: Connection,
        task: Task,
        block: list[Person],
        beyond: Mapping[str, datetime],
        grid: MinuteGrid,
        hours: PersonHours,
    ) -> None:
        rules = task.study.coverage
        self.grid, self.hours = grid, hours
        self.gap_rules = GapRules(rules.device_memory_days * 1440, rules.low_battery_pct, rules.empty_battery_pct)
        self.names = [p.participant_id for p in block]
        self.syncs = read_syncs(connection, self.names)
        self.until, self.beyond = (
            [int(at[n].timestamp() // 60) if n in at else None for n in self.names]
            for at in (task.reached.until, beyond)
        )
        common = _outages(task.study) + _days_between(hours, {day for _, day in task.held})
        self.kept_away = [sorted(common + _lapses(p, hours)) for p in block]

    def reasons(
        self, told: NDArray[np.intp], any_row: NDArray[np.int16]
    ) -> dict[tuple[int, int], tuple[str, int | None]]:
        """(person, hour) -> what tells of the gap and when; for hours with a minute that has no row."""
        found: dict[tuple[int, int], tuple[str, int | None]] = {}
        length = self.hours.length_min[told]
        for person, hour in zip(*np.nonzero(any_row < length), strict=True):
            found[int(person), int(hour)] = self._of(int(person), int(self.hours.start_min[told[hour]]))
        return found

    def _of(self, person: int, start_min: int) -> tuple[str, int | None]:
        syncs: Syncs | None = self.syncs.get(self.names[person])
        if syncs is None:
            until = self.until[person]
            if until is None:
                return "after_last_sync", None
            return ("after_last_sync", until) if start_min >= until else ("unknown", None)
        rows = self.grid.any_row_of(person)
        following = rows[np.searchsorted(rows, start_min - self.grid.start_min) :]
        end = int(following[0]) + self.grid.start_min if len(following) else self.beyond[person]
        return tell_gap(syncs, start_min, end, self.gap_rules, self.kept_away[person])


def _outages(study: Study) -> list[Stretch]:
    return [(int(o.since.timestamp() // 60), int(o.until.timestamp() // 60)) for o in study.coverage.outages]


def _lapses(person: Person, hours: PersonHours) -> list[Stretch]:
    days = hours.day.astype(object)
    return _days_between(
        hours,
        {d for d in set(days) for p in person.lapses if p.since <= d and (p.until is None or d <= p.until)},
    )


def _days_between(hours: PersonHours, days: set[date]) -> list[Stretch]:
    """Local days as stretches of minutes."""
    found = []
    for day in days:
        at = np.flatnonzero(hours.day == np.datetime64(day))
        if len(at):
            found.append((int(hours.start_min[at[0]]), int(hours.start_min[at[-1]] + hours.length_min[at[-1]])))
    return found


@dataclass(frozen=True)
class _Shared:
    """What the streams of a block share; counts are of minutes, shape (people, hours that are told).

    Attributes:
        task: what is asked for.
        people: of the block.
        hours: of the minutes.
        told: the hours that are told.
        any_row: minutes with a row of any stream.
        worn: minutes worn.
        unworn: minutes with a row that says that the device was not.
        places: (person, hour) -> what tells of the gap, and when.
    """

    task: Task
    people: list[Person]
    hours: PersonHours
    told: NDArray[np.intp]
    any_row: NDArray[np.int16]
    worn: NDArray[np.int16]
    unworn: NDArray[np.int16]
    places: dict[tuple[int, int], tuple[str, int | None]]

    @cached_property
    def length(self) -> NDArray[np.int16]:
        """Minutes of each hour."""
        return np.broadcast_to(self.hours.length_min[self.told], (len(self.people), len(self.told)))

    @cached_property
    def by_rows(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """What rows, or their absence, say of each hour: the reason, what tells it, and the minute of that or -1."""
        reason = np.full(self.length.shape, "unknown", dtype=object)
        told_by = np.full(self.length.shape, "", dtype=object)
        at = np.full(self.length.shape, -1, dtype=np.int64)
        is_unworn = (self.unworn > 0) & (self.unworn >= self.length - self.any_row)
        reason[is_unworn], told_by[is_unworn] = "not_worn", "rows"
        for (person, hour), (gap, moment) in self.places.items():
            if not is_unworn[person, hour]:
                reason[person, hour], told_by[person, hour] = _OF_GAP[gap], gap
                at[person, hour] = -1 if moment is None else moment
        return reason, told_by, at


def _frame(
    shared: _Shared, name: str, observed: NDArray[np.int16], valid: NDArray[np.int16], *, by_day: bool
) -> pl.DataFrame:
    """The hours of a block in one stream, one row each."""
    hours, told, length = shared.hours, shared.told, shared.length
    people, count = length.shape
    missing, expected = length - valid, length.copy()
    reason, told_by, at = (a.copy() for a in shared.by_rows)
    for person, who in enumerate(shared.people):
        for given in _given(shared, who, name, observed[person], by_day=by_day):
            here = person, given.hours
            reason[here], told_by[here], at[here] = given.reason, given.told_by, given.at_min
            if by_day:
                # Whatever other streams have, this is why there is no row of the day.
                missing[here] = length[here]
            if given.reason in {"not_enrolled", "withdrawn"}:
                expected[here] = 0
    nothing: Any = None
    reason[missing == 0], told_by[missing == 0] = nothing, ""
    return pl.DataFrame(
        {
            "participant_id": np.repeat([p.participant_id for p in shared.people], count),
            "day": np.tile(hours.day[told], people),
            "stream": [name] * (people * count),
            "by_day": [by_day] * (people * count),
            "hour": np.tile(hours.hour[told], people),
            "fold": np.tile(hours.fold[told], people),
            "start_min": np.tile(hours.start_min[told], people),
            "length_min": length.ravel(),
            "expected_min": expected.ravel(),
            "observed_min": observed.ravel(),
            "worn_min": shared.worn.ravel(),
            "valid_min": (length - missing).ravel(),
            "missing_min": missing.ravel(),
            "reason": reason.ravel().tolist(),
            "told_by": told_by.ravel().tolist(),
            "told_min": at.ravel(),
        },
        schema_overrides={"reason": pl.String},
    )


class _Given(NamedTuple):
    """Hours whose reason is given by something else than rows and syncs; what tells it, and its minute or -1."""

    reason: str
    told_by: str
    hours: slice | NDArray[np.intp]
    at_min: int = -1


def _given(
    shared: _Shared, person: Person, name: str, observed: NDArray[np.int16], *, by_day: bool
) -> Iterator[_Given]:
    """What the protocol, a hold or the accounts of pulls give, the one with precedence last."""
    task = shared.task
    day, start = shared.hours.day[shared.told], shared.hours.start_min[shared.told]

    def place(of: date, *, after: bool = False) -> int:
        return int(np.searchsorted(day, np.datetime64(of), side="right" if after else "left"))

    def given(reason: str, since: int, until: int) -> _Given:
        return _Given(reason, reason, slice(since, until))

    pulled = _of_pulls(task, person, name, day, observed, by_day=by_day)
    yield from (p for p in pulled if p.reason == "source_failure")
    for outage in task.study.coverage.outages:
        if not outage.streams or name in outage.streams:
            since, until = (np.searchsorted(start, m.timestamp() / 60) for m in (outage.since, outage.until))
            yield given("source_failure", int(since), int(until))
    yield from (p for p in pulled if p.reason == "needs_reconsent")
    for lapse in person.lapses:
        until = place(lapse.until, after=True) if lapse.until else len(day)
        yield given("needs_reconsent", place(lapse.since), until)
    for held in (d for of, d in task.held if of == name):
        yield given("held", place(held), place(held, after=True))
    if person.last_day:
        yield given("withdrawn", place(person.last_day, after=True), len(day))
    yield given("not_enrolled", 0, place(person.first_day))


def _of_pulls(
    task: Task, person: Person, name: str, day: NDArray[Any], observed: NDArray[np.int16], *, by_day: bool
) -> list[_Given]:
    """Hours of days on which pulls could not bring a stream, and nothing else has brought any of it."""
    breaks = [b for b in task.breaks.get(person.participant_id, ()) if b.stream == name]
    if not breaks:
        return []
    begins = np.flatnonzero(np.append(True, day[1:] != day[:-1]))
    # Of a row of the day it is told later whether it is there.
    has_rows = np.logical_or.reduceat((observed > 0) & (not by_day), begins)
    is_empty = ~np.repeat(has_rows, np.diff(begins, append=len(day)))
    return [
        _Given(b.reason, b.told_by, np.flatnonzero(is_empty & (day >= np.datetime64(b.first_day))), b.since_min)
        for b in breaks
    ]
