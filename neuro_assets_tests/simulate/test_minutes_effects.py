"""Each effect alone does what the plan says, and nothing where its rate is 0."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from neuro_assets.simulate.minutes import MinuteBlock, MinutePlan, minute_blocks, plant_minutes
from neuro_assets.simulate.minutes.clocks import DAY_MIN
from neuro_assets.simulate.minutes.reasons import Reason


def block_of(**fields: object) -> MinuteBlock:
    """All people of a plan in one block."""
    plan = MinutePlan.model_validate({"participants": 40, "days": 10} | fields)
    (block,) = minute_blocks(plant_minutes(plan), cells=10**9)
    return block


@pytest.fixture(scope="module")
def quiet() -> MinuteBlock:
    """Nothing planted, 40 people, 14 days."""
    return block_of(days=14)


def inside(block: MinuteBlock) -> np.ndarray:
    return block.reason != Reason.OUTSIDE


def test_without_effects_every_minute_of_the_study_is_recorded(quiet: MinuteBlock) -> None:
    assert set(np.unique(quiet.reason)) == {Reason.RECORDED, Reason.OUTSIDE}
    assert inside(quiet).sum() == 40 * 14 * DAY_MIN
    assert len(quiet.study.non_wear.off) == len(quiet.study.batteries.dead) == len(quiet.study.syncs.pauses) == 0


def test_minutes_look_like_those_of_real_people(quiet: MinuteBlock) -> None:
    """The public Fitabase minutes (period 2, 11 people): share of minutes with steps .161, mean of these 37.2,
    quartiles 11, 24 and 49; correlation with the steps 1, 5, 15 and 60 minutes later .83, .61, .43 and .11."""
    steps = quiet.steps[inside(quiet)].astype(float)
    walking = steps[steps > 0]
    assert 0.10 < len(walking) / len(steps) < 0.20
    assert walking.mean() == pytest.approx(37.2, rel=0.1)
    assert np.quantile(walking, [0.25, 0.5, 0.75]) == pytest.approx([11, 24, 49], rel=0.2)
    for lag, real in ((1, 0.83), (5, 0.61), (15, 0.43), (60, 0.11)):
        assert np.corrcoef(steps[:-lag], steps[lag:])[0, 1] == pytest.approx(real, abs=0.12), lag


def test_days_have_the_steps_they_are_expected_to_have(quiet: MinuteBlock) -> None:
    expected = quiet.study.calendar.day_steps.sum()
    assert quiet.steps[inside(quiet)].sum() == pytest.approx(expected, rel=0.05)


def test_heart_rate_follows_the_steps_of_the_minutes_before(quiet: MinuteBlock) -> None:
    steps, bpm = quiet.steps.astype(float), quiet.heart_rate_bpm.astype(float)
    after = np.corrcoef(steps[:, :-2].ravel(), bpm[:, 2:].ravel())[0, 1]
    before = np.corrcoef(steps[:, 2:].ravel(), bpm[:, :-2].ravel())[0, 1]
    assert after > before + 0.05
    assert after > 0.5
    assert bpm[quiet.night > 0].mean() < bpm[(quiet.night == 0) & (steps == 0)].mean() - 5


def test_nobody_walks_in_bed(quiet: MinuteBlock) -> None:
    assert quiet.steps[quiet.night > 0].sum() == 0
    hours_in_bed = (quiet.night > 0).sum() / 40 / (quiet.night.shape[1] / DAY_MIN) / 60
    assert 6.5 < hours_in_bed < 8.5
    assert (quiet.stage[quiet.night > 0] == 1).mean() == pytest.approx(0.92, abs=0.01)
    assert (quiet.stage[quiet.night > 0] == 3).mean() == pytest.approx(0.03, abs=0.005)


@pytest.mark.parametrize(
    "pattern", ["charging", "short", "nights", "evenings", "weekends", "whole_days", "drop_out", "active_hours"]
)
def test_a_pattern_of_non_wear_comes_alone_and_accounts_for_all_of_it(pattern: str) -> None:
    block = block_of(non_wear={pattern: 0.4})
    planted = block.study.non_wear
    assert set(planted.pattern) == {pattern}
    off = np.zeros(block.is_worn.shape, dtype=bool)
    for who, begins, ends in zip(planted.off.who, planted.off.start, planted.off.until, strict=True):
        off[who, begins:ends] = True
    assert (off == ~block.is_worn).all()
    assert (block.reason[off] == Reason.NOT_WORN).all()
    assert block.shown_steps[off].sum() == 0
    assert block.steps[off & inside(block)].sum() > 0 or pattern == "nights"


def test_whole_days_are_as_many_as_the_rate_says_and_do_not_depend_on_activity() -> None:
    calendar, off = days_off("whole_days", 0.1)
    assert off.mean() == pytest.approx(0.1, abs=0.015)
    assert abs(np.log(calendar.day_noise[off]).mean() - np.log(calendar.day_noise[~off]).mean()) < 0.03


def test_active_hours_are_missing_on_active_days() -> None:
    calendar, off = days_off("active_hours", 0.1)
    log_noise = np.log(calendar.day_noise)
    # Odds of exp(8 z) with z normal of standard deviation .14 move the mean of the chosen by about 8 x .14^2 = .16.
    assert log_noise[off].mean() - log_noise.mean() == pytest.approx(0.14, abs=0.05)


def days_off(pattern: str, rate: float):
    plan = MinutePlan.model_validate({"participants": 100, "days": 40, "non_wear": {pattern: rate}})
    study = plant_minutes(plan)
    off = np.zeros(study.calendar.day_noise.shape, dtype=bool)
    day = np.array([np.searchsorted(study.clocks.day_start[w], s, side="right") - 1 for w, s in starts(study)])
    off[study.non_wear.off.who, day] = True
    return study.calendar, off


def starts(study):
    return zip(study.non_wear.off.who, study.non_wear.off.start, strict=True)


def test_wear_fades_over_the_weeks() -> None:
    plan = MinutePlan.model_validate({"participants": 50, "days": 42, "non_wear": {"drop_out": 1}})
    study = plant_minutes(plan)
    day = np.array([np.searchsorted(study.clocks.day_start[w], s, side="right") - 1 for w, s in starts(study)])
    weekly = np.bincount(day // 7, minlength=6) / (50 * 7)
    assert all(later > earlier for earlier, later in pairwise(weekly))
    # 15 % more every week: 0.15 x (w + 3/7) in week w.
    assert weekly == pytest.approx(0.15 * (np.arange(6) + 3 / 7), abs=0.06)


def test_a_dead_battery_records_and_syncs_nothing_and_ends_with_a_charging() -> None:
    block = block_of(battery={"forgotten": 0.8}, days=20)
    study, dead = block.study, block.study.batteries.dead
    assert len(dead) > 10
    charged = set(zip(study.batteries.charges.who, study.batteries.charges.start, strict=True))
    for who, begins, ends in zip(dead.who, dead.start, dead.until, strict=True):
        assert (who, ends) in charged or ends == study.devices.until[who]
        assert (block.reason[study.devices.person[who], begins:ends] == Reason.BATTERY).all()
        syncs = study.syncs.minute[study.syncs.device == who]
        assert not ((syncs >= begins) & (syncs < ends)).any()
        # Empty when it dies: one minute before there is at most what a minute takes, and half a percent of rounding.
        assert study.batteries.level_pct(np.array([who]), np.array([begins]))[0] == 0
        assert study.batteries.level_pct(np.array([who]), np.array([begins - 2]))[0] > 0


def test_the_level_falls_evenly_between_chargings() -> None:
    study = block_of().study
    syncs, charges = study.syncs, study.batteries.charges
    checked = 0
    for device in range(len(study.devices)):
        mine = syncs.device == device
        full = charges.until[charges.who == device]
        for (a, high), (b, low) in pairwise(zip(syncs.minute[mine], syncs.level_pct[mine], strict=True)):
            if not ((full > a) & (full <= b)).any():
                assert high - low == pytest.approx((b - a) * study.batteries.drain_pct_per_min[device])
                checked += 1
    assert checked > 500
    days_from_full = 100 / study.batteries.drain_pct_per_min / DAY_MIN
    assert days_from_full.min() >= 4
    assert days_from_full.max() <= 7


def test_a_device_forgets_what_is_older_than_its_memory() -> None:
    block = block_of(sync={"pauses": 0.1, "pause_days": (5, 5), "memory_days": 2}, days=12)
    lost = block.reason == Reason.LOST
    assert lost.any()
    age = block.synced_min - np.arange(block.synced_min.shape[1])
    assert (age[lost] > 2 * DAY_MIN).all()
    assert (age[block.reason == Reason.RECORDED] <= 2 * DAY_MIN).all()
    never_late = block_of(sync={"pauses": 0.1, "pause_days": (5, 5), "memory_days": 30}, days=12)
    assert not (never_late.reason == Reason.LOST).any()


def test_a_new_device_counts_on_another_scale() -> None:
    block = block_of(device_change={"rate": 1, "overlap": 0.5, "heart_rate_noise_bpm": (0, 0)})
    devices = block.study.devices
    second = np.flatnonzero(devices.number == 2)
    assert len(second) >= 36
    overlaps, gaps = 0, 0
    for row in second:
        who = devices.person[row]
        ratio = block.device_steps[row].sum() / block.steps[who].sum()
        assert ratio == pytest.approx(devices.steps_scale[row], abs=0.01)
        bias = (block.device_bpm[row] - block.heart_rate_bpm[who]).mean()
        assert bias == pytest.approx(devices.heart_rate_bias_bpm[row], abs=0.1)
        between = devices.start[row] - devices.until[row - 1]
        overlaps += between == -DAY_MIN
        gaps += between in {DAY_MIN, 2 * DAY_MIN, 3 * DAY_MIN}
        assert (block.reason[who] == Reason.NO_DEVICE).sum() == max(between, 0)
    assert overlaps + gaps == len(second)
    assert min(overlaps, gaps) > 10


def test_the_same_account_keeps_its_id_and_shows_one_device_at_a_time() -> None:
    study = block_of(device_change={"rate": 1, "overlap": 1, "same_account": True}).study
    second = np.flatnonzero(study.devices.number == 2)
    assert (study.devices.vendor_id[second] == study.devices.vendor_id[second - 1]).all()
    assert (study.devices.until[second - 1] == study.devices.start[second]).all()


def test_the_ill_rest_at_a_higher_heart_rate_and_walk_less() -> None:
    ill, well = block_of(illness={"rate": 1}, days=14), block_of(days=14)
    episode = ill.study.calendar.illness
    day = ill.day
    assert (episode.until_day - episode.from_day >= 3).all()
    is_ill = (day >= episode.from_day[:, None]) & (day < episode.until_day[:, None])
    asleep = ill.night > 0
    for who in range(40):
        at = is_ill[who] & asleep[who]
        rise = ill.heart_rate_bpm[who, at].mean() - well.heart_rate_bpm[who, at].mean()
        # Less lagged load of fewer steps, and heart rates stop at 40 bpm.
        assert rise == pytest.approx(episode.resting_heart_rate_bpm[who], abs=0.7)
    factor = ill.steps[is_ill].sum() / well.steps[is_ill].sum()
    assert factor == pytest.approx(episode.steps_factor.mean(), abs=0.08)
    others = ~is_ill & inside(ill)
    assert (ill.steps[others] == well.steps[others]).all()


def test_trends_set_in_after_fourteen_days_and_are_as_many_as_asked() -> None:
    study = plant_minutes(
        MinutePlan.model_validate({"participants": 200, "days": 30, "trend": {"degrading": 0.3, "improving": 0.2}})
    )
    factor, people = study.calendar.trend_factor, study.cohort.people
    assert (people.pattern == "degrading").mean() == pytest.approx(0.3, abs=0.1)
    assert (people.pattern == "improving").mean() == pytest.approx(0.2, abs=0.1)
    assert (factor[:, :14] == 1).all()
    assert factor[:, 29] == pytest.approx(1 + 16 * people.trend_share_per_day)


def test_people_come_late_and_leave_early_as_the_plan_says() -> None:
    block = block_of(enrolment={"late": 0.5, "within_days": 4, "withdrawn": 0.5})
    cohort = block.study.cohort
    for who in range(40):
        day = block.day[who]
        assert (block.reason[who][(day >= 0) & (day < cohort.first_day[who])] == Reason.NOT_ENROLLED).all()
        assert (block.reason[who][(day < 10) & (day > cohort.last_day[who])] == Reason.WITHDRAWN).all()
    assert 8 < (cohort.first_day > 0).sum() < 32
    assert 8 < cohort.is_withdrawn.sum() < 32


@pytest.mark.parametrize(
    ("start", "changed", "length"),
    [(date(2016, 3, 10), date(2016, 3, 13), 1380), (date(2016, 11, 3), date(2016, 11, 6), 1500)],
)
def test_days_on_which_clocks_change_have_their_true_length(start: date, changed: date, length: int) -> None:
    block = block_of(participants=2, days=6, start=start)
    for who in range(2):
        lengths = np.bincount(block.day[who][inside(block)[who]])
        told = dict(zip(block.study.clocks.days.tolist(), lengths.tolist(), strict=True))
        assert told.pop(changed) == length
        assert set(told.values()) == {DAY_MIN}


@pytest.mark.parametrize(
    ("zone", "hours_forward"),
    [
        ("Europe/London", 5),
        ("Asia/Kolkata", 10.5),
        ("America/Los_Angeles", -3),
        ("Pacific/Honolulu", -5),
        ("Pacific/Auckland", 18),
    ],
)
def test_a_traveller_lives_every_minute_once_and_the_clock_shows_none_twice(zone: str, hours_forward: float) -> None:
    block = block_of(participants=6, travel={"rate": 1, "days": (2, 4), "destinations": [zone]})
    clocks = block.study.clocks
    assert len(clocks.trips.person) == 6
    again = block.reason == Reason.SHOWN_AGAIN
    # A day to the east is shorter by the hours gained; to the west the first hours of a day come twice.
    assert (again.sum(axis=1) == abs(hours_forward) * 60).all()
    for who in range(6):
        told = inside(block)[who] & ~again[who]
        wall = block.local_min[who][told]
        assert len(np.unique(wall)) == len(wall)
        lengths = np.bincount(block.day[who][told], minlength=10)
        shorter = 24 * 60 - lengths.min()
        assert shorter == abs(hours_forward) * 60
        assert np.sort(lengths)[1] == DAY_MIN
        assert told.sum() + again[who].sum() == 10 * DAY_MIN


def test_blocks_of_any_size_hold_the_same_minutes() -> None:
    plan = MinutePlan.model_validate(
        {"participants": 7, "days": 4, "device_change": {"rate": 0.6, "overlap": 1}, "battery": {"forgotten": 1}}
    )
    study = plant_minutes(plan)
    (whole,) = minute_blocks(study, cells=10**9)
    parts = list(minute_blocks(study, cells=2 * study.clocks.minutes))
    assert [p.last - p.first for p in parts] == [2, 2, 2, 1]
    for name in ("steps", "heart_rate_bpm", "stage", "device_steps", "device_bpm", "reason", "synced_min"):
        assert (np.concatenate([getattr(p, name) for p in parts]) == getattr(whole, name)).all(), name
