"""Windows of a roll-up have no offset of their own: that of the points around them, else of the zone."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.sources.google_health import daily, samples
from neuro_assets.sources.google_health.contract import decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.sources.google_health.rows import Around, offsets_of, rows_of
from neuro_assets_tests.google_health.points_of import (
    ORIGIN,
    page_of,
    steps,
    told,
    window,
    windows_from,
)


def test_windows_take_the_offset_of_the_points_around_them() -> None:
    """A flight from New York to Paris; the account's zone is Tokyo all the while."""
    track = offsets_of(
        [
            page_of("steps", [steps("2026-01-08T20:00Z", "1", "3600s"), steps("2026-01-08T12:00Z", "1", "-18000s")]),
            page_of("steps", [steps("2026-01-08T11:00Z", "1", "-18000s")]),
        ]
    )
    times = ("11:30", "13:59", "14:01", "17:59", "18:01", "21:59", "22:01")
    pulse = {"beatsPerMinuteAvg": 61.5, "beatsPerMinuteMin": 58, "beatsPerMinuteMax": 70}
    windows = [window(f"2026-01-08T{t}Z", heartRate=pulse) for t in times]
    found = windows_from("heart-rate", windows, "Asia/Tokyo", track).frames["heart_rate"]
    # 13:59 is within two hours of a point in New York; 18:01 and 21:59 of the one in Paris; the others of none.
    assert found["written_offset_min"].to_list() == [-300, -300, 540, 540, 60, 60, 540]
    assert told(found, "local_time", "bpm", "min_bpm", "max_bpm", "period_s", *ORIGIN)[4] == (
        ("2026-01-08 19:01:00", 61.5, 58.0, 70.0, 60, "rollUp", None, None, None)
    )


def test_windows_without_points_are_on_the_clock_of_the_zone() -> None:
    windows = [window(f"2026-11-01T{t}Z", totalCalories={"kcalSum": 1.25}) for t in ("05:59", "06:00")]
    found = windows_from("total-calories", windows, "America/New_York").frames["calories"]
    assert told(found, "local_time", "written_offset_min", "kcal", "period_s") == [
        ("2026-11-01 01:59:00", -240, 1.25, 60),
        ("2026-11-01 01:00:00", -300, 1.25, 60),
    ]


def test_a_window_without_a_value_has_no_row() -> None:
    windows = [window("2026-01-08T11:30Z"), window("2026-01-08T11:31Z", heartRate={})]
    rows = windows_from("heart-rate", windows, "UTC")
    assert rows.frames["heart_rate"].is_empty()
    assert rows.left_out == {samples.NO_WINDOW_VALUE: 2}
    energy = windows_from("total-calories", [window("2026-01-08T11:30Z", totalCalories={})], "UTC")
    assert energy.frames["calories"]["kcal"].to_list() == [0.0]


@pytest.mark.parametrize(
    ("payload", "name", "kind", "column", "values"),
    [
        (
            "recorded_mcp-fitbit-air__rollup_steps__nested_date",
            "steps",
            "daily_steps",
            "steps",
            [(date(2026, 1, d), 9000) for d in range(1, 7)],
        ),
        (
            "gohealthcli__googlehealth_total_calories_daily_rollup",
            "total-calories",
            "daily_calories",
            "kcal",
            [(date(2026, 1, 1), 2142.5)],
        ),
    ],
)
def test_the_servers_own_sums_of_days(
    google_spec: Path, payload: str, name: str, kind: str, column: str, values: list[Any]
) -> None:
    body = (google_spec / f"{payload}.json").read_bytes()
    rows = rows_of(BY_NAME[name], [decode_rollup(body, BY_NAME[name], windows="civil")], Around("UTC"))
    assert told(rows.frames[kind], "date", column) == values
    assert not rows.left_out


def test_windows_that_are_no_day_are_left_out() -> None:
    def window(first: int, last: int, **time: int) -> dict[str, Any]:
        start, end = ({"date": {"year": 2026, "month": 1, "day": d}} for d in (first, last))
        return {"civilStartTime": start, "civilEndTime": end | {"time": time}, "steps": {}}

    windows = [window(1, 2), window(2, 4), window(3, 4, hours=1), window(4, 5) | {"steps": {"countSum": "7"}}]
    del windows[0]["steps"]
    page = decode_rollup(json.dumps({"rollupDataPoints": windows}).encode(), BY_NAME["steps"], windows="civil")
    rows = rows_of(BY_NAME["steps"], [page], Around("UTC"))
    assert told(rows.frames["daily_steps"], "date", "steps") == [(date(2026, 1, 4), 7)]
    assert rows.left_out == {daily.PART_DAY: 2, samples.NO_WINDOW_VALUE: 1}
