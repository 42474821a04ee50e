"""What people do by day: their level of activity, illness, and nights. Nothing here knows of devices.

Shapes: people P, local days D; nights P x (D + 1) by the day of waking, the last one ending after the study.
"""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.activity import DAY_NOISE_SD
from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.clocks import DAY_MIN, Clocks
from neuro_assets.simulate.minutes.cohort import Cohort
from neuro_assets.simulate.minutes.plan import MinutePlan
from neuro_assets.simulate.sleep import ASLEEP_MIN, LONGEST_IN_BED_MIN, WEEKEND_LATER_MIN, WEEKEND_LONGER_MIN
from neuro_assets.simulate.trend import BASELINE_DAYS, MULTIPLIER_BOUNDS

DAY_STEPS = (300, 25_000)
SHORTEST_NIGHT_MIN = 60


@dataclass(frozen=True)
class Illness:
    """One episode per person (P): days [from_day, until_day), both 0 without one."""

    from_day: Ints
    until_day: Ints
    resting_heart_rate_bpm: Floats
    steps_factor: Floats

    def is_ill(self, days: int) -> Bools:
        """P x D."""
        day = np.arange(days)
        return (day >= self.from_day[:, None]) & (day < self.until_day[:, None])


@dataclass(frozen=True)
class Calendar:
    """`day_steps` (P x D) is what a person would do on a whole worn day; `day_noise` its deviation from the habit.

    `trend_factor` (P x D) is 1 until the trend sets in. `bed_from`, `bed_until` (P x (D + 1)) are minutes of the grid.
    """

    is_weekend: Bools
    day_steps: Floats
    day_noise: Floats
    trend_factor: Floats
    illness: Illness
    bed_from: Ints
    bed_until: Ints


def draw_calendar(plan: MinutePlan, clocks: Clocks, cohort: Cohort) -> Calendar:
    """Own level, weekday and weekend difference, noise by day, trend, illness, nights."""
    people, rng = cohort.people, plan.generator("calendar")
    is_weekend = ~np.is_busday(clocks.days)
    weekday = 7 / (5 + 2 * people.weekend_ratio)
    habit = weekday[:, None] * np.where(is_weekend, people.weekend_ratio[:, None], 1.0)
    noise = rng.lognormal(-(DAY_NOISE_SD**2) / 2, DAY_NOISE_SD, habit.shape)
    since = (np.arange(plan.days) - (cohort.first_day[:, None] + BASELINE_DAYS - 1)).clip(min=0)
    trend = (1 + people.trend_share_per_day[:, None] * since).clip(*MULTIPLIER_BOUNDS)
    illness = _draw_illness(plan, cohort)
    ill = np.where(illness.is_ill(plan.days), illness.steps_factor[:, None], 1.0)
    day_steps = (people.level_steps[:, None] * habit * noise * trend * ill).clip(*DAY_STEPS)
    bed_from, bed_until = _draw_nights(plan, clocks, cohort, is_weekend)
    return Calendar(is_weekend, day_steps, noise, trend, illness, bed_from, bed_until)


def _draw_illness(plan: MinutePlan, cohort: Cohort) -> Illness:
    rng, n = plan.generator("illness"), len(cohort)
    low, high = plan.illness.days
    length = rng.integers(low, high + 1, n)
    room = plan.days - length
    begins = np.floor(rng.random(n) * room.clip(min=1)).astype(np.int64)
    falls_ill = (rng.random(n) < plan.illness.rate) & (room > 0)
    return Illness(
        from_day=np.where(falls_ill, begins, 0),
        until_day=np.where(falls_ill, begins + length, 0),
        resting_heart_rate_bpm=np.where(falls_ill, rng.uniform(*plan.illness.resting_heart_rate_bpm, n), 0.0),
        steps_factor=np.where(falls_ill, rng.uniform(*plan.illness.steps_factor, n), 1.0),
    )


def _draw_nights(plan: MinutePlan, clocks: Clocks, cohort: Cohort, is_weekend: Bools) -> tuple[Ints, Ints]:
    """A night is cut where the next one begins: a day across the date line may be an hour long."""
    people, rng = cohort.people, plan.generator("nights")
    midnight = clocks.day_start
    is_free = np.append(is_weekend, False)
    asleep = rng.normal(people.sleep_min[:, None], 32, midnight.shape) + WEEKEND_LONGER_MIN * is_free
    in_bed = (asleep.clip(*ASLEEP_MIN) / rng.uniform(0.88, 0.97, midnight.shape)).clip(max=LONGEST_IN_BED_MIN)
    bedtime = rng.normal(60 * people.bedtime_h[:, None], 25, midnight.shape) + WEEKEND_LATER_MIN * is_free
    bed_from = midnight + np.rint(bedtime).astype(np.int64)
    bed_until = bed_from + np.rint(in_bed).astype(np.int64)
    next_from = np.concatenate([bed_from[:, 1:], bed_from[:, -1:] + DAY_MIN], axis=1)
    bed_until = np.minimum(bed_until, next_from)
    is_night = bed_until - bed_from >= SHORTEST_NIGHT_MIN
    return bed_from, np.where(is_night, bed_until, bed_from)
