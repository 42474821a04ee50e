"""What people do with their phones, in true time: uses, programs in front, notifications, focus sessions.

Belongs here: what happens, and what each phone is like. What it tells, and what of that goes astray, is in
`phone_events`. Each person has random streams of their own, one for each kind of thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.wall import MINUTE_MS, Wall

IN_BED_MIN = 60
"""So long the phone is used in bed as it was before."""
NIGHT_SHARE = 0.05
"""Share of uses at any time of the day, also in bed."""
USE_MS, USE_SPREAD = 90_000, 1.2
"""Median of the length of a use, and the standard deviation of its logarithm."""
LONGEST_USE_MS, SHORTEST_USE_MS = 180 * MINUTE_MS, 1_000
APART_MS, REST_MS = 15_000, 10_000
"""Between two unlocks, and from the end of a use to the next unlock, at least."""
MARGIN_MS = 10_000
"""So long after a person's first midnight nothing has happened yet, nor so long before the last one."""
MORE_APPS = 1.2
STEP_MS, BLUR_MS = 100, 30
PLANNED_MIN = (25, 50)
FOCUS_APART_MS = 2 * MINUTE_MS


@dataclass(frozen=True)
class Spans:
    """Stretches [start_ms, until_ms) by person, then time; `row` counts the people of a block."""

    row: Ints
    start_ms: Ints
    until_ms: Ints

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class PhoneUse:
    """What people first..last-1 (N) of a study do with their phones.

    `is_off` (N x D) is a day without the phone. Of a person: `tells_all`: the phone tells of its screen and of
    programs that leave the front, and says which device it is; others tell unlocks, locks and programs that come to
    the front. `has_ids`: events have ids. Of uses: `is_off_lost`. Of programs: `use` (index) and `app`. Of
    notifications: row, time and `app`, -1 where there are no apps. Of focus sessions: `planned_min`.
    """

    study: MinuteStudy
    wall: Wall
    is_off: Bools
    tells_all: Bools
    has_ids: Bools
    uses: Spans
    is_off_lost: Bools
    fronts: Spans
    use_of_front: Ints
    app_of_front: Ints
    notified_row: Ints
    notified_ms: Ints
    notified_app: Ints
    focus: Spans
    planned_min: Ints


def phones_of(study: MinuteStudy, first: int, last: int) -> PhoneUse:
    """The phones of people first..last-1. Nobody's depends on who else is in the block."""
    made = [_Owner.of(study, Wall(study.clocks, person, person + 1), person) for person in range(first, last)]
    uses = [owner.uses() for owner in made]
    fronts = [owner.fronts(*use[:2]) for owner, use in zip(made, uses, strict=True)]
    told = [owner.notifications() for owner in made]
    focus = [owner.focus() for owner in made]
    before = np.cumsum([0, *(len(use[0]) for use in uses)])
    use_of_front = [f[2] + before[n] for n, f in enumerate(fronts)]
    return PhoneUse(
        study=study,
        wall=Wall(study.clocks, first, last),
        is_off=np.stack([owner.is_off for owner in made]),
        tells_all=np.array([owner.tells_all for owner in made]),
        has_ids=np.array([owner.has_ids for owner in made]),
        uses=_spans([u[:2] for u in uses]),
        is_off_lost=np.concatenate([u[2] for u in uses]),
        fronts=_spans([f[:2] for f in fronts]),
        use_of_front=np.concatenate(use_of_front),
        app_of_front=np.concatenate([f[3] for f in fronts]),
        notified_row=np.repeat(np.arange(len(made)), [len(t[0]) for t in told]),
        notified_ms=np.concatenate([t[0] for t in told]),
        notified_app=np.concatenate([t[1] for t in told]),
        focus=_spans([f[:2] for f in focus]),
        planned_min=np.concatenate([f[2] for f in focus]),
    )


