"""The weights of the parts: a closed form where nothing binds, and never below nothing."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.imputation.series import HOUR, MINUTE
from neuro_assets.science.imputation.stack import PARTS, Weights, combine, learn_weights, length_place, parts_of
from neuro_assets_tests.science.imputation.made import hours_of, people_of

N = None
CENTRE = np.array([1.0, 0, 0, 0])
RIDGE = 100.0


def ridge(parts: np.ndarray, wanted: np.ndarray, stretches: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix and the vector of the quadratic form: fit over the mean square, and the pull to the centre.

    Around the first part: as weights add up to 1, the fit is the same.
    """
    wanted, parts = wanted - parts[0], parts - parts[0]
    size = len(wanted) * np.mean(wanted**2)
    square = parts @ parts.T / size
    pull = RIDGE / stretches * np.trace(square) / len(parts)
    return square + pull * np.eye(len(parts)), parts @ wanted / size + pull * CENTRE


def to_one(square: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Return the best weights that add up to 1, with Lagrange's multiplier."""
    count = len(aim)
    bordered = np.block([[square, np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
    return np.linalg.solve(bordered, np.append(aim, 1))[:count]


def least(square: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Return the best non-negative weights by trying every set of parts that may be above 0."""
    best, found = np.inf, np.zeros(len(aim))
    for count in range(1, len(aim) + 1):
        for own in map(list, combinations(range(len(aim)), count)):
            weights = np.zeros(len(aim))
            weights[own] = to_one(square[np.ix_(own, own)], aim[own])
            value = weights @ square @ weights / 2 - aim @ weights
            if (weights >= 0).all() and value < best:
                best, found = value, weights
    return found


def example(rng: np.random.Generator, stretches: int, length: int, true: np.ndarray, noise: float) -> tuple:
    parts = rng.gamma(2, 10, (4, stretches, length))
    truth = np.einsum("p,pij->ij", true, parts) + rng.normal(0, noise, (stretches, length))
    place = np.arange(length)
    return parts, truth, np.minimum(place, length - 1 - place) + 1


def test_weights_are_the_closed_form_where_nothing_binds():
    rng = np.random.default_rng(1)
    parts, truth, distance = example(rng, 400, 3, np.array([0.4, 0.3, 0.2, 0.1]), 2.0)
    found = learn_weights({1: (parts, truth, distance)}, HOUR)
    square, aim = ridge(parts.reshape(4, -1), truth.ravel(), 400)
    closed = to_one(square, aim)
    assert (closed > 0).all()
    np.testing.assert_allclose(found.by_length[1, 0], closed, rtol=1e-4)
    # the lengths that nothing was hidden of have the centre
    np.testing.assert_array_equal(found.by_length[[0, 2, 3]], np.broadcast_to(CENTRE, (3, 8, 4)))


@given(seed=st.integers(0, 10_000), stretches=st.integers(1, 300), data=st.data())
@settings(max_examples=60, deadline=None)
def test_weights_are_the_best_that_are_not_negative(seed: int, stretches: int, data: st.DataObject):
    rng = np.random.default_rng(seed)
    true = np.array([data.draw(st.sampled_from([-1.0, -0.3, 0.0, 0.5, 1.0])) for _ in range(4)])
    parts, truth, distance = example(rng, stretches, 2, true, 1.0)
    truth[0, 0] = np.nan if stretches > 1 else truth[0, 0]
    found = learn_weights({0: (parts, truth, distance)}, HOUR).by_length[0, 0]
    seen = ~np.isnan(truth)
    square, aim = ridge(parts[:, seen], truth[seen], int(seen.any(axis=1).sum()))
    assert (found >= 0).all()
    np.testing.assert_allclose(found, least(square, aim), atol=2e-5)


def test_few_examples_hardly_leave_the_centre_and_many_reach_what_is_best():
    rng = np.random.default_rng(2)
    true = np.array([0.1, 0.1, 0.1, 0.7])
    away = []
    for stretches in (1, 30, 1000, 30_000):
        found = learn_weights({0: example(rng, stretches, 1, true, 5.0)}, HOUR).by_length[0, 0]
        away.append(np.abs(found - CENTRE).max())
    assert away[0] < 0.06
    assert away == sorted(away)
    np.testing.assert_allclose(found, true, atol=0.02)


def test_the_level_of_the_values_makes_no_difference():
    """Of a heart rate around 70, or of how far it is from 70: few examples, so that the pull to the centre counts."""
    rng = np.random.default_rng(4)
    parts, truth, distance = example(rng, 60, 3, np.array([0.4, 0.3, 0.2, 0.1]), 2.0)
    found, raised = (learn_weights({1: (parts + by, truth + by, distance)}, HOUR).by_length for by in (0.0, 1000.0))
    assert found[1, 0, 0] < 0.9
    np.testing.assert_allclose(raised, found, atol=1e-6)


def test_each_distance_has_its_own_weights_and_those_without_examples_the_nearest_ones():
    # stretches of 12: distances 1 to 6, which are bands 0 (to 2), 1 (to 4) and 2 (to 8)
    rng = np.random.default_rng(3)
    parts, truth, distance = example(rng, 3000, 12, CENTRE, 0.1)
    truth[:, (distance > 2) & (distance <= 4)] = parts[3][:, (distance > 2) & (distance <= 4)]
    found = learn_weights({2: (parts, truth, distance)}, HOUR)
    for n, part in ((0, 0), (1, 3), (2, 0)):
        np.testing.assert_allclose(found.by_length[2, n], np.eye(4)[part], atol=0.1)
    for n in range(3, 8):
        np.testing.assert_array_equal(found.by_length[2, n], found.by_length[2, 2])
    # and they are found again by distance
    at = found.at(np.full(6, 2), np.array([1, 2, 3, 4, 5, 500]))
    np.testing.assert_array_equal(at, found.by_length[2, [0, 0, 1, 1, 2, 7]])


def test_a_gap_belongs_to_the_length_that_is_nearest_by_ratio():
    # lengths 5, 15, 60, 360 min: borders at sqrt(75) = 8.7, 30 and sqrt(21600) = 147
    length = np.array([1, 8, 9, 29, 31, 146, 147, 5000])
    assert length_place(length, MINUTE).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    # 1, 3, 6, 24 hours: borders at 1.7, 4.2 and 12
    assert length_place(np.array([1, 2, 4, 5, 11, 13]), HOUR).tolist() == [0, 1, 1, 2, 2, 3]


def test_parts_are_added_with_the_weights_of_their_place():
    windows = hours_of([10, N, 10, N, N, N, N, N, 10])
    by_length = np.zeros((4, 8, 4))
    by_length[0, 0] = [1, 0, 0, 0]  # a gap of one hour
    by_length[2, 0] = [0.5, 0.5, 0, 0]  # of five, near its edge
    by_length[2, 1] = [0, 0, 0, 2]  # in its middle
    parts = [np.full((1, 9), v) for v in (100.0, 200.0, 300.0, 400.0)]
    found = combine(parts, Weights(by_length), windows)
    assert found[windows.gaps.is_missing].tolist() == [100, 150, 150, 800, 150, 150]


def test_a_part_without_an_estimate_is_the_usual():
    people = people_of(np.full((1, 2, 24), 25.0))
    parts = parts_of(hours_of([N, N, N]), people)
    assert len(parts) == len(PARTS) == 4
    linear = list(PARTS).index("linear")
    np.testing.assert_array_equal(parts[linear], [[25, 25, 25]])
    assert all(np.isfinite(part).all() for part in parts)


def test_nothing_to_learn_from_leaves_the_centre():
    nothing = np.empty((4, 0, 3)), np.empty((0, 3)), np.array([1, 2, 1])
    found = learn_weights({1: nothing}, HOUR)
    assert found.by_length == pytest.approx(np.broadcast_to(CENTRE, (4, 8, 4)))
