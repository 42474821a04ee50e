"""Texts of many points as columns: as strict as `wire.check`, and fast enough for a page of thousands."""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from msgspec import UNSET

from neuro_assets.sources.google_health.wire import PATTERNS, is_text_of, seconds

_MINUTE_S = 60


class NotOfContractError(ValueError):
    """Some text of a column is not of the contract; which, `wire.check` finds."""


def moments(texts: Sequence[str], name: str) -> pl.Series:
    """Moments such as `2026-01-08T01:54:00Z` as UTC, without a zone, to the microsecond.

    Raises:
        NotOfContractError: one of them is no moment.
    """
    written = pl.Series(name, texts, dtype=pl.String)
    if not written.str.contains(PATTERNS["moment"]).all():
        raise NotOfContractError
    if (written.str.len_bytes() == len("2026-01-08T01:54:00Z")).all():
        read = written.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False)
    else:
        read = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
        read = read.dt.replace_time_zone(None)
    if read.null_count():
        raise NotOfContractError
    return read


def minutes_east(offsets: Sequence[object], name: str) -> pl.Series:
    """Offsets such as `-14400s` as minutes east of UTC, whole ones; null where a point does not say it.

    Raises:
        NotOfContractError: one of them is no offset.
    """
    read: dict[object, int | None] = {UNSET: None}
    for text in set(offsets) - {UNSET}:
        if not (isinstance(text, str) and is_text_of("offset", text)):
            raise NotOfContractError
        read[text] = int(seconds(text) // _MINUTE_S)
    return pl.Series(name, [read[o] for o in offsets], dtype=pl.Int32)


def whole(texts: Sequence[str], name: str) -> pl.Series:
    """Texts of digits as 64-bit numbers.

    Raises:
        NotOfContractError: one of them is none.
    """
    written = pl.Series(name, texts, dtype=pl.String)
    read = written.cast(pl.Int64, strict=False)
    if read.null_count() or not written.str.contains(PATTERNS["int64"]).all():
        raise NotOfContractError
    return read


def table_of(name: str, points: Sequence[Any]) -> pl.DataFrame | None:
    """The points of a type as columns; none for types with few points.

    Args:
        name: the member of the points' values, `...Rollup` for windows of a roll-up.
        points: with a `value` each.

    Raises:
        NotOfContractError: some text is not of the contract.
    """
    return _TABLES[name](points) if name in _TABLES else None


def _spans(points: Sequence[Any]) -> list[pl.Series]:
    intervals = [p.value.interval for p in points]
    offsets = minutes_east([i.start_utc_offset for i in intervals], "offset_min")
    minutes_east([i.end_utc_offset for i in intervals], "end_offset_min")
    return [
        moments([i.start_time for i in intervals], "start"),
        moments([i.end_time for i in intervals], "end"),
        offsets,
    ]


def _moments(points: Sequence[Any]) -> list[pl.Series]:
    times = [p.value.sample_time for p in points]
    return [
        moments([t.physical_time for t in times], "start"),
        minutes_east([t.utc_offset for t in times], "offset_min"),
    ]


def _steps(points: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([*_spans(points), whole([p.value.count for p in points], "value")])


def _distance(points: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([*_spans(points), whole([p.value.millimeters for p in points], "value")])


def _heart_rate(points: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([*_moments(points), whole([p.value.beats_per_minute for p in points], "value")])


def _zone_minutes(points: Sequence[Any]) -> pl.DataFrame:
    zones = pl.Series("zone", [p.value.heart_rate_zone for p in points], dtype=pl.String)
    return pl.DataFrame([*_spans(points), zones, whole([p.value.active_zone_minutes for p in points], "value")])


def _active_minutes(points: Sequence[Any]) -> pl.DataFrame:
    """A row for each level of each point, and of a point without any one row without a level."""
    spans = pl.DataFrame(_spans(points))
    items = [(n, i) for n, p in enumerate(points) for i in p.value.active_minutes_by_activity_level]
    levels = pl.DataFrame(
        [
            pl.Series("point", [n for n, _ in items], dtype=pl.UInt32),
            pl.Series("level", [i.activity_level for _, i in items], dtype=pl.String),
            whole([i.active_minutes for _, i in items], "value"),
        ]
    )
    return spans.with_row_index("point").join(levels, on="point", how="left", maintain_order="left_right")


def _variability(points: Sequence[Any]) -> pl.DataFrame:
    values = [p.value for p in points]
    bands = [v.metadata for v in values]
    return pl.DataFrame(
        [
            *_moments(points),
            _floats("value", [v.root_mean_square_of_successive_differences_milliseconds for v in values]),
            _floats("hf_ms2", [UNSET if b is UNSET else b.high_frequency_power for b in bands]),
            _floats("lf_ms2", [UNSET if b is UNSET else b.low_frequency_power for b in bands]),
        ]
    )


def _oxygen(points: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([*_moments(points), _floats("value", [p.value.percentage for p in points])])


def _windows(points: Sequence[Any]) -> list[pl.Series]:
    return [moments([p.start for p in points], "start"), moments([p.end for p in points], "end")]


def _heart_rate_windows(points: Sequence[Any]) -> pl.DataFrame:
    values = [p.value for p in points]
    columns = {"value": "beats_per_minute_avg", "min_bpm": "beats_per_minute_min", "max_bpm": "beats_per_minute_max"}
    read = (_floats(n, [UNSET if v is UNSET else getattr(v, own) for v in values]) for n, own in columns.items())
    return pl.DataFrame([*_windows(points), *read])


def _calorie_windows(points: Sequence[Any]) -> pl.DataFrame:
    energy = _floats("value", [UNSET if p.value is UNSET else p.value.kcal_sum for p in points])
    return pl.DataFrame([*_windows(points), energy])


def _floats(name: str, values: Sequence[object]) -> pl.Series:
    return pl.Series(name, [None if v is UNSET else v for v in values], dtype=pl.Float64)


_TABLES: dict[str, Callable[[Sequence[Any]], pl.DataFrame]] = {
    "steps": _steps,
    "distance": _distance,
    "heartRate": _heart_rate,
    "activeMinutes": _active_minutes,
    "activeZoneMinutes": _zone_minutes,
    "heartRateVariability": _variability,
    "oxygenSaturation": _oxygen,
    "heartRateRollup": _heart_rate_windows,
    "totalCaloriesRollup": _calorie_windows,
}
