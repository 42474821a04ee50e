"""Features of a day's minutes against a second computation, and by hand where a clock changes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from neuro_assets.science.features.energy import CALORIES, INTENSITY, METS
from neuro_assets.science.features.heart_rate import HEART_RATE, HeartRate
from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.steps import STEPS, Steps
from neuro_assets.streams.features import MINUTE_FAMILIES
from neuro_assets_tests.features import by_pandas
from neuro_assets_tests.features.by_pandas import Minute, Told

RNG = np.random.default_rng(5)


def steps_like(shape: tuple[int, int]) -> np.ndarray:
    walks = np.repeat(RNG.random((shape[0], shape[1] // 8 + 1)) < 0.3, 8, axis=1)[:, : shape[1]]
    return np.where(walks, RNG.integers(0, 140, shape), 0).astype(np.float64)


def holed(values: np.ndarray) -> np.ndarray:
    """Some of it: minutes and stretches are missing; the last person has nothing, the one before a single value."""
    found = np.where(RNG.random(values.shape) < 0.02, np.nan, values)
    for row in found[: len(found) // 2]:
        begin = RNG.integers(0, values.shape[1] - 200)
        row[begin : begin + 200] = np.nan
    found[-2, 1:] = np.nan
    found[-1] = np.nan
    return found


def apart(seen: Minutes, family: Family, tell: Callable[[int, list[Minute]], Told]) -> dict[str, object]:
    """Features on which the two computations differ, for each person."""
    wrong: dict[str, object] = {}
    told = {f.name: f.compute(seen) for f in family}
    for person, values in enumerate(seen.values):
        there = np.flatnonzero(~np.isnan(values))
        minutes = [(int(n), int(seen.minute[n]), float(values[n])) for n in there]
        second = tell(person, minutes) if minutes else {}
        for name, found in told.items():
            expected = second.get(name)
            expected = np.nan if expected is None else expected
            if not np.isclose(found[person], expected, rtol=1e-9, atol=1e-9, equal_nan=True):
                wrong[f"{name} of {person}"] = (found[person], expected)
    return wrong


def test_steps_are_those_of_a_second_computation():
    seen = Steps(holed(steps_like((12, 1440))), np.arange(1440))
    assert apart(seen, STEPS, lambda _, minutes: by_pandas.steps_of(minutes)) == {}


def test_heart_rates_are_those_of_a_second_computation():
    rate = holed(np.round(60 + 10 * RNG.standard_normal((12, 1440)).cumsum(axis=1) / 20, 2).clip(40, 200))
    steps = holed(steps_like((12, 1440)))
    seen = HeartRate(rate, np.arange(1440), steps=steps)
    known = [{n: float(v) for n, v in enumerate(row) if not np.isnan(v)} for row in steps]

    def tell(person: int, minutes: list[Minute]) -> Told:
        return by_pandas.heart_rate_of(minutes, known[person])

    assert apart(seen, HEART_RATE, tell) == {}


@pytest.mark.parametrize(
    ("family", "values", "tell"),
    [
        (CALORIES, RNG.gamma(2, 1, (8, 1440)), by_pandas.calories_of),
        (METS, RNG.choice([1.0, 1.5, 2.0, 3.0, 5.9, 6.0, 11.0], (8, 1440)), by_pandas.mets_of),
        (INTENSITY, RNG.integers(0, 4, (8, 1440)).astype(float), by_pandas.intensity_of),
    ],
)
def test_energy_is_that_of_a_second_computation(family: Family, values: np.ndarray, tell: Callable):
    seen = Minutes(holed(values), np.arange(1440))
    assert apart(seen, family, lambda _, minutes: tell(minutes)) == {}


def test_zones_are_half_open_and_told_of_those_alone_whose_edges_are_known():
    seen = HeartRate(
        np.array([[90.0, 100.0, 119.0, 120.0, 200.0, np.nan]] * 2),
        np.arange(6),
        zones=np.array([[100.0, 120.0, 150.0], [np.nan, np.nan, np.nan]]),
    )
    found = {name: HEART_RATE[f"{name}_min"].compute(seen) for name in ("out_of_range", "fat_burn", "cardio", "peak")}
    assert {name: values[0] for name, values in found.items()} == {
        "out_of_range": 1, "fat_burn": 2, "cardio": 1, "peak": 1,
    }  # fmt: skip
    assert all(np.isnan(values[1]) for values in found.values())


def test_a_part_of_the_day_that_an_hour_shown_twice_cuts_in_two_has_no_bout_across_the_cut():
    # 02:00 to 02:59 is there twice; up to 02:30 are half an hour before the clock goes back and half an hour after.
    minute = np.concatenate([np.arange(120, 180), np.arange(120, 180)])
    day = Steps(np.full((1, 120), 50.0), minute)
    part = day.of(minute < 150)
    assert part.n.tolist() == [60]
    assert STEPS["active_bouts"].compute(part).tolist() == [2]
    assert STEPS["active_bout_max_min"].compute(part).tolist() == [30]
    assert STEPS["total"].compute(part).tolist() == [3000]


def test_nothing_is_told_of_nobody_s_minutes_and_nothing_is_zero_for_them():
    for family in MINUTE_FAMILIES:
        seen = family.seen(np.full((3, 1440), np.nan), np.arange(1440))
        none = family.seen(np.empty((3, 0)), np.arange(0))
        for feature in family:
            assert np.isnan(feature.compute(seen)).all(), feature.name
            assert np.isnan(feature.compute(none)).all(), feature.name


@pytest.mark.parametrize("family", MINUTE_FAMILIES, ids=lambda f: f.name)
def test_every_definition_says_what_it_is_and_holds_its_known_answers(family: Family):
    names = [f.name for f in family]
    assert len(set(names)) == len(names)
    for feature in family:
        assert all((feature.description.endswith("."), feature.formula, feature.source, feature.minimum)), feature.name
        assert all(known.holds() for known in feature.known), feature.name
    assert any(f.is_trailing for f in family)


def test_a_known_answer_that_is_another_one_does_not_hold():
    known = STEPS["total"].known[0]
    assert known.holds()
    assert not type(known)(known.told, known.source, 99, known.compute).holds()


def test_groups_of_pandas_are_days_of_people():
    frame = pd.DataFrame(
        {
            "participant_id": ["a", "a", "b"],
            "day": [1, 1, 1],
            "at": [1, 0, 0],
            "clock": [1, 0, 0],
            "value": [20.0, 0, 5],
        }
    )
    found = by_pandas.by_group(frame, by_pandas.steps_of).set_index("participant_id")
    assert found.loc["a", ["total", "first_step_min", "active_bouts"]].tolist() == [20, 1, 1]
    assert np.isnan(found.loc["b", "sd"])
