"""What the server knows of a person, type and day at a moment: handed over, processed, changed, not deleted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.google_health import vitals
from neuro_assets.simulate.google_health.catalogue import MINUTE_S
from neuro_assets.simulate.google_health.exercises import summed
from neuro_assets.simulate.google_health.nights import Session
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.series import (
    DERIVED,
    MANUAL,
    MINUTE_TYPES,
    SCALE,
    TRACKER,
    WORN,
    Points,
    Series,
)
from neuro_assets.simulate.google_health.sleeps import (
    DETECTED_AFTER_S,
    LOGGED_AFTER_S,
    PROCESSED_AFTER_S,
    SleepTold,
    told,
)
from neuro_assets.simulate.google_health.syncs import Syncs

MAIN = {
    "steps": "count",
    "distance": "millimeters",
    "total-calories": "mkcal",
    "heart-rate": "bpm",
    "active-minutes": "minutes",
    "active-zone-minutes": "minutes",
    "heart-rate-variability": "rmssd",
    "oxygen-saturation": "percentage",
    "respiratory-rate-sleep-summary": "full",
    "weight": "grams",
    "daily-resting-heart-rate": "bpm",
    "daily-heart-rate-variability": "rmssd",
    "daily-oxygen-saturation": "average",
    "daily-respiratory-rate": "breaths",
    "daily-sleep-temperature-derivations": "nightly",
}
"""The column that a change of points changes."""
DAILY = tuple(name for name in MAIN if name.startswith("daily-"))


@dataclass(frozen=True)
class Edit:
    """A change by the server: points that start in [from_s, until_s) are gone, or have `plus` added to their value.

    `starts`, if given, says which ones.
    """

    from_s: int
    until_s: int
    plus: float | None = None
    starts: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Account:
    """What happened to a person's data: syncs, edits by type, rewritten sleeps (day -> how often, last when)."""

    person: Person
    syncs: Syncs
    edits: dict[str, list[Edit]]
    rewrites: dict[int, tuple[int, int]]


