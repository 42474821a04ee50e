"""The minutes of a study, by blocks of people: what they did, what their devices showed, and what became of it.

Each person has random streams of their own, so that neither the size of a block nor the number of other people's
devices changes anybody's minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.activity import EXTRA_KCAL_PER_MIN, PEAKS
from neuro_assets.simulate.arrays import Bools
from neuro_assets.simulate.minutes.clocks import DAY_MIN
from neuro_assets.simulate.minutes.reasons import Reason
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.syncs import NEVER

CELLS_PER_BLOCK = 2_500_000
"""Minutes of people in memory at a time."""

FAST_MIN, SLOW_MIN, FAST_SHARE = 5.0, 45.0, 0.4
"""Time constants of the urge to walk and the share of its variance that changes fast."""
CADENCE_STEPS_PER_MIN = (5.0, 2.92, 0.44)
"""a exp(b v + c v^2): steps of a minute with steps, v uniform; 5, 11, 24, 57, 99 at its 0, 25, 50, 75, 90 % points."""
MOST_WALKING_SHARE = 0.85
WAKING_H = (6.5, 22.8)
INTENSITY_FROM_STEPS = (1, 75, 100)
RESTLESS_ABOVE, AWAKE_ABOVE = 1.41, 1.88
"""Of a standard normal, so that 8 % of the minutes in bed are restless or awake, 3 % awake."""
HEART_RATE_BPM = (40, 190)
BPM_PER_STEP = 0.45
LOAD_MIN = 3.0
"""Heart rate follows the steps of the last minutes, those a time t ago with weight exp(-t / 3 min)."""
STRAY_BPM, STRAY_MIN = 3.5, 4.0

Small = NDArray[np.int16]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class MinuteBlock:
    """People first..last-1 of a study (P), their devices (R), minutes of the grid (T).

    Of people (P x T): `offset_min` and `day` (index, may lie outside 0..D-1); `night` is 1 + the index of the day of
    waking, 0 out of bed; `stage` 1 asleep, 2 restless, 3 awake in bed, 0 out of it; `steps`, `heart_rate_bpm`: true.
    Of devices (R x T): `device_steps`, `device_bpm`: what they would show if worn; `records`: powered, in use, not
    lost, not shown again; `synced_min`: when the minute was handed over.
    """

    study: MinuteStudy
    first: int
    last: int
    offset_min: Small
    local_min: NDArray[np.int32]
    day: Small
    night: Small
    stage: NDArray[np.int8]
    is_worn: Bools
    steps: Small
    heart_rate_bpm: Small
    device_steps: Small
    device_bpm: Small
    records: Bools
    synced_min: NDArray[np.int32]
    reason_of_device: NDArray[np.int8]

    @property
    def devices(self) -> slice:
        """Indices of the block's devices in the study."""
        return self.study.devices.of_people(self.first, self.last)

    @property
    def row_of_device(self) -> np.ndarray:
        """Row of the block's people for each device (R)."""
        return self.study.devices.person[self.devices] - self.first

    @cached_property
    def reason(self) -> NDArray[np.int8]:
        """Reason of each person's minute (P x T)."""
        starts = np.searchsorted(self.row_of_device, np.arange(self.last - self.first))
        return np.minimum.reduceat(self.reason_of_device, starts, axis=0)

    def counting_device(self, worst: Reason) -> Small:
        """Device (index within the block) whose minute counts, -1 where all are missing for more than `worst`.

        Of two devices worn at once the older one counts (P x T).
        """
        counts = np.full(self.steps.shape, -1, dtype=np.int16)
        for device in reversed(range(len(self.reason_of_device))):
            counts[self.row_of_device[device], self.reason_of_device[device] <= worst] = device
        return counts

    @cached_property
    def shown_steps(self) -> Small:
        """Steps as exported (R x T): 0 where not worn."""
        return self.device_steps * self.is_worn[self.row_of_device]

    @cached_property
    def intensity(self) -> NDArray[np.int8]:
        """0 sedentary, 1 light, 2 fair, 3 very active, from the steps shown (R x T)."""
        light, fair, very = INTENSITY_FROM_STEPS
        steps = self.shown_steps
        return (steps >= light).astype(np.int8) + (steps >= fair) + (steps >= very)

    @cached_property
    def kcal_of_intensity(self) -> Singles:
        """Energy of a minute by device and intensity (R x 4)."""
        people, person = self.study.cohort.people, self.study.devices.person[self.devices]
        extra = np.array([0.0, *EXTRA_KCAL_PER_MIN.values()])
        kcal = people.basal_kcal_per_min[person, None] + people.activity_kcal_factor[person, None] * extra
        return kcal.astype(np.float32)

    def held(self, export: int) -> Bools:
        """Which minutes of devices an export holds (R x T)."""
        windows = self.study.exports
        covers = self.day[self.row_of_device] >= windows.since_day[export]
        return self.records & covers & (self.synced_min <= windows.taken_min[export])


