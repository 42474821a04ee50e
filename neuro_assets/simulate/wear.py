"""When the device is worn: non-wear days, partial non-wear, days of which only the sleep was synced."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.wall_clock import WallClock

NON_WEAR_DAY_SHARE = 0.08
PARTIAL_NON_WEAR_SHARE = 0.05
SLEEP_ONLY_DAY_SHARE = 0.005


@dataclass(frozen=True)
class Wear:
    """P x D unless said otherwise. A day is at most one of non-wear, sleep-only, partial.

    `off_from_h`, `off_until_h`: wall-clock hours of partial non-wear (until is exclusive), else both 0.
    `is_worn` (P x S): the device records. False on all slots of non-wear and sleep-only days.
    """

    is_non_wear_day: Bools
    is_sleep_only_day: Bools
    off_from_h: Ints
    off_until_h: Ints
    is_worn: Bools

    @property
    def has_daily_row(self) -> Bools:
        """A dailyActivity row and hourly rows exist; a day not worn has them, with zeros."""
        return ~self.is_sleep_only_day


def draw_wear(plan: SimulationPlan, clock: WallClock) -> Wear:
    """Plant what is missing. Sleep-only days avoid the first and last day and the day both exports share."""
    rng = plan.generator("wear")
    shape = (plan.participants, len(clock.days))
    is_non_wear_day = rng.random(shape) < NON_WEAR_DAY_SHARE
    is_sleep_only_day = _few_days(rng, ~is_non_wear_day & _may_lack_daily_row(plan, clock))
    is_partial = (rng.random(shape) < PARTIAL_NON_WEAR_SHARE) & ~is_non_wear_day & ~is_sleep_only_day
    off_from_h = np.where(is_partial, rng.integers(9, 17, shape), 0)
    off_until_h = np.where(is_partial, off_from_h + rng.integers(3, 6, shape), 0)
    hour = clock.local_hour
    is_off = (hour >= off_from_h[:, clock.day]) & (hour < off_until_h[:, clock.day])
    is_worn = ~is_off & ~(is_non_wear_day | is_sleep_only_day)[:, clock.day]
    return Wear(is_non_wear_day, is_sleep_only_day, off_from_h, off_until_h, is_worn)


def _may_lack_daily_row(plan: SimulationPlan, clock: WallClock) -> Bools:
    may = clock.days != np.datetime64(plan.export_cut.date())
    may[[0, -1]] = False
    return may


def _few_days(rng: np.random.Generator, is_candidate: Bools) -> Bools:
    """Choose a small share of the candidate person-days, at least one where there is a candidate."""
    candidates = np.flatnonzero(is_candidate)
    count = min(len(candidates), max(1, round(is_candidate.size * SLEEP_ONLY_DAY_SHARE)))
    chosen = np.zeros(is_candidate.shape, dtype=np.bool_)
    chosen.flat[rng.choice(candidates, size=count, replace=False)] = True
    return chosen
