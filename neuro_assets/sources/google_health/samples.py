"""Points and windows with a value each as rows: steps, distance, energy, heart rate, its variability, oxygen.

0 stays 0; where there is no point there is no row.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from neuro_assets.sources.google_health.around import Around, with_clock
from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.precedence import TOLD, sources_of, standing, with_sources

NO_LENGTH = "interval that ends when it begins, or before"
NO_VALUE = "point without the value that is read"
NO_WINDOW_VALUE = "window without a value"
_MM_A_KM = 1_000_000
Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class _Kind:
    """How a type's points become rows: seconds that a point stands for, where it has no end, and the columns."""

    kind: str
    period_s: int | None
    values: Callable[[], dict[str, pl.Expr]]


_KINDS = {
    "steps": _Kind("steps", None, lambda: {"steps": pl.col("value")}),
    "distance": _Kind("distance", None, lambda: {"km": pl.col("value") / _MM_A_KM}),
    "heartRate": _Kind("heart_rate", 1, lambda: _pulse(has_bounds=False)),
    "heartRateVariability": _Kind(
        "hrv", 300, lambda: {"rmssd_ms": pl.col("value"), "hf_ms2": pl.col("hf_ms2"), "lf_ms2": pl.col("lf_ms2")}
    ),
    "oxygenSaturation": _Kind("spo2", 60, lambda: {"spo2_pct": pl.col("value")}),
}
_WINDOWS = {
    "heartRate": _Kind("heart_rate", None, lambda: _pulse(has_bounds=True)),
    "totalCalories": _Kind("calories", None, lambda: {"kcal": pl.col("value")}),
}


def _pulse(*, has_bounds: bool) -> dict[str, pl.Expr]:
    none = pl.lit(None, pl.Float64)
    bounds = {n: pl.col(n) if has_bounds else none for n in ("min_bpm", "max_bpm")}
    return {"bpm": pl.col("value").cast(pl.Float64), **bounds}


def sample_rows(field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Rows of the points of a type with a value each."""
    how = _KINDS[field]
    found = table_of_points(pages)
    if found is None:
        return {}
    if how.period_s is not None:
        second = pl.col("start").dt.truncate("1s")
        found = found.with_columns(second).with_columns(
            (pl.col("start") + pl.duration(seconds=how.period_s)).alias("end")
        )
    found = with_value(with_length(found, left_out), NO_VALUE, left_out)
    found = standing(found, ("start", "end"), ("value", "offset_min"), left_out)
    return {how.kind: _rows(found, how, around, around.reading)}


def window_rows(field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Rows of the windows of a roll-up, whose times are UTC and nothing else."""
    how = _WINDOWS[field]
    tables = [p.table for p in pages if p.table is not None]
    if not tables:
        return {}
    own = (pl.lit(None, pl.String).alias(n) for n in TOLD)
    found = pl.concat(tables).with_columns(
        pl.lit(None, pl.Int32).alias("offset_min"), pl.lit(0, pl.Int32).alias("_source"), *own
    )
    found = with_value(with_length(found, left_out), NO_WINDOW_VALUE, left_out)
    found = standing(found, ("start", "end"), ("value",), left_out)
    return {how.kind: _rows(found, how, around, "rollUp")}


def table_of_points(pages: Sequence[Page]) -> pl.DataFrame | None:
    """The tables of some pages as one, with where each point comes from; None without a page."""
    read = [p for p in pages if p.table is not None]
    if not read:
        return None
    sources = sources_of([point for p in read for point in p.points])
    return pl.concat([with_sources(p.table, p.points, sources) for p in read if p.table is not None])


def with_length(frame: pl.DataFrame, left_out: Counter[str]) -> pl.DataFrame:
    """The rows whose end is behind their start."""
    kept = frame.filter(pl.col("end") > pl.col("start"))
    left_out[NO_LENGTH] += len(frame) - len(kept)
    return kept


def with_value(frame: pl.DataFrame, why: str, left_out: Counter[str]) -> pl.DataFrame:
    """The rows with a value."""
    kept = frame.filter(pl.col("value").is_not_null())
    left_out[why] += len(frame) - len(kept)
    return kept


def _rows(frame: pl.DataFrame, how: _Kind, around: Around, reading: str) -> pl.DataFrame:
    length = (pl.col("end") - pl.col("start")).dt.total_milliseconds() / 1000
    return with_clock(frame, around).select(
        "local_time",
        "written_offset_min",
        *(expression.alias(name) for name, expression in how.values().items()),
        pl.max_horizontal(length.round().cast(pl.Int64), 1).alias("period_s"),
        pl.lit(reading).alias("reading"),
        *TOLD,
        "chunk_day",
    )