def minute_blocks(study: MinuteStudy, cells: int = CELLS_PER_BLOCK) -> Iterator[MinuteBlock]:
    """The minutes of all people, some people at a time; `cells` bounds memory and changes nothing else."""
    at_once = max(1, cells // study.clocks.minutes)
    for first in range(0, len(study.cohort), at_once):
        yield _block(study, first, min(first + at_once, len(study.cohort)))


def _block(study: MinuteStudy, first: int, last: int) -> MinuteBlock:
    clocks, calendar, minutes = study.clocks, study.calendar, study.clocks.minutes
    offset, local = clocks.offsets(first, last), clocks.local_min(first, last)
    day = np.floor_divide(local, DAY_MIN).astype(np.int16)
    night = _nights(calendar.bed_from[first:last], calendar.bed_until[first:last], minutes)
    restless, urge = _urge(study, first, last)
    steps = _steps(study, (first, last), day, local, urge, night > 0)
    stage = np.where(night > 0, 1 + (restless > RESTLESS_ABOVE) + (restless > AWAKE_ABOVE), 0).astype(np.int8)
    is_worn = ~study.non_wear.off.mask(first, last, minutes)
    bpm = _heart_rate(study, (first, last), day, local, steps, night > 0)

    which = study.devices.of_people(first, last)
    person = study.devices.person[which] - first
    device_steps, device_bpm = _as_measured(study, which, steps[person], bpm[person])
    synced = study.syncs.of_devices(which, minutes)
    reason = _reasons(study, (first, last), day, is_worn, synced)
    return MinuteBlock(
        study, first, last, offset, local, day, night, stage, is_worn, steps, np.rint(bpm).astype(np.int16),
        device_steps, device_bpm, reason < Reason.LOST, synced, reason,
    )  # fmt: skip


def _own_noise(study: MinuteStudy, topic: str, first: int, last: int) -> Singles:
    noise = np.empty((last - first, study.clocks.minutes), dtype=np.float32)
    for row, number in enumerate(range(first, last)):
        study.plan.generator(topic, number).standard_normal(dtype=np.float32, out=noise[row])
    return noise


def _smoothed(noise: Singles, minutes: float) -> Singles:
    """AR(1) with that time constant and variance 1, from white noise."""
    keep = float(np.exp(-1 / minutes))
    return _decaying(noise, float(np.sqrt(1 - keep**2)), keep)


def _decaying(values: Singles, gain: float, keep: float) -> Singles:
    """y(t) = gain x(t) + keep y(t - 1) along time."""
    from scipy.signal import lfilter

    one, other = np.array([gain], dtype=np.float32), np.array([1, -keep], dtype=np.float32)
    return np.asarray(lfilter(one, other, values, axis=-1), dtype=np.float32)


def _urge(study: MinuteStudy, first: int, last: int) -> tuple[Singles, Singles]:
    """A restlessness that changes within minutes, standard normal; and the urge to walk, uniform on 0..1 (P x T)."""
    from scipy.special import ndtr

    fast = _smoothed(_own_noise(study, "fast urge", first, last), FAST_MIN)
    slow = _smoothed(_own_noise(study, "slow urge", first, last), SLOW_MIN)
    slow *= np.float32(np.sqrt(1 - FAST_SHARE))
    slow += np.float32(np.sqrt(FAST_SHARE)) * fast
    return fast, ndtr(slow)


def _nights(bed_from: np.ndarray, bed_until: np.ndarray, minutes: int) -> Small:
    """The number of the night that a minute is in; nights do not overlap."""
    marks = np.zeros((len(bed_from), minutes + 1), dtype=np.int16)
    person, night = np.nonzero(bed_until > bed_from)
    number = (night + 1).astype(np.int16)
    np.add.at(marks, (person, bed_from[person, night].clip(0, minutes)), number)
    np.add.at(marks, (person, bed_until[person, night].clip(0, minutes)), -number)
    return np.cumsum(marks[:, :-1], axis=1, dtype=np.int16)


def _cadence(depth: Singles) -> Singles:
    a, b, c = (np.float32(x) for x in CADENCE_STEPS_PER_MIN)
    return a * np.exp(depth * (b + c * depth))


def _mean_cadence() -> float:
    """Mean steps of a minute with steps."""
    return float(_cadence(np.linspace(0, 1, 10_001, dtype=np.float32)).mean())


def _steps(
    study: MinuteStudy, who: tuple[int, int], day: Small, local: np.ndarray, urge: Singles, in_bed: Bools
) -> Small:
    """A person walks while the urge is below the share of minutes with steps at that time of that day."""
    first, last = who
    people, calendar = study.cohort.people, study.calendar
    within = day.clip(0, study.plan.days - 1).astype(np.int32)
    row = np.arange(last - first, dtype=np.int32)[:, None]
    share = share_of_day(people.clock_shift_h[first:last])
    kind = 2 * row + calendar.is_weekend.astype(np.int32)[within]
    walking = share.ravel()[kind * DAY_MIN + local % DAY_MIN]
    level = (calendar.day_steps[first:last] / _mean_cadence()).astype(np.float32)
    walking *= level.ravel()[row * study.plan.days + within]
    np.minimum(walking, np.float32(MOST_WALKING_SHARE), out=walking)
    depth = 1 - urge / walking
    steps = np.rint(_cadence(depth.clip(0, 1))).astype(np.int16)
    steps[(depth <= 0) | in_bed] = 0
    return steps


def share_of_day(shift_h: np.ndarray) -> Singles:
    """Share of a day's steps in each minute of the clock, weekday and weekend (P x 2 x 1440); 1 in waking hours."""
    hour = np.arange(DAY_MIN) / 60 - np.array([0.0, 1.0])[:, None] - shift_h[:, None, None]
    curve = np.zeros(hour.shape)
    for weight, peak_h, width_h in PEAKS:
        curve += weight * np.exp(-(((hour - peak_h) / width_h) ** 2))
    curve += np.where((hour > 7) & (hour < 22.5), 0.25, 0.02)
    is_up = (hour > WAKING_H[0]) & (hour < WAKING_H[1])
    return (curve / (curve * is_up).sum(axis=2, keepdims=True)).astype(np.float32)


def _heart_rate(
    study: MinuteStudy, who: tuple[int, int], day: Small, local: np.ndarray, steps: Small, in_bed: Bools
) -> Singles:
    """Own resting rate, a swing over the day, the lagged load of walking, the fall in bed, and stray (P x T)."""
    first, last = who
    people, illness = study.cohort.people, study.calendar.illness
    keep = float(np.exp(-1 / LOAD_MIN))
    load = _decaying(steps.astype(np.float32), 1 - keep, keep)
    hour = np.arange(DAY_MIN) / 60 - people.clock_shift_h[first:last, None]
    swing = (4.0 * np.cos((hour - 16.0) * 2 * np.pi / 24)).astype(np.float32)
    row = np.arange(last - first, dtype=np.int32)[:, None]
    bpm = swing.ravel()[row * DAY_MIN + local % DAY_MIN]
    bpm += (people.resting_heart_rate_bpm[first:last, None] + 8.0).astype(np.float32)
    bpm += np.float32(BPM_PER_STEP) * load
    bpm -= np.float32(9.0) * in_bed
    is_ill = (day >= illness.from_day[first:last, None]) & (day < illness.until_day[first:last, None])
    bpm += illness.resting_heart_rate_bpm[first:last, None].astype(np.float32) * is_ill
    bpm += np.float32(STRAY_BPM) * _smoothed(_own_noise(study, "stray heart rate", first, last), STRAY_MIN)
    return bpm.clip(*HEART_RATE_BPM)


def _as_measured(study: MinuteStudy, which: slice, steps: Small, bpm: Singles) -> tuple[Small, Small]:
    """What devices make of the truth (R x T)."""
    devices = study.devices
    scale, bias = devices.steps_scale[which], devices.heart_rate_bias_bpm[which]
    noise = devices.heart_rate_noise_bpm[which]
    for row in np.flatnonzero(scale != 1):
        steps[row] = np.rint(steps[row] * scale[row])
    for row in np.flatnonzero((bias != 0) | (noise != 0)):
        rng = study.plan.generator("device noise", int(devices.person[which.start + row]))
        stray = rng.standard_normal(bpm.shape[1], dtype=np.float32) * noise[row]
        bpm[row] += (bias[row] + stray).astype(np.float32)
    return steps, np.rint(bpm.clip(*HEART_RATE_BPM)).astype(np.int16)


def _reasons(
    study: MinuteStudy, who: tuple[int, int], day: Small, is_worn: Bools, synced: NDArray[np.int32]
) -> NDArray[np.int8]:
    """Reason of each device's minute (R x T), overwritten in ascending order of precedence."""
    first, last = who
    devices, cohort, minutes = study.devices, study.cohort, study.clocks.minutes
    which = devices.of_people(first, last)
    row = devices.person[which] - first
    at = np.arange(minutes, dtype=np.int32)
    reason = np.where(is_worn[row], np.int8(Reason.RECORDED), np.int8(Reason.NOT_WORN))

    def put(where: Bools, why: Reason) -> None:
        np.putmask(reason, where, np.int8(why))

    in_an_export = np.zeros(reason.shape, dtype=np.bool_)
    for since_day, taken_min in zip(study.exports.since_day, study.exports.taken_min, strict=True):
        in_an_export |= (day[row] >= since_day) & (synced <= taken_min)
    put(~in_an_export, Reason.NOT_EXPORTED)
    put(synced > study.exports.taken_min[-1], Reason.NOT_SYNCED)
    put((synced != NEVER) & (synced - at > study.syncs.memory_min), Reason.LOST)
    shown_again = study.clocks.shown_again
    if len(shown_again):
        put(shown_again.mask(first, last, minutes)[row], Reason.SHOWN_AGAIN)
    put(study.batteries.dead.mask(which.start, which.stop, minutes), Reason.BATTERY)
    in_use = (at >= devices.start[which, None]) & (at < devices.until[which, None])
    put(~in_use, Reason.NO_DEVICE)
    put(day[row] > cohort.last_day[first:last][row, None], Reason.WITHDRAWN)
    put(day[row] < cohort.first_day[first:last][row, None], Reason.NOT_ENROLLED)
    put((day[row] < 0) | (day[row] >= study.plan.days), Reason.OUTSIDE)
    return reason
