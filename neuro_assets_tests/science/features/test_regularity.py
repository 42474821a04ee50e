"""Sleep regularity: the answers of GGIR's test, days by hand, and slow loops over random ones."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.science.features.regularity import LEAST_PAIRED_MIN, pair_days, sleep_regularity_index

DAY_MIN = 1440
BEGIN_S, STEP_S = 70, 5  # tests/testthat/test_CalcSleepRegularityIndex.R (388064b): every 5 s from 00:01:10 on
STEPS = 12 * DAY_MIN


def by_minute(states: np.ndarray) -> np.ndarray:
    """(1, 6 days, 1440) of GGIR's record by the clock: most of a minute's steps tell its state."""
    minute = (BEGIN_S + STEP_S * np.arange(len(states))) // 60
    seen = np.bincount(minute, minlength=6 * DAY_MIN)
    asleep = np.bincount(minute, states, minlength=6 * DAY_MIN)
    share = np.divide(asleep, seen, out=np.full(len(seen), np.nan), where=seen > 0)
    return np.round(share).reshape(1, 6, DAY_MIN)


def of_each_day(states: np.ndarray) -> np.ndarray:
    """The index of the first person's days and their next ones, as GGIR tells it."""
    pairs = pair_days(states)
    return sleep_regularity_index(pairs.agreeing_min, pairs.paired_min, least_paired_min=1)[0]


def test_ggirs_nights_that_differ_by_a_tenth_of_the_day_have_80():
    asleep = np.zeros(5 * STEPS + 1)
    for day, (begin, end) in enumerate([(4, 8), (5, 8), (5, 9), (4, 9), (4, 8), (5, 8)]):
        first = day * STEPS + round(STEPS * begin / 10) - 1
        asleep[first : day * STEPS + round(STEPS * end / 10)] = 1
    states = by_minute(asleep)
    # the first day lacks its first minute; GGIR's test looks at the second and the third
    assert of_each_day(states)[1:4] == pytest.approx([80, 80, 80])
    assert of_each_day(states)[0] == pytest.approx(200 * (1439 - 144) / 1439 - 100)
    assert pair_days(states).paired_min.tolist() == [[1439, 1440, 1440, 1440, 2]]


def test_ggirs_states_that_never_change_have_100():
    assert of_each_day(by_minute(np.zeros(5 * STEPS + 1)))[2:4].tolist() == [100, 100]


def test_ggirs_states_that_never_come_back_have_minus_100():
    states = np.arange(1.0, 6 * DAY_MIN + 1).reshape(1, 6, DAY_MIN)  # there, every step is a state of its own
    assert of_each_day(states)[1:3].tolist() == [-100, -100]


def test_window_adds_up_its_minutes_and_not_its_indices():
    # by hand: 3 of 4 pairs agree, then 1 of 1; the mean of the indices would be 75
    states = np.array([[[1, 1, 0, 0], [1, 1, 0, 1], [-1, -1, -1, 1]]], dtype=np.int8)
    pairs = pair_days(states)
    assert (pairs.agreeing_min.tolist(), pairs.paired_min.tolist()) == ([[3, 1]], [[4, 1]])
    window = sleep_regularity_index(pairs.agreeing_min.sum(axis=1), pairs.paired_min.sum(axis=1), least_paired_min=1)
    assert window.tolist() == [pytest.approx(200 * 4 / 5 - 100)]


def test_missing_night_counts_neither_as_regular_nor_as_irregular():
    # sleepreg's issue 11: nights that are missing make the index falsely low. Here the pairs are fewer instead.
    night = np.zeros((1, 8, DAY_MIN))
    night[:, :, :480] = 1
    night[0, 1::2, :480] = 0  # every other night awake: 960 of 1440 agree
    assert of_each_day(night) == pytest.approx([200 * 960 / 1440 - 100] * 7)
    night[0, 3, :480] = np.nan
    pairs = pair_days(night)
    assert pairs.paired_min[0, 2:4].tolist() == [960, 960]
    assert pairs.agreeing_min[0, 2:4].tolist() == [960, 960]


def test_too_few_pairs_tell_nothing():
    agreeing = np.array([LEAST_PAIRED_MIN - 1, LEAST_PAIRED_MIN, 0])
    found = sleep_regularity_index(agreeing, agreeing)
    assert np.isnan(found).tolist() == [True, False, True]
    assert found[1] == 100
    assert np.isnan(sleep_regularity_index(np.array([0]), np.array([0]), least_paired_min=0)[0])


def test_more_agreeing_than_paired_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match="of the same pairs"):
        sleep_regularity_index(np.array([2]), np.array([1]))
    with pytest.raises(ValueError, match="people, days, minutes"):
        pair_days(np.zeros((2, 3)))


@given(seed=st.integers(0, 2**32 - 1), days=st.integers(1, 5), is_float=st.booleans())
def test_random_states_agree_with_loops(seed, days, is_float):
    states = np.random.default_rng(seed).integers(-1, 2, (2, days, 30)).astype(np.int8)
    given_states = np.where(states < 0, np.nan, states) if is_float else states
    pairs = pair_days(given_states)
    for i, person in enumerate(states.tolist()):
        agreeing, paired = [], []
        for today, tomorrow in pairwise(person):
            both = [(a, b) for a, b in zip(today, tomorrow, strict=True) if a != -1 and b != -1]
            paired.append(len(both))
            agreeing.append(sum(a == b for a, b in both))
        assert (pairs.agreeing_min[i].tolist(), pairs.paired_min[i].tolist()) == (agreeing, paired)
        found = sleep_regularity_index(pairs.agreeing_min[i], pairs.paired_min[i], least_paired_min=10)
        expected = [200 * a / p - 100 if p >= 10 else np.nan for a, p in zip(agreeing, paired, strict=True)]
        assert found.tolist() == pytest.approx(expected, nan_ok=True)
