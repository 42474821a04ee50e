"""The state of the fake: who has an account, what time it is, what has been synced, changed, deleted and revoked.

`World.truth` says what the server would give, from columns and not from its own JSON.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from threading import RLock
from typing import Any, Literal

import numpy as np

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.google_health.catalogue import DATA_TYPES, DAY_S
from neuro_assets.simulate.google_health.people import Person, as_seconds, draw_accounts
from neuro_assets.simulate.google_health.series import (
    DERIVED,
    MANUAL,
    PHONE,
    SCALE,
    TRACKER,
    Points,
    Series,
    merged,
)
from neuro_assets.simulate.google_health.syncs import Syncs
from neuro_assets.simulate.google_health.visible import MAIN, Account, Edit, Visible

Moment = datetime | date | str | float
Reading = Literal["reconcile", "list"]
FAMILIES: dict[str, tuple[int, ...]] = {
    "all-sources": (TRACKER, PHONE, MANUAL, DERIVED, SCALE),
    "google-wearables": (TRACKER, DERIVED, SCALE),
    "google-sources": (TRACKER, PHONE, MANUAL, DERIVED, SCALE),
    "self-sources": (),
}
EVER = (-(2**50), 2**50)


@dataclass(frozen=True)
class Query:
    """Which points: `by` start or end, `form` of the bounds, half-open ranges in seconds; civil times count as UTC."""

    by: Literal["start", "end"] = "start"
    form: Literal["utc", "civil", "date"] = "utc"
    ranges: tuple[tuple[int, int], ...] = (EVER,)

    @property
    def span(self) -> tuple[int, int]:
        """From the first to the last bound."""
        return min(r[0] for r in self.ranges), max(r[1] for r in self.ranges)


class World:
    """People and their data, the same for a seed and a sequence of operations. Safe to use from several threads.

    Args:
        participants: how many accounts.
        start: the first civil day with data.
        seed: of everything drawn.
        now: the moment at which the world stands; the midnight (UTC) after `start` by default. With `live` it follows
            the clock instead.
        zones: home zones, by turns.
        travel: share of people who travel once.
        has_habit: whether trackers sync by themselves some times a day.
        cache_days: days of people kept in memory.
    """

    def __init__(
        self,
        participants: int = 10,
        start: Moment = date(2026, 10, 1),
        seed: int = 1,
        *,
        now: Moment | None = None,
        live: bool = False,
        zones: tuple[str, ...] | None = None,
        travel: float = 0.3,
        has_habit: bool = True,
        cache_days: int = 3000,
    ) -> None:
        start_s = as_seconds(start)
        first = datetime.fromtimestamp(start_s, tz=UTC).date()
        self.people = draw_accounts(participants, first, seed, zones, travel)
        self.series = Series(seed, cache_days)
        self.is_live = live
        self.lock = RLock()
        self.epoch = dict.fromkeys(self.people, 0)
        self.lost_permission: set[str] = set()
        self.retired: set[str] = set()
        self._now_s = start_s + DAY_S if now is None else as_seconds(now)
        self._by_health_id = {p.health_user_id: p.id for p in self.people.values()}
        self._accounts = {p.id: Account(p, Syncs(seed, p, has_habit), {}, {}) for p in self.people.values()}

    # The clock

    @property
    def now_s(self) -> int:
        """The moment, seconds since the epoch."""
        return int(time.time()) if self.is_live else self._now_s

    @property
    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.fromtimestamp(self.now_s, tz=UTC)

    def advance(self, to: Moment) -> None:
        """Let time pass; trackers sync by their habit. Raise ValueError for the past, or in a live world."""
        to_s = as_seconds(to)
        with self.lock:
            if self.is_live:
                raise ValueError("this world goes with the clock")
            if to_s < self.now_s:
                raise ValueError(f"it is {self.now} already; the world's time only passes")
            self._now_s = to_s

    # Who

    def person(self, who: str | Person) -> Person:
        """By id or health user id. Raise KeyError for nobody's."""
        if isinstance(who, Person):
            return who
        return self.people[self._by_health_id.get(who, who)]

    def account(self, who: str | Person) -> Account:
        """What happened to a person's data."""
        return self._accounts[self.person(who).id]

    def visible(self, who: str | Person) -> Visible:
        """What the server knows of a person now."""
        return Visible(self.series, self.account(who), self.now_s)

    def last_sync(self, who: str | Person) -> datetime | None:
        """When the tracker handed over its data last."""
        with self.lock:
            at = self.account(who).syncs.last(self.now_s)
        return None if at is None else datetime.fromtimestamp(at, tz=UTC)

    # What happens

    def sync(self, who: str | Person, at: Moment | None = None) -> None:
        """The tracker hands over all it has, at a moment; now by default."""
        self._change(who).syncs.asked.append(self.now_s if at is None else as_seconds(at))

    def silence(self, who: str | Person, since: Moment, until: Moment) -> None:
        """No sync by habit in [since, until); nothing is lost."""
        self._change(who).syncs.silent.append((as_seconds(since), as_seconds(until)))

    def go_flat(self, who: str | Person, since: Moment, until: Moment) -> None:
        """The battery is empty in [since, until): nothing is recorded or synced, and low at syncs shortly before."""
        self._change(who).syncs.flat.append((as_seconds(since), as_seconds(until)))

    def rewrite_sleep(self, who: str | Person, day: date) -> None:
        """The server works the sleeps that end on a day out anew: other stages, another end, the same id."""
        number = (day - date(1970, 1, 1)).days
        account = self._change(who)
        times, _ = account.rewrites.get(number, (0, 0))
        account.rewrites[number] = (times + 1, self.now_s)

    def delete(
        self, who: str | Person, name: str, since: Moment, until: Moment, count: int | None = None
    ) -> tuple[int, ...]:
        """Delete points that start in [since, until): all, or the newest `count`. Returns the starts of those gone."""
        with self.lock:
            from_s, until_s = as_seconds(since), as_seconds(until)
            starts = np.unique(self.points(who, name, Query(ranges=((from_s, until_s),)), "list").start_s)
            gone = tuple(int(s) for s in (starts if count is None else starts[-count:]))
            self._change(who).edits.setdefault(name, []).append(Edit(from_s, until_s, starts=gone))
            return gone

    def change_points(self, who: str | Person, name: str, since: Moment, until: Moment, plus: float) -> None:
        """The server adds `plus` to the values of points that start in [since, until), without a sync.

        Raises:
            ValueError: a type whose points have no single value (`visible.MAIN` says which one it is).
        """
        if name not in MAIN:
            raise ValueError(f"points of {name} have no single value; rewrite_sleep changes sleeps")
        edit = Edit(as_seconds(since), as_seconds(until), plus)
        with self.lock:
            self._change(who).edits.setdefault(name, []).append(edit)

    def revoke(self, who: str | Person) -> None:
        """The person takes the consent back: no token of theirs is worth anything any more."""
        with self.lock:
            self.epoch[self.person(who).id] += 1

    def lose_permission(self, who: str | Person) -> None:
        """Answers are 403 RESOURCE_PERMISSION_DENIED until the person consents again."""
        self.lost_permission.add(self.person(who).id)

    def consent_again(self, who: str | Person) -> None:
        """What a new consent cures, the browser apart."""
        self.lost_permission.discard(self.person(who).id)

    def retire(self, *names: str) -> None:
        """These data types, or the whole API, are gone: 410."""
        self.retired |= set(names) or {"*"}

    def _change(self, who: str | Person) -> Account:
        with self.lock:
            account = self.account(who)
            account.syncs.changed()
            return account

    # What the server would give

    def days(self, who: str | Person, query: Query) -> range:
        """Numbers of the days that may have points of a query, ascending."""
        track, first = self.person(who).track, self.person(who).first_day
        low, high = query.span
        latest = track.day(self.now_s) + 1
        if query.form == "utc":
            since = track.day(low) - 1 if low > EVER[0] else first
            upto = track.day(high) + 1 if high < EVER[1] else latest
        else:
            since, upto = low // DAY_S - 1, high // DAY_S + 1
        return range(max(first, since), min(latest, upto) + 1)

    def newest(
        self, who: str | Person, name: str, query: Query, reading: Reading = "reconcile", family: str = "all-sources"
    ) -> Iterator[Points]:
        """Points by day, the newest day first; within a day the oldest first."""
        visible = self.visible(who)
        for number in reversed(self.days(who, query)):
            points = visible.day(name, number)
            points = points.take(selected(visible.person, query, points))
            kept = FAMILIES[family]
            if len(kept) < len(FAMILIES["all-sources"]):
                points = points.take(np.isin(points.source, kept))
            if reading == "reconcile":
                points = merged(points)
            if len(points):
                yield points

    def points(
        self,
        who: str | Person,
        name: str,
        query: Query | None = None,
        reading: Reading = "reconcile",
        family: str = "all-sources",
    ) -> Points:
        """All points of a query, by start."""
        with self.lock:
            return Points.joined([*self.newest(who, name, query or Query(), reading, family)][::-1])

    def truth(
        self, who: str | Person, name: str, query: Query | None = None, reading: Reading = "reconcile"
    ) -> list[dict[str, Any]]:
        """What the server would give now of a type, oldest first, one dict per point.

        `start_s`, `end_s`, their offsets, `source` (a number of `series`) and the columns of the type; of sleeps and
        exercises their fields. Types that are rolled up: `rollups.truth`.
        """
        points, track = self.points(who, name, query, reading), self.person(who).track
        columns: dict[str, list[Any]] = {"start_s": points.start_s.tolist(), "end_s": points.end_s.tolist()}
        if DATA_TYPES[name].record != "daily":
            columns["start_offset_s"] = track.at(points.start_s).tolist()
            columns["end_offset_s"] = track.at(points.end_s).tolist()
        columns["source"] = points.source.tolist()
        items = points.values.get("item")
        columns |= {key: column.tolist() for key, column in points.values.items() if key != "item"}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if items is None:
            return rows
        told = ({f.name: getattr(item, f.name) for f in fields(item)} for item in items)
        return [row | more for row, more in zip(rows, told, strict=True)]


def selected(person: Person, query: Query, points: Points) -> Bools:
    """Which points a query asks for."""
    at: Ints = points.end_s if query.by == "end" else points.start_s
    if query.form == "civil":
        at = at + person.track.at(at)
    found = np.zeros(len(at), dtype=np.bool_)
    for low, high in query.ranges:
        found |= (at >= low) & (at < high)
    return found
