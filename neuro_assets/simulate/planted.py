"""Everything that was planted in a study, as arrays: puts the parts together. Makes no frames."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.activity import HourlyActivity, draw_habitual_activity, hourly_activity, sum_by_day
from neuro_assets.simulate.arrays import Floats, Ints
from neuro_assets.simulate.people import People, draw_people
from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.sleep import Nights, draw_nights
from neuro_assets.simulate.trend import Baseline, baseline_of, slope_steps_per_day, trend_multiplier
from neuro_assets.simulate.wall_clock import WallClock, wall_clock
from neuro_assets.simulate.wear import Wear, draw_wear


@dataclass(frozen=True)
class Planted:
    """The truth of wear, nights and activity. `in_bed_min` is P x S, `slope_steps_per_day` of length P.

    `lived_steps` (P x D) are those of the days, whatever part of them the device was worn.
    """

    plan: SimulationPlan
    clock: WallClock
    people: People
    wear: Wear
    nights: Nights
    in_bed_min: Ints
    hours: HourlyActivity
    lived_steps: Floats
    baseline: Baseline
    slope_steps_per_day: Floats


def plant(plan: SimulationPlan) -> Planted:
    """Draw a study: clock, people, wear, nights, habits, then the trend that follows each baseline."""
    clock = wall_clock(plan)
    people = draw_people(plan)
    wear = draw_wear(plan, clock)
    nights = draw_nights(plan, clock, people, wear)
    in_bed_min = nights.in_bed_min(clock)
    habit = draw_habitual_activity(plan, clock, people, wear, in_bed_min)

    day_count = len(clock.days)
    unchanged = np.ones((len(people), day_count))
    # The multiplier is 1 until the baseline ends, so this is the baseline of the final data too.
    baseline = baseline_of(sum_by_day(clock, habit.steps(clock, unchanged)))
    slope = slope_steps_per_day(people, baseline, day_count)
    multiplier = trend_multiplier(people, baseline, slope, day_count)
    steps = habit.steps(clock, multiplier)
    hours = hourly_activity(clock, people, steps, habit.awake_min, in_bed_min)
    lived_steps = habit.lived_steps(multiplier)
    return Planted(plan, clock, people, wear, nights, in_bed_min, hours, lived_steps, baseline, slope)
