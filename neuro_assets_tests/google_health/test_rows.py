"""Points become the rows that they say: values, wall clocks and days, worked out by hand."""

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.sources.google_health import precedence, samples
from neuro_assets.sources.google_health.account import decode_devices
from neuro_assets.sources.google_health.contract import decode_page, decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME, DATA_TYPES, HEART_RATE_RAW
from neuro_assets.sources.google_health.rows import NEVER_SYNCED, Around, device_rows, rows_of
from neuro_assets_tests.google_health.points_of import (
    ORIGIN,
    minute,
    page_of,
    rows_from,
    steps,
    told,
    type_of,
)


def _recorded(google_spec: Path, payload: str, name: str, kind: str) -> pl.DataFrame:
    page = decode_page((google_spec / f"{payload}.json").read_bytes(), type_of(name), "list")
    rows = rows_of(type_of(name), [page], Around("America/New_York", "list"))
    assert not rows.left_out
    return rows.frames[kind]


def test_recorded_steps(google_spec: Path) -> None:
    found = _recorded(google_spec, "recorded_mcp-fitbit-air__list_steps_nofilter", "steps", "steps")
    wanted = ("2026-01-07 21:54:00", -240, 100, 60, "list", "FITBIT", "PASSIVELY_MEASURED", None, date(2026, 1, 7))
    assert told(found, *found.columns) == [wanted]


def test_recorded_heart_rate(google_spec: Path) -> None:
    found = _recorded(google_spec, "recorded_mcp-fitbit-air__list_heart_rate_nofilter", "heart-rate", "heart_rate")
    assert told(found, "local_time", "written_offset_min", "bpm", "min_bpm", "max_bpm", "period_s", "chunk_day") == [
        (f"2026-01-07 22:25:{second:02}", -240, 60.0, None, None, 1, date(2026, 1, 7)) for second in (14, 12, 10, 8, 6)
    ]


def test_recorded_variability_of_nights(google_spec: Path) -> None:
    payload = "recorded_mcp-fitbit-air__list_daily-heart-rate-variability_nofilter"
    found = _recorded(google_spec, payload, "daily-heart-rate-variability", "daily_vitals")
    assert told(found, "date", "vital", "value", "chunk_day") == [
        (date(2026, 1, day), vital, value, date(2026, 1, day))
        for day in range(3, 8)
        for vital, value in (("hrv_deep_rmssd", 40.0), ("hrv_rmssd", 45.0))
    ]
    assert set(told(found, *ORIGIN)) == {("list", "FITBIT", "DERIVED", None)}


def test_written_variability_of_nights(google_spec: Path) -> None:
    payload = "gohealthcli__googlehealth_daily_heart_rate_variability_list"
    found = _recorded(google_spec, payload, "daily-heart-rate-variability", "daily_vitals")
    assert told(found, "date", "vital", "value") == [
        (date(2026, 1, 1), "hrv_deep_rmssd", 52.3),
        (date(2026, 1, 1), "hrv_rmssd", 45.7),
    ]


def test_written_oxygen_of_nights(google_spec: Path) -> None:
    payload = "gohealthcli__googlehealth_daily_oxygen_saturation_list"
    found = _recorded(google_spec, payload, "daily-oxygen-saturation", "daily_vitals")
    assert told(found, "date", "vital", "value") == [
        (date(2026, 1, 1), "spo2_avg", 96.8),
        (date(2026, 1, 1), "spo2_max", 98.2),
        (date(2026, 1, 1), "spo2_min", 95.1),
    ]


def test_written_breathing_of_nights(google_spec: Path) -> None:
    payload = "gohealthcli__googlehealth_daily_respiratory_rate_list"
    found = _recorded(google_spec, payload, "daily-respiratory-rate", "daily_vitals")
    assert told(found, "date", "vital", "value", *ORIGIN) == [
        (date(2026, 1, 1), "breathing_rate", 14.2, "list", "FITBIT", None, None)
    ]


def test_a_written_point_without_an_offset_is_on_the_clock_of_the_zone(google_spec: Path) -> None:
    payload = "gohealthcli__googlehealth_heart_rate_variability_list"
    found = _recorded(google_spec, payload, "heart-rate-variability", "hrv")
    assert told(found, "local_time", "written_offset_min", "rmssd_ms", "hf_ms2", "lf_ms2", "period_s") == [
        ("2026-01-01 00:20:00", -300, 42.125, None, None, 300)
    ]


def test_a_written_weighing(google_spec: Path) -> None:
    found = _recorded(google_spec, "gohealthcli__googlehealth_weight_list", "weight", "weight")
    assert told(found, "local_time", "written_offset_min", "log_id", "weight_kg", "chunk_day") == [
        ("2026-01-01 06:45:00", 60, "weight-2026-01-01", 71.2345, date(2026, 1, 1))
    ]


