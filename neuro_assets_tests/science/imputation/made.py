"""Records, windows and people made by hand, for tests of what is done with them."""

from dataclasses import replace

import numpy as np

from neuro_assets.science.imputation.kalman import Autoregressions
from neuro_assets.science.imputation.people import People
from neuro_assets.science.imputation.series import HOUR, Record, Resolution, Windows

MONDAY = 0


def record_of(values: np.ndarray, resolution: Resolution = HOUR, first_weekday: int = MONDAY) -> Record:
    """Make a record of (people, days, values of a day)."""
    weekday = (first_weekday + np.arange(values.shape[1])) % 7
    return Record(np.asarray(values, dtype=np.float32), weekday >= 5, resolution)


def hours_of(*rows: list[float | None], person: int = 0, first_hour: int = 0) -> Windows:
    """Make windows of hours from lists; None is missing."""
    values = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float32)
    slot = (first_hour + np.arange(values.shape[1]))[None]
    return Windows(values, slot % 24, slot // 24 % 7 >= 5, np.full(len(values), person), HOUR)


def fading(people: int, *, phi: float = 0.8, variance: float = 1.0, noise: float = 0.5) -> Autoregressions:
    """Make one autoregression for each person."""
    one = np.ones((people, 1))
    return Autoregressions.stationary(phi * one, variance * one, np.full(people, noise))


def people_of(profile: np.ndarray, **overrides: object) -> People:
    """Make people (people, 2, slots) whose mean, clock and median are those of their profile."""
    profile = np.asarray(profile, dtype=np.float64)
    count = len(profile)
    made = People(
        resolution=HOUR,
        days=np.full(count, 14),
        mean=profile.mean(axis=(1, 2)),
        clock=profile.mean(axis=1),
        median=profile,
        profile=profile,
        deviation=fading(count),
        root_profile=np.sqrt(np.maximum(profile, 0)),
        root_deviation=fading(count),
        ar1=fading(count),
        level=Autoregressions(np.ones((count, 1)), np.ones((count, 1)), np.ones(count), np.full((count, 1), 5.0)),
    )
    return replace(made, **overrides)
