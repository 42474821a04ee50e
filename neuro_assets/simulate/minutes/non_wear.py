"""When the device is not on the wrist, by the habit that causes it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.minutes.battery import Batteries
from neuro_assets.simulate.minutes.calendar import Calendar
from neuro_assets.simulate.minutes.clocks import Clocks
from neuro_assets.simulate.minutes.cohort import Cohort, Devices
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.plan import MinutePlan

DROP_OUT_PER_WEEK = 0.15
WEEKEND_SHARE = 0.5
NIGHT_SHARE = 0.85
ACTIVITY_WEIGHT = 8.0
"""A day with 14 % more steps than usual is exp(8 x 0.13) = 2.8 times as likely to have active hours without wear."""


@dataclass(frozen=True)
class NonWear:
    """Stretches without wear per person, each with the pattern that planted it; they may overlap."""

    off: Intervals
    pattern: NDArray[np.str_]


def draw_non_wear(
    plan: MinutePlan, clocks: Clocks, cohort: Cohort, calendar: Calendar, devices: Devices, batteries: Batteries
) -> NonWear:
    """Every pattern of the plan, cut to the person's days in the study."""
    rates, days = plan.non_wear, plan.days
    shape = (len(cohort), days)
    start = clocks.day_start
    bed_from, bed_until = calendar.bed_from, calendar.bed_until
    parts: dict[str, Intervals] = {}

    worn_off = Intervals(devices.person[batteries.charges.who], batteries.charges.start, batteries.charges.until)
    parts["charging"] = Intervals(*(a[batteries.costs_wear] for a in (worn_off.who, worn_off.start, worn_off.until)))

    rng = plan.generator("short")
    person, day = np.nonzero(rng.random(shape) < 1 - np.exp(-rates.short))
    begins = start[person, day] + rng.integers(7 * 60, 22 * 60, len(person))
    parts["short"] = Intervals(person, begins, begins + rng.integers(10, 41, len(person)))

    rng = plan.generator("nights off")
    is_off = (rng.random(shape[0]) < rates.nights)[:, None] & (rng.random(bed_from.shape) < NIGHT_SHARE)
    person, night = np.nonzero(is_off & (bed_until > bed_from))
    margin = rng.integers(5, 41, (2, len(person)))
    parts["nights"] = Intervals(person, bed_from[person, night] - margin[0], bed_until[person, night] + margin[1])

    rng = plan.generator("evenings")
    person, day = np.nonzero(rng.random(shape) < rates.evenings)
    begins = start[person, day] + rng.integers(18 * 60, 20 * 60, len(person))
    parts["evenings"] = Intervals(person, begins, np.maximum(bed_from[person, day + 1], begins + 60))

    rng = plan.generator("weekends")
    leaves_off = (rng.random(shape[0]) < rates.weekends)[:, None] & (rng.random(shape) < WEEKEND_SHARE)
    parts["weekends"] = _whole_days(start, leaves_off & calendar.is_weekend)
    parts["whole_days"] = _whole_days(start, plan.generator("whole days").random(shape) < rates.whole_days)

    rng = plan.generator("drop out")
    weeks = (np.arange(days) - cohort.first_day[:, None]).clip(min=0) / 7
    fades = (rng.random(shape[0]) < rates.drop_out)[:, None]
    parts["drop_out"] = _whole_days(start, fades & (rng.random(shape) < DROP_OUT_PER_WEEK * weeks))
    parts["active_hours"] = _active_hours(plan, start, calendar, cohort)

    present_from = start[np.arange(shape[0]), cohort.first_day]
    present_until = start[np.arange(shape[0]), cohort.last_day + 1]
    cut = {name: part.within(present_from, present_until) for name, part in parts.items()}
    pattern = np.repeat(np.array(list(cut)), [len(part) for part in cut.values()])
    return NonWear(Intervals.joined(cut.values()), pattern)


def _whole_days(start: Ints, is_off: Bools) -> Intervals:
    person, day = np.nonzero(is_off)
    return Intervals(person, start[person, day], start[person, day + 1])


def _active_hours(plan: MinutePlan, start: Ints, calendar: Calendar, cohort: Cohort) -> Intervals:
    """Off in the busiest hours, with odds that grow with the day's own deviation from the habit."""
    rng, shape = plan.generator("active hours"), calendar.day_noise.shape
    rate = plan.non_wear.active_hours
    odds = rate / max(1 - rate, 1e-9) * np.exp(ACTIVITY_WEIGHT * np.log(calendar.day_noise))
    person, day = np.nonzero(rng.random(shape) < odds / (1 + odds))
    lasts = rng.integers(60, 181, len(person))
    middle = (17.8 + cohort.people.clock_shift_h[person]) * 60 + rng.normal(0, 30, len(person))
    begins = start[person, day] + np.rint(middle - lasts / 2).astype(np.int64)
    return Intervals(person, begins, begins + lasts)
