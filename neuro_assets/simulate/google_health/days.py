"""What a person did in each minute of a civil day, and what tracker and phone made of it. The same for a seed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.activity import EXTRA_KCAL_PER_MIN
from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.google_health.catalogue import DAY_S, MINUTE_S
from neuro_assets.simulate.google_health.nights import in_bed, is_day_off, nap
from neuro_assets.simulate.google_health.people import Person, generator
from neuro_assets.simulate.google_health.vitals import exercise
from neuro_assets.simulate.minutes.series import share_of_day

PULSE_EVERY_S = 2
PULSES = MINUTE_S // PULSE_EVERY_S
PULSE_NOISE_BPM = 3
LEVEL_FROM_STEPS = (1, 75, 100)
ZONE_FROM_BPM = (105, 125, 150)
CADENCE = (4, 118)
MOST_WALKING_SHARE = 0.85
BOUT_MIN = 4
EXERTION = {"WALKING": (95, 119), "RUNNING": (145, 171), "BIKING": (0, 6)}
"""Steps of a minute of exercise, from and below; the heart works on a bicycle as if walking fast."""
BIKING_LOAD = 115
CHARGE_EVERY_DAYS = 5
PHONE_STEPS = 0.92


@dataclass(frozen=True)
class Day:
    """Minutes of a civil day (T), from `start_s` on: 1380, 1440 or 1500, and others when the clock is set far.

    `worn`; steps and distance of the tracker, also where it is not worn; energy in thousandths of a kcal; `has_pulse`
    says in which minutes the tracker finds a pulse, `pulse_bpm` around which value; of the phone, steps and distance.
    """

    number: int
    start_s: int
    worn: Bools
    steps: NDArray[np.int16]
    distance_mm: NDArray[np.int32]
    energy_mkcal: NDArray[np.int32]
    has_pulse: Bools
    pulse_bpm: NDArray[np.int16]
    phone_steps: NDArray[np.int16]
    phone_mm: NDArray[np.int32]

    @property
    def minutes_s(self) -> Ints:
        """Start of each minute."""
        return self.start_s + MINUTE_S * np.arange(len(self.worn))

    @property
    def level(self) -> NDArray[np.int8]:
        """Of activity: 0 none, 1 light, 2 moderate, 3 vigorous."""
        return _steps_up(self.steps, LEVEL_FROM_STEPS)


def charges_at(seed: int, person: Person, day: int) -> tuple[int, int] | None:
    """When the tracker is charged on a day, off the wrist."""
    if (day + person.number) % CHARGE_EVERY_DAYS:
        return None
    rng = generator(seed, "charge", person.number, day)
    start = person.track.start_of(day) + MINUTE_S * int(rng.integers(18 * 60, 21 * 60))
    return start, start + MINUTE_S * int(rng.integers(60, 100))


def live(seed: int, person: Person, number: int) -> Day:
    """The minutes of a day."""
    rng = generator(seed, "minutes", person.number, number)
    start, end = person.track.start_of(number), person.track.start_of(number + 1)
    at = start + MINUTE_S * np.arange((end - start) // MINUTE_S)
    night, coming = in_bed(seed, person, number), in_bed(seed, person, number + 1)
    rests = _inside(at, *night[:2]) | _inside(at, *coming[:2])
    if (span := nap(seed, person, number)) is not None:
        rests |= _inside(at, *span)
    local_min = (at + person.track.at(at)) % DAY_S // MINUTE_S
    steps = _steps(rng, person, number, local_min, rests)
    effort = _exerted(rng, exercise(seed, person, number), at, steps)
    worn = _worn(seed, rng, person, number, at)
    extra = np.array([0.0, *EXTRA_KCAL_PER_MIN.values()]) * 1000 * person.activity_factor
    phone = np.rint(steps * PHONE_STEPS * _carried(rng, person, len(at))).astype(np.int16)
    return Day(
        number=number,
        start_s=start,
        worn=worn,
        steps=steps,
        distance_mm=np.rint(steps * person.stride_mm).astype(np.int32),
        energy_mkcal=np.rint(person.basal_mkcal + extra[_steps_up(steps, LEVEL_FROM_STEPS)]).astype(np.int32),
        has_pulse=worn & (rng.random(len(at)) >= 0.01),
        pulse_bpm=_pulse(person, local_min, effort, rests),
        phone_steps=phone,
        phone_mm=np.rint(phone * person.stride_mm).astype(np.int32),
    )


def pulses(seed: int, person: Person, day: Day) -> NDArray[np.int16]:
    """Heart rate every two seconds (T x 30), bpm, also where there is no pulse."""
    rng = generator(seed, "pulses", person.number, day.number)
    noise = rng.integers(-PULSE_NOISE_BPM, PULSE_NOISE_BPM + 1, (len(day.worn), PULSES), dtype=np.int8)
    return day.pulse_bpm[:, None] + noise


def _steps_up(values: NDArray[np.int16], thresholds: tuple[int, int, int]) -> NDArray[np.int8]:
    low, middle, high = thresholds
    return (values >= low).astype(np.int8) + (values >= middle) + (values >= high)


def zone_of(mean_bpm: Floats) -> NDArray[np.int8]:
    """0 below the zones, 1 fat burn, 2 cardio, 3 peak."""
    low, middle, high = ZONE_FROM_BPM
    return (mean_bpm >= low).astype(np.int8) + (mean_bpm >= middle) + (mean_bpm >= high)


def _inside(at: Ints, from_s: int, until_s: int) -> Bools:
    return (at >= from_s) & (at < until_s)


@lru_cache(maxsize=4096)
def _share(clock_shift_h: float) -> Floats:
    return share_of_day(np.array([clock_shift_h]))[0].astype(np.float64)


def _steps(rng: np.random.Generator, person: Person, number: int, local_min: Ints, rests: Bools) -> NDArray[np.int16]:
    """Bouts of some minutes, the likelier the more of a day's steps are made at that time."""
    is_weekend = (number + 3) % 7 >= 5
    habit = person.level_steps * (person.weekend_ratio if is_weekend else 1.0) * rng.lognormal(-0.02, 0.2)
    mean = sum(CADENCE) / 2
    share = np.minimum(_share(person.clock_shift_h)[int(is_weekend)][local_min] * habit / mean, MOST_WALKING_SHARE)
    bouts = np.repeat(rng.random(len(local_min) // BOUT_MIN + 1), BOUT_MIN)[: len(local_min)]
    steps = rng.integers(CADENCE[0], CADENCE[1] + 1, len(local_min), dtype=np.int16)
    steps[(bouts >= share) | rests] = 0
    return steps


def _exerted(
    rng: np.random.Generator, drawn: tuple[int, int, str] | None, at: Ints, steps: NDArray[np.int16]
) -> NDArray[np.int16]:
    """Put the steps of an exercise among those of the day; what the heart has to work for, in steps."""
    if drawn is None:
        return steps
    start, end, kind = drawn
    during = _inside(at, start - start % MINUTE_S, end)
    steps[during] = rng.integers(*EXERTION[kind], int(during.sum()), dtype=np.int16)
    return np.where(during & (kind == "BIKING"), BIKING_LOAD, steps).astype(np.int16)


def _worn(seed: int, rng: np.random.Generator, person: Person, number: int, at: Ints) -> Bools:
    if is_day_off(seed, person, number):
        return np.zeros(len(at), dtype=np.bool_)
    worn = np.ones(len(at), dtype=np.bool_)
    off = [charges_at(seed, person, number)]
    for day in (number, number + 1):
        from_s, until_s, is_worn = in_bed(seed, person, day)
        off.append(None if is_worn else (from_s, until_s))
    start = int(rng.integers(0, max(1, len(at) - 40)))
    off.append((int(at[start]), int(at[start]) + MINUTE_S * int(rng.integers(10, 40))))
    nights = [in_bed(seed, person, day)[:2] for day in (number, number + 1)]
    for k, span in enumerate(off):
        # A short removal never falls into a night that is recorded.
        if span is None or (k == len(off) - 1 and any(span[0] < end and begin < span[1] for begin, end in nights)):
            continue
        worn[_inside(at, *span)] = False
    return worn


def _carried(rng: np.random.Generator, person: Person, minutes: int) -> Bools:
    """Whether the phone is in the pocket, by the hour."""
    if not person.has_phone:
        return np.zeros(minutes, dtype=np.bool_)
    return np.repeat(rng.random(minutes // 60 + 1) < 0.5, 60)[:minutes]


def _pulse(person: Person, local_min: Ints, effort: NDArray[np.int16], rests: Bools) -> NDArray[np.int16]:
    """Own resting rate, a swing over the day, the load of the last minutes, the fall in bed."""
    keep = np.exp(-np.arange(12) / 3.0)
    load = np.convolve(effort, keep / keep.sum())[: len(effort)]
    swing = 4.0 * np.cos((local_min / 60 - person.clock_shift_h - 16.0) * 2 * np.pi / 24)
    bpm = person.resting_bpm + 8 + swing + 0.45 * load - 9.0 * rests
    return np.rint(bpm.clip(44, 190)).astype(np.int16)
