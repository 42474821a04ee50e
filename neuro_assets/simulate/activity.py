"""Steps, active minutes, distance and energy of each hour slot, and their sums by day."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.people import People
from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.wall_clock import WallClock
from neuro_assets.simulate.wear import Wear

Number = TypeVar("Number", np.int64, np.float64)

DAY_STEPS = (2_100, 15_900)
"""Bounds of a fully worn day; a little inside 2,000-16,000, because hours are rounded to whole steps."""
DAY_NOISE_SD = 0.14
MOST_STEPS_PER_MIN = 130
PEAKS = ((0.6, 8.3, 1.6), (0.5, 12.7, 1.8), (0.9, 17.8, 2.4))
"""Weight, wall-clock hour and width in hours of the daily peaks of activity."""
PACE_STEPS_PER_MIN = {"light": 35, "fair": 85, "very": 110}
EXTRA_KCAL_PER_MIN = {"light": 1.5, "fair": 3.4, "very": 6.2}


@dataclass(frozen=True)
class HabitualActivity:
    """What people would do without a trend.

    `day_steps` (P x D) has the person's level as its expectation; `share` (P x S) sums to 1 over a day;
    `awake_min` (P x S) are minutes out of bed with the device on.
    """

    day_steps: Floats
    share: Floats
    awake_min: Ints
    is_worn: Bools

    def lived_steps(self, multiplier: Floats) -> Floats:
        """Steps of each day (P x D), also where the device is not worn."""
        return (self.day_steps * multiplier).clip(*DAY_STEPS)

    def steps(self, clock: WallClock, multiplier: Floats) -> Ints:
        """Whole steps of each slot (P x S) when the days are scaled by `multiplier` (P x D)."""
        planned = self.lived_steps(multiplier)[:, clock.day] * self.share * self.is_worn
        return np.minimum(np.rint(planned).astype(np.int64), MOST_STEPS_PER_MIN * self.awake_min)


@dataclass(frozen=True)
class HourlyActivity:
    """P x S. Active and sedentary minutes and minutes in bed fill a slot exactly."""

    steps: Ints
    very_min: Ints
    fair_min: Ints
    light_min: Ints
    sedentary_min: Ints
    kcal: Ints

    @property
    def intensity(self) -> Ints:
        """Fitbit's sum over minutes of 0 sedentary, 1 light, 2 fair, 3 very active."""
        return self.light_min + 2 * self.fair_min + 3 * self.very_min


def draw_habitual_activity(
    plan: SimulationPlan, clock: WallClock, people: People, wear: Wear, in_bed_min: Ints
) -> HabitualActivity:
    """Own level, weekday and weekend difference, diurnal curve, and noise on the day and on the hour."""
    rng = plan.generator("activity")
    weekday_factor = 7 / (5 + 2 * people.weekend_ratio)
    factor = weekday_factor[:, None] * np.where(clock.is_weekend, people.weekend_ratio[:, None], 1.0)
    noise = rng.lognormal(-(DAY_NOISE_SD**2) / 2, DAY_NOISE_SD, (len(people), len(clock.days)))
    day_steps = people.level_steps[:, None] * factor * noise

    out_of_bed_min = clock.length_min - in_bed_min
    weight = _diurnal_curve(clock, people) * out_of_bed_min * rng.gamma(3.0, 1 / 3.0, in_bed_min.shape)
    share = weight / sum_by_day(clock, weight)[:, clock.day]
    return HabitualActivity(day_steps, share, np.where(wear.is_worn, out_of_bed_min, 0), wear.is_worn)


def _diurnal_curve(clock: WallClock, people: People) -> Floats:
    """Relative activity of each slot (P x S): low at night, own shift, an hour later at the weekend."""
    hour = clock.local_hour - clock.is_weekend[clock.day] - people.clock_shift_h[:, None]
    curve = np.full(hour.shape, 0.02)
    for weight, peak_h, width_h in PEAKS:
        curve += weight * np.exp(-(((hour - peak_h) / width_h) ** 2))
    return curve


def hourly_activity(clock: WallClock, people: People, steps: Ints, awake_min: Ints, in_bed_min: Ints) -> HourlyActivity:
    """Minutes by intensity and energy that go with the steps. Minutes not worn are sedentary."""
    very = np.minimum((steps - 1_000) // PACE_STEPS_PER_MIN["very"], awake_min // 2).clip(min=0)
    # At most 600 steps, so that what is left for light activity is never negative.
    fair = np.minimum((steps - 600) // 100, awake_min // 5).clip(min=0, max=600 // PACE_STEPS_PER_MIN["fair"])
    other_steps = steps - PACE_STEPS_PER_MIN["very"] * very - PACE_STEPS_PER_MIN["fair"] * fair
    light = np.maximum(other_steps // PACE_STEPS_PER_MIN["light"], (steps > 0).astype(np.int64))
    light = np.minimum(light, awake_min - very - fair)
    extra_kcal = (
        EXTRA_KCAL_PER_MIN["very"] * very + EXTRA_KCAL_PER_MIN["fair"] * fair + EXTRA_KCAL_PER_MIN["light"] * light
    )
    kcal = people.basal_kcal_per_min[:, None] * clock.length_min + people.activity_kcal_factor[:, None] * extra_kcal
    return HourlyActivity(
        steps=steps,
        very_min=very,
        fair_min=fair,
        light_min=light,
        sedentary_min=clock.length_min - in_bed_min - very - fair - light,
        kcal=np.rint(kcal).astype(np.int64),
    )


def sum_by_day(clock: WallClock, slots: NDArray[Number]) -> NDArray[Number]:
    """Sum slots (P x S) to days (P x D)."""
    return np.add.reduceat(slots, clock.first_slot_of_day, axis=1)
