"""Sleep logs as one stage per 30 s: known answers, PMData's 1,187 logs, and what uneven logs become."""

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.sources.fitbit import takeout, web_api
from neuro_assets.sources.fitbit.parts import PayloadError
from neuro_assets.sources.fitbit.sleep import (
    EPOCH_S,
    NO_STAGES,
    OVERLAP,
    PART_EPOCH,
    UNKNOWN,
    WAKE_OUTSIDE,
    Segment,
    epochs,
)
from neuro_assets_tests.sources.fitbit_payloads import left_out_of, rows_of

PEOPLE = [f"p{n:02d}" for n in range(1, 9)]


def _night(data: list[tuple[str, int, str]], short: list[tuple[str, int, str]] = (), **changes: Any) -> Any:  # pyright: ignore[reportArgumentType]
    def items(found: Any) -> list[dict[str, Any]]:
        return [{"dateTime": f"2019-11-02T{t}.000", "seconds": s, "level": v} for t, s, v in found]

    log = {"logId": 7, "startTime": f"2019-11-02T{data[0][0]}.000", "type": "stages"}
    return {"sleep": [{**log, "levels": {"data": items(data), "shortData": items(short)}, **changes}]}


def _stages(payload: Any) -> list[tuple[str, str]]:
    return [(at[11:], stage) for at, _, stage in rows_of(web_api.parse(payload))["sleep_stage"]]


def test_the_epochs_of_a_recorded_file(shared_data: Path) -> None:
    """GGIRread's file: its epochs by stage are known."""
    text = (shared_data / "fitbit_api_json/ggirread/sleep-1995-06-23_Fitbit.json").read_text(encoding="utf-8")
    found = rows_of(takeout.parse("sleep", text))
    assert Counter(stage for *_, stage in found["sleep_stage"]) == {
        **{"asleep": 146, "awake": 2, "deep": 118, "light": 285, "rem": 69, "restless": 10, "wake": 65}
    }
    assert found["sleep_stage"][0] == ("1995-07-11 02:28:30", "12345", "light")
    assert found["sleep_session"] == [
        (
            *("1995-07-11 02:28:30", "1995-07-11 06:57:00", "1995-07-11", "12345", "stages", "16080"),
            *("236", "32", "0", "0", "268", "96", "true", "0", "auto_detected"),
        ),
        (
            *("1995-06-24 22:47:30", "1995-06-25 00:06:30", "1995-06-25", "12345", "classic", "4740"),
            *("73", "6", "0", "0", "79", "92", "false", "2", "auto_detected"),
        ),
    ]


# Person -> sleep logs, epochs, what was left out. The epochs are the sum of all known segments' seconds by 30.
PMDATA = {
    "p01": (155, 123_511, {UNKNOWN: 1}),
    "p02": (158, 127_561, {}),
    "p03": (84, 68_273, {UNKNOWN: 1, WAKE_OUTSIDE: 1}),
    "p04": (188, 152_770, {UNKNOWN: 1}),
    "p05": (133, 101_779, {UNKNOWN: 1}),
    "p06": (165, 130_503, {UNKNOWN: 2, WAKE_OUTSIDE: 2}),
    "p07": (161, 146_790, {}),
    "p08": (143, 140_603, {UNKNOWN: 1}),
}


