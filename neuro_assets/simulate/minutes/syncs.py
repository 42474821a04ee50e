"""When devices hand over what they recorded, and what they had forgotten by then."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Floats, Ints
from neuro_assets.simulate.minutes.battery import Batteries
from neuro_assets.simulate.minutes.clocks import DAY_MIN, Clocks
from neuro_assets.simulate.minutes.cohort import Devices
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.plan import MinutePlan

HABIT_H = (8.0, 20.5)
LAST_DAYS = 2
"""A device still syncs on this many days after it recorded its last minute."""
NEVER = np.int32(2**31 - 1)


@dataclass(frozen=True)
class Syncs:
    """Syncs by device, then time; `pauses` (of devices) are stretches without any, `memory_min` what is kept."""

    device: Ints
    minute: Ints
    level_pct: Floats
    pauses: Intervals
    memory_min: int

    def of_devices(self, which: slice, minutes: int) -> NDArray[np.int32]:
        """First sync after the end of each minute of some devices, NEVER without one (devices x minutes)."""
        begin, end = np.searchsorted(self.device, [which.start, which.stop])
        row, at = self.device[begin:end] - which.start, self.minute[begin:end]
        following = np.full((which.stop - which.start, minutes), NEVER, dtype=np.int32)
        # Syncs after the grid serve its last minute; the earliest of them stands, so they are written last to first.
        following[row[::-1], (at[::-1] - 1).clip(0, minutes - 1)] = at[::-1]
        return np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]


def draw_syncs(plan: MinutePlan, clocks: Clocks, devices: Devices, batteries: Batteries) -> Syncs:
    """Twice a day at a habitual hour, unless missed, paused, or the device is dead."""
    rng, n = plan.generator("syncs"), len(devices)
    start = clocks.day_start[devices.person]
    after = start[:, -1:] + np.arange(LAST_DAYS) * DAY_MIN
    midnight = np.concatenate([start[:, :-1], after], axis=1)
    habit = np.array(HABIT_H)[:, None, None] + rng.normal(0, 0.8, (2, n, 1))
    at = midnight + np.rint(60 * (habit + rng.normal(0, 0.4, (2, *midnight.shape)))).astype(np.int64)
    pauses = _draw_pauses(plan, midnight, devices)
    in_use = (at >= devices.start[:, None]) & (at < devices.until[:, None] + LAST_DAYS * DAY_MIN)
    which, device, day = np.nonzero(in_use & (rng.random(at.shape) >= plan.sync.missed))
    minute = at[which, device, day]
    order = np.lexsort([minute, device])
    device, minute = device[order], minute[order]
    is_possible = ~_falls_in(pauses, device, minute) & ~_falls_in(batteries.dead, device, minute)
    level = batteries.level_pct(device, minute)
    is_possible &= level > 0
    return Syncs(
        device=device[is_possible],
        minute=minute[is_possible],
        level_pct=level[is_possible],
        pauses=pauses,
        memory_min=round(plan.sync.memory_days * DAY_MIN),
    )


def _draw_pauses(plan: MinutePlan, midnight: Ints, devices: Devices) -> Intervals:
    rng = plan.generator("pauses")
    device, day = np.nonzero(rng.random(midnight.shape) < plan.sync.pauses)
    low, high = plan.sync.pause_days
    begins = midnight[device, day]
    lasts = rng.integers(low, high + 1, len(device)) * DAY_MIN
    return Intervals(device, begins, begins + lasts).within(devices.start, devices.until + LAST_DAYS * DAY_MIN)


def _falls_in(stretches: Intervals, device: Ints, minute: Ints) -> np.ndarray:
    """Whether instants of devices (by device, then time) lie in a stretch of theirs."""
    reach = int(max(minute.max(initial=0), stretches.until.max(initial=0))) + 1
    key = device * reach + minute
    marks = np.zeros(len(key) + 1, dtype=np.int64)
    np.add.at(marks, np.searchsorted(key, stretches.who * reach + stretches.start), 1)
    np.add.at(marks, np.searchsorted(key, stretches.who * reach + stretches.until), -1)
    return np.cumsum(marks[:-1]) > 0
