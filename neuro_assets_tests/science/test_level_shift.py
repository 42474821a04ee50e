"""Tests of level: whitened sums against plain generalised least squares, and how alike days are."""

import math

import numpy as np
import pytest

from neuro_assets.science.level_shift import Design, likeness, p_of_step, p_of_stretch
from neuro_assets_tests.science.series_of_days import alike

DAYS = np.array([0, 1, 2, 5, 6, 9, 10, 11, 12, 20, 21, 22, 23, 24, 30])


def by_matrices(scores: np.ndarray, x: np.ndarray, phi: float) -> tuple[float, float]:
    """t of x beside a constant and its information, with the covariance of all days written out."""
    inverse = np.linalg.inv(phi ** np.abs(np.subtract.outer(DAYS, DAYS)))
    design = np.column_stack([np.ones(len(DAYS)), x])
    cross = np.linalg.inv(design.T @ inverse @ design)
    fitted = cross @ design.T @ inverse @ scores
    rest = scores - design @ fitted
    variance = rest @ inverse @ rest / (len(DAYS) - 3)
    return abs(float(fitted[1])) / math.sqrt(variance * cross[1, 1]), 1 / float(cross[1, 1])


def as_normal(t: float, df: int) -> float:
    return math.sqrt(df * math.log1p(t**2 / df)) * (8 * df + 1) / (8 * df + 3)


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.8])
def test_every_step_and_stretch_is_that_of_generalised_least_squares(phi: float):
    scores, n = np.random.default_rng(5).standard_normal(len(DAYS)), len(DAYS)
    design = Design.of(DAYS, scores, phi)
    z, information = design.step(np.arange(1, n))
    for place in range(1, n):
        t, wanted = by_matrices(scores, (np.arange(n) >= place).astype(float), phi)
        assert z[place - 1] == pytest.approx(as_normal(t, n - 3))
        assert information[place - 1] == pytest.approx(wanted)
    begin, end = (v + 1 for v in np.triu_indices(n - 1, 1))
    found = design.stretch(begin, end)
    for i, j, own in zip(begin, end, found, strict=True):
        t, _ = by_matrices(scores, ((np.arange(n) >= i) & (np.arange(n) < j)).astype(float), phi)
        assert own == pytest.approx(as_normal(t, n - 3))


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
def test_likeness_is_learned_and_changes_of_level_hardly_touch_it(phi: float):
    values = alike(np.random.default_rng(6), 1, 3000, phi)[0]
    found, spread = likeness(np.arange(3000), values)
    assert found == pytest.approx(phi, abs=0.06)
    assert spread < 0.04
    moved = values + 2 * (np.arange(3000) // 300 % 2)
    assert likeness(np.arange(3000), moved)[0] == pytest.approx(found, abs=0.06)
    assert np.corrcoef(moved[1:], moved[:-1])[0, 1] > phi + 0.15


def test_without_neighbouring_days_nothing_is_known_of_likeness():
    assert likeness(np.arange(0, 70, 7), np.arange(10.0)) == (0.0, 0.3)


def test_the_chance_of_the_greatest_step_by_hand():
    """n = 90, seven days on each side, z = 3: 3 phi(3) ((1 - 1/9) 2 ln(83/7) + 4/9)."""
    density = math.exp(-4.5) / math.sqrt(2 * math.pi)
    assert p_of_step(3, 90, 7) == pytest.approx(3 * density * (8 / 9 * 2 * math.log(83 / 7) + 4 / 9))
    assert p_of_step(3, 90, 7) == pytest.approx(0.0644, abs=1e-4)
    assert p_of_step(0.9, 90, 7) == 1


@pytest.mark.parametrize("chance", [lambda z: p_of_step(z, 90, 7), lambda z: p_of_stretch(z, 90, 7, 0.3)])
def test_chances_fall_as_z_rises(chance):
    found = [chance(z) for z in np.linspace(2, 12, 400)]
    assert found == sorted(found, reverse=True)
    assert chance(0) == 1
    assert found[-1] < 1e-20