def _pmdata(shared_data: Path, person: str) -> str:
    return (shared_data / "pmdata" / person / "fitbit/sleep.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("person", PEOPLE)
def test_no_second_is_lost_and_none_invented(shared_data: Path, person: str) -> None:
    text = _pmdata(shared_data, person)
    logs, parts = json.loads(text), takeout.parse("sleep", text)
    found = rows_of(parts)
    assert (len(found["sleep_session"]), len(found["sleep_stage"]), left_out_of(parts)) == PMDATA[person]
    known = [s["seconds"] for log in logs for s in log["levels"]["data"] if s["level"] != "unknown"]
    assert sum(known) == len(found["sleep_stage"]) * EPOCH_S


@pytest.mark.verify
def test_minutes_by_stage_agree_with_the_vendors_summary(shared_data: Path) -> None:
    """The summary rounds half minutes. In 51 of 1,187 logs it has 3 minutes more awake than the log's own stages.

    Of the other four, three are of the night the clocks went forward, and one is a classic log.
    """
    off: Counter[float] = Counter()
    logs_seen = 0
    for person in PEOPLE:
        text = _pmdata(shared_data, person)
        rows = iter(takeout.parse("sleep", text)[1].rows)
        for log in json.loads(text):
            logs_seen += 1
            length = sum(s["seconds"] for s in log["levels"]["data"] if s["level"] != "unknown") // EPOCH_S
            minutes = Counter(next(rows)[2] for _ in range(length))
            summary = {stage: said["minutes"] for stage, said in log["levels"]["summary"].items()}
            wake = "wake" if "wake" in summary else "awake"
            difference = summary[wake] - minutes[wake] / 2
            if difference in (0, -0.5):
                assert all(abs(said - minutes[stage] / 2) <= 0.5 for stage, said in summary.items())
            else:
                off[difference] += 1
    assert logs_seen == 1187
    assert off == {2.5: 16, 3.0: 35, 1.0: 1, 1.5: 2, -2.0: 1}


def test_what_the_vendor_calls_unknown_is_the_night_the_clocks_go_forward(shared_data: Path) -> None:
    """Norway, 2020-03-29: stages go on by the winter clock, and an hour of 'unknown' fills up to the summer end."""
    logs = [log for person in PEOPLE for log in json.loads(_pmdata(shared_data, person))]
    nights = [log for log in logs if any(s["level"] == "unknown" for s in log["levels"]["data"])]
    assert all(n["startTime"] < "2020-03-29 02:00:00" < n["endTime"].replace("T", " ") for n in nights)
    last = [n["levels"]["data"][-1] for n in nights]
    assert sorted(s["seconds"] for s in last if s["level"] == "unknown") == [3600] * 4 + [3660] + [3720] * 2
    assert {n["timeInBed"] - n["minutesAsleep"] - n["minutesAwake"] for n in nights} == {60}
    assert {len([s for s in log["levels"]["data"] if s["level"] == "unknown"]) for log in nights} == {1}


def test_start_times_of_two_formats(shared_data: Path) -> None:
    assert takeout.parse("sleep", _pmdata(shared_data, "p03"))[0].rows[0] == (
        *("2019-11-01 01:48:00", "2019-11-01 04:03:00", "2019-11-01", "24472351655", "classic", "8100"),
        *("126", "9", "0", "0", "135", "93", "true", "2", ""),
    )


# ---- by hand


def test_short_wakes_lie_over_the_stages() -> None:
    payload = _night([("01:00:00", 90, "light"), ("01:01:30", 60, "deep")], [("01:01:00", 60, "wake")])
    assert _stages(payload) == [
        *[("01:00:00", "light"), ("01:00:30", "light"), ("01:01:00", "wake")],
        *[("01:01:30", "wake"), ("01:02:00", "deep")],
    ]


def test_a_gap_stays_a_gap() -> None:
    payload = _night([("01:00:00", 30, "light"), ("02:00:00", 30, "deep")])
    assert _stages(payload) == [("01:00:00", "light"), ("02:00:00", "deep")]


def test_the_later_of_two_overlapping_stages_holds_and_is_counted() -> None:
    payload = _night([("01:00:00", 120, "light"), ("01:01:00", 30, "deep")])
    assert _stages(payload) == [
        *[("01:00:00", "light"), ("01:00:30", "light"), ("01:01:00", "deep"), ("01:01:30", "light")]
    ]
    assert left_out_of(web_api.parse(payload)) == {OVERLAP: 1}


def test_segments_in_any_order_are_the_same_night() -> None:
    segments = [("01:00:00", 60, "light"), ("01:01:00", 60, "deep"), ("01:02:00", 30, "rem")]
    payload = _night(segments)
    payload["sleep"][0]["levels"]["data"].reverse()
    assert _stages(payload) == _stages(_night(segments))


@pytest.mark.parametrize(
    ("seconds", "stages"),
    [(40, ["light", "deep"]), (45, ["light", "light"]), (50, ["light", "light"]), (30, ["light", "deep"])],
)
def test_within_an_epoch_the_longest_stage_holds_and_the_earlier_of_equals(seconds: int, stages: list[str]) -> None:
    second = f"01:00:{seconds:02d}"
    payload = _night([("01:00:00", seconds, "light"), (second, 60 - seconds, "deep")])
    assert _stages(payload) == [("01:00:00", stages[0]), ("01:00:30", stages[1])]


def test_the_rest_of_less_than_an_epoch_is_no_epoch() -> None:
    payload = _night([("01:00:00", 70, "light")])
    assert _stages(payload) == [("01:00:00", "light"), ("01:00:30", "light")]
    assert left_out_of(web_api.parse(payload)) == {PART_EPOCH: 1}


def test_a_short_wake_outside_the_log_adds_no_time() -> None:
    payload = _night([("01:00:00", 60, "light")], [("01:00:30", 90, "wake"), ("05:00:00", 30, "wake")])
    assert _stages(payload) == [("01:00:00", "light"), ("01:00:30", "wake")]
    assert left_out_of(web_api.parse(payload)) == {WAKE_OUTSIDE: 2}


@pytest.mark.parametrize("levels", [{}, {"data": []}, {"data": None}, {"data": [], "shortData": []}, None])
def test_a_log_without_stages_is_a_session_all_the_same(levels: object) -> None:
    parts = web_api.parse(_night([("01:00:00", 60, "light")], levels=levels))
    assert [len(p.rows) for p in parts] == [1, 0]
    assert left_out_of(parts) == {NO_STAGES: 1}


def test_minutes_of_v1_go_over_midnight() -> None:
    """A minute has no date: 1 asleep, 2 restless, 3 awake."""
    clocks = ["23:59:00", "00:00:00", "00:01:00"]
    minutes = [{"dateTime": t, "value": v} for t, v in zip(clocks, ["3", "2", 1], strict=True)]
    log = {"logId": 29744, "isMainSleep": True, "startTime": "2011-06-15T23:59:30.000", "minuteData": minutes}
    found = rows_of(web_api.parse({"sleep": [log]}))
    assert found["sleep_stage"] == [
        ("2011-06-15 23:59:00", "29744", "awake"),
        ("2011-06-15 23:59:30", "29744", "awake"),
        ("2011-06-16 00:00:00", "29744", "restless"),
        ("2011-06-16 00:00:30", "29744", "restless"),
        ("2011-06-16 00:01:00", "29744", "asleep"),
        ("2011-06-16 00:01:30", "29744", "asleep"),
    ]
    assert found["sleep_session"] == [("2011-06-15 23:59:30", "", "", "29744", "classic", *[""] * 7, "true", "", "")]


@pytest.mark.parametrize(
    ("start", "day"), [("2011-06-15T23:59:40.000", "2011-06-16"), ("2011-06-16T00:00:10", "2011-06-16")]
)
def test_the_first_minute_of_v1_is_the_one_nearest_to_the_start(start: str, day: str) -> None:
    log = {"logId": 1, "startTime": start, "minuteData": [{"dateTime": "00:00:00", "value": "1"}]}
    assert rows_of(web_api.parse({"sleep": [log]}))["sleep_stage"][0][0] == f"{day} 00:00:00"


@pytest.mark.parametrize(
    ("path", "damage", "said"),
    [
        ("sleep[0].levels.data[1].seconds", -30, "from 0 on"),
        ("sleep[0].levels.data[1].seconds", 86_401, "at most 86400"),
        ("sleep[0].levels.data[1].seconds", 2.5, "whole number"),
        ("sleep[0].levels.data[1].level", "snoring", "'snoring'"),
        ("sleep[0].levels.data[1].dateTime", "2019-02-30T01:00:00", "'2019-02-30T01:00:00'"),
        ("sleep[0].levels.data[1].dateTime", "2019-11-02T24:00:00", "a date and time"),
        ("sleep[0].levels.data[1].dateTime", "2019-11-02T01:00:00Z", "without a zone"),
        ("sleep[0].levels.data[1].dateTime", "9999-12-31T23:59:59", "a date and time"),
    ],
)
def test_a_damaged_stage_is_named(path: str, damage: object, said: str) -> None:
    payload = _night([("01:00:00", 60, "light"), ("01:01:00", 60, "deep")])
    payload["sleep"][0]["levels"]["data"][1][path.rpartition(".")[2]] = damage
    with pytest.raises(PayloadError, match=said) as refused:
        web_api.parse(payload)
    assert refused.value.field == path


# ---- against a second by second reckoning

_SEGMENTS = st.lists(
    st.builds(Segment, st.integers(0, 300), st.integers(0, 120), st.sampled_from(["light", "deep", "rem"])),
    min_size=1,
    max_size=5,
).map(lambda found: sorted(found, key=lambda s: s.start))
_WAKES = st.lists(st.builds(Segment, st.integers(0, 400), st.integers(0, 90), st.just("wake")), max_size=3)


@given(_SEGMENTS, _WAKES)
def test_epochs_are_what_counting_every_second_gives(segments: list[Segment], wakes: list[Segment]) -> None:
    seconds: dict[int, str] = {}
    for segment in segments:
        seconds |= dict.fromkeys(range(segment.start, segment.end), segment.stage)
    for wake in wakes:
        seconds |= {n: "wake" for n in range(wake.start, wake.end) if n in seconds}
    expected = []
    for start in range(segments[0].start, 600, EPOCH_S):
        held = [seconds.get(n) for n in range(start, start + EPOCH_S)]
        if None not in held:
            counts = Counter(held)
            most = max(counts.values())
            expected.append((start, next(s for s in held if counts[s] == most)))
    assert list(epochs(segments, wakes, Counter())) == expected


def test_the_clock_of_an_epoch_is_the_wall_clock_over_midnight() -> None:
    payload = _night([("23:59:30", 90, "light")])
    start = datetime(2019, 11, 2, 23, 59, 30)
    rows = rows_of(web_api.parse(payload))["sleep_stage"]
    assert [row[0] for row in rows] == [str(start + timedelta(seconds=30 * n)) for n in range(3)]
