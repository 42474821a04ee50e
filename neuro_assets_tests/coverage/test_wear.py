"""Stretches of wear: as long as they can be, cut at local midnight, and of each hour what `coverage.hourly` counts."""

from datetime import date, datetime

import numpy as np
import pytest

from neuro_assets.coverage.hours import stretches_of
from neuro_assets.science.local_time import utc_spans
from neuro_assets.science.person_hours import person_hours
from neuro_assets.streams.coverage import WEAR
from neuro_assets_tests.coverage.conftest import day
from neuro_assets_tests.tables import query

STRETCHES = "SELECT day, timezone('UTC', ts), timezone('UTC', until_ts), worn_min FROM coverage.wear"


def stretches(study, who: str = "a") -> list[tuple]:
    return query(study.job.lake, f"{STRETCHES} WHERE participant_id = ? ORDER BY ts", [who])


def test_a_stretch_is_cut_at_midnight_and_where_the_device_is_off(planted):
    """From 22:00 to 02:30, but for 23:10 to 23:20; zeros after it."""
    study = planted()
    study.worn("a", day(4, 22), day(4, 23 + 1 / 6))
    study.worn("a", day(4, 23 + 1 / 3), day(5, 2.5))
    study.off("a", day(5, 2.5), day(6))
    study.cover(date(2019, 11, 4), date(2019, 11, 5))
    assert stretches(study) == [
        (date(2019, 11, 4), datetime(2019, 11, 4, 22), datetime(2019, 11, 4, 23, 10), 70),
        (date(2019, 11, 4), datetime(2019, 11, 4, 23, 20), datetime(2019, 11, 5), 40),
        (date(2019, 11, 5), datetime(2019, 11, 5), datetime(2019, 11, 5, 2, 30), 150),
    ]


def test_minutes_that_were_lost_make_nobody_wear_what_lies_still(planted):
    """Four hours of zeros with a hole in each half an hour, after an hour of steps."""
    study = planted(expected_streams=("steps",))
    study.minutes("steps", "a", day(4, 8), day(4, 9), 5)
    for half in range(8):
        study.minutes("steps", "a", day(4, 9 + half / 2), day(4, 9 + half / 2 + 1 / 3), 0)
    study.cover(date(2019, 11, 4), date(2019, 11, 4))
    assert [s[3] for s in stretches(study)] == [60]


def test_a_day_without_a_step_is_not_worn_where_steps_alone_tell(planted):
    """Three quarters of an hour of zeros are all that is there; on the next day there are steps beside them."""
    study = planted(expected_streams=("steps",))
    study.minutes("steps", "a", day(4, 8), day(4, 8.75), 0)
    study.minutes("steps", "a", day(5, 8), day(5, 8.75), 0)
    study.minutes("steps", "a", day(5, 12), day(5, 13), 5)
    study.cover(date(2019, 11, 4), date(2019, 11, 5))
    assert [(s[0].day, s[3]) for s in stretches(study)] == [(5, 45), (5, 60)]


def test_minutes_that_a_device_recorded_while_it_was_off_are_told_and_others_are_not(planted):
    """Worn to 9:00, then an hour of zeros without a heart rate; later calories, which tell no wear."""
    study = planted()
    study.worn("a", day(4, 8), day(4, 9))
    study.minutes("steps", "a", day(4, 9), day(4, 10), 0)
    study.minutes("calories", "a", day(4, 12), day(4, 13), 1)
    study.cover(date(2019, 11, 4), date(2019, 11, 4))
    off = query(
        study.job.lake,
        "SELECT timezone('UTC', ts), timezone('UTC', until_ts), not_worn_min FROM coverage.not_worn",
    )
    assert off == [(datetime(2019, 11, 4, 9), datetime(2019, 11, 4, 10), 60)]