class Visible:
    """Points of an account at a moment."""

    def __init__(self, series: Series, account: Account, now_s: int) -> None:
        self.series, self.account, self.now_s = series, account, now_s
        self.person, self.syncs = account.person, account.syncs
        self.last_sync_s = self.syncs.last(now_s) or 0

    def day(self, name: str, number: int) -> Points:
        """Points of all sources whose day has that number, by start. Sleeps belong to the day of their end."""
        if number < self.person.first_day:
            return Points.none()
        if name in MINUTE_TYPES:
            points = self.series.by_minute(self.person, name, number)
            ends = points.start_s - points.start_s % MINUTE_S + MINUTE_S
            points = self._recorded(points.take(ends <= self.last_sync_s))
        else:
            points = self._others(name)(number)
        for edit in self.account.edits.get(name, ()):
            points = _edited(points, edit, MAIN.get(name))
        return points

    def _others(self, name: str) -> Callable[[int], Points]:
        if name in DAILY:
            return lambda number: self._daily(name, number)
        if name in ("heart-rate-variability", "oxygen-saturation"):
            return lambda number: self._of_night(name, number)
        return {
            "respiratory-rate-sleep-summary": self._breathing,
            "weight": self._weight,
            "sleep": self._sleeps,
            "exercise": self._exercise,
        }[name]

    def _recorded(self, points: Points) -> Points:
        """Without what a flat tracker cannot have recorded."""
        for start, until in self.syncs.flat:
            reaches_in = (points.end_s > start) | (points.start_s == start)
            is_gone = (points.start_s < until) & reaches_in & np.isin(points.source, WORN)
            points = points.take(~is_gone)
        return points

    def _is_flat(self, from_s: int, until_s: int) -> bool:
        return any(from_s < until and until_s > start for start, until in self.syncs.flat)

    def sessions(self, number: int) -> list[Session]:
        """Sleeps of a day that were recorded or logged, whoever knows of them."""
        revision, _ = self.account.rewrites.get(number, (0, 0))
        found = self.series.sessions(self.person, number, revision)
        return [s for s in found if s.how == "manual" or not self._is_flat(s.from_s, s.until_s)]

    def _main_night(self, number: int) -> Session | None:
        """The night before a day, once it has been processed; what is measured in it is known by then."""
        night = next((s for s in self.sessions(number) if s.how == "night"), None)
        if night is None:
            return None
        done = self.syncs.first_from(night.until_s, self.now_s)
        return night if done is not None and done + PROCESSED_AFTER_S <= self.now_s else None

    def _of_night(self, name: str, number: int) -> Points:
        night = self._main_night(number)
        if night is None:
            return Points.none()
        return self.series.by_night(self.person, name, number, night.from_s, night.until_s)

    def _daily(self, name: str, number: int) -> Points:
        """Of the night; a resting rate also of a day without one, and provisional until the day has been synced."""
        night, ends = self._main_night(number), self.person.track.start_of(number + 1)
        values = vitals.daily(self.series.seed, self.person, name, number)
        if name == "daily-resting-heart-rate":
            is_over = self.last_sync_s >= ends
            if night is None and not (is_over and len(self.day("heart-rate", number))):
                return Points.none()
            values |= {"bpm": values["bpm"] + (not is_over), "with_sleep": float(night is not None)}
        elif night is None:
            return Points.none()
        return _one(number * 86_400, DERIVED, values)

    def _breathing(self, number: int) -> Points:
        night = self._main_night(number)
        if night is None:
            return Points.none()
        values = vitals.breathing(self.series.seed, self.person, number, night.is_staged)
        return _one(night.until_s, DERIVED, values)

    def _weight(self, number: int) -> Points:
        weighing = vitals.weighing(self.series.seed, self.person, number)
        if weighing is None or weighing[0] + MINUTE_S > self.now_s:
            return Points.none()
        points = _one(weighing[0], SCALE, {"grams": weighing[1]})
        points.values["id"] = np.array([str(2 * 10**18 + self.person.number * 10**9 + number)], dtype=object)
        return points

    def _exercise(self, number: int) -> Points:
        drawn = vitals.exercise(self.series.seed, self.person, number)
        if drawn is None or drawn[1] > self.last_sync_s or self._is_flat(drawn[0], drawn[1]):
            return Points.none()
        start, end, _ = drawn
        created = self.syncs.first_from(end, self.now_s) or end
        item = summed(self.series, self.person, number, drawn, created)
        if item is None:
            return Points.none()
        source = np.array([TRACKER], dtype=np.int8)
        return Points(np.array([start]), np.array([end]), source, {"item": _objects([item])})

    def _sleeps(self, number: int) -> Points:
        found = [told for s in self.sessions(number) if (told := self._told(s, number)) is not None]
        found.sort(key=lambda item: item.from_s)
        start = np.array([item.from_s for item in found], dtype=np.int64)
        # A sleep in progress has no end that it could be filtered by: it counts as going on until now.
        end = np.array([self.now_s if item.until_s is None else item.until_s for item in found], dtype=np.int64)
        source = np.array([MANUAL if item.how == "manual" else DERIVED for item in found], dtype=np.int8)
        return Points(start, end, source, {"item": _objects(found)})

    def _told(self, session: Session, number: int) -> SleepTold | None:
        others = self.sessions(number)
        is_main = session.how == "night" or (session.how == "nap" and len(others) == 1)
        _, edited = self.account.rewrites.get(number, (0, 0))
        if session.how == "manual":
            logged = session.until_s + LOGGED_AFTER_S
            if logged > self.now_s:
                return None
            created, done = logged, logged
        else:
            first = self.syncs.first_from(session.from_s + DETECTED_AFTER_S, self.now_s)
            if first is None:
                return None
            created, done = first, self.syncs.first_from(session.until_s, self.now_s)
        return told(
            self.person, session,
            created_s=created, done_s=done, now_s=self.now_s, is_main=is_main, edited_s=edited,
        )  # fmt: skip


def _one(at_s: int, source: int, values: dict[str, float]) -> Points:
    at = np.array([at_s], dtype=np.int64)
    return Points(at, at, np.array([source], dtype=np.int8), {name: np.array([v]) for name, v in values.items()})


def _objects(items: list) -> np.ndarray:
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return column


def _edited(points: Points, edit: Edit, column: str | None) -> Points:
    is_hit = (points.start_s >= edit.from_s) & (points.start_s < edit.until_s)
    if edit.starts is not None:
        is_hit &= np.isin(points.start_s, edit.starts)
    if not is_hit.any():
        return points
    if edit.plus is None:
        return points.take(~is_hit)
    if column is None:
        return points
    old = points.values[column]
    changed = np.where(is_hit, np.maximum(old + edit.plus, 0), old).astype(old.dtype)
    return Points(points.start_s, points.end_s, points.source, points.values | {column: changed})