def _spans(parts: list[tuple[Ints, Ints]]) -> Spans:
    row = np.repeat(np.arange(len(parts)), [len(start) for start, _ in parts])
    return Spans(row, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


@dataclass(frozen=True)
class _Owner:
    """One person: when local days begin (`begins_ms`, `sure_ms`: see `Wall`), and from when to when one is awake."""

    study: MinuteStudy
    person: int
    begins_ms: Ints
    sure_ms: Ints
    awake_from_ms: Ints
    awake_until_ms: Ints
    is_off: Bools
    tells_all: bool
    has_ids: bool
    rng: Callable[[str], np.random.Generator] = field(repr=False)

    @classmethod
    def of(cls, study: MinuteStudy, wall: Wall, person: int) -> "_Owner":
        def rng(topic: str) -> np.random.Generator:
            return study.plan.generator(f"phone {topic}", person)

        events, days = study.plan.events, study.plan.days
        # What was lived before travel set the clock back belongs to the day that the phone shows.
        begins = wall.date_begins_ms[0]
        awake_from = np.maximum(study.calendar.bed_until[person, :-1] * MINUTE_MS, begins[:-1])
        awake_until = np.maximum((study.calendar.bed_from[person, 1:] + IN_BED_MIN) * MINUTE_MS, awake_from + MINUTE_MS)
        kind, is_off = rng("kind"), rng("off").random(days) < events.off_days
        return cls(
            study, person, begins, wall.date_is_sure_ms[0], awake_from, awake_until, is_off,
            bool(kind.random() < 0.5), bool(kind.random() >= events.without_id), rng,
        )  # fmt: skip

    def _starts(self, rng: np.random.Generator, per_day: float, anytime: float) -> Ints:
        """Instants by time, so many a day on average, `anytime` of them in bed or out of it."""
        own = rng.lognormal(-0.08, 0.4)
        count = rng.poisson(per_day * own, len(self.is_off))
        day = np.repeat(np.arange(len(self.is_off)), count)
        share, is_anytime = rng.random(len(day)), rng.random(len(day)) < anytime
        since = np.where(is_anytime, self.begins_ms[:-1][day], self.awake_from_ms[day])
        until = np.where(is_anytime, self.begins_ms[1:][day], self.awake_until_ms[day])
        at = since + np.floor(share * (until - since)).astype(np.int64)
        first, last = self.study.cohort.first_day[self.person], self.study.cohort.last_day[self.person]
        within = (at >= self.sure_ms[first] + MARGIN_MS) & (at < self.begins_ms[last + 1] - 2 * MARGIN_MS)
        shown = (np.searchsorted(self.begins_ms, at, side="right") - 1).clip(0, len(self.is_off) - 1)
        return np.unique(at[within & ~self.is_off[shown]])

    def _until(self, start: Ints, length: Floats, rest_ms: int) -> Ints:
        """Ends of stretches that leave a rest before the next one, and lie within the person's days."""
        end = self.begins_ms[self.study.cohort.last_day[self.person] + 1] - MARGIN_MS
        following = np.append(start[1:] - rest_ms, end)
        return np.minimum(start + np.rint(length).astype(np.int64), np.minimum(following, end))

    def uses(self) -> tuple[Ints, Ints, Bools]:
        """Beginning and end of every use, and whether its end is never told."""
        events, rng = self.study.plan.events, self.rng("uses")
        start = _apart(self._starts(rng, events.sessions_per_day, NIGHT_SHARE), APART_MS)
        length = rng.lognormal(np.log(USE_MS), USE_SPREAD, len(start)).clip(SHORTEST_USE_MS, LONGEST_USE_MS)
        is_off_lost = self.rng("off lost").random(len(start)) < events.missing_off
        return start, self._until(start, length, REST_MS), is_off_lost

    def fronts(self, start: Ints, until: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Which app is in front from when to when: beginning, end, index of the use, index of the app.

        A phone that tells when a program leaves the front says so shortly before the next one comes.
        """
        apps, rng = self.study.plan.events.apps, self.rng("apps")
        if not apps or not len(start):
            return (*(np.zeros(0, dtype=np.int64) for _ in range(4)),)  # type: ignore[return-value]
        steps = (until - start) // STEP_MS - 2
        count = rng.poisson(MORE_APPS, len(start))
        use = np.repeat(np.arange(len(start)), count)
        step = 1 + np.floor(rng.random(len(use)) * (steps[use] - 1)).astype(np.int64)
        width = steps.max() + 2
        keys = np.unique(np.concatenate([np.arange(len(start)) * width, use * width + step]))
        use, step = np.divmod(keys, width)
        begins = start[use] + STEP_MS * (1 + step)
        is_last = np.append(use[1:] != use[:-1], True)
        ends = np.where(is_last, until[use], np.append(begins[1:], 0)) - (BLUR_MS if self.tells_all else 0)
        liked = rng.dirichlet(np.full(len(apps), 2.0))
        return begins, ends, use, rng.choice(len(apps), len(use), p=liked)

    def notifications(self) -> tuple[Ints, Ints]:
        """When, and of which app."""
        events, rng = self.study.plan.events, self.rng("notifications")
        at = self._starts(rng, events.notifications_per_day, 1.0)
        app = rng.integers(0, max(1, len(events.apps)), len(at))
        return at, app if events.apps else app - 1

    def focus(self) -> tuple[Ints, Ints, Ints]:
        """Beginning, end, and planned minutes of focus sessions."""
        rng = self.rng("focus")
        start = _apart(self._starts(rng, self.study.plan.events.focus_per_day, 0.0), FOCUS_APART_MS)
        planned = rng.choice(PLANNED_MIN, len(start))
        length = planned * MINUTE_MS * rng.uniform(0.3, 1.1, len(start))
        return start, self._until(start, length, MINUTE_MS), planned


def _apart(start: Ints, least_ms: int) -> Ints:
    """Without those that follow another one too soon."""
    return start[np.diff(start, prepend=start[:1] - least_ms) >= least_ms]
