"""Days of 23 and 25 hours, zones of half hours, and a day on which a person moves."""

from datetime import date, datetime

import pytest

from neuro_assets_tests.series.conftest import Planted

NEW_YORK, UTC_4, UTC_5 = "America/New_York", -240, -300
DAYS = "SELECT length_min, n, total, observed_share, worn_share FROM imputed.series_1d"
COLUMNS = "hour, fold, timezone('UTC', ts), length_min, n, total, observed_share, worn_share"
HOURS = f"SELECT {COLUMNS} FROM imputed.series_1h"


def test_a_day_of_25_hours_has_the_hour_that_comes_twice_twice(planted):
    """2019-11-03: 00:00 to 02:00 at UTC-4, 01:00 to 24:00 at UTC-5; one step a minute, two in the second pass."""
    study: Planted = planted(default_time_zone=NEW_YORK)
    day = date(2019, 11, 3)
    study.put("steps", "a", datetime(2019, 11, 3), [1.0] * 60, offset_min=UTC_4)
    study.put("steps", "a", datetime(2019, 11, 3, 1), [1.0] * 60, offset_min=UTC_4, quality="dst_overlap")
    study.put("steps", "a", datetime(2019, 11, 3, 1), [2.0] * 60, offset_min=UTC_5, fold=1, quality="dst_overlap")
    study.put("steps", "a", datetime(2019, 11, 3, 2), [1.0] * 22 * 60, offset_min=UTC_5)
    study.cover(day)
    study.roll_up(day)
    assert study.rows(DAYS) == [(1500, 1500, 1560, 1, 1)]
    assert study.rows(f"{HOURS} WHERE hour BETWEEN 1 AND 2 ORDER BY ts") == [
        (1, 0, datetime(2019, 11, 3, 5), 60, 60, 60, 1, 1),
        (1, 1, datetime(2019, 11, 3, 6), 60, 60, 120, 1, 1),
        (2, 0, datetime(2019, 11, 3, 7), 60, 60, 60, 1, 1),
    ]
    twice = "SELECT fold, utc_offset_min, timezone('UTC', ts), total FROM imputed.series_1m WHERE local_ts = ?"
    assert study.rows(f"{twice} ORDER BY 1", datetime(2019, 11, 3, 1, 30)) == [
        (0, UTC_4, datetime(2019, 11, 3, 5, 30), 1),
        (1, UTC_5, datetime(2019, 11, 3, 6, 30), 2),
    ]


def test_a_day_of_23_hours_and_rows_at_times_that_never_were(planted):
    """2020-03-08: 02:00 to 03:00 never was; a file has it all the same, beside the hour that the clock jumped to."""
    study: Planted = planted(default_time_zone=NEW_YORK)
    day = date(2020, 3, 8)
    study.put("steps", "a", datetime(2020, 3, 8), [1.0] * 120, offset_min=UTC_5)
    study.put("steps", "a", datetime(2020, 3, 8, 2), [5.0] * 60, offset_min=UTC_5, quality="dst_gap")
    study.put("steps", "a", datetime(2020, 3, 8, 3), [1.0] * 21 * 60, offset_min=UTC_4)
    study.cover(day)
    study.roll_up(day)
    assert study.rows(DAYS) == [(1380, 1440, 1380 + 300, 1, 1)]
    assert study.rows(f"{HOURS} WHERE hour BETWEEN 1 AND 4 ORDER BY ts") == [
        (1, 0, datetime(2020, 3, 8, 6), 60, 60, 60, 1, 1),
        (3, 0, datetime(2020, 3, 8, 7), 60, 120, 360, 1, 1),
        (4, 0, datetime(2020, 3, 8, 8), 60, 60, 60, 1, 1),
    ]
    minute = "SELECT local_ts, utc_offset_min, n, total, first_value, last_value FROM imputed.series_1m WHERE ts = ?"
    # What the clock jumped over comes first.
    assert study.rows(minute, "2020-03-08 07:10:00+00") == [(datetime(2020, 3, 8, 3, 10), UTC_4, 2, 6, 5, 1)]
    assert study.rows("SELECT count(*), min(n), max(n) FROM imputed.series_1m") == [(1380, 1, 2)]


