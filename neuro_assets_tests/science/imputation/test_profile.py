"""Means and medians by the clock against pandas, and the profile's pull towards others by hand."""

import numpy as np
import pandas as pd
import pytest

from neuro_assets.science.imputation.profile import KIND_DAYS, POOL_DAYS, ClockSums, medians, profiles
from neuro_assets.science.imputation.series import HOUR, MINUTE, Record
from neuro_assets_tests.science.imputation.made import record_of


def long(record: Record) -> pd.DataFrame:
    """Return a row for every value: person, day, kind of day, slot."""
    people, days, a_day = record.values.shape
    person, day, place = (x.ravel() for x in np.indices((people, days, a_day)))
    step = record.resolution.step_min
    return pd.DataFrame(
        {
            "person": person,
            "day": day,
            "kind": record.weekend[day].astype(int),
            "slot": place * step // record.resolution.slot_min,
            "value": record.values.ravel().astype(np.float64),
        }
    ).dropna()


def random_record(seed: int, resolution: object = HOUR, days: int = 16) -> Record:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, 50, (4, days, resolution.a_day))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[1, 3:9] = np.nan
    values[3] = np.nan
    return record_of(values, resolution, first_weekday=3)


@pytest.mark.parametrize("resolution", [HOUR, MINUTE])
def test_sums_and_medians_equal_pandas(resolution: object):
    record = random_record(1, resolution)
    frame, sums = long(record), ClockSums.of(record)
    grouped = frame.groupby(["person", "kind", "slot"])["value"]
    index = pd.MultiIndex.from_product([range(4), range(2), range(resolution.slots)])
    shape = (4, 2, resolution.slots)
    np.testing.assert_array_equal(sums.count, grouped.size().reindex(index, fill_value=0).to_numpy().reshape(shape))
    np.testing.assert_allclose(sums.total, grouped.sum().reindex(index, fill_value=0).to_numpy().reshape(shape))
    np.testing.assert_allclose(medians(record), grouped.median().reindex(index).to_numpy().reshape(shape), rtol=1e-6)
    np.testing.assert_array_equal(sums.days, frame.groupby("person")["day"].nunique().reindex(range(4), fill_value=0))
    roots = frame.assign(value=np.sqrt(frame["value"])).groupby("person")["value"].sum().reindex(range(4), fill_value=0)
    np.testing.assert_allclose(ClockSums.of(record, np.sqrt).total.sum(axis=(1, 2)), roots)


def test_what_is_left_without_some_days_is_what_the_others_sum_to():
    record = random_record(2)
    left_out = np.arange(16) % 5 == 2
    rest = ClockSums.of(record).without(ClockSums.of(record, days=left_out))
    direct = ClockSums.of(record, days=~left_out)
    np.testing.assert_array_equal(rest.count, direct.count)
    np.testing.assert_allclose(rest.total, direct.total)
    np.testing.assert_array_equal(rest.days, direct.days)


def test_a_mean_is_drawn_to_that_of_all_by_a_day():
    # 24 values of 10 on one day, 3 x 24 of 30, and nobody: all (240 + 2160) / 96 = 25, a day has 24 values
    values = np.full((3, 3, 24), np.nan)
    values[0, 0], values[1] = 10, 30
    sums = ClockSums.of(record_of(values))
    assert sums.a_day == 24
    np.testing.assert_allclose(sums.mean, [(240 + 24 * 25) / 48, (2160 + 24 * 25) / 96, 25])


def test_a_bare_mean_by_the_clock_is_the_persons_where_a_slot_was_never_seen():
    values = np.full((1, 2, 24), np.nan)
    values[0, :, 8], values[0, 0, 9] = [2, 4], 9
    sums = ClockSums.of(record_of(values))
    # one person: the mean of all is their own, (2 + 4 + 9) / 3
    by_slot = sums.by_slot()[0]
    assert (by_slot[8], by_slot[9], by_slot[10]) == (3, 9, 5)


def test_medians_tell_working_days_from_weekends():
    # Monday to Sunday at 8 o'clock: 1, 2, 9, 4, 5 and 10, 20
    values = np.full((1, 7, 24), np.nan)
    values[0, :, 8] = [1, 2, 9, 4, 5, 10, 20]
    found = medians(record_of(values))
    assert found[0, :, 8].tolist() == [4, 15]
    assert np.isnan(np.delete(found, 8, axis=2)).all()


