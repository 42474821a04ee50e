"""How often change points are by chance, and how often true ones are found, on series with a known answer."""

import numpy as np
import pytest

from neuro_assets.science.level_shift import Design, p_of_step
from neuro_assets_tests.science.series_of_days import MONDAY, alarms, alike, records

pytestmark = pytest.mark.verify

PHIS = (0.0, 0.3, 0.5)


def rng(*seed: float) -> np.random.Generator:
    return np.random.default_rng([round(100 * s) for s in seed])


@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize(("days", "people"), [(45, 2000), (90, 2000), (365, 400)])
def test_a_false_alarm_is_as_rare_as_it_says(days: int, people: int, phi: float):
    values = alike(rng(1, days, phi), people, days, phi)
    five, one = alarms(values), alarms(values, 0.01)
    print(f"\n{days} days, phi {phi}: {100 * five:.2f} % at 0.05, {100 * one:.2f} % at 0.01")
    for found, level in ((five, 0.05), (one, 0.01)):
        assert found <= level + 3 * np.sqrt(level * (1 - level) / people)


def test_a_test_for_independent_days_would_be_wrong_many_times_as_often():
    values, days = alike(rng(2), 1000, 90, 0.5), np.arange(90)
    places = np.arange(7, 84)
    z = [float(Design.of(days, (v - v.mean()) / v.std(), 0.0).step(places)[0].max()) for v in values]
    naive = float(np.mean([p_of_step(each, 90, 7) <= 0.05 for each in z]))
    print(f"\nindependent: {100 * naive:.1f} %, ours: {100 * alarms(values):.1f} %")
    assert naive > 0.25


@pytest.mark.parametrize("what", ["a third missing", "heavy tails", "skewed", "many zeros", "weekends"])
def test_other_shapes_of_days_raise_no_more_false_alarms(what: str):
    values = alike(rng(3), 2000, 90, 0.3)
    if what == "a third missing":
        values[rng(4).random(values.shape) < 1 / 3] = np.nan
    elif what == "heavy tails":
        values = np.sign(values) * np.abs(values) ** 2.5
    elif what == "skewed":
        values = np.exp(values)
    elif what == "many zeros":
        values = np.maximum(0, values + 0.12)
    else:
        values = values + 1.5 * ((MONDAY + np.arange(90) + 3) % 7 >= 5)
    found = alarms(values)
    print(f"\n{what}: {100 * found:.2f} %")
    assert found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


# Shares that were found when this was written, less three standard errors of 400.
@pytest.mark.parametrize(
    ("days", "phi", "size", "least"),
    [
        (45, 0.0, 2.0, 0.93), (45, 0.5, 2.0, 0.53), (90, 0.0, 1.0, 0.85), (90, 0.3, 1.0, 0.5), (90, 0.5, 1.0, 0.31),
        (90, 0.3, 2.0, 0.96), (365, 0.5, 1.0, 0.95),
    ],
)  # fmt: skip
def test_a_true_change_is_found(days: int, phi: float, size: float, least: float):
    people = 400 if days < 365 else 100
    place = days // 2
    found = records(alike(rng(5, days, phi), people, days, phi) + size * (np.arange(days) >= place))
    power = float(np.mean([r.p is not None and r.p <= 0.05 for r in found]))
    first = [r.changes[0] for r in found if len(r.changes) == 1]
    near = float(np.mean([abs(c.day - MONDAY - place) <= 7 for c in first]))
    holds = float(np.mean([c.lower <= size <= c.upper for c in first]))
    print(f"\n{days} days, phi {phi}, {size} SD: found {power:.2f}, within a week {near:.2f}, in interval {holds:.2f}")
    assert power >= least
    assert near >= (0.7 if size > 1 else 0.5)
    assert holds >= 0.9


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.9), (0.3, 0.55)])
def test_a_month_that_differs_is_found_with_both_ends(phi: float, least: float):
    away = (np.arange(90) >= 30) & (np.arange(90) < 60)
    found = records(alike(rng(6, phi), 400, 90, phi) + 1.5 * away)
    power = float(np.mean([r.p is not None and r.p <= 0.05 for r in found]))
    both = [r for r in found if len(r.changes) == 2]
    ends = np.array([[c.day - MONDAY for c in r.changes] for r in both])
    near = float(np.mean((np.abs(ends - [30, 60]) <= 5).all(axis=1)))
    print(f"\nphi {phi}: found {power:.2f}, with two ends {len(both) / 400:.2f}, both within 5 days {near:.2f}")
    assert power >= least
    assert near >= 0.7


@pytest.mark.parametrize("days", [45, 90])
@pytest.mark.parametrize("phi", PHIS)
def test_what_is_said_to_be_detectable_is_found_as_a_rule(days: int, phi: float):
    values = alike(rng(7, days, phi), 600, days, phi)
    size = float(np.median([r.detectable_sd for r in records(values) if r.detectable_sd is not None]))
    found = alarms(values + size * (np.arange(days) >= days // 2))
    print(f"\n{days} days, phi {phi}: {size:.2f} SD is found in {found:.2f}")
    assert 0.6 <= found <= 0.92
