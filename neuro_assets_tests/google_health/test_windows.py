import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from neuro_assets.connectors.google_health.windows import Days, TypeState, bounds, delta, filter_of, ranges
from neuro_assets.sources.google_health.data_types import BY_NAME, DATA_TYPES
from neuro_assets.study_google_health import TYPE_NAMES, GoogleHealthRules

RULES = GoogleHealthRules()
STEPS, SLEEP, REST, CALORIES = (BY_NAME[n] for n in ("steps", "sleep", "daily-resting-heart-rate", "total-calories"))
NOW = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
ALWAYS = (date(2026, 1, 1), None)


def synced(hours_ago: float, **others) -> TypeState:
    at = NOW - timedelta(hours=hours_ago)
    state = {"fetched_at": at, "syncs": (at,), "deepest_day": date(2026, 10, 1), "outcome": "complete"}
    return TypeState(**(state | {"tried_at": at} | others))


def first(state: TypeState, data_type=STEPS, zone="Europe/London", presence=ALWAYS, now=NOW) -> date:
    days = delta(data_type, state, now, zone, RULES, presence)
    assert days is not None
    return days.first


def test_the_protocol_names_every_type_that_is_read():
    assert tuple(t.name for t in DATA_TYPES) == TYPE_NAMES


def test_a_first_pull_goes_back_as_far_as_the_person_takes_part():
    assert first(TypeState()) == date(2026, 11, 20) - timedelta(days=90)
    assert first(TypeState(), presence=(date(2026, 11, 3), None)) == date(2026, 11, 3)


def test_the_days_of_the_usual_pull_are_those_read_again():
    assert first(synced(24)) == date(2026, 11, 12)


def test_a_silent_tracker_is_asked_from_its_last_sync_on():
    # 12 days and 36 hours before; the sync was at 05:30 of the 8th, so that the 6th is where it begins
    state = synced(24, syncs=(datetime(2026, 11, 8, 5, 30, tzinfo=UTC),))
    assert first(state) == date(2026, 11, 6)


def test_the_watermark_is_the_sync_and_not_the_pull():
    """A pull of yesterday that knew of a sync of three weeks ago covers nothing since."""
    state = synced(24, syncs=(NOW - timedelta(days=21),))
    assert first(state) == (NOW - timedelta(days=21, hours=36)).date()


def test_the_first_day_that_was_not_over_is_asked_for():
    rules = GoogleHealthRules(lookback_h=0, recheck_days=0, grace_h=3)
    # a sync at two in the morning leaves the day before open
    state = synced(24, syncs=(datetime(2026, 11, 18, 2, tzinfo=UTC),))
    days = delta(STEPS, state, NOW, "UTC", rules, ALWAYS)
    assert days is not None
    assert days.first == date(2026, 11, 17)
    later = synced(24, syncs=(datetime(2026, 11, 18, 3, tzinfo=UTC),))
    days = delta(STEPS, later, NOW, "UTC", rules, ALWAYS)
    assert days is not None
    assert days.first == date(2026, 11, 18)


def test_once_a_week_sleep_and_daily_values_are_read_a_month_back():
    shallow = synced(24, deepest_day=date(2026, 11, 12))
    assert first(shallow, SLEEP) == first(shallow, REST) == date(2026, 10, 21)
    assert first(shallow, STEPS) == date(2026, 11, 12)
    deep = synced(24, deepest_day=date(2026, 10, 16))
    assert first(deep, SLEEP) == date(2026, 11, 12)


def test_a_young_study_is_not_read_deep_each_day():
    presence = (date(2026, 11, 10), None)
    assert first(synced(24, deepest_day=date(2026, 11, 10)), SLEEP, presence=presence) == date(2026, 11, 12)


def test_nothing_is_asked_for_after_somebody_has_left():
    left = date(2026, 11, 15)
    days = delta(STEPS, synced(24), NOW, "UTC", RULES, (date(2026, 1, 1), left))
    assert days == Days(date(2026, 11, 12), left, is_open=False)
    assert delta(STEPS, synced(24), NOW, "UTC", RULES, (date(2026, 1, 1), date(2026, 11, 2))) is None
    assert f'< "{left + timedelta(days=1)}T12:00:00Z"' in filter_of(STEPS, days, NOW)


