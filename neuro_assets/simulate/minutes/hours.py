"""Steps by the hour without their minutes: a year of a thousand people in seconds, for questions of size.

The calendar is that of the study; wear, batteries and syncs are rounded to whole hours. What needs minutes (heart
rate, sleep logs, exports) is in `series`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.activity import MOST_STEPS_PER_MIN
from neuro_assets.simulate.minutes.clocks import DAY_MIN
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.plan import PlanError
from neuro_assets.simulate.minutes.series import share_of_day
from neuro_assets.simulate.minutes.study import MinuteStudy

PEOPLE_PER_BLOCK = 100
HOUR_SHAPE = 3.0
"""Shape of the gamma noise on the hour, as in the simulation by hour slots."""


@dataclass(frozen=True)
class HourBlock:
    """People first..last-1 (P) by hours of the grid (H).

    `offset_min` and `passes` as in Clocks; `local_min` is the wall clock at the start of the hour; `steps` are those
    of a worn hour; `is_recorded` whether the device was in use, powered, and its clock not set back over that hour.
    """

    first: int
    last: int
    offset_min: NDArray[np.int16]
    passes: NDArray[np.int8]
    local_min: NDArray[np.int32]
    steps: NDArray[np.int16]
    is_worn: NDArray[np.bool_]
    is_recorded: NDArray[np.bool_]


def hour_blocks(study: MinuteStudy) -> Iterator[HourBlock]:
    """The hours of all people, some people at a time.

    Raises:
        PlanError: a zone of the plan is not whole hours from UTC.
    """
    odd = [z for z, row in zip(study.clocks.zones, study.clocks.offset_min, strict=True) if (row % 60).any()]
    # Destinations that nobody travels to are no obstacle.
    in_use = {study.clocks.zones[k] for k in np.unique(study.clocks.zone_of_day)}
    if in_use & set(odd):
        raise PlanError(
            f"hours without minutes need zones of whole hours from UTC; {sorted(in_use & set(odd))} are not"
        )
    for first in range(0, len(study.cohort), PEOPLE_PER_BLOCK):
        yield _block(study, first, min(first + PEOPLE_PER_BLOCK, len(study.cohort)))


def _block(study: MinuteStudy, first: int, last: int) -> HourBlock:
    clocks, calendar, people = study.clocks, study.calendar, study.cohort.people
    hours = clocks.minutes // 60
    local = clocks.local_min(first, last, 60)
    day = local // DAY_MIN
    within = day.clip(0, study.plan.days - 1)
    row = np.arange(last - first)[:, None]
    share = share_of_day(people.clock_shift_h[first:last]).reshape(last - first, 2, 24, 60).sum(axis=3)
    expected = share[row, calendar.is_weekend.astype(np.int64)[within], local % DAY_MIN // 60]
    expected = expected * calendar.day_steps[first:last][row, within]
    noise = np.stack(
        [study.plan.generator("hours", k).gamma(HOUR_SHAPE, 1 / HOUR_SHAPE, hours) for k in range(first, last)]
    )
    in_bed = _hours_of(calendar.bed_from[first:last], calendar.bed_until[first:last], hours)
    steps = np.rint(expected * noise).clip(max=60 * MOST_STEPS_PER_MIN).astype(np.int16)
    return HourBlock(
        first=first,
        last=last,
        offset_min=clocks.offsets(first, last, 60),
        passes=clocks.passes(first, last, 60),
        local_min=local,
        steps=np.where(in_bed, np.int16(0), steps),
        is_worn=~_by_hour(study.non_wear.off).mask(first, last, hours),
        is_recorded=_is_recorded(study, first, last, hours) & (day >= 0) & (day < study.plan.days),
    )


def _is_recorded(study: MinuteStudy, first: int, last: int, hours: int) -> NDArray[np.bool_]:
    devices = study.devices
    in_use = _by_hour(Intervals(devices.person, devices.start, devices.until)).mask(first, last, hours)
    dead = Intervals(devices.person[study.batteries.dead.who], study.batteries.dead.start, study.batteries.dead.until)
    again = study.clocks.shown_again
    return in_use & ~_by_hour(dead).mask(first, last, hours) & ~_by_hour(again).mask(first, last, hours)


def _by_hour(minutes: Intervals) -> Intervals:
    return Intervals(minutes.who, (minutes.start + 30) // 60, (minutes.until + 30) // 60)


def _hours_of(begin: np.ndarray, until: np.ndarray, hours: int) -> NDArray[np.bool_]:
    person, night = np.nonzero(until > begin)
    return _by_hour(Intervals(person, begin[person, night], until[person, night])).mask(0, len(begin), hours)
