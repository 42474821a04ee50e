"""What is measured in the night or once a day: heart rate variability, oxygen, breathing, temperature, weight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.google_health.catalogue import MINUTE_S
from neuro_assets.simulate.google_health.people import Person, generator

HRV_EVERY_S, SPO2_EVERY_S = 300, 60
WEIGHING_SHARE, EXERCISE_SHARE = 0.4, 0.3
Values = dict[str, NDArray[Any]]


def nightly(
    seed: int, person: Person, name: str, day: int, from_s: int, until_s: int
) -> tuple[Ints, dict[str, NDArray[Any]]]:
    """Moments and values of `heart-rate-variability` (ms) or `oxygen-saturation` (%) in a night."""
    rng = generator(seed, name, person.number, day)
    if name == "oxygen-saturation":
        at = np.arange(-(-from_s // SPO2_EVERY_S) * SPO2_EVERY_S, until_s, SPO2_EVERY_S)
        return at, {"percentage": rng.normal(95.8, 1.0, len(at)).clip(85, 100).round(1)}
    at = np.arange(-(-from_s // HRV_EVERY_S) * HRV_EVERY_S, until_s, HRV_EVERY_S)
    rmssd = rng.lognormal(np.log(_level(seed, person)), 0.2, len(at)).clip(5, 190).round(3)
    power = rng.lognormal(6, 0.5, (2, len(at))).round(3)
    return at, {"rmssd": rmssd, "low_power": power[0], "high_power": power[1]}


def _level(seed: int, person: Person) -> float:
    return float(generator(seed, "rmssd", person.number).uniform(25, 60))


def daily(seed: int, person: Person, name: str, day: int) -> dict[str, float]:
    """The values of a day, by column."""
    rng = generator(seed, name, person.number, day)
    if name == "daily-resting-heart-rate":
        return {"bpm": float(round(person.resting_bpm + rng.normal(0, 1.5)))}
    if name == "daily-heart-rate-variability":
        level = _level(seed, person) * rng.lognormal(0, 0.1)
        return {
            "rmssd": round(level, 3),
            "deep_rmssd": round(level * rng.uniform(0.85, 1.1), 3),
            "entropy": round(float(rng.uniform(2, 4)), 4),
            "non_rem_bpm": float(round(person.resting_bpm - 2 + rng.normal(0, 1))),
        }
    if name == "daily-oxygen-saturation":
        average = round(float(rng.normal(95.8, 0.6)), 1)
        low, high = round(average - float(rng.uniform(1, 3)), 1), round(average + float(rng.uniform(1, 2)), 1)
        return {"average": average, "lower": low, "upper": min(100.0, high), "deviation": 0.7}
    if name == "daily-respiratory-rate":
        return {"breaths": round(float(rng.normal(15, 1)), 1)}
    has_baseline = day - person.first_day >= 3
    return {
        "nightly": round(float(rng.normal(34.2, 0.4)), 2),
        "baseline": 34.2 if has_baseline else np.nan,
        "deviation": 0.35 if has_baseline else np.nan,
    }


def breathing(seed: int, person: Person, day: int, is_staged: bool) -> dict[str, float]:
    """Breaths per minute of a sleep: full, light, deep, rem; stages only of a sleep that has them."""
    rng = generator(seed, "breathing", person.number, day)
    full = round(float(rng.normal(15, 1)), 1)
    stages = {name: round(full + float(rng.normal(0, 0.4)), 1) for name in ("light", "deep", "rem")}
    return {"full": full, **(stages if is_staged else dict.fromkeys(stages, np.nan))}


def weighing(seed: int, person: Person, day: int) -> tuple[int, float] | None:
    """When and with how many grams somebody stepped onto the scale."""
    rng = generator(seed, "scale", person.number, day)
    if not person.has_scale or rng.random() >= WEIGHING_SHARE:
        return None
    at = person.track.start_of(day) + int(rng.integers(6 * 3600, 10 * 3600))
    return at, float(round(person.weight_g + rng.normal(0, 400), -2))


def exercise(seed: int, person: Person, day: int) -> tuple[int, int, str] | None:
    """Start, end and type of an exercise."""
    rng = generator(seed, "exercise", person.number, day)
    if rng.random() >= EXERCISE_SHARE:
        return None
    start = person.track.start_of(day) + MINUTE_S * int(rng.integers(15 * 60, 18 * 60))
    kind = str(rng.choice(["WALKING", "RUNNING", "BIKING"]))
    return start, start + MINUTE_S * int(rng.integers(15, 70)) + int(rng.integers(0, 60)), kind
