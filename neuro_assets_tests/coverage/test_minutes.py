"""Readings further apart than a minute stand for the time between them."""

import numpy as np
import pytest

from neuro_assets.coverage.minutes import spread_readings

DAYS = np.array([0, 1440, 2880])


def spread(*readings: int) -> list[int]:
    row = np.zeros((1, 4320), dtype=np.bool_)
    row[0, list(readings)] = True
    spread_readings(row, DAYS)
    return np.flatnonzero(row).tolist()


@pytest.mark.parametrize("step", [2, 5, 15])
def test_a_reading_every_few_minutes_stands_for_them(step: int):
    assert spread(*range(0, 600, step)) == list(range(600))


@pytest.mark.parametrize(
    "readings", [[], [7], [7, 30], list(range(0, 600, 16)), list(range(100)), [*range(60), 70, 80]]
)
def test_single_readings_and_readings_by_the_minute_stand_for_their_own(readings: list[int]):
    assert spread(*readings) == readings


def test_a_gap_stays_a_gap_but_for_one_step():
    assert spread(*range(0, 100, 5), *range(400, 500, 5)) == [*range(100), *range(400, 500)]


def test_each_day_has_its_own_step_and_ends_with_the_day():
    dense, sparse = range(100), range(1440, 2880, 7)
    assert spread(*dense, *sparse) == [*dense, *range(1440, 2880)]
