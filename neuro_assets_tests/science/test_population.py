"""Spread between and within people: by hand, and against truth with few days a person."""

import math

import numpy as np
import pytest

from neuro_assets.science.population import mean_of_people, spread_of


def test_two_people_with_two_days_each_by_hand():
    """1 and 3, 5 and 7: within² = (2 + 2) / 2; between² = (2 (4 + 4) - 2) / 2."""
    found = spread_of([2, 2], [2.0, 6.0], [2.0, 2.0])
    assert found.within == pytest.approx(math.sqrt(2))
    assert found.between == pytest.approx(math.sqrt(7))
    assert found.icc == pytest.approx(7 / 9)


def test_people_alike_have_no_spread_between_them():
    found = spread_of([3, 3], [5.0, 5.0], [8.0, 2.0])
    assert (found.between, found.icc) == (0, 0)
    assert found.within == pytest.approx(math.sqrt(10 / 4))


@pytest.mark.parametrize(("days", "is_within"), [([1, 1, 1], False), ([4], True)])
def test_what_cannot_be_told_is_not(days: list[int], is_within: bool):
    found = spread_of(days, [2.0] * len(days), [1.0 * (n - 1) for n in days])
    assert math.isnan(found.between)
    assert math.isnan(found.within) is not is_within


def test_few_days_of_many_people_do_not_inflate_the_spread_between_them():
    """True SDs 1 between and 3 within, 2 to 6 days each: that of means is 1.9."""
    rng = np.random.default_rng(7)
    people = 4000
    days = rng.integers(2, 7, people)
    values = [rng.normal(rng.normal(), 3, n) for n in days]
    means = np.array([v.mean() for v in values])
    found = spread_of(days, means, [float(((v - v.mean()) ** 2).sum()) for v in values])
    assert means.std(ddof=1) > 1.7
    assert found.between == pytest.approx(1, abs=0.15)
    assert found.within == pytest.approx(3, abs=0.06)


def test_the_interval_of_a_mean_by_hand():
    """1, 2 and 3: SD 1, and t with 2 degrees of freedom 4.3027."""
    mean, lower, upper = mean_of_people(np.array([1.0, 2.0, 3.0]))
    assert mean == 2
    assert (lower, upper) == (pytest.approx(2 - 4.3027 / math.sqrt(3), abs=1e-4), pytest.approx(4.4841, abs=1e-4))
    assert math.isnan(mean_of_people(np.array([1.0]))[1])
    assert math.isnan(mean_of_people(np.zeros(0))[0])
