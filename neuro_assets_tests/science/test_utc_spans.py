"""What a person's clock showed, for moments in UTC: repeated hours, skipped hours, journeys."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from neuro_assets.science.local_time import UtcSpan, utc_spans

OSLO, NEW_YORK = "Europe/Oslo", "America/New_York"
ALWAYS = (date.min, date.max)


def clock(spans: list[UtcSpan], moment: datetime) -> tuple[datetime, int, int]:
    """The wall clock at a moment in UTC, its fold, and the zone it was in."""
    (span,) = [s for s in spans if s.utc_start <= moment < s.utc_end]
    return moment + timedelta(minutes=span.utc_offset_min), span.fold, span.period


@pytest.mark.parametrize("zone", [OSLO, NEW_YORK, "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"])
def test_one_zone_equals_zoneinfo_at_every_quarter_of_an_hour(zone: str):
    first, last = date(2019, 3, 1), date(2019, 11, 30)
    spans = utc_spans([(*ALWAYS, zone)], first, last)
    moment = datetime(2019, 3, 2)
    while moment < datetime(2019, 11, 29):
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        assert clock(spans, moment) == (local.replace(tzinfo=None), local.fold, 0)
        moment += timedelta(minutes=15)


def test_after_a_journey_to_the_west_the_evening_is_lived_twice():
    periods = [(date.min, date(2020, 1, 10), OSLO), (date(2020, 1, 10), date.max, NEW_YORK)]
    spans = utc_spans(periods, date(2020, 1, 1), date(2020, 1, 20))
    assert clock(spans, datetime(2020, 1, 9, 22, 59)) == (datetime(2020, 1, 9, 23, 59), 0, 0)
    assert clock(spans, datetime(2020, 1, 9, 23)) == (datetime(2020, 1, 9, 18), 1, 1)
    assert clock(spans, datetime(2020, 1, 10, 4, 59)) == (datetime(2020, 1, 9, 23, 59), 1, 1)
    assert clock(spans, datetime(2020, 1, 10, 5)) == (datetime(2020, 1, 10), 0, 1)


def test_after_a_journey_to_the_east_the_morning_is_missing():
    periods = [(date.min, date(2020, 1, 10), NEW_YORK), (date(2020, 1, 10), date.max, OSLO)]
    spans = utc_spans(periods, date(2020, 1, 1), date(2020, 1, 20))
    assert clock(spans, datetime(2020, 1, 10, 4, 59)) == (datetime(2020, 1, 9, 23, 59), 0, 0)
    assert clock(spans, datetime(2020, 1, 10, 5)) == (datetime(2020, 1, 10, 6), 0, 1)


@pytest.mark.parametrize("zones", [(OSLO, NEW_YORK, OSLO), (NEW_YORK, "Asia/Tokyo", "Pacific/Honolulu")])
def test_every_moment_has_one_clock_and_no_clock_shows_a_time_twice_with_one_fold(zones: tuple[str, ...]):
    days = (date.min, date(2020, 3, 20), date(2020, 3, 29), date.max)
    periods = [(days[n], days[n + 1], z) for n, z in enumerate(zones)]
    spans = utc_spans(periods, date(2020, 3, 1), date(2020, 4, 10))
    assert [a.utc_end for a in spans[:-1]] == [b.utc_start for b in spans[1:]]
    shown = [clock(spans, datetime(2020, 3, 3) + timedelta(minutes=15 * n))[:2] for n in range(36 * 96)]
    assert len(set(shown)) == len(shown)


def test_a_zone_that_begins_later_leaves_the_days_before_it_open():
    spans = utc_spans([(date(2020, 1, 10), date.max, OSLO)], date(2020, 1, 1), date(2020, 1, 20))
    assert spans[0].utc_start == datetime(2020, 1, 9, 23)
