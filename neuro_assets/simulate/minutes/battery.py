"""When devices are charged, and when they are dead because that was forgotten."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.clocks import DAY_MIN, Clocks
from neuro_assets.simulate.minutes.cohort import Devices
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.plan import MinutePlan

LOW_PCT = 30
CHARGE_H = (18.5, 22.0)
CHARGE_MIN = (60, 120)


@dataclass(frozen=True)
class Batteries:
    """`charges` and `dead` belong to devices; `costs_wear` says which charges were made off the wrist.

    `first_level_pct` (R) is the level with which a device begins, `drain_pct_per_min` (R) what a minute takes.
    """

    charges: Intervals
    costs_wear: Bools
    dead: Intervals
    first_level_pct: Floats
    drain_pct_per_min: Floats
    device_start: Ints

    def level_pct(self, device: Ints, minute: Ints) -> Floats:
        """Level of devices at instants: full at the end of a charging, falling evenly to 0."""
        order = np.lexsort([self.charges.until, self.charges.who])
        # One number sorts by device, then by time.
        reach = int(max(minute.max(initial=0), self.charges.until.max(initial=0))) + 1
        full_at = (self.charges.who * reach + self.charges.until)[order]
        last = np.searchsorted(full_at, device * reach + minute, side="right") - 1
        is_charged = (last >= 0) & (self.charges.who[order][last.clip(min=0)] == device) if len(order) else last >= 0
        since = np.where(is_charged, self.charges.until[order][last.clip(min=0)], 0) if len(order) else 0
        since = np.where(is_charged, since, self.device_start[device])
        begin = np.where(is_charged, 100.0, self.first_level_pct[device])
        return (begin - (minute - since) * self.drain_pct_per_min[device]).clip(0, 100)


def draw_batteries(plan: MinutePlan, clocks: Clocks, devices: Devices) -> Batteries:
    """Each evening a device below 30 % is charged, unless that is forgotten. Loops over days, all devices at once."""
    rng, n = plan.generator("battery"), len(devices)
    drain = 100 / (rng.uniform(*plan.battery.capacity_days, n) * DAY_MIN)
    first_level = rng.uniform(60, 100, n)
    habit_min = rng.uniform(*CHARGE_H, n) * 60
    since, level = devices.start.copy(), first_level.copy()
    midnight = clocks.day_start[devices.person]
    charges, dead = [], []
    for day in range(plan.days):
        at = midnight[:, day] + np.rint(habit_min + rng.normal(0, 30, n)).astype(np.int64)
        lasts = rng.integers(*CHARGE_MIN, n)
        is_forgotten = rng.random(n) < plan.battery.forgotten
        level_now = level - (at - since) * drain
        is_in_use = (at >= devices.start) & (at + lasts < devices.until) & (at > since)
        who = np.flatnonzero(is_in_use & (level_now < LOW_PCT) & ~is_forgotten)
        empty_at = since + np.ceil(level / drain).astype(np.int64)
        dead.append(Intervals(who, empty_at[who], at[who]))
        charges.append(Intervals(who, at[who], at[who] + lasts[who]))
        since[who], level[who] = at[who] + lasts[who], 100.0
    dead.append(Intervals(np.arange(n), since + np.ceil(level / drain).astype(np.int64), devices.until))
    all_charges = Intervals.joined(charges)
    return Batteries(
        charges=all_charges,
        costs_wear=rng.random(len(all_charges)) < plan.non_wear.charging,
        dead=Intervals.joined(dead).within(devices.start, devices.until),
        first_level_pct=first_level,
        drain_pct_per_min=drain,
        device_start=devices.start,
    )
