"""Sleeps as sessions and stages: recorded ones, nights in which the clock is set, and those that are not over."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.sources.fitbit.sleep import NO_STAGES, PART_EPOCH, UNKNOWN, WAKE_OUTSIDE
from neuro_assets.sources.google_health import precedence, sleep
from neuro_assets.sources.google_health.contract import decode_page
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.sources.google_health.rows import Around, Rows, rows_of
from neuro_assets_tests.google_health.points_of import PHONE, TYPED, WATCH, rows_from, told

SUMMARY = {
    "minutesInSleepPeriod": "480",
    "minutesAsleep": "450",
    "minutesAwake": "30",
    "minutesToFallAsleep": "0",
    "minutesAfterWakeUp": "2",
}
NAME = "users/me/dataTypes/sleep/dataPoints/a1b2"


def _span(start: str, end: str, offset: str | None = "0s", end_offset: str | None = None, **more: Any) -> Any:
    offsets = {} if offset is None else {"startUtcOffset": offset, "endUtcOffset": end_offset or offset}
    return {"startTime": f"2026-{start}Z", "endTime": f"2026-{end}Z", **offsets, **more}


def _stage(kind: str, start: str, end: str, *offsets: str | None) -> Any:
    return _span(start, end, *offsets, type=kind)


def _sleep(interval: Any, stages: list[Any], name: str = NAME, source: Any = None, **more: Any) -> dict[str, Any]:
    own = {"interval": interval, "type": "STAGES", "stages": stages, "summary": SUMMARY} | more
    own = {k: v for k, v in own.items() if v is not None}
    return {"sleep": own} | ({"dataPointName": name} if source is None else {"name": name, "dataSource": source})


def _stages(rows: Rows) -> list[tuple[str, int, str]]:
    return told(rows.frames["sleep_stage"], "local_time", "written_offset_min", "stage")  # type: ignore[return-value]


def _recorded(google_spec: Path, payload: str) -> Rows:
    page = decode_page((google_spec / f"{payload}.json").read_bytes(), BY_NAME["sleep"], "list")
    return rows_of(BY_NAME["sleep"], [page], Around("Asia/Tokyo", "list"))


def test_a_recorded_night_of_stages(google_spec: Path) -> None:
    """The minutes are those of its summary, which has been scrubbed; the epochs are its stages' seconds by 30."""
    rows = _recorded(google_spec, "recorded_mcp-fitbit-air__list_sleep_nofilter_first_point")
    found = rows.frames["sleep_session"]
    assert told(found, *found.columns) == [
        (
            *("2026-01-07 04:20:00", -240, "2026-01-07 10:50:00", "2026-01-07", "redacted-name", "stages", 23_400),
            *(390, 10, 5, 0, 400, "true", None, "list", "FITBIT", "DERIVED", None, date(2026, 1, 7)),
        )
    ]
    stages = _stages(rows)
    assert stages[0] == ("2026-01-07 04:20:00", -240, "wake")
    # 08:23:30 to 08:36:30 in UTC is light, what follows until 09:01:30 is deep.
    assert stages[7] == ("2026-01-07 04:23:30", -240, "light")
    assert stages[32:34] == [("2026-01-07 04:36:00", -240, "light"), ("2026-01-07 04:36:30", -240, "deep")]
    assert stages[-1] == ("2026-01-07 10:49:30", -240, "wake")
    # By hand: awake 210 + 60 s; deep 1500 + 90 + 810 + 930 + 2100; REM 540 + 1320 + 930 + 240 + 2190 + 540; the rest.
    seconds = {"wake": 270, "deep": 5430, "rem": 5760, "light": 23_400 - 270 - 5430 - 5760}
    assert Counter(stage for *_, stage in stages) == {k: v // 30 for k, v in seconds.items()}
    assert not rows.left_out
    assert set(rows.frames["sleep_stage"]["chunk_day"]) == {date(2026, 1, 7)}


def test_a_recorded_sleep_that_a_person_typed_in(google_spec: Path) -> None:
    rows = _recorded(google_spec, "recorded_slackhealthbot__sleep_manual_classic")
    found = rows.frames["sleep_session"]
    assert told(found, *found.columns) == [
        (
            *("2026-04-04 20:39:00", 120, "2026-04-05 04:39:00", "2026-04-05", "yyy", "classic", 28_800),
            *(480, 0, 0, 0, 480, "false", "manual", "list", "FITBIT", "MANUAL", None, date(2026, 4, 5)),
        )
    ]
    stages = _stages(rows)
    assert (stages[0], stages[-1]) == (("2026-04-04 20:39:00", 120, "asleep"), ("2026-04-05 04:38:30", 120, "asleep"))
    assert len(stages) == 960
    assert not rows.left_out


@pytest.mark.parametrize("offsets", [("-14400s", "-18000s"), (None,)])
def test_the_night_in_which_the_clock_goes_back(offsets: tuple[str | None, ...]) -> None:
    """New York, 2026-11-01: at 06:00 UTC 02:00 becomes 01:00. One stage goes on over it."""
    stages = [
        _stage("LIGHT", "11-01T05:29:00", "11-01T05:59:00", "-14400s"),
        _stage("DEEP", "11-01T05:59:00", "11-01T06:01:00", *offsets),
        _stage("REM", "11-01T06:01:00", "11-01T06:29:30", "-18000s"),
    ]
    night = _sleep(_span("11-01T05:29:00", "11-01T06:29:30", "-14400s", "-18000s"), stages)
    rows = rows_from("sleep", [night])
    columns = ("local_time", "written_offset_min", "end_local_time", "duration_s", "chunk_day")
    assert told(rows.frames["sleep_session"], *columns) == [
        ("2026-11-01 01:29:00", -240, "2026-11-01 01:29:30", 3630, date(2026, 11, 1))
    ]
    found = _stages(rows)
    assert found[0] == ("2026-11-01 01:29:00", -240, "light")
    assert found[60:64] == [
        ("2026-11-01 01:59:00", -240, "deep"),
        ("2026-11-01 01:59:30", -240, "deep"),
        ("2026-11-01 01:00:00", -300, "deep"),
        ("2026-11-01 01:00:30", -300, "deep"),
    ]
    assert found[-1] == ("2026-11-01 01:29:00", -300, "rem")
    assert len(found) == 121


def test_the_night_in_which_the_clock_goes_forward() -> None:
    """Berlin, 2026-03-29: at 01:00 UTC 02:00 becomes 03:00."""
    stages = [_stage("LIGHT", "03-29T00:59:00", "03-29T01:01:00", "3600s", "7200s")]
    night = _sleep(_span("03-29T00:59:00", "03-29T01:01:00", "3600s", "7200s"), stages)
    rows = rows_from("sleep", [night], zone="Europe/Berlin")
    assert _stages(rows) == [
        ("2026-03-29 01:59:00", 60, "light"),
        ("2026-03-29 01:59:30", 60, "light"),
        ("2026-03-29 03:00:00", 120, "light"),
        ("2026-03-29 03:00:30", 120, "light"),
    ]


def test_a_change_that_the_accounts_zone_does_not_know_holds_from_the_next_stage_on() -> None:
    """A flight: asleep from one zone into another, neither of which is the account's."""
    stages = [_stage("ASLEEP", "03-10T00:00:00", "03-10T00:01:00", "0s", "3600s")]
    night = _sleep(_span("03-10T00:00:00", "03-10T00:01:00", "0s", "3600s"), stages, type="CLASSIC")
    assert _stages(rows_from("sleep", [night])) == [
        ("2026-03-10 00:00:00", 0, "asleep"),
        ("2026-03-10 00:00:30", 0, "asleep"),
    ]


def test_short_awakenings_are_laid_over() -> None:
    stages = [_stage("LIGHT", "01-08T02:00:00", "01-08T02:03:00")]
    wakes = [
        _stage("AWAKE", "01-08T02:01:00", "01-08T02:01:30"),
        _stage("AWAKE", "01-08T02:02:30", "01-08T02:04:00"),
    ]
    night = _sleep(_span("01-08T02:00:00", "01-08T02:03:00"), stages, shortAwakenings=wakes)
    rows = rows_from("sleep", [night], zone="UTC")
    assert [stage for *_, stage in _stages(rows)] == ["light", "light", "wake", "light", "light", "wake"]
    assert rows.left_out == {WAKE_OUTSIDE: 1}


def test_a_sleep_belongs_to_the_day_on_which_it_ends() -> None:
    """On the clock of its end: it is the 8th in UTC, the 9th in Auckland."""
    stages = [_stage("ASLEEP", "01-08T11:00:00", "01-08T11:00:30", "46800s")]
    night = _sleep(_span("01-08T10:00:00", "01-08T11:30:00", "46800s"), stages, type="CLASSIC")
    rows = rows_from("sleep", [night])
    assert told(rows.frames["sleep_session"], "local_time", "date_of_sleep", "chunk_day") == [
        ("2026-01-08 23:00:00", "2026-01-09", date(2026, 1, 9))
    ]
    assert told(rows.frames["sleep_stage"], "local_time", "chunk_day") == [("2026-01-09 00:00:00", date(2026, 1, 9))]


@pytest.mark.parametrize("left", [{"summary": None}, {"interval": {"startTime": "2026-01-08T02:00:00Z"}}])
def test_a_sleep_that_goes_on_has_no_row(left: dict[str, Any]) -> None:
    over = _sleep(_span("01-07T02:00:00", "01-07T02:01:00"), [], name="x/over")
    goes_on = _sleep(**{"interval": _span("01-08T02:00:00", "01-08T03:00:00"), "stages": [], **left})
    rows = rows_from("sleep", [goes_on, over])
    assert rows.frames["sleep_session"]["log_id"].to_list() == ["over"]
    assert rows.left_out == {sleep.IN_PROGRESS: 1, NO_STAGES: 1}
    alone = rows_from("sleep", [goes_on])
    assert (alone.frames, alone.left_out) == ({}, {sleep.IN_PROGRESS: 1})


@pytest.mark.parametrize(
    ("metadata", "source", "log_type", "is_main"),
    [
        ({}, WATCH, "provisional", "false"),
        ({"mainSleep": True}, TYPED, "provisional", "true"),
        ({"processed": True, "mainSleep": True}, WATCH, None, "true"),
        ({"processed": True, "manuallyEdited": True}, WATCH, "edited", "false"),
        ({"processed": True}, TYPED, "manual", "false"),
        (None, {"platform": "HEALTH_CONNECT"}, None, None),
    ],
)
def test_how_far_a_log_is(metadata: Any, source: Any, log_type: str | None, is_main: str | None) -> None:
    night = _sleep(_span("01-08T02:00:00", "01-08T03:00:00"), [], source=source, metadata=metadata)
    found = rows_from("sleep", [night], "list").frames["sleep_session"]
    assert told(found, "log_type", "is_main") == [(log_type, is_main)]


@pytest.mark.parametrize(
    ("kind", "stages", "told_as", "names"),
    [
        (None, ("AWAKE", "LIGHT"), "stages", ["wake", "light"]),
        (None, ("AWAKE", "RESTLESS"), "classic", ["awake", "restless"]),
        ("CLASSIC", ("AWAKE", "ASLEEP"), "classic", ["awake", "asleep"]),
        ("STAGES", ("AWAKE", "REM"), "stages", ["wake", "rem"]),
    ],
)
def test_the_type_of_a_sleep(kind: str | None, stages: tuple[str, str], told_as: str, names: list[str]) -> None:
    first, second = stages
    parts = [
        _stage(first, "01-08T02:00:00", "01-08T02:00:30"),
        _stage(second, "01-08T02:00:30", "01-08T02:01:00"),
    ]
    rows = rows_from("sleep", [_sleep(_span("01-08T02:00:00", "01-08T02:01:00"), parts, type=kind)])
    assert rows.frames["sleep_session"]["type"].to_list() == [told_as]
    assert [stage for *_, stage in _stages(rows)] == names


def test_stages_that_say_nothing_are_left_out() -> None:
    parts = [
        _stage("ASLEEP", "01-08T02:00:00", "01-08T02:00:30"),
        _stage("SLEEP_STAGE_TYPE_UNSPECIFIED", "01-08T02:00:30", "01-08T02:01:00"),
        _stage("ASLEEP", "01-08T02:01:00", "01-08T02:01:00"),
        _stage("ASLEEP", "01-08T02:01:00", "01-09T02:01:01"),
        _stage("ASLEEP", "01-08T02:02:00", "01-08T02:02:10"),
    ]
    rows = rows_from("sleep", [_sleep(_span("01-08T02:00:00", "01-08T02:03:00"), parts)], zone="UTC")
    assert _stages(rows) == [("2026-01-08 02:00:00", 0, "asleep")]
    assert rows.left_out == {UNKNOWN: 1, sleep.NO_LENGTH: 2, PART_EPOCH: 1}


def test_of_two_sources_for_a_night_one_stands() -> None:
    interval = _span("01-08T02:00:00", "01-08T03:00:00")
    later = _span("01-08T02:30:00", "01-08T03:30:00")
    nap = _span("01-08T12:00:00", "01-08T12:30:00")
    stages = [_stage("LIGHT", "01-08T02:00:00", "01-08T02:00:30")]
    points = [
        _sleep(nap, [], name="c", source=PHONE),
        _sleep(later, stages, name="b", source=PHONE),
        _sleep(interval, stages, name="a", source=WATCH),
    ]
    rows = rows_from("sleep", points, "list")
    assert sorted(rows.frames["sleep_session"]["log_id"]) == ["a", "c"]
    assert rows.frames["sleep_stage"]["log_id"].to_list() == ["a"]
    assert rows.left_out == {precedence.OTHER_SOURCE: 1, NO_STAGES: 1}


def test_of_a_log_that_came_twice_the_later_version_stands() -> None:
    """A page may be asked for while the server rewrites it."""
    interval = _span("01-08T02:00:00", "01-08T03:00:00")
    versions = [
        _sleep(interval, [], updateTime="2026-01-08T04:00:00.5Z", summary=SUMMARY | {"minutesAsleep": "10"}),
        _sleep(interval, [], updateTime="2026-01-08T03:05:00Z", summary=SUMMARY | {"minutesAsleep": "5"}),
    ]
    for order in (versions, versions[::-1]):
        rows = rows_from("sleep", order)
        assert rows.frames["sleep_session"]["minutes_asleep"].to_list() == [10]
        assert rows.left_out == {precedence.CONFLICT: 1, NO_STAGES: 1}


_KINDS = st.sampled_from(("AWAKE", "LIGHT", "DEEP", "REM"))


@given(
    st.datetimes(datetime(2026, 10, 31, 22), datetime(2026, 11, 1, 8)).map(lambda t: t.replace(microsecond=0)),
    st.lists(st.tuples(_KINDS, st.integers(1, 240)), min_size=1, max_size=20),
)
def test_every_half_minute_of_a_night_is_there_once(start: datetime, parts: list[tuple[str, int]]) -> None:
    """Around the change of New York's clock: epochs follow each other in UTC, and say what their stage says."""
    changed = datetime(2026, 11, 1, 6)

    def offset(moment: datetime) -> int:
        return -240 if moment < changed else -300

    truth, stages, at = [], [], start
    for kind, count in parts:
        end = at + timedelta(seconds=30 * count)
        times = (f"{t:%m-%dT%H:%M:%S}" for t in (at, end))
        stages.append(_stage(kind, *times, *(f"{60 * offset(t)}s" for t in (at, end))))
        truth += [(at + timedelta(seconds=30 * n), kind.lower().replace("awake", "wake")) for n in range(count)]
        at = end
    interval = _span(*(f"{t:%m-%dT%H:%M:%S}" for t in (start, at)), *(f"{60 * offset(t)}s" for t in (start, at)))
    rows = rows_from("sleep", [_sleep(interval, stages)])
    found = rows.frames["sleep_stage"].select("local_time", "written_offset_min", "stage").rows()
    assert found == [(t + timedelta(minutes=offset(t)), offset(t), stage) for t, stage in truth]
    assert not rows.left_out