def test_devices_are_on_the_clock_of_the_zone(google_spec: Path) -> None:
    bodies = [(google_spec / f"{n}__paired_devices.json").read_bytes() for n in ("recorded_mcp-fitbit-air",
              "written_home-assistant")]  # fmt: skip
    pages = [decode_devices(b) for b in (*bodies, b'{"pairedDevices": [{"deviceType": "SCALE"}]}')]
    rows = device_rows(pages, Around("America/New_York"))
    columns = ("local_time", "written_offset_min", "device", "type", "battery_level", "battery", "reading", "chunk_day")
    assert told(rows.frames["device_sync"], *columns) == [
        ("2026-01-07 21:26:07", -300, "Fitbit Air", "TRACKER", 80, "High", "list", date(2026, 1, 7)),
        ("2026-07-18 11:30:00", -240, "Fitbit Charge 6", "TRACKER", 85, "NORMAL", "list", date(2026, 7, 18)),
    ]
    assert rows.left_out == {NEVER_SYNCED: 1}
    phone = b'{"pairedDevices": [{"lastSyncTime": "2026-01-08T02:00:00Z", "deviceVersion": "MobileTrack"}]}'
    found = device_rows([decode_devices(phone)], Around("UTC")).frames["device_sync"]
    assert told(found, "device", "type", "battery_level", "battery") == [("MobileTrack", None, None, None)]


def test_zeros_stay_and_absence_makes_no_row() -> None:
    points = [steps("2026-01-08T01:54Z", "0"), steps("2026-01-08T01:56Z", None), steps("2026-01-08T01:57Z", "3")]
    found = rows_from("steps", points).frames["steps"]
    assert told(found, "local_time", "steps") == [
        ("2026-01-08 01:54:00", 0),
        ("2026-01-08 01:56:00", 0),
        ("2026-01-08 01:57:00", 3),
    ]
    distance = [{"distance": {"interval": minute("2026-01-08T01:54Z"), "millimeters": mm}} for mm in ("0",)]
    assert told(rows_from("distance", distance).frames["distance"], "km") == [(0.0,)]


def test_units_and_periods() -> None:
    quarter = {"interval": minute("2026-01-08T01:45Z", "3600s", 15), "millimeters": "2450"}
    found = rows_from("distance", [{"distance": quarter}]).frames["distance"]
    assert told(found, "local_time", "written_offset_min", "km", "period_s") == [
        ("2026-01-08 02:45:00", 60, 0.00245, 900)
    ]
    sample = {"physicalTime": "2026-01-08T04:10:00Z", "utcOffset": "19800s"}
    oxygen = rows_from("oxygen-saturation", [{"oxygenSaturation": {"sampleTime": sample, "percentage": 97.5}}])
    assert told(oxygen.frames["spo2"], "local_time", "written_offset_min", "spo2_pct", "period_s") == [
        ("2026-01-08 09:40:00", 330, 97.5, 60)
    ]
    bands = {"highFrequencyPower": 12.5, "lowFrequencyPower": 7}
    hrv = {"sampleTime": sample, "rootMeanSquareOfSuccessiveDifferencesMilliseconds": 31.25, "metadata": bands}
    bare = {"sampleTime": sample | {"physicalTime": "2026-01-08T04:15:00Z"}, "standardDeviationMilliseconds": 40}
    rows = rows_from("heart-rate-variability", [{"heartRateVariability": v} for v in (hrv, bare)])
    assert told(rows.frames["hrv"], "local_time", "rmssd_ms", "hf_ms2", "lf_ms2") == [
        ("2026-01-08 09:40:00", 31.25, 12.5, 7.0)
    ]
    assert rows.left_out == {samples.NO_VALUE: 1}


def test_an_interval_without_a_length_is_left_out() -> None:
    rows = rows_from("steps", [steps("2026-01-08T01:54Z", "5", length=0), steps("2026-01-08T01:54Z", "5", length=-1)])
    assert rows.frames["steps"].is_empty()
    assert rows.left_out == {samples.NO_LENGTH: 2}


def test_wall_clocks_are_told_to_the_second() -> None:
    """As files write them; of two readings within one second the greater stands, and the other is counted."""

    def point(fraction: str, beats: str) -> dict[str, Any]:
        sample = {"physicalTime": f"2026-01-08T04:10:07{fraction}Z", "utcOffset": "0s"}
        return {"heartRate": {"sampleTime": sample, "beatsPerMinute": beats}}

    rows = rows_from("heart-rate", [point(".25", "61"), point(".999", "60")])
    assert rows.frames["heart_rate"]["local_time"].to_list() == [datetime(2026, 1, 8, 4, 10, 7)]
    assert rows.frames["heart_rate"]["bpm"].to_list() == [61.0]
    assert rows.left_out == {precedence.CONFLICT: 1}
    own = {"startTime": "2026-01-08T04:10:07.75Z", "endTime": "2026-01-08T04:11:07.5Z", "startUtcOffset": "0s"}
    found = rows_from("steps", [{"steps": {"interval": own}}]).frames["steps"]
    assert found.select("local_time", "period_s").rows() == [(datetime(2026, 1, 8, 4, 10, 7), 60)]