def test_midnight_is_that_of_the_wall_clock(planted):
    people = [{"participant_id": "a", "enrolled_on": "2019-11-01"}]
    study = planted(default_time_zone="America/New_York", people=people)
    study.worn("a", datetime(2019, 11, 5, 4), datetime(2019, 11, 5, 6))
    study.cover(date(2019, 11, 4), date(2019, 11, 5))
    assert stretches(study) == [
        (date(2019, 11, 4), datetime(2019, 11, 5, 4), datetime(2019, 11, 5, 5), 60),
        (date(2019, 11, 5), datetime(2019, 11, 5, 5), datetime(2019, 11, 5, 6), 60),
    ]


@pytest.mark.verify
def test_days_around_follow_and_are_told_and_nobody_elses_change(planted):
    """Zeros of the evening are non-wear, once the night that follows them is there; `b` has nothing to do with it."""
    study = planted(expected_streams=("steps",))
    study.minutes("steps", "a", day(4, 12), day(4, 23.25), 5)
    study.minutes("steps", "a", day(4, 23.25), day(5), 0)
    study.minutes("steps", "b", day(4, 12), day(4, 13), 5)
    first = covered(study, date(2019, 11, 4))
    assert first.days_of_other_wear == frozenset()
    assert [s[3] for s in stretches(study)] == [12 * 60]
    study.minutes("steps", "a", day(5), day(6), 0)
    # Forty-five minutes of zeros become a run of more than an hour.
    second = covered(study, date(2019, 11, 5))
    assert second.days_of_other_wear == {date(2019, 11, 4)}
    assert [s[3] for s in stretches(study)] == [11 * 60 + 15]
    assert [s[3] for s in stretches(study, "b")] == [60]
    assert covered(study, date(2019, 11, 5)).days_of_other_wear == frozenset()


def covered(study, of: date):
    from neuro_assets.coverage.compute import cover_days

    return cover_days(study.connection, study.job, of, of)


@pytest.mark.verify
def test_a_lake_from_before_there_was_wear_gets_it_with_the_next_days(planted):
    """Days before enrolment too, which the rules of coverage do not know; and no day twice."""
    people = [{"participant_id": "a", "enrolled_on": "2019-11-03"}]
    study = planted(people=people, auto_enrol=False)
    for n in (2, 4, 6):
        study.worn("a", day(n, 8), day(n, 9))
    study.cover(date(2019, 11, 2), date(2019, 11, 6))
    whole = stretches(study)
    assert [s[0].day for s in whole] == [2, 4, 6]
    with study.job.lake.transaction(study.connection, ["coverage.wear"]):
        study.connection.execute(f"DROP TABLE {WEAR.qualified}")
        study.connection.execute("UPDATE coverage.valid_day SET rules = 'as an older version has it'")
    covered(study, date(2019, 11, 9))
    assert stretches(study) == whole
    assert covered(study, date(2019, 11, 9)).days_of_other_wear == frozenset()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
def test_stretches_have_the_minutes_of_each_hour_and_lie_apart(zone: str):
    """Of whatever minutes, around a change of the clock; the last hour is not told."""
    first, last = date(2019, 11, 2), date(2019, 11, 4)
    hours = person_hours(utc_spans([(date.min, date.max, zone)], first, last), first, last)
    count = int(hours.start_min[-1] + hours.length_min[-1] - hours.start_min[0])
    is_worn = np.random.default_rng(5).random((3, count)) < 0.7
    begins = hours.start_min - hours.start_min[0]
    midnights = begins[np.append(True, hours.day[1:] != hours.day[:-1])]
    told = np.arange(len(hours) - 1)
    frame = stretches_of(["a", "b", "c"], hours, told, midnights, is_worn)
    for number, who in enumerate("abc"):
        own = frame.filter(participant_id=who)
        begin, length = own["start_min"].to_numpy() - hours.start_min[0], own["minutes"].to_numpy()
        again = np.zeros(count, dtype=np.bool_)
        for at, minutes in zip(begin, length, strict=True):
            again[at : at + minutes] = True
        assert (again[: begins[-1]] == is_worn[number, : begins[-1]]).all()
        assert not again[begins[-1] :].any()
        beside = begin[1:] == (begin + length)[:-1]
        assert set(begin[1:][beside]) <= set(midnights)
        days = hours.day[np.searchsorted(begins, begin, "right") - 1]
        assert own["day"].to_list() == days.astype(object).tolist()
