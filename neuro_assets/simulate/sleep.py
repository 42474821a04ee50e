"""Nights: when people lie in bed and how long they sleep. A night belongs to the local day of waking."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.people import People
from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.wall_clock import WallClock
from neuro_assets.simulate.wear import Wear

ASLEEP_MIN = (300, 520)
LONGEST_IN_BED_MIN = 560
LATEST_BEDTIME_MIN = 90
"""With the longest night this ends at 10:50 on a 23-hour day: before export 1 is taken on the day it cuts."""
WEEKEND_LATER_MIN = 40
WEEKEND_LONGER_MIN = 35


@dataclass(frozen=True)
class Nights:
    """Nights by day of waking, P x (D + 1): the last one begins in the study and ends after it.

    `in_bed_from_min`, `in_bed_until_min` are true minutes since the start of the study, equal when the
    night was not recorded; `asleep_min` <= until - from; `records` is the number of sleep logs.
    """

    is_recorded: Bools
    in_bed_from_min: Ints
    in_bed_until_min: Ints
    asleep_min: Ints
    records: Ints

    def in_bed_min(self, clock: WallClock) -> Ints:
        """Minutes of each slot in bed (P x S): the night that ends that day and the one that begins."""
        begin, end = clock.elapsed_min, clock.elapsed_min + clock.length_min
        total = np.zeros((len(self.asleep_min), len(begin)), dtype=np.int64)
        for night in (clock.day, clock.day + 1):
            overlap = np.minimum(self.in_bed_until_min[:, night], end) - np.maximum(
                self.in_bed_from_min[:, night], begin
            )
            total += overlap.clip(min=0)
        return total


def draw_nights(plan: SimulationPlan, clock: WallClock, people: People, wear: Wear) -> Nights:
    """Draw a night for each person and day; it is recorded unless the day of waking is a non-wear day."""
    rng = plan.generator("sleep")
    shape = (len(people), len(clock.days) + 1)
    never = np.zeros((len(people), 1), dtype=np.bool_)
    is_recorded = ~np.hstack([wear.is_non_wear_day, never])
    is_free = np.append(clock.is_weekend, False)
    midnight = np.append(clock.day_start_min, clock.day_start_min[-1] + clock.day_length_min[-1])

    asleep = rng.normal(people.sleep_min[:, None], 32, shape) + WEEKEND_LONGER_MIN * is_free
    asleep_min = np.rint(asleep).clip(*ASLEEP_MIN).astype(np.int64)
    in_bed = np.rint(asleep_min / rng.uniform(0.88, 0.97, shape)).astype(np.int64).clip(max=LONGEST_IN_BED_MIN)
    bedtime = rng.normal(60 * people.bedtime_h[:, None], 25, shape) + WEEKEND_LATER_MIN * is_free
    bedtime_min = np.rint(bedtime).astype(np.int64).clip(max=LATEST_BEDTIME_MIN)
    # The device comes back on after midnight: a day not worn shows nothing of the night that starts on it.
    follows_non_wear = np.hstack([never, wear.is_non_wear_day])
    bedtime_min = np.where(follows_non_wear, bedtime_min.clip(min=0), bedtime_min)
    in_bed_from = midnight + bedtime_min
    return Nights(
        is_recorded=is_recorded,
        in_bed_from_min=in_bed_from,
        in_bed_until_min=np.where(is_recorded, in_bed_from + in_bed, in_bed_from),
        asleep_min=asleep_min,
        records=np.where(rng.random(shape) < 0.08, 2, 1),
    )
