"""What counts for a day: sums of minutes and vital signs."""

from datetime import date
from typing import Any

from neuro_assets.sources.google_health import daily, precedence, samples
from neuro_assets_tests.google_health.points_of import (
    PHONE,
    WATCH,
    day,
    minute,
    rows_from,
    told,
)


def test_active_minutes_are_summed_by_level_and_day() -> None:
    def point(start: str, levels: dict[str, str], offset: str = "-18000s") -> dict[str, Any]:
        by_level = [{"activityLevel": k, "activeMinutes": v} for k, v in levels.items()]
        return {"activeMinutes": {"interval": minute(start, offset), "activeMinutesByActivityLevel": by_level}}

    points = [
        point("2026-01-08T04:58Z", {"LIGHT": "1"}),
        point("2026-01-08T04:59Z", {"LIGHT": "1", "VIGOROUS": "1"}),
        point("2026-01-08T05:00Z", {"MODERATE": "1"}),
        point("2026-01-08T05:01Z", {"MODERATE": "0"}),
        point("2026-01-08T05:02Z", {}),
        point("2026-01-08T05:03Z", {"ACTIVITY_LEVEL_UNSPECIFIED": "1"}),
    ]
    points[3]["activeMinutes"]["activeMinutesByActivityLevel"][0].pop("activeMinutes")
    rows = rows_from("active-minutes", points)
    assert told(rows.frames["daily_active_minutes"], "date", "level", "minutes", "reading", "chunk_day") == [
        (date(2026, 1, 7), "lightly", 2, "reconcile", date(2026, 1, 7)),
        (date(2026, 1, 7), "very", 1, "reconcile", date(2026, 1, 7)),
        (date(2026, 1, 8), "fairly", 1, "reconcile", date(2026, 1, 8)),
    ]
    assert rows.left_out == {samples.NO_VALUE: 1, daily.NO_LEVEL: 1}


def test_active_zone_minutes_are_summed_by_day() -> None:
    def point(start: str, zone: str | None, minutes: str, **more: Any) -> dict[str, Any]:
        own = {"heartRateZone": zone} if zone else {}
        value = {"interval": minute(start, "3600s"), "activeZoneMinutes": minutes, **own}
        return {"activeZoneMinutes": value, **more}

    points = [
        point("2026-01-07T22:59Z", "FAT_BURN", "1", dataSource=WATCH),
        point("2026-01-07T23:00Z", "CARDIO", "2", dataSource=WATCH),
        point("2026-01-07T23:01Z", "CARDIO", "2", dataSource=WATCH),
        point("2026-01-07T23:01Z", "FAT_BURN", "1", dataSource=WATCH),
        point("2026-01-07T23:01Z", "CARDIO", "2", dataSource=PHONE),
        point("2026-01-07T23:02Z", "PEAK", "2", dataSource=PHONE),
        point("2026-01-07T23:03Z", None, "1", dataSource=PHONE),
    ]
    rows = rows_from("active-zone-minutes", points, "list")
    columns = ("date", "total", "fat_burn", "cardio", "peak", "platform", "device")
    assert told(rows.frames["active_zone_minutes"], *columns) == [
        (date(2026, 1, 7), 1, 1, 0, 0, "FITBIT", "watch"),
        (date(2026, 1, 8), 7, 1, 4, 2, "FITBIT", None),
    ]
    assert rows.left_out == {precedence.OTHER_SOURCE: 1, daily.NO_ZONE: 1}


def test_resting_heart_rate_and_temperature() -> None:
    resting = {"dailyRestingHeartRate": {"date": day(1), "beatsPerMinute": "61"}}
    assert told(rows_from("daily-resting-heart-rate", [resting]).frames["daily_vitals"], "vital", "value") == [
        ("resting_heart_rate", 61.0)
    ]
    nights = [
        {"date": day(1), "nightlyTemperatureCelsius": 33.82, "baselineTemperatureCelsius": 33.38},
        {"date": day(2), "nightlyTemperatureCelsius": 33.1},
        {"date": day(3), "nightlyTemperatureCelsius": 33.1, "baselineTemperatureCelsius": 33.4},
    ]
    name = "daily-sleep-temperature-derivations"
    rows = rows_from(name, [{"dailySleepTemperatureDerivations": n} for n in nights])
    assert told(rows.frames["daily_vitals"], "date", "vital", "value") == [
        (date(2026, 1, 1), "skin_temperature_relative", 0.44),
        (date(2026, 1, 3), "skin_temperature_relative", -0.3),
    ]
    assert rows.left_out == {daily.NO_BASELINE: 1}


def test_a_day_has_each_vital_sign_once() -> None:
    def point(beats: str, source: dict[str, Any]) -> dict[str, Any]:
        return {"dailyRestingHeartRate": {"date": day(1), "beatsPerMinute": beats}, "dataSource": source}

    connect = {"platform": "HEALTH_CONNECT", "recordingMethod": "UNKNOWN"}
    fitbit = {"platform": "FITBIT", "recordingMethod": "DERIVED", "device": {}}
    rows = rows_from("daily-resting-heart-rate", [point("86", connect), point("61", fitbit)], "list")
    assert told(rows.frames["daily_vitals"], "value", "platform") == [(61.0, "FITBIT")]
    assert rows.left_out == {precedence.OTHER_SOURCE: 1}


def test_breathing_is_that_of_the_main_sleep_of_the_day() -> None:
    def point(moment: str, offset: str, **rates: float) -> dict[str, Any]:
        time = {"physicalTime": f"2026-01-{moment}:00Z", "utcOffset": offset}
        stats = {f"{k}SleepStats": {"breathsPerMinute": v} for k, v in rates.items()}
        return {"respiratoryRateSleepSummary": {"sampleTime": time, **stats}}

    points = [
        point("08T20:00", "3600s", full=13.0, light=13.5),
        point("08T06:00", "3600s", full=14.0, light=14.5, deep=14.0, rem=15.25),
        point("08T15:00", "3600s", full=16.0),
        point("08T23:30", "3600s", full=14.0, light=12.5, deep=12.0),
    ]
    rows = rows_from("respiratory-rate-sleep-summary", points)
    assert told(rows.frames["sleep_breathing"], "date", "vital", "value", "chunk_day") == [
        (date(2026, 1, 8), "breathing_rate_deep", 14.0, date(2026, 1, 8)),
        (date(2026, 1, 8), "breathing_rate_light", 14.5, date(2026, 1, 8)),
        (date(2026, 1, 8), "breathing_rate_rem", 15.25, date(2026, 1, 8)),
        (date(2026, 1, 9), "breathing_rate_deep", 12.0, date(2026, 1, 9)),
        (date(2026, 1, 9), "breathing_rate_light", 12.5, date(2026, 1, 9)),
    ]
    assert rows.left_out == {daily.NOT_MAIN: 1, daily.NO_STAGES: 1}
