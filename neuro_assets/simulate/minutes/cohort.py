"""Who takes part from when to when, with which devices. Traits of people are those of `simulate.people`."""

from dataclasses import dataclass, replace

import numpy as np

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.clocks import Clocks
from neuro_assets.simulate.minutes.plan import MinutePlan
from neuro_assets.simulate.people import DEGRADING_SHARE_PER_DAY, IMPROVING_SHARE_PER_DAY, People, draw_people
from neuro_assets.simulate.plan import SimulationPlan


@dataclass(frozen=True)
class Cohort:
    """People (P) with their first and last day in the study, both inclusive, as indices of days."""

    people: People
    first_day: Ints
    last_day: Ints
    is_withdrawn: Bools

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True)
class Devices:
    """Devices (R) by person, then by time; measured is true times `steps_scale`, or plus `heart_rate_bias_bpm`.

    A device records in the minutes [start, until) of the grid. `number` is 1 for a person's first device.
    """

    person: Ints
    number: Ints
    vendor_id: Ints
    start: Ints
    until: Ints
    steps_scale: Floats
    heart_rate_bias_bpm: Floats
    heart_rate_noise_bpm: Floats

    def __len__(self) -> int:
        return len(self.person)

    def of_people(self, first: int, last: int) -> slice:
        """Which devices belong to people first..last-1."""
        begin, end = np.searchsorted(self.person, [first, last])
        return slice(int(begin), int(end))


def draw_cohort(plan: MinutePlan) -> Cohort:
    """Traits, trends, late enrolments and withdrawals."""
    traits = SimulationPlan(participants=plan.participants, days=plan.days, seed=plan.seed, start=plan.start)
    people = draw_people(traits)
    rng, n = plan.generator("cohort"), plan.participants
    chance = rng.random(n)
    degrades = chance < plan.trend.degrading
    improves = ~degrades & (chance < plan.trend.degrading + plan.trend.improving)
    share = np.where(degrades, rng.uniform(*DEGRADING_SHARE_PER_DAY, n), np.where(improves, IMPROVING_SHARE_PER_DAY, 0))
    people = replace(
        people,
        pattern=np.where(degrades, "degrading", np.where(improves, "improving", "stable")),
        trend_share_per_day=share,
        level_steps=rng.uniform(4_500, 10_500, n),
    )
    is_late = rng.random(n) < plan.enrolment.late
    first = np.where(is_late, rng.integers(1, plan.enrolment.within_days + 1, n), 0).clip(max=plan.days - 1)
    is_withdrawn = rng.random(n) < plan.enrolment.withdrawn
    leaves = rng.integers(plan.days // 2, max(plan.days - 1, plan.days // 2 + 1), n)
    last = np.where(is_withdrawn, np.maximum(leaves, first), plan.days - 1)
    return Cohort(people, first, last, last < plan.days - 1)


def draw_devices(plan: MinutePlan, clocks: Clocks, cohort: Cohort) -> Devices:
    """One device a person, two where it is changed between the first and the last quarter of the person's days."""
    rng, n = plan.generator("devices"), len(cohort)
    change = plan.device_change
    length = cohort.last_day - cohort.first_day + 1
    day = cohort.first_day + np.floor(length * rng.uniform(0.3, 0.7, n)).astype(np.int64)
    gap = rng.integers(change.gap_days[0], change.gap_days[1] + 1, n)
    overlaps = rng.random(n) < change.overlap
    begins = np.where(overlaps, day, day + gap)
    changes = (rng.random(n) < change.rate) & (begins < cohort.last_day) & (day > cohort.first_day)

    start, everybody = clocks.day_start, np.arange(n)
    from_min, until_min = start[everybody, cohort.first_day], start[everybody, cohort.last_day + 1]
    old_ends = start[everybody, np.where(overlaps & (not change.same_account), day + 1, day).clip(max=plan.days)]
    who = np.flatnonzero(changes)
    person = np.concatenate([everybody, who])
    order = np.argsort(person, kind="stable")
    vendor_id = cohort.people.vendor_id
    second_id = vendor_id[who] if change.same_account else _unused_ids(rng, vendor_id, len(who))

    def both(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.concatenate([old, new])[order]

    return Devices(
        person=person[order],
        number=both(np.ones(n, dtype=np.int64), np.full(len(who), 2)),
        vendor_id=both(vendor_id, second_id),
        start=both(from_min, start[who, begins[who].clip(max=plan.days)]),
        until=both(np.where(changes, old_ends, until_min), until_min[who]),
        steps_scale=both(np.ones(n), rng.uniform(*change.steps_scale, len(who))),
        heart_rate_bias_bpm=both(np.zeros(n), rng.uniform(*change.heart_rate_bias_bpm, len(who))),
        heart_rate_noise_bpm=both(np.zeros(n), rng.uniform(*change.heart_rate_noise_bpm, len(who))),
    )


def _unused_ids(rng: np.random.Generator, taken: Ints, count: int) -> Ints:
    free = np.setdiff1d(rng.choice(1_000_000_000, size=2 * count + 2, replace=False) + 9_000_000_000, taken)
    return rng.permutation(free)[:count]
