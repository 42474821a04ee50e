"""Fragmentation: the answers of the tests of skdh and GGIR, and slow loops over random bouts."""

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.science.features.fragmentation import (
    average_hazard,
    gini,
    power_law_exponent,
    transition_probability,
)

# The bouts of the 30 minutes in skdh's tests (e9a26c9, dummy_frag_predictions), in state 0 and 1.
SKDH_0, SKDH_1 = [3, 2, 5, 7], [7, 3, 3]
# The bouts of the day in GGIR's tests/testthat/test_fragmentation.R (388064b), counted from its 925 classes: active
# are 6, 7, 9 and 12, inactive 5, 10 and 11. The record begins with the first active and ends in the last inactive one.
# fmt: off
GGIR_ACTIVE = [
    1, 7, 3, 3, 8, 3, 12, 1, 1, 11, 3, 16, 9, 1, 1, 8, 2, 15, 1, 2, 4, 7, 1, 1, 7, 1, 1, 3, 6, 1, 2, 2, 2, 1, 1, 6, 1,
    1, 13, 5, 3, 2, 1, 1, 1, 1, 2, 9, 3,
]
GGIR_INACTIVE = [
    1, 1, 1, 3, 5, 1, 1, 1, 1, 1, 1, 1, 1, 3, 8, 3, 3, 2, 9, 6, 11, 2, 12, 11, 12, 5, 1, 2, 2, 2, 98, 6, 4, 15, 21, 1,
    1, 1, 55, 6, 22, 100, 23, 5, 133, 119, 1, 1, 3,
]
# fmt: on


def bouts(*lengths: float) -> np.ndarray:
    return np.array(lengths, dtype=np.float64)


def cut(lengths: list[int], *places: int) -> np.ndarray:
    is_cut = np.zeros(len(lengths), dtype=bool)
    is_cut[list(places)] = True
    return is_cut


def test_gini_of_four_ones_and_a_thousand():
    # skdh test_fragmentation_endpoints.py: .796, and .995 corrected; by hand 3996 / 5020 and 5 / 4 of it
    assert gini(bouts(1, 1, 1, 1, 1000), is_corrected=False) == pytest.approx(3996 / 5020)
    assert round(float(gini(bouts(1, 1, 1, 1, 1000), is_corrected=False)), 3) == 0.796
    assert round(float(gini(bouts(1, 1, 1, 1, 1000), is_corrected=True)), 3) == 0.995


@pytest.mark.parametrize(
    ("lengths", "probability", "index", "hazard", "exponent"),
    [
        (SKDH_0, 4 / 17, 1 / 3, 0.52083333333333, 2.073754),
        (SKDH_1, 3 / 13, 0.3076923, 0.8333333, 3.151675),
        ([30], 1 / 30, np.nan, 1, 1 + 1 / log(30 / 29.5)),  # skdh's Gini of one bout is 1
    ],
)
def test_bouts_of_skdh(lengths, probability, index, hazard, exponent):
    x = bouts(*lengths)
    assert transition_probability(x) == pytest.approx(probability)
    assert gini(x, is_corrected=True) == pytest.approx(index, nan_ok=True, abs=1e-7)
    assert average_hazard(x) == pytest.approx(hazard, abs=1e-7)
    assert power_law_exponent(x, x.min() - 0.5) == pytest.approx(exponent, abs=1e-6)


def test_day_of_ggir():
    active, inactive = bouts(*GGIR_ACTIVE), bouts(*GGIR_INACTIVE)
    assert active.sum() + inactive.sum() == 925
    # GGIR's test allows 0.0001 of them; 0.506352 is no number of 9456ths, which it has to be: 48 * 197
    assert gini(active, is_corrected=True) == pytest.approx(0.506352, rel=1e-4)
    assert gini(active, is_corrected=True) == pytest.approx(4788 / 9456)
    assert gini(inactive, is_corrected=True) == pytest.approx(0.768544, rel=1e-4)
    assert power_law_exponent(active, 1) == pytest.approx(2.055102, abs=1e-6)
    assert active.mean() == pytest.approx(4.020408, abs=1e-6)
    # of 728 inactive minutes the last is not at risk: 48 / 727
    assert transition_probability(inactive, cut(GGIR_INACTIVE, -1)) == pytest.approx(0.066025, abs=1e-6)
    assert transition_probability(inactive) == pytest.approx(49 / 728)


