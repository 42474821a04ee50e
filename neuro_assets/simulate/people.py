"""Who takes part: ids, own levels, and who degrades or improves. Nothing here depends on a day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Floats, Ints
from neuro_assets.simulate.plan import SimulationPlan

DEGRADING_SHARE_PER_DAY = (-0.020, -0.015)
IMPROVING_SHARE_PER_DAY = 0.012
VENDOR_IDS = (1_400_000_000, 9_000_000_000)


@dataclass(frozen=True)
class People:
    """Traits of the people, each of length P, by ascending vendor id (the order of the export files).

    `trend_share_per_day` is the change per day as a share of the person's own baseline, 0 if stable.
    """

    participant_id: NDArray[np.str_]
    vendor_id: Ints
    pattern: NDArray[np.str_]
    trend_share_per_day: Floats
    level_steps: Floats
    weekend_ratio: Floats
    clock_shift_h: Floats
    stride_m: Floats
    basal_kcal_per_min: Floats
    activity_kcal_factor: Floats
    resting_heart_rate_bpm: Floats
    bedtime_h: Floats
    sleep_min: Floats

    def __len__(self) -> int:
        return len(self.vendor_id)


def draw_people(plan: SimulationPlan) -> People:
    """Draw the people of a plan. One degrades, one improves if there are two, the rest are stable."""
    rng = plan.generator("people")
    n = plan.participants
    low, high = VENDOR_IDS
    vendor_id = np.sort(rng.choice(high - low, size=n, replace=False)) + low
    level_steps = rng.uniform(4_500, 10_500, n)
    pattern = np.full(n, "stable", dtype="<U9")
    share = np.zeros(n)
    changing = rng.permutation(n)[:2]
    pattern[changing[:1]], pattern[changing[1:]] = "degrading", "improving"
    share[changing[:1]], share[changing[1:]] = rng.uniform(*DEGRADING_SHARE_PER_DAY), IMPROVING_SHARE_PER_DAY
    # Room to move: a fall from a low level, or a rise from a high one, would leave the plausible range.
    level_steps[changing[:1]], level_steps[changing[1:]] = (
        rng.uniform(9_500, 11_000),
        rng.uniform(5_500, 7_000),
    )
    return People(
        participant_id=_pseudonyms(n)[rng.permutation(n)],
        vendor_id=vendor_id,
        pattern=pattern,
        trend_share_per_day=share,
        level_steps=level_steps,
        weekend_ratio=rng.choice([0.75, 1.25], n) + rng.uniform(-0.08, 0.08, n),
        clock_shift_h=rng.normal(0, 0.7, n).clip(-1.5, 1.5),
        stride_m=rng.uniform(0.62, 0.80, n),
        basal_kcal_per_min=rng.uniform(1.03, 1.25, n),
        activity_kcal_factor=rng.uniform(0.85, 1.15, n),
        resting_heart_rate_bpm=rng.uniform(54, 72, n),
        bedtime_h=rng.normal(-0.9, 0.6, n).clip(-2.2, 0.3),
        sleep_min=rng.uniform(375, 455, n),
    )


def _pseudonyms(count: int) -> NDArray[np.str_]:
    width = max(3, len(str(count)))
    return np.array([f"P{number:0{width}d}" for number in range(1, count + 1)])
