"""When trackers hand over what they recorded, and how full their batteries are. Seconds since the Unix epoch."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from neuro_assets.simulate.google_health.days import CHARGE_EVERY_DAYS, charges_at
from neuro_assets.simulate.google_health.people import Person, generator

HABIT_H = (7.6, 12.5, 18.0, 22.2)
MISSED_SHARE = 0.25
DRAIN_PCT_PER_H = 0.55
EMPTYING_H = 4
Span = tuple[int, int]


@dataclass
class Syncs:
    """Syncs of one person: some a day by habit, those asked for; none by habit in `silent` and `flat` spans."""

    seed: int
    person: Person
    has_habit: bool
    asked: list[int] = field(default_factory=list)
    silent: list[Span] = field(default_factory=list)
    flat: list[Span] = field(default_factory=list)
    _habitual: list[int] = field(default_factory=list)
    _days: int = 0
    _cached: tuple[int, list[int]] | None = None

    def changed(self) -> None:
        """Forget what was worked out, after a change of the spans."""
        self._cached = None

    def until(self, now_s: int) -> list[int]:
        """All syncs up to a moment, ascending."""
        if self._cached and self._cached[0] == now_s:
            return self._cached[1]
        if self.has_habit:
            self._draw(self.person.track.day(now_s) - self.person.first_day + 1)
        still = [*self.silent, *self.flat]
        habitual = [s for s in self._habitual if s <= now_s and not any(a <= s < b for a, b in still)]
        found = sorted({*habitual, *(s for s in self.asked if s <= now_s)})
        self._cached = now_s, found
        return found

    def last(self, now_s: int) -> int | None:
        """The last sync up to a moment."""
        syncs = self.until(now_s)
        return syncs[-1] if syncs else None

    def first_from(self, at_s: int, now_s: int) -> int | None:
        """The first sync at or after a moment, if it has happened."""
        syncs = self.until(now_s)
        k = bisect_left(syncs, at_s)
        return syncs[k] if k < len(syncs) else None

    def battery_pct(self, at_s: int) -> int:
        """Level at a moment: falls from one charging to the next, and quickly before the tracker goes flat."""
        day = self.person.track.day(at_s)
        charges = (charges_at(self.seed, self.person, day - back) for back in range(CHARGE_EVERY_DAYS + 1))
        since = next((end for _, end in filter(None, charges) if end <= at_s), at_s)
        level = max(5, round(100 - DRAIN_PCT_PER_H * (at_s - since) / 3600))
        ahead = [start - at_s for start, _ in self.flat if 0 <= start - at_s < EMPTYING_H * 3600]
        return min(level, 1 + 2 * (min(ahead) // 3600)) if ahead else level

    def _draw(self, days: int) -> None:
        for day in range(self._days, days):
            number = self.person.first_day + day
            rng = generator(self.seed, "sync", self.person.number, number)
            start = self.person.track.start_of(number)
            hours = sorted(h + n for h, n in zip(HABIT_H, rng.normal(0, 0.4, len(HABIT_H)), strict=True))
            kept = rng.random(len(HABIT_H)) >= MISSED_SHARE
            self._habitual += [start + int(h * 3600) for h, is_kept in zip(hours, kept, strict=True) if is_kept]
        self._days = max(days, self._days)


def battery_status(level_pct: int) -> str:
    """As the API words it."""
    words = ("Empty", "Low", "Medium", "High")
    return words[bisect_right((0, 20, 50), level_pct - 1)]
