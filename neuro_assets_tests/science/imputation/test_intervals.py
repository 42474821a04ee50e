"""Conformal margins: order statistics by hand, and how often new values lie within."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.imputation.intervals import COVERAGE, TOTAL_BINS, VALUE_BINS, Margins, learn_margins

LEARNED, NEW = 12_000, 40_000


def counts(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates and truths like those of steps: a floor at 0, bursts, errors that grow with the estimate."""
    estimate = rng.gamma(1.5, 20, size)
    return estimate, rng.gamma(1, estimate)


def test_the_ends_are_order_statistics_by_hand():
    # 109 errors 1 ... 109: 5 % and 95 % of 110 are 5.5 and 104.5, outwards 5 and 105
    margins = learn_margins(np.zeros(109), np.random.default_rng(1).permutation(109) + 1.0, 1)
    assert (margins.lower.tolist(), margins.upper.tolist(), len(margins.edges)) == ([5], [105], 0)


def test_whole_ranks_are_those_ranks():
    # 5 % and 95 % of 100 are the 5th and the 95th: a new error lies between them 90 times of 100
    margins = learn_margins(np.zeros(99), np.arange(1.0, 100), 1)
    assert (margins.lower[0], margins.upper[0]) == (5, 95)


def test_few_errors_are_all_within():
    margins = learn_margins(np.array([10.0, 20]), np.array([13.0, 19]), VALUE_BINS)
    lower, upper = margins.around(np.array([15.0, 50]))
    assert (lower.tolist(), upper.tolist()) == ([14, 49], [18, 53])


def test_bins_by_hand():
    # estimates 0 ... 119 in three bins of 40; errors are -1 and 1 in the first, -2 and 2, -3 and 3
    estimate = np.arange(120.0)
    error = (1 + estimate // 40) * np.where(estimate % 2, 1, -1)
    margins = learn_margins(estimate, estimate + error, 3)
    np.testing.assert_allclose(margins.edges, [119 / 3, 238 / 3])
    assert (margins.lower.tolist(), margins.upper.tolist()) == ([-1, -2, -3], [1, 2, 3])
    lower, upper = margins.around(np.array([-5.0, 39, 40, 100, 1e6]))
    np.testing.assert_allclose(lower, [-6, 38, 38, 97, 1e6 - 3])
    np.testing.assert_allclose(upper, [-4, 40, 42, 103, 1e6 + 3])
    # 120 errors are no more than three bins of 40
    assert len(learn_margins(estimate, estimate + error, VALUE_BINS).lower) == 3


@pytest.mark.parametrize("bins", [1, TOTAL_BINS, VALUE_BINS])
def test_new_values_lie_within_as_often_as_said(bins: int):
    rng = np.random.default_rng(2)
    margins = learn_margins(*counts(rng, LEARNED), bins)
    estimate, truth = counts(rng, NEW)
    lower, upper = margins.around(estimate)
    place = np.searchsorted(margins.edges, estimate)
    # in every bin, but for the chance in what was learned and in what is new: 4 standard errors
    for n in range(bins):
        own = place == n
        error = np.sqrt(COVERAGE * (1 - COVERAGE) * (bins / LEARNED + 1 / own.sum()))
        is_within = ((truth >= lower) & (truth <= upper))[own].mean()
        assert is_within == pytest.approx(COVERAGE, abs=4 * error + 2 * bins / LEARNED)
        # and as many beyond either end
        for beyond in ((truth < lower)[own].mean(), (truth > upper)[own].mean()):
            assert beyond == pytest.approx((1 - COVERAGE) / 2, abs=4 * error + bins / LEARNED)


def test_margins_are_wider_where_bursts_are():
    estimate, truth = counts(np.random.default_rng(3), LEARNED)
    margins = learn_margins(estimate, truth, VALUE_BINS)
    assert (margins.upper > -margins.lower).all()
    assert (np.diff(margins.upper) > 0).all()
    # an exponential of mean m lies between m ln(20/19) and m ln(20) nine times of ten
    middle = np.median(estimate[np.searchsorted(margins.edges, estimate) == 6])
    assert middle + margins.upper[6] == pytest.approx(middle * np.log(20), rel=0.1)
    assert middle + margins.lower[6] == pytest.approx(middle * np.log(20 / 19), abs=0.05 * middle)


@given(ties=st.integers(0, 300), others=st.lists(st.floats(0, 100), min_size=1, max_size=200), bins=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_ties_leave_no_bin_without_margins(ties: int, others: list[float], bins: int):
    estimate = np.array([0.0] * ties + others)
    truth = np.random.default_rng(4).gamma(1, 5, len(estimate))
    margins = learn_margins(estimate, truth, bins)
    assert (np.diff(margins.edges) > 0).all()
    assert len(margins.lower) == len(margins.upper) == len(margins.edges) + 1
    assert (margins.lower <= margins.upper).all()
    lower, upper = margins.around(estimate)
    # what was learned from is itself within as often
    assert ((truth >= lower - 1e-9) & (truth <= upper + 1e-9)).mean() >= COVERAGE


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="no hidden values"):
        learn_margins(np.empty(0), np.empty(0), 3)


def test_margins_keep_the_shape_of_what_they_are_put_around():
    margins = Margins(np.array([5.0]), np.array([-1.0, -2.0]), np.array([1.0, 4.0]))
    lower, upper = margins.around(np.array([[1.0, 5.0], [6.0, 7.0]]))
    np.testing.assert_array_equal(lower, [[0, 4], [4, 5]])
    np.testing.assert_array_equal(upper, [[2, 6], [10, 11]])
