"""Hidden stretches lie where values were observed, and what is hidden cannot be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.imputation.masks import ALL_DAY, AWAKE, Hours, Masks, hidden, random_masks
from neuro_assets.science.imputation.series import HOUR, MINUTE, Record
from neuro_assets_tests.science.imputation.made import record_of


def gappy(seed: int, resolution: object = HOUR, days: int = 12, missing: float = 0.1) -> Record:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 50, (3, days, resolution.a_day))
    flat = values.reshape(3, -1)
    width = max(resolution.a_day // 12, 1)
    for row in flat:
        for start in rng.integers(0, len(row), int(missing * len(row) / width)):
            row[start : start + width] = np.nan
    return record_of(values, resolution)


def chosen(record: Record, length: int, count: int, seed: int = 1, **asked: object) -> Masks:
    return random_masks(record, length, count, np.random.default_rng(seed), **asked)


@given(
    seed=st.integers(0, 50),
    length=st.integers(1, 30),
    hours=st.sampled_from([ALL_DAY, AWAKE, Hours(0, 12), Hours(20, 24)]),
    missing=st.sampled_from([0.0, 0.2, 1.5]),
)
@settings(max_examples=25, deadline=None)
def test_masks_lie_in_what_was_observed_and_in_the_hours_asked_for(
    seed: int, length: int, hours: Hours, missing: float
):
    record = gappy(seed, missing=missing)
    masks = chosen(record, length, 200, seed, hours=hours)
    places = {(p, s) for p, s in zip(masks.person.tolist(), masks.start.tolist(), strict=True)}
    assert len(places) == len(masks) <= 200
    for person, start in places:
        assert start + length <= record.flat.shape[1]
        assert np.isfinite(record.flat[person, start : start + length]).all()
        if hours != ALL_DAY:
            assert hours.since <= start % 24
            assert start % 24 + length <= hours.until
    # where there are fewer than were asked for, all of them were found
    possible = sum(
        np.isfinite(record.flat[p, s : s + length]).all()
        and (hours == ALL_DAY or (hours.since <= s % 24 and s % 24 + length <= hours.until))
        for p in range(3)
        for s in range(record.flat.shape[1] - length + 1)
    )
    assert len(masks) == min(possible, 200)


def test_masks_lie_on_the_days_asked_for():
    record = gappy(2)
    days = np.random.default_rng(3).random((3, 12)) < 0.5
    masks = chosen(record, 6, 500, days=days)
    assert len(masks) > 50
    assert days[masks.person, masks.start // 24].all()
    assert days[masks.person, (masks.start + 5) // 24].all()
    # some of them reach over midnight, from one such day into another
    assert (masks.start // 24 < (masks.start + 5) // 24).any()


def test_masks_begin_where_asked():
    masks = chosen(gappy(4), 3, 60, starts=np.array([9, 17]))
    assert set((masks.start % 24).tolist()) == {9, 17}


def test_a_share_of_a_stretch_is_enough_where_it_is_asked_for():
    record = gappy(5, missing=1.0)
    shares = []
    for least in (1.0, 0.5):
        masks = chosen(record, 10, 300, least_share=least)
        seen = np.array(
            [np.isfinite(record.flat[p, s : s + 10]).mean() for p, s in zip(masks.person, masks.start, strict=True)]
        )
        assert (seen >= least).all()
        shares.append(seen)
    assert (shares[1] < 1).any()
    assert (shares[1] == 0.5).any()


def test_the_same_seed_gives_the_same_masks_and_another_gives_others():
    record = gappy(6, MINUTE, days=4)
    one, again, other = (chosen(record, 60, 400, seed) for seed in (1, 1, 2))
    assert len(one) == 400
    np.testing.assert_array_equal(one.start, again.start)
    np.testing.assert_array_equal(one.person, again.person)
    assert not np.array_equal(one.start, other.start)


def test_masks_are_drawn_evenly():
    # 2 people, of whom one has half as many stretches: 2 : 1, and as many in one half of the days as in the other
    values = np.ones((2, 40, 24))
    values[1, 20:] = np.nan
    masks = chosen(record_of(values), 1, 900)
    assert (masks.person == 0).mean() == pytest.approx(2 / 3, abs=0.05)
    assert (masks.start[masks.person == 0] < 480).mean() == pytest.approx(0.5, abs=0.06)


def test_nothing_observed_and_a_record_too_short_have_no_masks():
    assert len(chosen(record_of(np.full((2, 3, 24), np.nan)), 2, 10)) == 0
    assert len(chosen(record_of(np.ones((2, 1, 24))), 25, 10)) == 0


@pytest.mark.parametrize("past_only", [False, True])
def test_what_is_hidden_cannot_be_seen_and_nothing_else_is_hidden(past_only: bool):
    record = gappy(7)
    masks = chosen(record, 5, 80)
    windows, truth = hidden(record, masks, past_only=past_only)
    context, total = HOUR.context, record.flat.shape[1]
    for n, (person, start) in enumerate(zip(masks.person, masks.start, strict=True)):
        np.testing.assert_array_equal(truth[n], record.flat[person, start : start + 5])
        end_of_day = (start // 24 + 1) * 24
        for k, value in enumerate(windows.values[n]):
            place = start - context + k
            is_hidden = start <= place < start + 5 or (past_only and place >= end_of_day)
            is_seen = 0 <= place < total and not is_hidden
            np.testing.assert_array_equal(value, record.flat[person, place] if is_seen else np.nan)


def test_the_past_tells_nothing_of_what_came_later():
    # a change after the day's end changes no window; one before does
    record = gappy(8, missing=0)
    masks = chosen(record, 4, 50, hours=Hours(0, 24), starts=np.array([3, 11, 20]))
    before, _ = hidden(record, masks, past_only=True)
    for n, (person, start) in enumerate(zip(masks.person, masks.start, strict=True)):
        later = record.values.copy()
        later[person, start // 24 + 1 :] += 1000
        after, _ = hidden(Record(later, record.weekend, HOUR), masks.of(np.array([n])), past_only=True)
        np.testing.assert_array_equal(after.values[0], before.values[n])
        whole, _ = hidden(Record(later, record.weekend, HOUR), masks.of(np.array([n])))
        assert (np.nan_to_num(whole.values[0]) > 500).any() == (start // 24 < 11)


def test_some_of_the_masks():
    masks = Masks(np.array([0, 1, 2]), np.array([5, 6, 7]), 3)
    some = masks.of(np.array([True, False, True]))
    assert (some.person.tolist(), some.start.tolist(), some.length, len(some)) == ([0, 2], [5, 7], 3, 2)
