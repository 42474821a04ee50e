"""Logs of an account, each with an id: exercises and weighings. Sleep is in sleep.py."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import polars as pl
from msgspec import UNSET

from neuro_assets.sources.google_health.around import Around, with_clock
from neuro_assets.sources.google_health.columns import minutes_east, moments
from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.precedence import TOLD, sources_of, standing, told, with_sources
from neuro_assets.sources.google_health.samples import NO_LENGTH, Frames
from neuro_assets.sources.google_health.wire import seconds

EXERCISE_GOES_ON = "exercise in progress"
NO_HEART_RATE = "mean heart rate of 0, which is none"
_ID_DIGITS = 16
_G_A_KG = 1000
_MM_A_KM = 1_000_000
_MM_A_M = 1000
_UNSPECIFIED = "EXERCISE_TYPE_UNSPECIFIED"
_EXERCISE = {
    "activity": pl.String,
    "duration_s": pl.Float64,
    "active_s": pl.Float64,
    "steps": pl.Int64,
    "kcal": pl.Float64,
    "distance_km": pl.Float64,
    "mean_bpm": pl.Float64,
    "elevation_m": pl.Float64,
}


def log_id(point: Any, start: str) -> str:
    """The last part of a point's name; of a point without one, a number that its start and its source give.

    The number has letters in front, so that no spreadsheet takes it for one of its own.
    """
    if name := point.name.rpartition("/")[2]:
        return name
    source = "|".join(t or "" for t in told(getattr(point, "data_source", UNSET)))
    return f"of-{sha256(f'{start}|{source}'.encode()).hexdigest()[:_ID_DIGITS]}"


def exercises(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Exercises that have ended. Their name is the API's own for the type, which is the same in every language."""
    everything = [p for page in pages for p in page.points]
    points = [p for p in everything if p.value.interval.end_time]
    left_out[EXERCISE_GOES_ON] += len(everything) - len(points)
    if not points:
        return {}
    frame = spans(points).with_columns(
        pl.Series("log_id", [log_id(p, p.value.interval.start_time) for p in points], dtype=pl.String),
        pl.Series("updated", [p.value.update_time or "" for p in points], dtype=pl.String),
        *_of_exercises(points),
    )
    length = (pl.col("end") - pl.col("start")).dt.total_milliseconds() / 1000
    frame = frame.with_columns(length.alias("duration_s"))
    ended = frame.filter(pl.col("duration_s") >= 0)
    left_out[NO_LENGTH] += len(frame) - len(ended)
    rows = with_clock(standing(ended, ("start", "log_id"), ("updated", "end"), left_out), around)
    left_out[NO_HEART_RATE] += rows.filter(pl.col("mean_bpm") == 0).height
    measured = [n for n in _EXERCISE if n != "activity"]
    rows = rows.with_columns(pl.when(pl.col("mean_bpm") != 0).then("mean_bpm"), pl.lit(around.reading).alias("reading"))
    return {"exercise": rows.select("local_time", "written_offset_min", "log_id", "activity", "log_type", *measured,
                                    "reading", *TOLD, "chunk_day")}  # fmt: skip


def _of_exercises(points: Sequence[Any]) -> list[pl.Series]:
    rows = []
    for point in points:
        own = point.value
        sums = own.metrics_summary or None
        rows.append(
            (
                own.exercise_type if own.exercise_type != _UNSPECIFIED else own.display_name or _UNSPECIFIED,
                seconds(own.active_duration) if own.active_duration else None,
                _number(sums and sums.steps),
                _number(sums and sums.calories_kcal),
                _number(sums and sums.distance_millimeters, _MM_A_KM),
                _number(sums and sums.average_heart_rate_beats_per_minute),
                _number(sums and sums.elevation_gain_millimeters, _MM_A_M),
                "manual" if getattr(point, "data_source", None) and is_typed(point.data_source) else None,
            )
        )
    names = ("activity", "active_s", "steps", "kcal", "distance_km", "mean_bpm", "elevation_m", "log_type")
    kinds = {**_EXERCISE, "log_type": pl.String}
    columns = zip(*rows, strict=True)
    return [pl.Series(n, list(c), dtype=kinds[n], strict=False) for n, c in zip(names, columns, strict=True)]


def is_typed(source: Any) -> bool:
    """Whether a person typed it in."""
    return source.recording_method == "MANUAL"


def _number(value: Any, divisor: int = 1) -> float | int | None:
    """A number of the API, which writes whole ones as texts; None where there is none."""
    if value is None or value is UNSET:
        return None
    number = int(value) if isinstance(value, str) else value
    return number if divisor == 1 else number / divisor


def weighings(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Weighings in kg."""
    points = [p for page in pages for p in page.points]
    if not points:
        return {}
    times = [p.value.sample_time for p in points]
    frame = pl.DataFrame(
        [
            moments([t.physical_time for t in times], "start").dt.truncate("1s"),
            minutes_east([t.utc_offset for t in times], "offset_min"),
            pl.Series("log_id", [log_id(p, p.value.sample_time.physical_time) for p in points], dtype=pl.String),
            pl.Series("weight_kg", [p.value.weight_grams / _G_A_KG for p in points], dtype=pl.Float64),
        ]
    ).with_columns((pl.col("start") + pl.duration(seconds=1)).alias("end"))
    frame = with_sources(frame, points, sources_of(points))
    rows = with_clock(standing(frame, ("start",), ("weight_kg", "log_id"), left_out), around)
    columns = ("local_time", "written_offset_min", "log_id", "weight_kg")
    return {"weight": rows.select(*columns, pl.lit(around.reading).alias("reading"), *TOLD, "chunk_day")}


def spans(points: Sequence[Any]) -> pl.DataFrame:
    """Start and end (UTC) of logs that have ended, their offsets, their place in `points`, and their sources."""
    intervals = [p.value.interval for p in points]
    frame = pl.DataFrame(
        [
            moments([i.start_time for i in intervals], "start"),
            moments([i.end_time for i in intervals], "end"),
            minutes_east([i.start_utc_offset for i in intervals], "offset_min"),
            minutes_east([i.end_utc_offset for i in intervals], "end_offset_min"),
        ]
    )
    return with_sources(frame, points, sources_of(points)).with_row_index("log")