@pytest.mark.verify
def test_a_clock_of_half_hours(planted):
    """India is five hours and a half ahead: its hours begin at half past in UTC. Exports by the hour, and a minute."""
    study: Planted = planted(default_time_zone="Asia/Kolkata")
    day = date(2019, 11, 5)
    study.put("steps", "a", datetime(2019, 11, 5), [100.0 + n for n in range(24)], period_s=3600, offset_min=330)
    study.put("steps", "b", datetime(2019, 11, 5, 23, 59), [9.0], offset_min=330)
    study.cover(day)
    study.roll_up(day)
    assert study.rows(f"{HOURS} WHERE participant_id = 'a' AND hour IN (0, 23) ORDER BY 1") == [
        (0, 0, datetime(2019, 11, 4, 18, 30), 60, 1, 100, 1, 1),
        (23, 0, datetime(2019, 11, 5, 17, 30), 60, 1, 123, 1, 1),
    ]
    assert study.rows(f"{DAYS} WHERE participant_id = 'a'") == [(1440, 24, sum(range(100, 124)), 1, 1)]
    assert study.rows(f"{HOURS} WHERE participant_id = 'b'") == [
        (23, 0, datetime(2019, 11, 5, 17, 30), 60, 1, 9, 1 / 60, 1 / 60)
    ]


def test_a_clock_that_changes_by_half_an_hour(planted):
    """Lord Howe Island, 2020-04-05: at 02:00 the clock goes back to 01:30."""
    study: Planted = planted(default_time_zone="Australia/Lord_Howe")
    day = date(2020, 4, 5)
    study.put("steps", "a", datetime(2020, 4, 5), [1.0] * 120, offset_min=660)
    study.put("steps", "a", datetime(2020, 4, 5, 1, 30), [1.0] * 30, offset_min=630, fold=1, quality="dst_overlap")
    study.put("steps", "a", datetime(2020, 4, 5, 2), [1.0] * 22 * 60, offset_min=630)
    study.cover(day)
    study.roll_up(day)
    assert study.rows(DAYS) == [(1470, 1470, 1470, 1, 1)]
    assert study.rows(f"{HOURS} WHERE hour = 1 ORDER BY ts") == [
        (1, 0, datetime(2020, 4, 4, 14), 60, 60, 60, 1, 1),
        (1, 1, datetime(2020, 4, 4, 15), 30, 30, 30, 1, 1),
    ]


@pytest.mark.parametrize(
    ("to", "length_min", "first_hour"), [("Europe/Vienna", 18 * 60, 6), ("America/Los_Angeles", 24 * 60, 0)]
)
@pytest.mark.verify
def test_the_day_of_a_journey_is_as_long_as_it_was(planted, to: str, length_min: int, first_hour: int):
    """On 10 November, at midnight in New York: it is 6:00 in Vienna, and 21:00 of the 9th in Los Angeles."""
    zones = [{"zone": NEW_YORK}, {"zone": to, "since": "2019-11-10"}]
    study: Planted = planted(people=[{"participant_id": "a", "zones": zones}])
    offset = {"Europe/Vienna": 60, "America/Los_Angeles": -480}[to]
    begin = datetime(2019, 11, 10, first_hour)
    study.put("steps", "a", begin, [1.0] * length_min, offset_min=offset)
    study.cover(date(2019, 11, 9), date(2019, 11, 10))
    study.roll_up(date(2019, 11, 10))
    assert study.rows(DAYS) == [(length_min, length_min, length_min, 1, 1)]
    assert study.rows(f"{HOURS} ORDER BY ts LIMIT 1")[0][:2] == (first_hour, 0)
