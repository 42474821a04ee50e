"""Windows and spans of sleep by hand. Against plain Python they are in test_sleep.py."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from neuro_assets.science.features.sleep import nights
from neuro_assets.science.features.sleep_nights import SleepRule
from neuro_assets.science.features.sleep_spans import asleep_spans, known_spans
from neuro_assets.science.features.sleep_windows import WindowRule, sleep_windows
from neuro_assets_tests.science.features.sleep_records import Log, by_hand, holds, log_frame, stage_frame, total_frame


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        sleep_windows(nights(log_frame([]), stage_frame([]), total_frame()), total_frame(), 0)
    with pytest.raises(ValueError, match="below 1"):
        WindowRule(min_free=0)
    with pytest.raises(ValueError, match=r"1 \(Monday\) to 7"):
        WindowRule(free_days=(0, 6))


def _week(*bedtimes: int) -> list[Log]:
    """Nights of eight hours asleep from Monday 2020-01-06 on; begins in minutes after midnight, -999 for none."""
    monday = datetime(2020, 1, 6)
    starts = [monday + timedelta(days=n, minutes=m) for n, m in enumerate(bedtimes) if m > -999]
    return [by_hand(str(at), str(at + timedelta(hours=8)), "light 480") for at in starts]


def _window(logs: list[Log], day: int, length: int = 7, rule: WindowRule | None = None) -> dict[str, Any]:
    found = nights(log_frame(logs), stage_frame(logs), total_frame())
    days = pl.DataFrame({"participant_id": ["a"], "day": [date(2020, 1, day)]})
    (row,) = sleep_windows(found, days, length, rule).to_dicts()
    return row


def test_a_week_by_hand() -> None:
    """Asleep at -10, 0, 10, 0, 0, then 60 and 120 min before the free days: mid-sleep 90 min later than the others'."""
    window = _window(_week(-10, 0, 10, 0, 0, 60, 120), 12)
    holds(window, n_nights=7, total_asleep_mean_min=480, asleep_sd_min=0, social_jetlag_min=90)
    holds(window, onset_mean_min=180 / 7, midpoint_mean_min=240 + 180 / 7, wake_mean_min=480 + 180 / 7)
    holds(window, onset_rmssd_min=((10**2 * 3 + 0 + 60**2 * 2) / 6) ** 0.5)
    holds(_window(_week(-10, 0, 10, 0, 0, 60, 120), 12, 6), n_nights=6, onset_rmssd_min=((200 + 7200) / 5) ** 0.5)


def test_with_too_little_nothing_is_told() -> None:
    """Five nights of which three are in a row: means, but two differences only, and one night before a free day."""
    window = _window(_week(0, 0, 0, -999, 0, 0), 12)
    holds(window, n_nights=5, onset_mean_min=0, onset_sd_min=0, onset_rmssd_min=None, social_jetlag_min=None)
    holds(_window(_week(0, 0, 0, -999, 0), 12), n_nights=4, onset_mean_min=None, asleep_sd_min=None)
    holds(_window([], 12), n_nights=0, onset_mean_min=None, window_days=7)
    loose = WindowRule(min_nights=1, min_pairs=1, min_free=1, min_work=1, free_days=(5,))
    holds(_window(_week(0, 0, 30, -999, 60), 12, 7, loose), social_jetlag_min=50, onset_rmssd_min=450**0.5)
    holds(_window(_week(7), 6, 1, loose), onset_mean_min=7, onset_sd_min=None)


def test_a_nap_in_place_of_a_night_tells_no_times_of_one() -> None:
    nap = by_hand("2020-01-11 14:00", "2020-01-11 16:59", "light 179")
    week = _week(0, 0, 0, 0, 0)
    alone = _window(week, 12)
    window = _window([*week, nap], 12)
    assert {c for c in window if window[c] != alone[c]} == {
        *("n_nights", "asleep_mean_min", "asleep_sd_min", "total_asleep_mean_min", "total_asleep_sd_min")
    }
    holds(window, n_nights=6, asleep_mean_min=(5 * 480 + 179) / 6, onset_sd_min=0)
    bold = _window([*week, nap], 12, 7, WindowRule(main_at_least_min=179))
    holds(bold, onset_mean_min=14 * 60 / 6)


def test_windows_look_back_only() -> None:
    """Whatever is recorded after the evening of a day, its window stays as it is."""
    chance = random.Random(5)
    logs = _week(*(chance.choice([-999, *range(-90, 300, 7)]) for _ in range(40)))
    naps = [by_hand(f"2020-01-{d:02d} 14:00", f"2020-01-{d:02d} 15:00", "light 60") for d in range(8, 30, 3)]
    every = [*logs, *naps]
    for day in (12, 20, 29):
        evening = datetime(2020, 1, day, 18)
        before = [log for log in every if log.start < evening]
        after = [by_hand(f"2020-01-{day} 18:00", f"2020-01-{day} 23:00", "rem 300")]
        assert _window(before, day, 14) == _window([*before, *after], day, 14) == _window(every, day, 14)


def test_when_people_slept_and_when_that_is_known() -> None:
    """Two nights in a row, one alone; a nap without stages between the first two is not known."""
    logs = [
        by_hand("2020-01-01 23:00", "2020-01-02 07:00", "wake 60, light 60, rem 60, wake 60, deep 240"),
        by_hand("2020-01-02 14:00", "2020-01-02 15:00", asleep=60, awake=0),
        by_hand("2020-01-03 00:00", "2020-01-03 06:00", "light 360"),
        by_hand("2020-01-05 00:00", "2020-01-05 06:00", "light 360"),
    ]

    def spans(frame: pl.DataFrame) -> list[str]:
        return [f"{since:%d %H:%M}-{until:%d %H:%M}" for _, since, until in frame.iter_rows()]

    slept = asleep_spans(log_frame(logs), stage_frame(logs))
    assert spans(slept) == ["02 00:00-02 02:00", "02 03:00-02 07:00", "03 00:00-03 06:00", "05 00:00-05 06:00"]
    known = known_spans(log_frame(logs), stage_frame(logs), SleepRule())
    assert spans(known) == ["01 23:00-02 14:00", "02 15:00-03 06:00", "05 00:00-05 06:00"]
    strict = known_spans(log_frame(logs), stage_frame(logs), SleepRule(night_at_least_min=361))
    assert spans(strict) == []


def test_a_day_with_nothing_but_a_nap_leaves_its_night_unknown() -> None:
    nap = by_hand("2020-01-03 14:00", "2020-01-03 15:00", "light 60")
    logs = [by_hand(f"2020-01-0{d} 00:00", f"2020-01-0{d} 06:00", "light 360") for d in (2, 4)] + [nap]
    known = known_spans(log_frame(logs), stage_frame(logs), SleepRule())
    assert [since.day for since in known["since"]] == [2, 4]
    bold = known_spans(log_frame(logs), stage_frame(logs), SleepRule(night_at_least_min=60))
    assert [(until - since).total_seconds() / 3600 for _, since, until in bold.iter_rows()] == [54]
