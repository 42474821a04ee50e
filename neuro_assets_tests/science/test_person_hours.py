"""Hours of the wall clock: short and long days, half-hour zones, journeys."""

from datetime import date

import pytest

from neuro_assets.science.local_time import day_length_min, utc_spans
from neuro_assets.science.person_hours import PersonHours, person_hours

ALWAYS = (date.min, date.max)
OSLO, NEW_YORK, HOWE, KOLKATA = "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"


def of(first: date, last: date, *periods: tuple[date, date, str]) -> PersonHours:
    return person_hours(utc_spans(periods, first, last), first, last)


@pytest.mark.parametrize(
    ("zone", "day", "hours", "missing", "twice"),
    [
        (OSLO, date(2019, 6, 1), 24, [], []),
        (OSLO, date(2019, 3, 31), 23, [2], []),
        (OSLO, date(2019, 10, 27), 25, [], [2]),
        (NEW_YORK, date(2019, 3, 10), 23, [2], []),
        (KOLKATA, date(2019, 6, 1), 24, [], []),
    ],
)
def test_a_day_has_its_hours(zone: str, day: date, hours: int, missing: list[int], twice: list[int]):
    found = of(day, day, (*ALWAYS, zone))
    assert len(found) == hours
    assert found.length_min.tolist() == [60] * hours
    assert sorted(set(range(24)) - set(found.hour.tolist())) == missing
    assert found.hour[found.fold == 1].tolist() == twice


def test_a_clock_that_moves_by_half_an_hour_has_half_an_hour():
    """Lord Howe: 2:00 becomes 2:30 on 6 October 2019; 2:00 becomes 1:30 on 7 April."""
    spring, autumn = (of(d, d, (*ALWAYS, HOWE)) for d in (date(2019, 10, 6), date(2019, 4, 7)))
    assert (spring.hour[2], spring.length_min[2], spring.length_min.sum()) == (2, 30, 1410)
    assert [tuple(x) for x in zip(autumn.hour[1:4], autumn.fold[1:4], autumn.length_min[1:4], strict=True)] == [
        (1, 0, 60),
        (1, 1, 30),
        (2, 0, 60),
    ]


@pytest.mark.parametrize("zone", [OSLO, NEW_YORK, HOWE, KOLKATA])
def test_hours_follow_each_other_and_days_have_their_length(zone: str):
    found = of(date(2019, 3, 1), date(2019, 11, 30), (*ALWAYS, zone))
    ends = found.start_min + found.length_min
    assert (ends[:-1] == found.start_min[1:]).all()
    for day in (date(2019, 3, 31), date(2019, 4, 7), date(2019, 10, 27), date(2019, 11, 3), date(2019, 7, 1)):
        assert found.length_min[found.day == day].sum() == day_length_min(zone, day)


def test_a_journey_to_the_west_repeats_hours_and_one_to_the_east_leaves_some_out():
    journey = date(2020, 1, 10)
    west = of(date(2020, 1, 9), journey, (date.min, journey, OSLO), (journey, date.max, NEW_YORK))
    east = of(date(2020, 1, 9), journey, (date.min, journey, NEW_YORK), (journey, date.max, OSLO))
    assert len(west) == 48 + 6
    assert west.hour[west.fold == 1].tolist() == [18, 19, 20, 21, 22, 23]
    assert len(east) == 48 - 6
    assert (east.start_min[1:] - east.start_min[:-1] == 60).all()