def test_days_are_those_of_the_points_own_offset() -> None:
    """One hour seen from Kiritimati, New York and Baker Island."""
    points = [
        steps("2026-01-08T10:30Z", "1", "50400s"),
        steps("2026-01-08T10:31Z", "2", "-18000s"),
        steps("2026-01-08T10:32Z", "3", "-43200s"),
    ]
    found = rows_from("steps", points, zone="Asia/Tokyo").frames["steps"]
    assert told(found, "local_time", "steps", "chunk_day") == [
        ("2026-01-09 00:30:00", 1, date(2026, 1, 9)),
        ("2026-01-08 05:31:00", 2, date(2026, 1, 8)),
        ("2026-01-07 22:32:00", 3, date(2026, 1, 7)),
    ]


def test_both_passes_of_the_autumn_hour_are_there() -> None:
    """New York, 2026-11-01: 01:30 came twice."""
    points = [steps("2026-11-01T06:30Z", "7", "-18000s"), steps("2026-11-01T05:30Z", "5", "-14400s")]
    found = rows_from("steps", points).frames["steps"]
    assert told(found, "local_time", "written_offset_min", "steps") == [
        ("2026-11-01 01:30:00", -300, 7),
        ("2026-11-01 01:30:00", -240, 5),
    ]


def test_no_page_and_no_point_are_no_row() -> None:
    for data_type in (*DATA_TYPES, HEART_RATE_RAW):
        assert rows_of(data_type, [], Around("UTC")).left_out == {}
        is_rollup = data_type.method == "rollup"
        page = decode_rollup(b"{}", data_type) if is_rollup else decode_page(b"{}", data_type, "list")
        frames = rows_of(data_type, [page, page], Around("UTC", "list")).frames
        assert all(f.is_empty() for f in frames.values())


def test_a_page_of_another_type_is_refused() -> None:
    page = page_of("steps", [])
    with pytest.raises(ValueError, match="a page of steps is none of distance"):
        rows_of(BY_NAME["distance"], [page], Around("UTC"))


_OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarter: quarter * 15)


def _written(moment: datetime, zone_min: int, digits: int) -> str:
    """A moment as the API may write it: in UTC or with an offset, with a fraction or none."""
    there = moment + timedelta(minutes=zone_min)
    text = there.strftime("%Y-%m-%dT%H:%M:%S")
    if digits:
        text += f".{moment.microsecond:06}"[: digits + 1]
    hours, minutes = divmod(abs(zone_min), 60)
    return text + ("Z" if not zone_min else f"{'-' if zone_min < 0 else '+'}{hours:02}:{minutes:02}")


@given(
    st.dictionaries(
        st.datetimes(datetime(2016, 1, 1), datetime(2037, 12, 31)).map(lambda t: t.replace(second=0, microsecond=0)),
        st.tuples(
            st.integers(-(2**63), 2**63 - 1), _OFFSETS, st.sampled_from((0, 0, 60, -570)), st.sampled_from((0, 3))
        ),
        max_size=12,
    ),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_points_go_through_unchanged(truth: dict[Any, Any], pages: int, shuffled: random.Random) -> None:
    """Whatever the order, the pages and the way of writing: each point is one row, on the clock of its offset."""
    points = []
    for start, (count, offset, zone, digits) in truth.items():
        own = {"startTime": start, "endTime": start + timedelta(minutes=1)}
        own = {k: _written(v, zone, digits) for k, v in own.items()}
        points.append(
            {
                "steps": {
                    "interval": own | {"startUtcOffset": f"{offset * 60}s", "endUtcOffset": "0s"},
                    "count": str(count),
                }
            }
        )
    shuffled.shuffle(points)
    read = [page_of("steps", points[n::pages]) for n in range(pages)]
    rows = rows_of(BY_NAME["steps"], read, Around("Asia/Kathmandu"))
    wanted = {
        (start + timedelta(minutes=offset), offset, count, 60, (start + timedelta(minutes=offset)).date())
        for start, (count, offset, _, _) in truth.items()
    }
    found = rows.frames["steps"].select("local_time", "written_offset_min", "steps", "period_s", "chunk_day").rows()
    assert len(found) == len(truth)
    assert set(found) == wanted
    assert not rows.left_out
