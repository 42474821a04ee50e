"""Daily values with known likeness from day to day and known changes, for tests of change points."""

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.change_points import Record, find_change_points

MONDAY = 18_029  # 2019-05-13


def alike(rng: np.random.Generator, people: int, days: int, phi: float) -> NDArray[np.float64]:
    """(people, days) with mean 0 and SD 1, each day phi times the one before and something new."""
    found = rng.standard_normal((people, days))
    for day in range(1, days):
        found[:, day] = phi * found[:, day - 1] + np.sqrt(1 - phi**2) * found[:, day]
    return found


def records(values: NDArray[np.float64]) -> list[Record]:
    """The record of each of (people, days), NaN where there is no value."""
    days = MONDAY + np.arange(values.shape[1])
    return [find_change_points(days, own) for own in values]


def alarms(values: NDArray[np.float64], level: float = 0.05) -> float:
    """Share of people whose record is called changed."""
    return float(np.mean([r.p is not None and r.p <= level for r in records(values)]))