@pytest.mark.parametrize("offset_h", [-12, -11, 0, 5.5, 14])
def test_whole_days_are_whole_wherever_they_were_lived(offset_h):
    days = Days(date(2026, 3, 1), date(2026, 3, 2), is_open=False)
    start, end = bounds(days, NOW)
    offset = timedelta(hours=offset_h)
    assert start <= datetime(2026, 3, 1, tzinfo=UTC) - offset
    assert end >= datetime(2026, 3, 3, tzinfo=UTC) - offset


def test_an_open_day_is_the_latest_on_earth():
    days = delta(STEPS, synced(24), datetime(2026, 11, 20, 10, 30, tzinfo=UTC), "America/Los_Angeles", RULES, ALWAYS)
    assert days is not None
    assert days.last == date(2026, 11, 21)  # on Kiritimati it is half past midnight
    assert days.is_open
    assert "<" not in filter_of(STEPS, days, NOW)


def test_each_type_is_filtered_in_its_own_dialect():
    days = Days(date(2026, 3, 1), date(2026, 3, 1), is_open=False)
    told = {t.name: filter_of(t, days, NOW) for t in DATA_TYPES if t.method == "points"}
    assert told["steps"] == (
        'steps.interval.start_time >= "2026-02-28T10:00:00Z" AND steps.interval.start_time < "2026-03-02T12:00:00Z"'
    )
    assert told["sleep"].startswith('sleep.interval.end_time >= "2026-02-28T10:00:00Z"')
    assert told["exercise"] == (
        'exercise.interval.civil_start_time >= "2026-03-01T00:00:00"'
        ' AND exercise.interval.civil_start_time < "2026-03-02T00:00:00"'
    )
    assert told["daily-respiratory-rate"] == (
        'daily_respiratory_rate.date >= "2026-03-01" AND daily_respiratory_rate.date < "2026-03-02"'
    )


def test_roll_ups_are_asked_in_ranges_that_the_interface_allows():
    found = ranges(Days(date(2026, 1, 1), date(2026, 1, 30), is_open=False), NOW)
    assert [end - start for start, end in found[:-1]] == [timedelta(days=13)] * (len(found) - 1)
    assert found[0][1] == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert found[-1][0] == datetime(2025, 12, 31, 10, tzinfo=UTC)
    assert all(a[0] == b[1] for a, b in itertools.pairwise(found))


def test_who_was_refused_rests_for_a_day_and_what_has_ended_for_a_week():
    paused = synced(24, outcome="paused")
    assert paused.resting_until() == NOW
    assert synced(24, outcome="retired").resting_until() == NOW + timedelta(days=6)
    assert synced(24).resting_until() is None


def test_of_two_trackers_the_one_that_has_synced_since_tells_where_to_begin():
    one, other = NOW - timedelta(hours=26), NOW - timedelta(days=15)
    state = synced(24, syncs=(one, other))

    def begins(*syncs: datetime) -> date:
        days = delta(STEPS, state, NOW, "Europe/London", RULES, ALWAYS, syncs)
        assert days is not None
        return days.first

    usual = date(2026, 11, 12)
    assert begins(one, other) == usual
    assert begins(NOW, other) == usual
    assert begins(one, NOW) == begins(NOW, NOW - timedelta(hours=1)) == date(2026, 11, 3)
    assert begins(NOW) == date(2026, 11, 3)  # it is gone: what it had may have come with its last sync
    assert begins() == usual  # nobody says


def test_what_no_tracker_remembers_is_not_waited_for():
    year_ago = NOW - timedelta(days=365)
    state = synced(24, syncs=(NOW - timedelta(hours=26), year_ago))
    days = delta(STEPS, state, NOW, "Europe/London", RULES, ALWAYS, (NOW,))
    assert days is not None
    # 35 days, and 36 hours, before the pull of yesterday
    assert days.first == date(2026, 10, 13)
    assert first(synced(24, syncs=(), newest_day=date(2026, 2, 1))) == date(2026, 10, 13)
    # Nothing ever came, and nobody tells of syncs.
    assert first(synced(24, syncs=())) == date(2026, 10, 13)
    assert first(synced(24 * 60, syncs=(NOW - timedelta(days=61),))) == date(2026, 9, 18)