@pytest.mark.parametrize(
    ("lengths", "cut_places", "expected"),
    [
        ([15, 30, 20, 10], [3], 0.040541),  # awake until the end of the record
        ([10, 15, 25], [], 0.06),
        ([5] * 6, [1, 5], 0.142857),  # cut by unknown minutes, and by the end
        ([5] * 6, [3], 0.172414),
        ([6, 2, 8, 3, 2, 7], [1, 5], 0.153846),
        ([4, 9, 5, 20, 3, 7], [3], 0.106383),
    ],
)
def test_bouts_of_ggir_that_are_cut(lengths, cut_places, expected):
    assert transition_probability(bouts(*lengths), cut(lengths, *cut_places)) == pytest.approx(expected, abs=1e-6)


def test_people_with_fewer_bouts_are_filled_up_with_nan():
    people = np.full((3, 5), np.nan)
    people[0, :4], people[1, :3] = SKDH_0, SKDH_1
    assert transition_probability(people) == pytest.approx([4 / 17, 3 / 13, np.nan], nan_ok=True)
    # a bout that is not there is not cut: 4 / 17, and 2 / 12 without the last of the second person
    is_cut = np.isnan(people)
    is_cut[1, 2] = True
    assert transition_probability(people, is_cut) == pytest.approx([4 / 17, 2 / 12, np.nan], nan_ok=True)
    assert gini(people, is_corrected=True) == pytest.approx([1 / 3, 4 / 13, np.nan], nan_ok=True)
    assert average_hazard(people) == pytest.approx([25 / 48, 5 / 6, np.nan], nan_ok=True)
    assert power_law_exponent(people, np.array([1.5, 2.5, 1.0])) == pytest.approx(
        [2.073754, 3.151675, np.nan], abs=1e-6, nan_ok=True
    )
    assert np.isnan(gini(bouts(), is_corrected=False))


def test_bout_that_never_ended_has_no_probability_of_one():
    assert transition_probability(bouts(20), np.array([True])) == 0  # none of 19 minutes was the last
    assert np.isnan(transition_probability(bouts(1), np.array([True])))


def test_bouts_of_no_length_and_other_shapes_are_refused():
    for compute in (average_hazard, transition_probability, lambda x: gini(x, is_corrected=True)):
        with pytest.raises(ValueError, match="above 0"):
            compute(bouts(3, 0))
    with pytest.raises(ValueError, match="shape of the lengths"):
        transition_probability(bouts(3, 1), np.array([True]))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.data())
def test_random_bouts_agree_with_loops(lengths, data):
    n, total = len(lengths), sum(lengths)
    apart = sum(abs(a - b) for a in lengths for b in lengths)  # half the mean difference, over the mean
    assert gini(bouts(*lengths), is_corrected=False) == pytest.approx(apart / (2 * n * total), abs=1e-12)
    counts = Counter(lengths)
    hazards = [counts[t] / sum(length >= t for length in lengths) for t in counts]
    assert average_hazard(bouts(*lengths)) == pytest.approx(sum(hazards) / len(hazards))
    is_cut = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    # minute by minute: does the bout go on, does it end, or did nobody see?
    after = [k + 1 == length for length, c in zip(lengths, is_cut, strict=True) for k in range(length - c)]
    found = transition_probability(bouts(*lengths), np.array(is_cut))
    assert found == pytest.approx(sum(after) / len(after) if after else np.nan, nan_ok=True)
    if total > n:
        expected = 1 + n / sum(log(length) for length in lengths)
        assert power_law_exponent(bouts(*lengths), 1) == pytest.approx(expected)
