"""Episodes from events: by hand, rule by rule, against a slow reimplementation, and at scale."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from neuro_assets.science.episodes import (
    RULES,
    Episodes,
    app_episodes,
    focus_sessions,
    notification_response,
    screen_episodes,
)
from neuro_assets.science.local_days import daily_totals, split_by_local_day, zone_of_offset

NEW_YORK = "America/New_York"
EVENTS = {
    "participant_id": pl.String,
    "device_id": pl.String,
    "ts": pl.Datetime("us", "UTC"),
    "event_type": pl.String,
    "app": pl.String,
    "row_number": pl.Int64,
    "event_id": pl.String,
    "planned_min": pl.Float64,
}
SCREEN, APPS = ("screen_on", "screen_off", "unlock", "lock"), ("app_focus", "app_blur")
TYPES = (*SCREEN, *APPS, "notification", "focus_start", "focus_stop", "custom")
MOST_SORTS = 3  # times a plain sort of the same million events: the most that each function may take
CATEGORIES = {"chat": "social", "mail": "work"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def log(*lines: str, day: str = "2020-01-01", person: str = "p", device: str | None = "d") -> pl.DataFrame:
    """Events from lines such as "10:00 app_focus chat", in UTC, or "2020-03-08T04:30 unlock"."""
    rows = []
    for n, line in enumerate(lines):
        when, kind, *rest = line.split()
        ts = at(when if "T" in when else f"{day}T{when}")
        planned = float(rest[0]) if kind == "focus_start" and rest else None
        rows.append((person, device, ts, kind, rest[0] if rest and planned is None else None, n, f"e{n}", planned))
    return pl.DataFrame(rows, EVENTS, orient="row")


def zones(*rows: tuple[str, str, str | None, str | None]) -> pl.DataFrame:
    names = ("participant_id", "zone", "since_utc", "until_utc")
    moment = pl.Datetime("us", "UTC")
    values = [(p, z, *(at(t) if t else None for t in when)) for p, z, *when in rows]
    return pl.DataFrame(values, dict(zip(names, (pl.String, pl.String, moment, moment), strict=True)), orient="row")


def minutes(found: Episodes) -> list[float | None]:
    return found.table["duration_min"].to_list()


def counted(found: Episodes) -> dict[str, int]:
    """The rules that concern something."""
    assert set(found.account) <= set(RULES)
    return {rule: n for rule, n in found.account.items() if n}


# By hand --------------------------------------------------------------------------------------------------------------


def test_a_log_over_midnight_and_both_clock_changes_by_hand():
    events = log(
        "2020-03-08T04:30 unlock",  # Sat 7 Mar 23:30 EST
        "2020-03-08T05:20 screen_off",  # Sun 8 Mar 00:20 EST: 30 + 20 min
        "2020-03-08T06:50 unlock",  # 01:50 EST
        "2020-03-08T07:15 screen_off",  # 03:15 EDT: 25 min, of which the clock skips an hour
        "2020-03-09T03:40 unlock",  # 23:40 EDT
        "2020-03-09T04:10 screen_off",  # Mon 00:10 EDT: 20 + 10 min
        "2020-11-01T03:50 unlock",  # Sat 31 Oct 23:50 EDT
        "2020-11-01T04:05 screen_off",  # Sun 1 Nov 00:05 EDT: 10 + 5 min
        "2020-11-01T05:40 unlock",  # 01:40 EDT
        "2020-11-01T06:20 screen_off",  # 01:20 EST: 40 min
        "2020-11-02T04:30 unlock",  # 23:30 EST
        "2020-11-02T05:45 screen_off",  # Mon 00:45 EST: 30 + 45 min
        "2020-11-02T15:00 unlock",
        "2020-11-02T15:00 lock",  # 10:00 EST: 0 min
    )
    found = screen_episodes(events)
    assert minutes(found) == [50, 25, 30, 15, 40, 75, 0]
    pieces = split_by_local_day(found.table, zones(("p", NEW_YORK, None, None)))
    shown = pieces.select("episode", "piece", "day", pl.col("local_start").dt.to_string("%H:%M"), "utc_offset_min")
    assert list(zip(*shown.to_dict(as_series=False).values(), pieces["duration_min"], strict=True)) == [
        (0, 0, date(2020, 3, 7), "23:30", -300, 30),
        (0, 1, date(2020, 3, 8), "00:00", -300, 20),
        (1, 0, date(2020, 3, 8), "01:50", -300, 25),
        (2, 0, date(2020, 3, 8), "23:40", -240, 20),
        (2, 1, date(2020, 3, 9), "00:00", -240, 10),
        (3, 0, date(2020, 10, 31), "23:50", -240, 10),
        (3, 1, date(2020, 11, 1), "00:00", -240, 5),
        (4, 0, date(2020, 11, 1), "01:40", -240, 40),
        (5, 0, date(2020, 11, 1), "23:30", -300, 30),
        (5, 1, date(2020, 11, 2), "00:00", -300, 45),
        (6, 0, date(2020, 11, 2), "10:00", -300, 0),
    ]
    totals = daily_totals(pieces)
    assert totals.drop("participant_id", "sum_us", "std_min", "mean_min").rows() == [
        # day, n, sum, max, min, first use
        (date(2020, 3, 7), 1, 30, 30, 30, 1410),
        (date(2020, 3, 8), 3, 65, 25, 20, 0),
        (date(2020, 3, 9), 1, 10, 10, 10, 0),
        (date(2020, 10, 31), 1, 10, 10, 10, 1430),
        (date(2020, 11, 1), 3, 75, 40, 5, 0),
        (date(2020, 11, 2), 2, 45, 45, 0, 0),
    ]
    assert totals["mean_min"].to_list() == pytest.approx([30, 65 / 3, 10, 10, 25, 22.5])
    std = totals["std_min"].to_list()
    assert [std[0], std[2], std[3]] == [None, None, None]
    # deviations -5/3, 10/3, -5/3; -20, 15, 5; 22.5, -22.5
    assert [std[1], std[4], std[5]] == pytest.approx([(25 / 3) ** 0.5, 325**0.5, 1012.5**0.5])
    assert totals["sum_min"].sum() == 235 == sum(minutes(found))  # pyright: ignore[reportArgumentType]
    assert totals["sum_us"].sum() == 235 * 60_000_000


@pytest.mark.parametrize(
    ("begin", "end", "day", "length_min"),
    [
        ("2020-03-08T05:00", "2020-03-09T04:00", date(2020, 3, 8), 1380),
        ("2020-11-01T04:00", "2020-11-02T05:00", date(2020, 11, 1), 1500),
        ("2020-06-01T04:00", "2020-06-02T04:00", date(2020, 6, 1), 1440),
    ],
)
def test_a_whole_local_day_is_one_piece_of_its_true_length(begin: str, end: str, day: date, length_min: int):
    found = screen_episodes(log(f"{begin} unlock", f"{end} screen_off"), cap_min=None)
    pieces = split_by_local_day(found.table, zones(("p", NEW_YORK, None, None)))
    assert pieces.select("day", "duration_min").rows() == [(day, length_min)]
    wider = log(f"{begin}:00.000000 unlock", f"{end}:00.000001 screen_off")
    pieces = split_by_local_day(screen_episodes(wider, None).table, zones(("p", NEW_YORK, None, None)))
    assert pieces["duration_us"].to_list() == [length_min * 60_000_000, 1]


def cut(zone: str, begin: str, end: str) -> list[tuple[date, str, float]]:
    found = screen_episodes(log(f"{begin} unlock", f"{end} screen_off"), cap_min=None)
    pieces = split_by_local_day(found.table, zones(("p", zone, None, None)))
    start = pieces["local_start"].dt.to_string("%H:%M")
    return list(zip(pieces["day"], start, pieces["duration_min"], strict=True))


def test_days_that_begin_at_one_o_clock_that_come_back_and_that_never_were():
    # 24:00 on 3 November was 01:00 on the 4th
    assert cut("America/Sao_Paulo", "2018-11-04T02:50", "2018-11-04T03:10") == [
        (date(2018, 11, 3), "23:50", 10),
        (date(2018, 11, 4), "01:00", 10),
    ]
    # at 00:01 on 7 November the clock went back to 23:01 on the 6th
    assert cut("America/St_Johns", "2010-11-07T02:20", "2010-11-07T04:00") == [
        (date(2010, 11, 6), "23:50", 10),
        (date(2010, 11, 7), "00:00", 1),
        (date(2010, 11, 6), "23:01", 59),
        (date(2010, 11, 7), "00:00", 30),
    ]
    # after 29 December came the 31st
    assert cut("Pacific/Apia", "2011-12-30T09:50", "2011-12-30T10:10") == [
        (date(2011, 12, 29), "23:50", 10),
        (date(2011, 12, 31), "00:00", 10),
    ]


def test_first_use_is_what_the_clock_showed_when_the_first_one_began():
    # 01:50 EDT, then 01:10 EST: 80 minutes later, although the clock shows less
    events = log("2020-11-01T05:50 unlock", "2020-11-01T05:51 lock", "2020-11-01T06:10 unlock", "2020-11-01T06:11 lock")
    pieces = split_by_local_day(screen_episodes(events).table, zones(("p", NEW_YORK, None, None)))
    assert daily_totals(pieces)["first_use_min"].to_list() == [110]
    assert daily_totals(pieces.reverse())["first_use_min"].to_list() == [110]


def test_a_journey_in_the_middle_of_an_episode_cuts_it_and_counts_it_once_a_day():
    events = log("2020-01-09T14:30 unlock", "2020-01-10T00:30 screen_off")
    clock = zones(
        ("p", "Asia/Tokyo", None, "2020-01-10T00:00"),  # +9
        ("p", "Pacific/Honolulu", "2020-01-10T00:00", None),  # -10
    )
    pieces = split_by_local_day(screen_episodes(events, None).table, clock)
    assert pieces.select("zone", "day", pl.col("local_start").dt.hour(), "duration_min").rows() == [
        ("Asia/Tokyo", date(2020, 1, 9), 23, 30),
        ("Asia/Tokyo", date(2020, 1, 10), 0, 540),
        ("Pacific/Honolulu", date(2020, 1, 9), 14, 30),
    ]
    assert daily_totals(pieces).select("day", "n_episodes", "sum_min", "mean_min", "first_use_min").rows() == [
        (date(2020, 1, 9), 1, 60, 60, 1410),
        (date(2020, 1, 10), 1, 540, 540, 0),
    ]


def test_time_without_a_known_zone_keeps_its_length_and_gets_no_day():
    events = pl.concat([log("10:00 unlock", "11:00 lock"), log("10:00 unlock", "10:30 lock", person="nobody")])
    clock = zones(
        ("p", "Europe/Oslo", "2020-01-01T10:10", "2020-01-01T10:20"),
        ("p", NEW_YORK, "2020-01-01T10:50", "2020-01-01T11:00"),
        ("other", "Nowhere/Else", None, None),
    )
    pieces = split_by_local_day(screen_episodes(events).table, clock).sort("participant_id", "start_utc")
    assert pieces.select("participant_id", "zone", "day", "duration_min").rows() == [
        ("nobody", None, None, 30),
        ("p", None, None, 10),
        ("p", "Europe/Oslo", date(2020, 1, 1), 10),
        ("p", None, None, 30),
        ("p", NEW_YORK, date(2020, 1, 1), 10),
    ]
    assert daily_totals(pieces).select("n_episodes", "sum_min").rows() == [(1, 20)]


def test_an_open_ended_zone_lasts_until_the_next_one_begins():
    clock = zones(("p", "Europe/Oslo", None, None), ("p", NEW_YORK, "2020-01-01T10:30", None))
    pieces = split_by_local_day(screen_episodes(log("10:00 unlock", "11:00 lock")).table, clock)
    assert pieces.select("utc_offset_min", "duration_min").rows() == [(60, 30), (-300, 30)]
    pieces = split_by_local_day(screen_episodes(log("10:30 unlock", "10:30 lock")).table, clock)
    assert pieces.select("utc_offset_min", "duration_min").rows() == [(-300, 0)]


@pytest.mark.parametrize(
    "rows",
    [
        [("p", NEW_YORK, None, "2020-01-03T00:00"), ("p", NEW_YORK, "2020-01-02T00:00", None)],
        [("p", NEW_YORK, None, None), ("p", "Europe/Oslo", None, None)],
        [("p", NEW_YORK, "2020-01-03T00:00", "2020-01-02T00:00")],
    ],
)
def test_zones_that_overlap_or_end_before_they_begin_are_refused(rows: list):
    with pytest.raises(ValueError, match="zones of participant 'p' overlap"):
        split_by_local_day(screen_episodes(log("10:00 unlock", "11:00 lock")).table, zones(*rows))


def test_an_unknown_zone_is_refused():
    with pytest.raises(ValueError, match="Nowhere/Else"):
        split_by_local_day(
            screen_episodes(log("10:00 unlock", "11:00 lock")).table, zones(("p", "Nowhere/Else", None, None))
        )


# Rules of screen episodes ---------------------------------------------------------------------------------------------


def test_an_opening_after_an_opening_begins_the_episode_and_the_earlier_one_has_no_end():
    found = screen_episodes(log("10:00 unlock", "10:05 unlock", "10:20 screen_off"))
    assert found.table.select("status", "duration_min", "start_event_id", "end_event_id").rows() == [
        ("repeated", None, "e0", None),
        ("closed", 15, "e1", "e2"),
    ]
    assert found.table["is_over_cap"].to_list() == [None, False]
    assert counted(found) == {
        "openings": 2,
        "openings_used": 1,
        "openings_repeated": 1,
        "closings": 1,
        "closings_used": 1,
        "ended_by_screen_off": 1,
    }


def test_closings_without_an_opening_are_without_effect():
    found = screen_episodes(log("09:00 lock", "10:00 unlock", "10:10 screen_off", "10:11 lock"))
    assert found.table.select("ended_by", "duration_min").rows() == [("screen_off", 10)]
    assert counted(found) == {
        "openings": 1,
        "openings_used": 1,
        "closings": 3,
        "closings_used": 1,
        "closings_repeated": 1,
        "closings_unmatched": 1,
        "ended_by_screen_off": 1,
    }


def test_an_opening_without_a_closing_has_no_end_and_no_pieces():
    found = screen_episodes(log("10:00 unlock"))
    assert found.table.select("status", "end_utc", "duration_us", "is_over_cap").rows() == [
        ("unclosed", None, None, None)
    ]
    assert counted(found) == {"openings": 1, "openings_unclosed": 1}
    pieces = split_by_local_day(found.table, zones(("p", NEW_YORK, None, None)))
    assert pieces.height == daily_totals(pieces).height == 0


def test_longer_than_the_cap_is_kept_and_not_in_totals():
    found = screen_episodes(log("00:00 unlock", "06:00 lock", "07:00 unlock", "13:00:00.000001 lock"))
    assert found.table["is_over_cap"].to_list() == [False, True]
    assert found.account["episodes_over_cap"] == 1
    pieces = split_by_local_day(found.table, zones(("p", "UTC", None, None)))
    assert pieces["duration_us"].to_list() == [21_600_000_000, 21_600_000_001]
    assert daily_totals(pieces).select("n_episodes", "sum_min", "first_use_min").rows() == [(1, 360, 0)]
    assert screen_episodes(log("00:00 unlock", "23:00 lock"), None).table["is_over_cap"].to_list() == [False]


def test_an_instant_with_a_closing_and_an_opening():
    # an episode is open: it ends and the next begins; none is open: one of length zero
    found = screen_episodes(log("10:00 unlock", "10:10 unlock", "10:10 lock", "10:30 lock"))
    assert minutes(found) == [10, 20]
    found = screen_episodes(log("10:00 lock", "10:10 lock", "10:10 unlock", "10:30 unlock", "10:31 lock"))
    assert minutes(found) == [0, 1]
    assert found.account["episodes_zero_length"] == 1
    # several such instants in a row leave the state as it was
    found = screen_episodes(log("10:00 unlock", *(f"10:0{n} {k}" for n in (1, 2, 3) for k in ("unlock", "lock"))))
    assert minutes(found) == [1, 1, 1, None]
    events = log("10:00 screen_on", "10:10 screen_on", "10:10 screen_off", "10:30 screen_off")
    assert minutes(screen_episodes(events, opened_by=("screen_on",))) == [10, 20]
    # what another device was left in does not matter
    events = pl.concat([log("10:00 unlock"), log("11:00 lock", "11:00 unlock", "11:05 lock", person="q")])
    assert minutes(screen_episodes(events)) == [None, 0]


def test_phones_without_a_lock_open_with_the_screen():
    events = log("10:00 screen_on", "10:05 screen_off", "11:00 screen_on", "11:01 unlock", "11:07 screen_off")
    assert minutes(screen_episodes(events)) == [6]
    assert minutes(screen_episodes(events, opened_by=("screen_on",))) == [5, 7]
    assert minutes(screen_episodes(events, closed_by=("lock",))) == [None]


def test_a_lock_told_with_the_screen_going_on_closes_nothing():
    lines = ("10:00 screen_on", "10:00:00.049 lock", "10:05 screen_off", "11:00 screen_on", "11:00:00.050 lock")
    found = screen_episodes(log(*lines), opened_by=("screen_on",))
    assert found.table["duration_us"].to_list() == [300_000_000, 50_000]
    assert found.account["closings_echo"] == 1
    assert found.account["closings"] == 3
    found = screen_episodes(log(*lines), opened_by=("screen_on",), lock_echo_ms=0)
    assert found.table["duration_us"].to_list() == [49_000, 50_000]
    # RAPIDS' case: Android tells an unlock just before the screen goes on, and the lock's state after it
    found = screen_episodes(log("10:00 unlock", "10:00:00.300 screen_on", "10:00:00.310 lock", "10:04 screen_off"))
    assert minutes(found) == [4]
    found = screen_episodes(log("10:00 screen_on", "10:00 lock", "10:03 screen_off"), opened_by=("screen_on",))
    assert minutes(found) == [3]


def test_devices_and_people_are_apart_and_a_null_device_is_one_of_its_own():
    events = pl.concat(
        [
            log("10:00 unlock", "10:30 lock", device=None),
            log("10:10 unlock", "10:20 lock", device="d"),
            log("10:15 unlock", "10:45 lock", person="q", device=None),
            log("09:00 lock", device="e"),
        ]
    )
    found = screen_episodes(events)
    assert found.table.select("participant_id", "device_id", "duration_min").rows() == [
        ("p", None, 30),
        ("p", "d", 10),
        ("q", None, 30),
    ]
    assert found.account["closings_unmatched"] == 1


def test_what_is_further_apart_than_the_reach_is_not_linked():
    lines = ("10:00 unlock", "10:10 lock", "10:20:00.000001 lock", "11:00 unlock", "11:10:00.000001 lock")
    found = screen_episodes(log(*lines), reach_min=10)
    assert found.table.select("status", "duration_min").rows() == [("closed", 10), ("unclosed", None)]
    assert found.fates["rule"].to_list() == [
        "openings_used",
        "closings_used",
        "closings_unmatched",
        "openings_unclosed",
        "closings_unmatched",
    ]
    # what was open is forgotten: the instant is one of length zero, and not the end of the episode before it
    far, near = ("10:00 unlock", "10:11 unlock", "10:11 lock"), ("10:00 unlock", "10:10 unlock", "10:10 lock")
    assert minutes(screen_episodes(log(*far), reach_min=10)) == [None, 0]
    assert minutes(screen_episodes(log(*near), reach_min=10)) == [10, None]
    blur = log("10:00 app_focus chat", "10:05 lock", "10:11 app_focus chat", "10:11 app_blur chat")
    assert minutes(app_episodes(blur, reach_min=10)) == [5, 0]
    assert minutes(app_episodes(blur, reach_min=11)) == [5, None]
    focus = log("10:00 focus_start", "10:10:00.000001 focus_stop")
    assert minutes(focus_sessions(focus, reach_min=10)) == [None]
    with pytest.raises(ValueError, match="reach_min"):
        screen_episodes(log("10:00 unlock"), reach_min=0)


def test_every_event_has_one_fate_and_they_add_up_to_the_account():
    events = simulated(3_000, 4)
    for found, kinds in (
        (screen_episodes(events), ("unlock", "lock", "screen_off")),
        (app_episodes(events), ("app_focus", "app_blur", "lock", "screen_off")),
        (focus_sessions(events), ("focus_start", "focus_stop")),
    ):
        used = events.filter(pl.col("event_type").is_in(kinds))
        assert sorted(found.fates["event_id"]) == sorted(used["event_id"])
        for rule, n in found.fates["rule"].value_counts().rows():
            assert found.account[rule] == n


def test_a_zone_of_one_offset_has_days_of_24_hours():
    assert [zone_of_offset(n) for n in (0, 330, -210, 845)] == ["UTC+00:00", "UTC+05:30", "UTC-03:30", "UTC+14:05"]
    assert cut("UTC+05:30", "2020-03-08T18:20", "2020-03-09T18:40") == [
        (date(2020, 3, 8), "23:50", 10),
        (date(2020, 3, 9), "00:00", 1440),
        (date(2020, 3, 10), "00:00", 10),
    ]
    assert cut("UTC-03:30", "2020-01-01T03:29", "2020-01-01T03:30") == [(date(2019, 12, 31), "23:59", 1)]
    assert cut("UTC-03:30", "2020-01-01T03:30", "2020-01-01T03:30") == [(date(2020, 1, 1), "00:00", 0)]


# Apps, focus, notifications -------------------------------------------------------------------------------------------


def apps(*lines: str, **kwargs) -> list[tuple]:
    found = app_episodes(log(*lines, **kwargs), CATEGORIES)
    return found.table.select("app", "category", "ended_by", "duration_min").rows()


def test_an_app_ends_with_its_blur_the_next_focus_or_the_screen():
    assert apps(
        "10:00 app_focus chat",
        "10:05 app_blur chat",
        "10:06 app_focus mail",
        "10:16 app_focus game",
        "10:17 app_blur mail",  # late: the game is in front
        "10:18 screen_off",
        "10:19 app_blur game",  # the screen ended it
        "11:00 app_focus chat",
        "11:03 lock",
        "11:10 app_focus chat",
        "11:12 app_focus chat",
    ) == [
        ("chat", "social", "app_blur", 5),
        ("mail", "work", "app_focus", 10),
        ("game", None, "screen_off", 2),
        ("chat", "social", "lock", 3),
        ("chat", "social", "app_focus", 2),
        ("chat", "social", None, None),
    ]


def test_the_account_of_apps():
    found = app_episodes(
        log(
            "09:00 screen_off",
            "09:01 app_blur chat",
            "10:00 app_focus chat",
            "10:01 app_focus mail",
            "10:02 app_blur chat",
            "10:03 app_blur mail",
            "10:04 app_blur mail",
            "10:05 lock",
            "19:00 app_focus chat",
            "19:00 app_blur chat",
            "20:00 app_focus mail",
        ),
        cap_min=0.5,
    )
    assert counted(found) == {
        "openings": 4,
        "openings_used": 3,
        "openings_unclosed": 1,
        "closings": 7,
        "closings_used": 2,
        "closings_repeated": 2,
        "closings_unmatched": 3,
        "ended_by_app_focus": 1,
        "ended_by_app_blur": 2,
        "episodes_over_cap": 2,
        "episodes_zero_length": 1,
    }


def test_apps_at_one_instant():
    # the usual hand-over, told in either order, and an app that flashes by
    handed = [("chat", "social", "app_blur", 10), ("mail", "work", "screen_off", 10)]
    assert apps("10:00 app_focus chat", "10:10 app_focus mail", "10:10 app_blur chat", "10:20 screen_off") == handed
    assert apps("10:00 app_focus chat", "10:10 app_blur chat", "10:10 app_focus mail", "10:20 screen_off") == handed
    assert apps("10:00 app_focus chat", "10:10 app_blur mail", "10:10 app_focus mail", "10:10 screen_off") == [
        ("chat", "social", "app_focus", 10),
        ("mail", "work", "app_blur", 0),
    ]


def test_an_app_without_a_name_and_an_app_of_another_device():
    lines = ("10:00 app_focus", "10:01 app_blur chat", "10:02 app_blur", "11:00 app_focus chat", "11:01 app_blur")
    assert apps(*lines, "11:02 lock") == [(None, None, "app_blur", 2), ("chat", "social", "lock", 2)]
    found = app_episodes(pl.concat([log("10:00 app_focus chat"), log("10:01 app_blur chat", "10:02 lock", person="q")]))
    assert counted(found) == {"openings": 1, "openings_unclosed": 1, "closings": 2, "closings_unmatched": 2}


def test_focus_sessions_and_what_interrupted_them():
    phone = log(
        "10:00 unlock",  # at the start: not an interruption of it
        "10:05 notification chat",
        "10:06 unlock",
        "10:06:10 app_focus chat",
        "10:07 app_focus mail",
        "10:08 unlock",
        "10:25 notification mail",  # at the end
        "10:30 unlock",
        device="phone",
    )
    laptop = log("10:00 focus_start 30", "10:25 focus_stop", device="laptop")
    other = log("10:10 unlock", person="q")
    found = focus_sessions(pl.concat([phone, laptop, other]), CATEGORIES, ["social"])
    names = ("planned_min", "duration_min", "n_unlocks", "n_notifications", "n_distracting")
    assert found.table.select(names).rows() == [(30, 25, 2, 1, 1)]
    assert focus_sessions(pl.concat([phone, laptop]), CATEGORIES).table["n_distracting"].to_list() == [0]
    bare = focus_sessions(pl.concat([phone, laptop]).drop("planned_min", "app"))
    assert bare.table.select(names).rows() == [(None, 25, 2, 1, 0)]


def test_the_rules_of_focus_sessions():
    found = focus_sessions(
        log(
            "08:00 focus_stop",
            "09:00 focus_start 25",
            "09:10 unlock",
            "10:00 focus_start 50",
            "10:40 focus_stop",
            "10:41 focus_stop",
            "12:00 focus_stop",
            "12:00 focus_start 5",
            "13:00 focus_start",
        )
    )
    assert found.table.select("status", "planned_min", "duration_min", "n_unlocks").rows() == [
        ("repeated", 25, None, None),
        ("closed", 50, 40, 0),
        ("closed", 5, 0, 0),
        ("unclosed", None, None, None),
    ]
    assert "is_over_cap" not in found.table.columns
    assert counted(found) == {
        "openings": 4,
        "openings_used": 2,
        "openings_repeated": 1,
        "openings_unclosed": 1,
        "closings": 4,
        "closings_used": 2,
        "closings_repeated": 1,
        "closings_unmatched": 1,
        "ended_by_focus_stop": 2,
        "episodes_zero_length": 1,
    }


def test_answers_to_notifications():
    events = log(
        "10:00 notification chat",
        "10:00:30 app_focus mail",
        "10:01 app_focus chat",
        "10:02 unlock",
        "11:00 notification chat",
        "11:00 unlock",
        "12:00 notification mail",
        "12:01 app_focus chat",
        "12:10 unlock",  # exactly the limit
        "13:00 notification mail",
        "13:10:00.000001 unlock",
        "14:00 notification",
        "14:01 app_focus",  # of no known app: no answer
        "15:00 notification chat",
        "15:00 app_focus chat",
        "15:01 unlock",
        "16:00 notification chat",
        "16:01 app_focus chat",
        "16:01 unlock",
    )
    elsewhere = log("13:01 unlock", "14:02 unlock", device="other")
    answers = notification_response(pl.concat([events, elsewhere]), within_min=10)
    assert answers.select("event_id", "response_s", "response_type").rows() == [
        ("e0", 60, "app_focus"),
        ("e4", 0, "unlock"),
        ("e6", 600, "unlock"),
        ("e9", None, None),
        ("e11", None, None),
        ("e13", 0, "app_focus"),
        ("e16", 60, "unlock"),
    ]
    with pytest.raises(ValueError, match="within_min"):
        notification_response(events, -1)


def test_seconds_and_minutes_are_the_nearest_numbers_in_a_table_of_any_length():
    lines = ("10:00 notification", "10:00:00.100000 unlock", "10:00:00.700000 lock")
    for events in (log(*lines), pl.concat([log(*lines), log(*lines, person="q")])):
        assert set(notification_response(events, 1)["response_s"]) == {0.1}
        assert set(screen_episodes(events).table["duration_min"]) == {0.01}


def test_totals_by_category_are_of_that_category_only():
    events = log("10:00 app_focus chat", "10:10 app_focus mail", "10:15 app_focus chat", "10:16 app_blur chat")
    pieces = split_by_local_day(app_episodes(events, CATEGORIES).table, zones(("p", "UTC", None, None)))
    totals = daily_totals(pieces, by=["category"])
    assert totals.select("category", "n_episodes", "sum_min").rows() == [("social", 2, 11), ("work", 1, 5)]


# Input ----------------------------------------------------------------------------------------------------------------


def test_no_events_give_empty_tables_of_the_same_columns():
    clock = zones(("p", NEW_YORK, None, None))
    full = log(*(f"10:0{n} {kind}" for n, kind in enumerate(TYPES)))
    for build in (screen_episodes, app_episodes, focus_sessions):
        empty, one = build(full.clear()), build(full)
        assert sum(empty.account.values()) == 0
        assert empty.table.schema == one.table.schema
        assert split_by_local_day(empty.table, clock).schema == split_by_local_day(one.table, clock).schema
        assert daily_totals(split_by_local_day(empty.table, clock)).height == 0
    assert notification_response(full.clear(), 5).schema == notification_response(full, 5).schema


def test_naive_utc_and_categorical_types_are_read_alike():
    events = log("10:00 unlock", "10:10 lock")
    naive = events.with_columns(pl.col("ts").dt.replace_time_zone(None), pl.col("event_type").cast(pl.Categorical))
    found = screen_episodes(naive)
    assert found.table["start_utc"].to_list() == [datetime(2020, 1, 1, 10)]
    pieces = split_by_local_day(found.table, zones(("p", NEW_YORK, None, None)))
    assert pieces["local_start"].to_list() == [datetime(2020, 1, 1, 5)]
    assert pieces["start_utc"].dtype == pl.Datetime("us")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.drop("row_number"), "no column row_number"),
        (lambda e: e.with_columns(pl.col("ts").dt.convert_time_zone("Asia/Tokyo")), "microseconds of UTC"),
        (lambda e: e.with_columns(pl.col("ts").dt.cast_time_unit("ms")), "microseconds of UTC"),
        (lambda e: e.with_columns(ts=pl.lit(None, pl.Datetime("us", "UTC"))), "ts of some events are null"),
        (lambda e: e.with_columns(participant_id=pl.lit(None, pl.String)), "participant_id of some events"),
    ],
)
def test_events_that_cannot_be_sorted_are_refused(change: Callable, message: str):
    with pytest.raises(ValueError, match=message):
        screen_episodes(change(log("10:00 unlock")))


@pytest.mark.parametrize("options", [{"opened_by": ("lock",)}, {"opened_by": ()}, {"closed_by": ()}, {"cap_min": -1}])
def test_impossible_options_are_refused(options: dict):
    with pytest.raises(ValueError, match="must"):
        screen_episodes(log("10:00 unlock"), **options)


# Against a slow reimplementation --------------------------------------------------------------------------------------

Row = dict
START = datetime(2020, 3, 7, 12, tzinfo=UTC)


def devices(events: pl.DataFrame) -> list[list[Row]]:
    rows = sorted(events.to_dicts(), key=lambda r: (r["participant_id"], r["device_id"] or "", r["ts"]))
    return [list(g) for _, g in groupby(rows, key=lambda r: (r["participant_id"], r["device_id"]))]


def by_rank(rows: list[Row], types: Sequence[str]) -> list[Row]:
    found = [r for r in rows if r["event_type"] in types]
    return sorted(found, key=lambda r: (types.index(r["event_type"]), r["row_number"], r["event_id"]))


def us(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def slow_pairs(events: pl.DataFrame, opened: Sequence[str], closed: Sequence[str], echo_ms: int = 0):
    """Episodes as (opening, closing or None, status), and the account, one event after the other."""
    episodes, fate = [], Counter()
    for rows in devices(events):
        opening, seen = None, False
        for ts, now in groupby(rows, key=lambda r: r["ts"]):
            at_once = list(now)
            on = [r["ts"] for r in rows if r["event_type"] == "screen_on" and r["ts"] <= ts]
            echoing = bool(on) and ts - max(on) < timedelta(milliseconds=echo_ms)
            ends, begins = by_rank(at_once, closed), by_rank(at_once, opened)
            for row in ends + begins if opening else begins + ends:
                if row["event_type"] in opened:
                    if opening:
                        episodes.append((opening, None, "repeated"))
                    opening, seen = row, True
                elif row["event_type"] == "lock" and echoing:
                    fate["closings_echo"] += 1
                elif opening:
                    episodes.append((opening, row, "closed"))
                    opening = None
                    fate["closings_used"] += 1
                else:
                    fate["closings_repeated" if seen else "closings_unmatched"] += 1
                    seen = True
        if opening:
            episodes.append((opening, None, "unclosed"))
    return episodes, fate


def slow_apps(events: pl.DataFrame):
    episodes, fate = [], Counter()
    for rows in devices(events):
        current, last, seen = None, None, False  # last: a row, so that a null app is told from none
        for _, now in groupby(rows, key=lambda r: r["ts"]):
            at_once = list(now)
            blurs = by_rank(at_once, ["app_blur"])
            own = [b for b in blurs if last and b["app"] == last["app"]]
            others = [b for b in blurs if b not in own]
            for row in own + by_rank(at_once, ["app_focus"]) + others + by_rank(at_once, ["screen_off", "lock"]):
                kind = row["event_type"]
                if kind == "app_blur" and (last is None or row["app"] != last["app"]):
                    fate["closings_unmatched"] += 1
                    continue
                if current:
                    episodes.append((current, row, "closed"))
                    fate["closings_used"] += kind != "app_focus"
                elif kind != "app_focus":
                    fate["closings_repeated" if seen else "closings_unmatched"] += 1
                current, seen = (row if kind == "app_focus" else None), True
                last = row if kind == "app_focus" else last
        if current:
            episodes.append((current, None, "unclosed"))
    return episodes, fate


def check(found: Episodes, episodes: list, fate: Counter, cap_min: float | None) -> None:
    expected = []
    for opening, closing, status in episodes:
        length = closing["ts"] - opening["ts"] if closing else None
        over = length is not None and cap_min is not None and length > timedelta(minutes=cap_min)
        expected.append(
            (
                opening["participant_id"],
                opening["device_id"],
                opening["ts"],
                closing and closing["ts"],
                length if length is None else us(length),
                length if length is None else over,
                status,
                closing and closing["event_type"],
                opening["event_id"],
                closing and closing["event_id"],
            )
        )
    table = (
        found.table
        if "is_over_cap" in found.table.columns
        else found.table.with_columns(is_over_cap=pl.when(pl.col("end_utc").is_not_null()).then(False))
    )
    names = ("participant_id", "device_id", "start_utc", "end_utc", "duration_us", "is_over_cap", "status", "ended_by")
    assert table.select(*names, "start_event_id", "end_event_id").rows() == expected
    assert table["episode"].to_list() == list(range(len(expected)))
    account = found.account
    for rule in ("closings_used", "closings_repeated", "closings_unmatched", "closings_echo"):
        assert account.get(rule, 0) == fate[rule], rule
    states = Counter(e[6] for e in expected)
    assert account["openings_used"] == states["closed"]
    assert account["openings_repeated"] == states["repeated"]
    assert account["openings_unclosed"] == states["unclosed"]
    ends = Counter(e[7] for e in expected)
    assert {k: n for k, n in account.items() if k.startswith("ended_by_") and n} == {
        f"ended_by_{k}": n for k, n in ends.items() if k
    }


@st.composite
def logs(draw: st.DrawFn) -> pl.DataFrame:
    """Few moments, so that many events share one; milliseconds, minutes and days apart."""
    step, moments = draw(st.sampled_from([0.02, 1, 1800])), draw(st.sampled_from([3, 12, 60]))
    event = st.tuples(
        st.sampled_from(["p", "q"]),
        st.sampled_from([None, "d"]),
        st.integers(0, moments).map(lambda n: START + timedelta(seconds=n * step)),
        st.sampled_from(TYPES),
        st.sampled_from([None, "chat", "mail"]),
        st.integers(0, 3),
    )
    rows = draw(st.lists(event, max_size=50))
    return pl.DataFrame([(*r, f"e{n:02d}", float(n)) for n, r in enumerate(rows)], EVENTS, orient="row")


@settings(max_examples=80, deadline=None)
@given(events=logs(), opened_by=st.sampled_from([("unlock",), ("screen_on",), ("unlock", "screen_on")]))
def test_screen_episodes_equal_the_slow_ones(events: pl.DataFrame, opened_by: tuple[str, ...]):
    found = screen_episodes(events, 360, opened_by=opened_by)
    check(found, *slow_pairs(events, opened_by, ("screen_off", "lock"), 50), cap_min=360)
    account = found.account
    kinds = Counter(events["event_type"])
    assert account["openings"] == sum(kinds[t] for t in opened_by)
    assert account["closings"] == kinds["screen_off"] + kinds["lock"]
    for what, fates in (("openings", "used repeated unclosed"), ("closings", "used repeated unmatched echo")):
        assert account[what] == sum(account[f"{what}_{fate}"] for fate in fates.split())
    assert_no_overlap(found)


@settings(max_examples=80, deadline=None)
@given(events=logs())
def test_app_episodes_equal_the_slow_ones(events: pl.DataFrame):
    found = app_episodes(events, CATEGORIES)
    episodes, fate = slow_apps(events)
    check(found, episodes, fate, cap_min=300)
    assert found.table["app"].to_list() == [o["app"] for o, *_ in episodes]
    assert found.table["category"].to_list() == [CATEGORIES.get(o["app"]) for o, *_ in episodes]
    account = found.account
    assert account["closings"] == sum(events["event_type"].is_in(["app_blur", "screen_off", "lock"]))
    assert account["closings"] == sum(account[f"closings_{fate}"] for fate in ("used", "repeated", "unmatched"))
    assert account["openings"] == account["openings_used"] + account["openings_unclosed"]
    assert_no_overlap(found)


@settings(max_examples=40, deadline=None)
@given(events=logs())
def test_focus_sessions_equal_the_slow_ones(events: pl.DataFrame):
    found = focus_sessions(events, CATEGORIES, ["social"])
    episodes, fate = slow_pairs(events, ("focus_start",), ("focus_stop",))
    check(found, episodes, fate, cap_min=None)
    expected = []
    for opening, closing, _ in episodes:
        inside = [
            e["app"] == "chat" if e["event_type"] == "app_focus" else e["event_type"]
            for e in events.to_dicts()
            if closing and e["participant_id"] == opening["participant_id"] and opening["ts"] < e["ts"] < closing["ts"]
        ]
        counts = [inside.count(k) if closing else None for k in ("unlock", "notification", True)]
        expected.append((opening["planned_min"], *counts))
    assert found.table.select("planned_min", "n_unlocks", "n_notifications", "n_distracting").rows() == expected
    assert_no_overlap(found)


@settings(max_examples=40, deadline=None)
@given(events=logs(), within_min=st.sampled_from([0, 0.01, 1, 90]))
def test_answers_equal_the_slow_ones(events: pl.DataFrame, within_min: float):
    expected = {}
    for rows in devices(events):
        for n in (r for r in rows if r["event_type"] == "notification"):
            answers = [
                ((r["ts"] - n["ts"]).total_seconds(), "z" if r["event_type"] == "unlock" else "app")
                for r in rows
                if r["ts"] >= n["ts"]
                and (
                    r["event_type"] == "unlock"
                    or (r["event_type"] == "app_focus" and n["app"] is not None and r["app"] == n["app"])
                )
            ]
            wait = min((w for w, _ in answers), default=None)
            kind = None if wait is None else "unlock" if (wait, "z") in answers else "app_focus"
            expected[n["event_id"]] = (wait, kind) if wait is not None and wait <= within_min * 60 else (None, None)
    found = notification_response(events, within_min)
    answers = zip(found["response_s"], found["response_type"], strict=True)
    assert dict(zip(found["event_id"], answers, strict=True)) == expected


def assert_no_overlap(found: Episodes) -> None:
    ended = found.table.filter(pl.col("end_utc").is_not_null())
    assert (ended["end_utc"] >= ended["start_utc"]).all()
    for (a_person, a_device, _, a_end), (b_person, b_device, b_start, _) in pairwise(
        ended.select("participant_id", "device_id", "start_utc", "end_utc").rows()
    ):
        assert (a_person, a_device) != (b_person, b_device) or a_end <= b_start


CLOCK = zones(
    ("p", NEW_YORK, None, "2020-03-07T17:10"),
    ("p", "Asia/Kolkata", "2020-03-07T17:10", "2020-03-07T23:00"),
    ("p", NEW_YORK, "2020-03-07T23:30", None),
    ("q", "Pacific/Auckland", "2020-03-01T00:00", None),
)


@settings(max_examples=15, deadline=None)
@given(events=logs(), data=st.data())
def test_any_order_of_the_events_gives_the_same_tables(events: pl.DataFrame, data: st.DataObject):
    order = data.draw(st.permutations(range(events.height)))
    other = events[order]
    builds = (screen_episodes, lambda e: app_episodes(e, CATEGORIES), lambda e: focus_sessions(e, CATEGORIES, ["work"]))
    for build in builds:
        one, two = build(events), build(other)
        assert one.account == two.account
        assert_frame_equal(one.table, two.table, check_exact=True)
        pieces = split_by_local_day(one.table, CLOCK)
        assert_frame_equal(pieces, split_by_local_day(two.table[::-1], CLOCK[::-1]), check_exact=True)
        assert_frame_equal(daily_totals(pieces), daily_totals(pieces[::-1]), check_exact=True)
    assert_frame_equal(notification_response(events, 5), notification_response(other, 5), check_exact=True)


def slow_pieces(person: str, begin: datetime, end: datetime) -> list[tuple]:
    """Walk minute by minute: offsets, midnights and zones of CLOCK change at whole minutes."""
    periods = [(z, a, b) for p, z, a, b in CLOCK.rows() if p == person]

    def where(t: datetime) -> tuple[str | None, date | None]:
        for zone, since, until in periods:
            if (since is None or since <= t) and (until is None or t < until):
                return zone, t.astimezone(ZoneInfo(zone)).date()
        return None, None

    cuts, t = [begin], begin.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while t < end:
        if where(t) != where(t - timedelta(minutes=1)):
            cuts.append(t)
        t += timedelta(minutes=1)
    found = []
    for a, b in pairwise([*cuts, end]):
        zone, day = where(a)
        local = a.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if zone else None
        found.append((zone, day, local, us(b - a)))
    return found


@settings(max_examples=40, deadline=None)
@given(
    spans=st.lists(
        st.tuples(
            st.sampled_from(["p", "q", "nobody"]),
            st.integers(0, 3 * 86_400_000_000),
            st.one_of(st.just(0), st.integers(0, 40 * 3_600_000_000)),
        ),
        max_size=4,
    )
)
def test_pieces_equal_the_slow_ones_and_add_up_exactly(spans: list[tuple[str, int, int]]):
    rows = []
    for n, (person, begin_us, length_us) in enumerate(spans):
        begin = START - timedelta(days=1) + timedelta(microseconds=begin_us)
        rows.append((n, person, begin, begin + timedelta(microseconds=length_us)))
    moment = pl.Datetime("us", "UTC")
    schema = {"episode": pl.Int64, "participant_id": pl.String, "start_utc": moment, "end_utc": moment}
    pieces = split_by_local_day(pl.DataFrame(rows, schema, orient="row"), CLOCK)
    expected = [(n, *piece) for n, person, a, b in rows for piece in slow_pieces(person, a, b)]
    assert pieces.select("episode", "zone", "day", "local_start", "duration_us").rows() == expected
    by_episode = pieces.group_by("episode").agg(pl.col("duration_us").sum())
    assert dict(by_episode.rows()) == {n: length for n, (_, _, length) in enumerate(spans)}
    check_totals(daily_totals(pieces), pieces)


def check_totals(totals: pl.DataFrame, pieces: pl.DataFrame) -> None:
    expected = []
    days = [r for r in pieces.to_dicts() if r["day"] is not None and not r.get("is_over_cap", False)]
    days.sort(key=lambda r: (r["participant_id"], r["day"], r["start_utc"], r["episode"]))
    for key, group in groupby(days, key=lambda r: (r["participant_id"], r["day"])):
        rows = list(group)
        sums = Counter()
        for r in rows:
            sums[r["episode"]] += r["duration_us"]
        own = [n / 6e7 for n in sums.values()]
        first = rows[0]["local_start"]
        first_min = (first - datetime.combine(first.date(), datetime.min.time())).total_seconds() / 60
        std = statistics.stdev(own) if len(own) > 1 else None
        expected.append((*key, len(own), sum(own), max(own), statistics.mean(own), min(own), std, first_min))
    assert totals.height == len(expected)
    for got, want in zip(totals.drop("sum_us").rows(), expected, strict=True):
        assert got[:3] == want[:3]
        assert got[3:] == tuple(w if w is None else pytest.approx(w, rel=1e-9, abs=1e-7) for w in want[3:])
    assert totals["sum_us"].sum() == sum(r["duration_us"] for r in days)


def simulated(n_events: int, n_people: int, types: Sequence[str] = TYPES) -> pl.DataFrame:
    """Events of some months, in no order, at whole seconds."""
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "participant_id": pl.Series(rng.integers(0, n_people, n_events)).cast(pl.String),
            "device_id": pl.Series(rng.choice(["a", "b", "none"], n_events)).replace("none", None),
            "ts": pl.Series(1_583_000_000_000_000 + rng.integers(0, 90 * 86_400, n_events) * 1_000_000),
            "event_type": rng.choice(types, n_events),
            "app": pl.Series(rng.choice(["chat", "mail", "none"], n_events)).replace("none", None),
            "row_number": np.arange(n_events),
            "event_id": pl.Series(rng.permutation(n_events)).cast(pl.String),
            "planned_min": np.full(n_events, 25.0),
        }
    ).with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC")))


def test_a_long_random_log_equals_the_slow_one_and_its_totals_add_up():
    events = simulated(6_000, 12)
    found = screen_episodes(events, 720)
    sequence = sorted(slow_pairs(events, ("unlock",), ("screen_off", "lock"), 50)[0], key=lambda e: e[0]["ts"])
    pairs = found.table.sort("start_utc", maintain_order=True).select("start_event_id", "end_event_id")
    assert Counter(pairs.rows()) == Counter((o["event_id"], c and c["event_id"]) for o, c, _ in sequence)
    clock = zones(*((str(n), NEW_YORK, None, None) for n in range(12)))
    pieces = split_by_local_day(found.table, clock)
    totals = daily_totals(pieces)
    check_totals(totals, pieces)
    within = found.table.filter(pl.col("is_over_cap").not_())
    assert totals["sum_us"].sum() == within["duration_us"].sum() > 0
    assert 0 < within.height < found.account["openings_used"]


@pytest.mark.verify
@pytest.mark.parametrize("types", [TYPES, ("unlock", "screen_off"), APPS, ("focus_start", "focus_stop", "unlock")])
def test_a_million_events_of_a_thousand_people(types: Sequence[str]):
    events = simulated(1_000_000, 1_000, types)
    clock = zones(*((str(n), (NEW_YORK, "Europe/Oslo")[n % 2], None, None) for n in range(1_000)))

    def timed(build: Callable):
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            result = build()
            times.append(time.perf_counter() - begun)
        return result, min(times)

    keys = ["participant_id", "device_id", "ts", "event_type", "row_number", "event_id"]
    _, sort_s = timed(lambda: events.sort(keys))
    screen, screen_s = timed(lambda: screen_episodes(events, None))
    apps_, apps_s = timed(lambda: app_episodes(events, CATEGORIES))
    focus, focus_s = timed(lambda: focus_sessions(events, CATEGORIES, ["social"]))
    answers, answers_s = timed(lambda: notification_response(events, 60))
    pieces, pieces_s = timed(lambda: split_by_local_day(screen.table, clock))
    totals, totals_s = timed(lambda: daily_totals(pieces))
    spent = {
        "screen": screen_s,
        "apps": apps_s,
        "focus": focus_s,
        "answers": answers_s,
        "pieces": pieces_s,
        "totals": totals_s,
    }
    told = ", ".join(f"{k} {s:.2f} s ({s / sort_s:.2f})" for k, s in spent.items())
    print(f"\nplain sort {sort_s:.2f} s; {told}")
    assert totals["sum_us"].sum() == screen.table["duration_us"].sum()
    assert sum(x.account["openings"] for x in (screen, apps_, focus)) + answers.height == (
        events["event_type"].is_in(["unlock", "app_focus", "focus_start", "notification"]).sum()
    )
    assert pieces["zone"].null_count() == 0
    for name, seconds in spent.items():
        assert seconds < MOST_SORTS * sort_s, name
