"""A study's calendar in memory: everything planted but the minutes, for all people at once."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.minutes.battery import Batteries, draw_batteries
from neuro_assets.simulate.minutes.calendar import Calendar, draw_calendar
from neuro_assets.simulate.minutes.clocks import DAY_MIN, EAST_MIN, Clocks, draw_clocks
from neuro_assets.simulate.minutes.cohort import Cohort, Devices, draw_cohort, draw_devices
from neuro_assets.simulate.minutes.non_wear import NonWear, draw_non_wear
from neuro_assets.simulate.minutes.plan import MinutePlan
from neuro_assets.simulate.minutes.syncs import Syncs, draw_syncs

EXPORT_H = 12


@dataclass(frozen=True)
class ExportWindows:
    """What each export (K) covers: local days from `since_day` on, synced by minute `taken_min` of the grid."""

    since_day: Ints
    taken_min: Ints

    def __len__(self) -> int:
        return len(self.taken_min)


@dataclass(frozen=True)
class MinuteStudy:
    """The parts of a planted study; `minute_blocks` makes the minutes of it."""

    plan: MinutePlan
    clocks: Clocks
    cohort: Cohort
    calendar: Calendar
    devices: Devices
    batteries: Batteries
    non_wear: NonWear
    syncs: Syncs
    exports: ExportWindows


def plant_minutes(plan: MinutePlan) -> MinuteStudy:
    """Draw a study. Equal plans give equal studies."""
    clocks = draw_clocks(plan)
    cohort = draw_cohort(plan)
    devices = draw_devices(plan, clocks, cohort)
    calendar = draw_calendar(plan, clocks, cohort)
    batteries = draw_batteries(plan, clocks, devices)
    non_wear = draw_non_wear(plan, clocks, cohort, calendar, devices, batteries)
    syncs = draw_syncs(plan, clocks, devices, batteries)
    return MinuteStudy(plan, clocks, cohort, calendar, devices, batteries, non_wear, syncs, _export_windows(plan))


def _export_windows(plan: MinutePlan) -> ExportWindows:
    day = np.array(plan.export_days, dtype=np.int64)
    before = np.concatenate([[0], day[:-1]])
    overlap = plan.exports.overlap_days
    since = np.zeros_like(day) if overlap is None else (before - overlap).clip(min=0)
    return ExportWindows(since, EAST_MIN + day * DAY_MIN + EXPORT_H * 60)
