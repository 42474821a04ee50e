"""Points as the API writes them, put together by hand, and pages of them read back as rows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from neuro_assets.sources.google_health.contract import Page, decode_page, decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME, HEART_RATE_RAW, DataType, Reading
from neuro_assets.sources.google_health.rows import Around, Rows, rows_of

WATCH = {"platform": "FITBIT", "recordingMethod": "PASSIVELY_MEASURED", "device": {"formFactor": "WATCH"}}
PHONE = {"platform": "FITBIT", "recordingMethod": "PASSIVELY_MEASURED", "device": {"formFactor": "PHONE"}}
ORIGIN = ("reading", "platform", "recording_method", "device")
TYPED = {"platform": "FITBIT", "recordingMethod": "MANUAL"}


def body_of(points: list[dict[str, Any]], **more: Any) -> bytes:
    """A page of points."""
    return json.dumps({"dataPoints": points, **more}).encode()


def interval(start: str, end: str, offset: str = "0s", end_offset: str | None = None) -> dict[str, str]:
    """An interval; times as `2026-01-08T01:54Z`."""
    return {
        "startTime": start.replace("Z", ":00Z"),
        "startUtcOffset": offset,
        "endTime": end.replace("Z", ":00Z"),
        "endUtcOffset": end_offset or offset,
    }


def minute(start: str, offset: str = "0s", length: int = 1) -> dict[str, str]:
    """An interval of `length` minutes."""
    begun = datetime.fromisoformat(start).astimezone(UTC)
    return interval(start, (begun + timedelta(minutes=length)).strftime("%Y-%m-%dT%H:%MZ"), offset)


def steps(start: str, count: object, offset: str = "0s", length: int = 1, **more: Any) -> dict[str, Any]:
    """A point of steps; a count of None is left out."""
    value = {"interval": minute(start, offset, length)} | ({} if count is None else {"count": count})
    return {"steps": value, **more}


def type_of(name: str) -> DataType:
    """A data type by its name; `heart-rate` are its samples."""
    return HEART_RATE_RAW if name == "heart-rate" else BY_NAME[name]


def page_of(name: str, points: list[dict[str, Any]], reading: Reading = "reconcile") -> Page:
    """A page of points, decoded."""
    return decode_page(body_of(points), type_of(name), reading)


def rows_from(
    name: str,
    points: list[dict[str, Any]],
    reading: Reading = "reconcile",
    zone: str = "America/New_York",
    offsets: pl.DataFrame | None = None,
) -> Rows:
    """The rows of one page of points."""
    around = Around(zone, reading) if offsets is None else Around(zone, reading, offsets)
    return rows_of(type_of(name), [page_of(name, points, reading)], around)


def windows_from(name: str, windows: list[dict[str, Any]], zone: str, offsets: pl.DataFrame | None = None) -> Rows:
    """The rows of one page of a roll-up."""
    page = decode_rollup(json.dumps({"rollupDataPoints": windows}).encode(), BY_NAME[name])
    return rows_of(BY_NAME[name], [page], Around(zone) if offsets is None else Around(zone, offsets=offsets))


def told(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a frame, row by row, moments as texts."""
    texts = [pl.col(c).dt.strftime("%Y-%m-%d %H:%M:%S") if t == pl.Datetime("us") else pl.col(c) for c, t in
             frame.select(columns).schema.items()]  # fmt: skip
    return frame.select(texts).rows()


def window(start: str, **value: Any) -> dict[str, Any]:
    """A window of a roll-up, a minute long."""
    own = minute(start)
    return {"startTime": own["startTime"], "endTime": own["endTime"], **value}


def day(number: int) -> dict[str, int]:
    """A day of January 2026."""
    return {"year": 2026, "month": 1, "day": number}


def walk(**changes: Any) -> dict[str, Any]:
    """An exercise."""
    own = {
        "interval": {
            "startTime": "2026-10-02T21:35:37.761Z",
            "startUtcOffset": "7200s",
            "endTime": "2026-10-02T22:34:37.129Z",
            "endUtcOffset": "7200s",
        },
        "exerciseType": "WALKING",
        "displayName": "Spaziergang",
        "activeDuration": "3500.5s",
        "metricsSummary": {
            "distanceMillimeters": 1337692,
            "steps": "1413",
            "caloriesKcal": 98.5,
            "averageHeartRateBeatsPerMinute": "97",
            "elevationGainMillimeters": 12500,
        },
    }
    return {"exercise": own | changes, "dataPointName": "users/1/dataTypes/exercise/dataPoints/4093039881136750928"}