def test_a_profile_by_hand_where_nobody_has_a_shape():
    # five working days and two at a weekend, of 10 and of 40: smoothing leaves a flat line as it is
    values = np.stack([np.full((7, 24), 10.0), np.full((7, 24), 40.0)])
    found = profiles(ClockSums.of(record_of(values)), 60)
    for n, own_mean in enumerate((10, 40)):
        level = (7 * own_mean + 25) / 8
        own = (7 * own_mean + POOL_DAYS * level) / (7 + POOL_DAYS)
        for kind, days in enumerate((5, 2)):
            expected = (days * own_mean + KIND_DAYS * own) / (days + KIND_DAYS)
            np.testing.assert_allclose(found[n, kind], expected)


def shaped(days: int, seed: int = 3) -> np.ndarray:
    """Return days (24) around a curve with a peak at noon."""
    curve = 50 + 40 * np.cos((np.arange(24) - 12) * np.pi / 12)
    return curve + np.random.default_rng(seed).normal(0, 5, (days, 24))


def test_a_newcomer_gets_what_is_usual_for_all():
    values = np.full((4, 14, 24), np.nan)
    for n in range(3):
        values[n] = shaped(14, n) * (1 + n / 4)
    found = profiles(ClockSums.of(record_of(values)), 60)
    from scipy.ndimage import gaussian_filter1d

    usual = gaussian_filter1d(np.nanmean(values, axis=(0, 1)), 0.5, mode="wrap")
    np.testing.assert_allclose(found[3], np.stack([usual, usual]), rtol=1e-6)


def test_someone_with_very_many_days_gets_their_own():
    # 1,000 days with the peak at midnight among people whose peak is at noon
    values = np.full((4, 1000, 24), np.nan)
    for n in range(1, 4):
        values[n, :14] = shaped(14, n)
    values[0] = np.roll(shaped(1000), 12, axis=1)
    found = profiles(ClockSums.of(record_of(values)), 60)
    own = np.roll(50 + 40 * np.cos((np.arange(24) - 12) * np.pi / 12), 12)
    # the smoothing over 30 minutes takes a hundredth of the curve's height
    np.testing.assert_allclose(found[0], np.stack([own, own]), atol=2.5)
    # and the pull to own days grows with them: n / (n + 4) of the way, at noon, where the pool has 90 and they 10
    noons = []
    for days in (1, 4, 12):
        few = values[:, :14].copy()
        few[0, days:] = np.nan
        noons.append(profiles(ClockSums.of(record_of(few)), 60)[0, 0, 12])
    assert 90 > noons[0] > noons[1] > noons[2] > 10


def test_a_profile_of_hours_when_all_are_seen_is_what_was_seen_then():
    # everybody has 20 from 8 to 22 and is hardly seen at night, when there is nothing: the day is 20 all the same
    values = np.full((4, 10, 24), np.nan)
    values[:3, :, 8:22] = 20
    values[:3, 0, :8], values[:3, 0, 22:] = 0, 0
    found = profiles(ClockSums.of(record_of(values)), 60)
    np.testing.assert_allclose(found[:, :, 10:20], 20, rtol=0.02)


def test_weekends_of_their_own():
    # 8 weeks: 10 on working days, 50 at weekends: 40 days of one kind, 16 of the other
    values = np.full((1, 56, 24), 10.0)
    values[0, np.arange(56) % 7 >= 5] = 50
    found = profiles(ClockSums.of(record_of(values)), 60)[0]
    all_days = (40 * 10 + 16 * 50) / 56
    np.testing.assert_allclose(found[0], (40 * 10 + KIND_DAYS * all_days) / (40 + KIND_DAYS))
    np.testing.assert_allclose(found[1], (16 * 50 + KIND_DAYS * all_days) / (16 + KIND_DAYS))


def test_where_nobody_was_ever_seen_the_usual_is_not_nothing():
    values = np.full((2, 10, 24), np.nan)
    values[:, :, 8:22] = 60
    found = profiles(ClockSums.of(record_of(values)), 60)
    np.testing.assert_allclose(found, 60, rtol=0.02)
