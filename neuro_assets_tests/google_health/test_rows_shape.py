"""Rows of every type and kind have the columns that the source declares."""

from typing import Any

import polars as pl

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.google_health.account import decode_devices
from neuro_assets.sources.google_health.data_types import DATA_TYPES
from neuro_assets.sources.google_health.rows import Around, device_rows
from neuro_assets.sources.load import read_source
from neuro_assets_tests.google_health.points_of import (
    day,
    interval,
    minute,
    rows_from,
    steps,
    type_of,
    walk,
    window,
    windows_from,
)

# What the rows of a pull have besides, from whoever puts it together.
BESIDES = {"claim_no", "written_fold", "seen_at"}


# One point of every type.
POINTS: dict[str, dict[str, Any]] = {
    "steps": steps("2026-01-08T01:54Z", "5"),
    "distance": {"distance": {"interval": minute("2026-01-08T01:54Z")}},
    "heart-rate": {"heartRate": {"sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"}, "beatsPerMinute": "60"}},
    "active-minutes": {
        "activeMinutes": {
            "interval": minute("2026-01-08T01:54Z"),
            "activeMinutesByActivityLevel": [{"activityLevel": "LIGHT", "activeMinutes": "1"}],
        }
    },
    "active-zone-minutes": {
        "activeZoneMinutes": {"interval": minute("2026-01-08T01:54Z"), "heartRateZone": "PEAK"},
    },
    "sleep": {
        "sleep": {
            "interval": interval("2026-01-08T01:00Z", "2026-01-08T02:00Z"),
            "summary": {},
            "stages": [interval("2026-01-08T01:00Z", "2026-01-08T02:00Z") | {"type": "ASLEEP"}],
        }
    },
    "exercise": {"exercise": walk()["exercise"]},
    "heart-rate-variability": {
        "heartRateVariability": {
            "sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"},
            "rootMeanSquareOfSuccessiveDifferencesMilliseconds": 30,
        }
    },
    "oxygen-saturation": {
        "oxygenSaturation": {"sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"}, "percentage": 97},
    },
    "respiratory-rate-sleep-summary": {
        "respiratoryRateSleepSummary": {
            "sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"},
            "deepSleepStats": {"breathsPerMinute": 14},
        }
    },
    "weight": {"weight": {"sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"}, "weightGrams": 70_000}},
    "daily-resting-heart-rate": {"dailyRestingHeartRate": {"date": day(1), "beatsPerMinute": "60"}},
    "daily-heart-rate-variability": {
        "dailyHeartRateVariability": {"date": day(1), "averageHeartRateVariabilityMilliseconds": 40}
    },
    "daily-oxygen-saturation": {
        "dailyOxygenSaturation": {
            "date": day(1),
            "averagePercentage": 97,
            "lowerBoundPercentage": 95,
            "upperBoundPercentage": 99,
        }
    },
    "daily-respiratory-rate": {"dailyRespiratoryRate": {"date": day(1), "breathsPerMinute": 14}},
    "daily-sleep-temperature-derivations": {
        "dailySleepTemperatureDerivations": {
            "date": day(1),
            "nightlyTemperatureCelsius": 33.5,
            "baselineTemperatureCelsius": 33.25,
        }
    },
}


WINDOWS = {"heart-rate": {"heartRate": {"beatsPerMinuteAvg": 60}}, "total-calories": {"totalCalories": {}}}


STORED = {"integer": (pl.Int64, pl.Int32), "number": (pl.Float64,), "text": (pl.String,)}


def test_frames_have_the_columns_that_the_source_declares() -> None:
    source = read_source(REPOSITORY / "neuro_assets" / "sources" / "google_health" / "source.yaml")
    frames: dict[str, list[pl.DataFrame]] = {}
    for name, point in POINTS.items():
        for reading in ("list", "reconcile"):
            found = rows_from(name, [point], reading).frames  # type: ignore[arg-type]
            assert set(found) == set(type_of(name).kinds)
            for kind, frame in found.items():
                frames.setdefault(kind, []).append(frame)
    for name, value in WINDOWS.items():
        for kind, frame in windows_from(name, [window("2026-01-08T01:54Z", **value)], "UTC").frames.items():
            frames.setdefault(kind, []).append(frame)
    device = b'{"pairedDevices": [{"name": "a/b", "lastSyncTime": "2026-01-08T02:00:00Z"}]}'
    frames["device_sync"] = [device_rows([decode_devices(device)], Around("UTC")).frames["device_sync"]]
    assert set(frames) == set(source.files)
    for kind, several in frames.items():
        spec = source.files[kind]
        declared = {spec.time.column, *spec.columns}
        for frame in several:
            own = set(frame.columns)
            assert own - {"chunk_day"} <= declared, kind
            assert declared - own <= BESIDES, kind
            assert frame.schema["chunk_day"] == pl.Date
            assert frame.height >= 1
            assert frame.schema[spec.time.column] == (pl.Date if spec.is_dated else pl.Datetime("us"))
            for column in spec.columns.keys() & own:
                assert frame.schema[column] in STORED[spec.columns[column].type], (kind, column)


def test_types_and_kinds_are_those_of_the_source() -> None:
    source = read_source(REPOSITORY / "neuro_assets" / "sources" / "google_health" / "source.yaml")
    listed = {k for t in DATA_TYPES for k in t.kinds}
    assert listed | {"device_sync"} == set(source.files)
    assert {t.name for t in DATA_TYPES} == POINTS.keys() | WINDOWS.keys()
