"""Offsets of local wall times: known clock changes, and zoneinfo as the second computation."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neuro_assets.science.local_time import OffsetSpan, day_length_min, offset_spans

ZONES = [
    "UTC",
    "Etc/GMT+12",
    "Asia/Kolkata",
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Vienna",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Recife",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "Antarctica/Troll",
]
# Half the random days are near a change: otherwise most examples would see none.
NEAR_CHANGES = [
    date(2016, 3, 13),
    date(2016, 11, 6),
    date(2018, 5, 5),
    date(2018, 6, 17),
    date(2011, 12, 30),
    date(1993, 8, 21),
    date(2019, 4, 7),
    date(2000, 10, 8),
]
days = st.dates(date(1973, 1, 1), date(2045, 12, 31)) | st.builds(
    lambda d, n: d + timedelta(days=n), st.sampled_from(NEAR_CHANGES), st.integers(-3, 3)
)


def rows(spans: list[OffsetSpan]) -> list[tuple[str, str, int, int, str]]:
    return [
        (f"{s.local_start:%d %H:%M}", f"{s.local_end:%d %H:%M}", s.fold, s.utc_offset_min, s.time_quality)
        for s in spans
    ]


def day(zone: str, year: int, month: int, day_of_month: int) -> list[OffsetSpan]:
    return offset_spans(zone, date(year, month, day_of_month), date(year, month, day_of_month))


def test_new_york_spring_gap_has_the_offset_before_the_change():
    assert rows(day("America/New_York", 2016, 3, 13)) == [
        ("13 00:00", "13 02:00", 0, -300, "ok"),
        ("13 02:00", "13 03:00", 0, -300, "dst_gap"),
        ("13 03:00", "14 00:00", 0, -240, "ok"),
    ]


def test_new_york_autumn_hour_is_there_twice():
    assert rows(day("America/New_York", 2016, 11, 6)) == [
        ("06 00:00", "06 01:00", 0, -240, "ok"),
        ("06 01:00", "06 02:00", 0, -240, "dst_overlap"),
        ("06 01:00", "06 02:00", 1, -300, "dst_overlap"),
        ("06 02:00", "07 00:00", 0, -300, "ok"),
    ]


def test_london_2016():
    assert rows(day("Europe/London", 2016, 3, 27))[1] == ("27 01:00", "27 02:00", 0, 0, "dst_gap")
    assert rows(day("Europe/London", 2016, 10, 30))[1:3] == [
        ("30 01:00", "30 02:00", 0, 60, "dst_overlap"),
        ("30 01:00", "30 02:00", 1, 0, "dst_overlap"),
    ]


def test_lord_howe_changes_by_30_min():
    assert rows(day("Australia/Lord_Howe", 2016, 10, 2))[1] == ("02 02:00", "02 02:30", 0, 630, "dst_gap")
    assert rows(day("Australia/Lord_Howe", 2016, 4, 3))[1:3] == [
        ("03 01:30", "03 02:00", 0, 660, "dst_overlap"),
        ("03 01:30", "03 02:00", 1, 630, "dst_overlap"),
    ]


def test_apia_skipped_a_whole_day():
    assert rows(offset_spans("Pacific/Apia", date(2011, 12, 29), date(2011, 12, 31))) == [
        ("29 00:00", "30 00:00", 0, -600, "ok"),
        ("30 00:00", "31 00:00", 0, -600, "dst_gap"),
        ("31 00:00", "01 00:00", 0, 840, "ok"),
    ]


def test_pyongyang_moved_for_good_at_midnight():
    # 2018-05-04 23:30 +08:30 became 2018-05-05 00:00 +09:00
    assert rows(offset_spans("Asia/Pyongyang", date(2018, 5, 4), date(2018, 5, 5))) == [
        ("04 00:00", "04 23:30", 0, 510, "ok"),
        ("04 23:30", "05 00:00", 0, 510, "dst_gap"),
        ("05 00:00", "06 00:00", 0, 540, "ok"),
    ]


def test_st_johns_overlap_is_cut_at_midnight_into_both_days():
    # until 2011 Newfoundland put clocks back at 00:01, to 23:01 of the day before
    assert rows(day("America/St_Johns", 2010, 11, 6))[1:] == [
        ("06 23:01", "07 00:00", 0, -150, "dst_overlap"),
        ("06 23:01", "07 00:00", 1, -210, "dst_overlap"),
    ]
    assert rows(day("America/St_Johns", 2010, 11, 7))[0] == ("07 00:00", "07 00:01", 0, -150, "dst_overlap")
    assert day_length_min("America/St_Johns", date(2010, 11, 6)) == 24 * 60 + 59
    assert day_length_min("America/St_Johns", date(2010, 11, 7)) == 24 * 60 + 1


def test_casablanca_leaves_summer_time_for_ramadan():
    # Ramadan 2019: clocks back on 5 May, forward on 9 June; the zone has been at +01:00 otherwise since 2018
    spans = offset_spans("Africa/Casablanca", date(2019, 1, 1), date(2019, 12, 31))
    assert [(s.local_start.date(), s.utc_offset_min) for s in spans if s.time_quality == "ok"] == [
        (date(2019, 1, 1), 60),
        (date(2019, 5, 5), 0),
        (date(2019, 6, 9), 60),
    ]


def test_zone_without_changes_is_one_span():
    assert rows(offset_spans("Asia/Kolkata", date(2000, 1, 1), date(2020, 1, 1))) == [
        ("01 00:00", "02 00:00", 0, 330, "ok")
    ]


@pytest.mark.parametrize(
    ("zone", "on", "minutes"),
    [
        ("America/New_York", date(2016, 3, 12), 1440),
        ("America/New_York", date(2016, 3, 13), 1380),
        ("America/New_York", date(2016, 11, 6), 1500),
        ("Australia/Lord_Howe", date(2016, 10, 2), 1410),
        ("Australia/Lord_Howe", date(2016, 4, 3), 1470),
        ("America/Sao_Paulo", date(2017, 10, 15), 1380),  # midnight itself is in the gap
        ("America/Havana", date(2016, 11, 6), 1500),  # midnight itself occurs twice
        ("Antarctica/Troll", date(2016, 3, 27), 1320),  # a change of two hours
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("UTC", date(2016, 3, 13), 1440),
    ],
)
def test_day_length(zone: str, on: date, minutes: int):
    assert day_length_min(zone, on) == minutes


@pytest.mark.parametrize("zone", ["No/Where", "", "America", "../UTC", "/etc/passwd"])
def test_unknown_zone_is_named(zone: str):
    with pytest.raises(ValueError, match="unknown time zone") as caught:
        offset_spans(zone, date(2020, 1, 1), date(2020, 1, 1))
    assert repr(zone) in str(caught.value)


def test_offset_with_seconds_is_refused_where_it_applies():
    # Liberia kept -00:44:30 until 1972-01-07
    with pytest.raises(ValueError, match=r"'Africa/Monrovia'.*not whole minutes"):
        day("Africa/Monrovia", 1971, 6, 1)
    assert rows(day("Africa/Monrovia", 1972, 1, 8)) == [("08 00:00", "09 00:00", 0, 0, "ok")]


def test_bad_ranges_are_refused():
    with pytest.raises(ValueError, match="before start"):
        offset_spans("UTC", date(2020, 1, 2), date(2020, 1, 1))
    with pytest.raises(ValueError, match="outside"):
        offset_spans("UTC", date(2020, 1, 1), date.max)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/Recife", date(2000, 9, 1)),
        ("Asia/Gaza", date(2040, 9, 15)),
        ("Africa/Freetown", date(1939, 8, 1)),
    ],
)
def test_an_hourly_scan_finds_no_further_change(zone: str, start: date):
    """These zones have the closest changes of the tz database: one week and four days apart."""
    info, n_hours = ZoneInfo(zone), 120 * 24
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    offsets = [(first + timedelta(hours=h)).astimezone(info).utcoffset() for h in range(n_hours)]
    n_changes = sum(a != b for a, b in pairwise(offsets))
    spans = offset_spans(zone, start, start + timedelta(days=119))
    assert n_changes >= 2
    assert sum(s.time_quality == "ok" for s in spans) == n_changes + 1


@settings(max_examples=400, deadline=None)
@given(zone=st.sampled_from(ZONES), on=days, second=st.integers(0, 86_399))
@example("Pacific/Apia", date(2011, 12, 30), 43_200)
@example("America/New_York", date(2016, 3, 13), 2 * 3600)
@example("America/New_York", date(2016, 11, 6), 3600)
@example("America/New_York", date(2016, 11, 6), 2 * 3600 - 1)
def test_every_wall_time_has_the_offset_of_zoneinfo(zone: str, on: date, second: int):
    wall = datetime(on.year, on.month, on.day) + timedelta(seconds=second)
    hits = [s for s in offset_spans(zone, on, on) if s.local_start <= wall < s.local_end]
    assert [s.fold for s in hits] in ([0], [0, 1])
    for span in hits:
        aware = wall.replace(fold=span.fold, tzinfo=ZoneInfo(zone))
        assert timedelta(minutes=span.utc_offset_min) == aware.utcoffset()
        # a wall time that occurred survives the way to UTC and back, one in a gap does not
        returned = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert (returned == wall) == (span.time_quality != "dst_gap")
        assert (span.time_quality == "dst_overlap") == (len(hits) == 2)


@settings(max_examples=150, deadline=None)
@given(zone=st.sampled_from(ZONES), start=days, n_days=st.integers(1, 400))
def test_spans_tile_the_range(zone: str, start: date, n_days: int):
    end = start + timedelta(days=n_days - 1)
    spans = offset_spans(zone, start, end)
    first_pass = [s for s in spans if s.fold == 0]
    assert first_pass[0].local_start == datetime(start.year, start.month, start.day)
    assert first_pass[-1].local_end == datetime(end.year, end.month, end.day) + timedelta(days=1)
    assert all(a.local_end == b.local_start for a, b in pairwise(first_pass))
    overlaps = [(s.local_start, s.local_end) for s in first_pass if s.time_quality == "dst_overlap"]
    assert [(s.local_start, s.local_end) for s in spans if s.fold == 1] == overlaps


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), start=days)
def test_day_length_is_the_time_zoneinfo_spends_in_the_day(zone: str, start: date):
    """Count the 5-minute instants of six days whose local date it is; offsets are multiples of 15 min."""
    first = datetime(start.year, start.month, start.day, tzinfo=UTC) - timedelta(days=3)
    instants = (first + timedelta(minutes=5 * i) for i in range(6 * 24 * 12))
    n_inside = sum(instant.astimezone(ZoneInfo(zone)).date() == start for instant in instants)
    # a change at one minute past midnight (St John's) leaves up to 5 min on either side
    assert abs(day_length_min(zone, start) - 5 * n_inside) < 5
