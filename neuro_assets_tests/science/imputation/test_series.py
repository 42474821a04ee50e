"""Gaps, windows and records against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.imputation.series import HOUR, MINUTE, RESOLUTIONS, Gaps, Record
from neuro_assets_tests.science.imputation.made import record_of


@given(row=st.lists(st.booleans(), min_size=1, max_size=25))
@settings(max_examples=200, deadline=None)
def test_gaps_equal_a_plain_loop(row: list[bool]):
    values = np.where(row, np.nan, 1.0)[None]
    gaps, length = Gaps.of(values), len(row)
    for t, missing in enumerate(row):
        before = max((i for i in range(t + 1) if not row[i]), default=-1)
        after = min((i for i in range(t, length) if not row[i]), default=length)
        assert (gaps.before[0, t], gaps.after[0, t], gaps.is_missing[0, t]) == (before, after, missing)
        assert gaps.length[0, t] == (after - before - 1 if missing else 0)
        if not missing:
            assert gaps.distance[0, t] == 0
        elif before < 0:
            assert gaps.distance[0, t] == after - t
        else:
            assert gaps.distance[0, t] == (t - before if after == length else min(t - before, after - t))


def test_distances_by_hand():
    # a gap of five, one that is open to the right, one that is open to the left
    nan = np.nan
    distance = Gaps.of(np.array([[nan, nan, 1, nan, nan, nan, nan, nan, 1, nan, nan]])).distance
    assert distance.tolist() == [[2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]]


@pytest.mark.parametrize(
    ("name", "a_day", "slot_min", "slots", "context"), [("1m", 1440, 5, 288, 720), ("1h", 24, 60, 24, 48)]
)
def test_what_follows_from_a_resolution(name: str, a_day: int, slot_min: int, slots: int, context: int):
    resolution = RESOLUTIONS[name]
    assert (resolution.a_day, resolution.slot_min, resolution.slots, resolution.context) == (
        a_day,
        slot_min,
        slots,
        context,
    )


@pytest.mark.parametrize("resolution", [HOUR, MINUTE])
def test_windows_hold_what_the_record_has_around_the_hidden_stretch(resolution: object):
    rng = np.random.default_rng(1)
    record = record_of(rng.uniform(0, 9, (3, 8, resolution.a_day)), resolution, first_weekday=4)
    record = Record(record.values, record.weekend, resolution, driver=record.values * 2)
    length, total = 5, record.flat.shape[1]
    person, start = np.array([0, 2, 1]), np.array([0, total - length, total // 2])
    windows, truth = record.windows(person, start, length)
    assert windows.values.shape == (3, length + 2 * resolution.context)
    for n in range(3):
        np.testing.assert_array_equal(truth[n], record.flat[person[n], start[n] : start[n] + length])
        for k in range(windows.values.shape[1]):
            place = start[n] - resolution.context + k
            is_hidden = resolution.context <= k < resolution.context + length
            inside = 0 <= place < total
            value = record.flat[person[n], place] if inside and not is_hidden else np.nan
            np.testing.assert_array_equal(windows.values[n, k], value)
            np.testing.assert_array_equal(windows.driver[n, k], 2 * record.flat[person[n], place] if inside else np.nan)
            minute = place * resolution.step_min % 1440
            assert windows.slot[n, k] == minute // resolution.slot_min
            if inside:
                assert windows.is_weekend[n, k] == ((4 + place // resolution.a_day) % 7 >= 5)


def test_days_and_chosen_days_of_a_record():
    values = np.full((2, 3, 24), np.nan)
    values[0, 0, 5], values[0, 2, 7], values[1, 1] = 1, 2, 3
    record = record_of(values)
    assert record.days.tolist() == [2, 1]
    some = record.of_days(np.array([[True, False, False], [True, False, True]]))
    assert some.days.tolist() == [1, 0]
    assert some.values[0, 0, 5] == 1
