"""What counts for a day: minutes of activity, summed, vital signs of a day or a night, and the server's own sums.

Active minutes and active zone minutes come by the minute and are summed by the civil day on which a point begins.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from msgspec import UNSET

from neuro_assets.sources.google_health.around import Around, with_clock
from neuro_assets.sources.google_health.columns import minutes_east, moments
from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.precedence import TOLD, sources_of, standing, with_sources
from neuro_assets.sources.google_health.samples import (
    NO_VALUE,
    NO_WINDOW_VALUE,
    Frames,
    table_of_points,
    with_length,
    with_value,
)

NO_LEVEL = "minutes of no level that is known"
NO_ZONE = "minutes of no zone that is known"
NO_BASELINE = "night of skin temperature without a baseline"
NOT_MAIN = "breathing of a sleep that is not the day's main one"
NO_STAGES = "breathing without kinds of sleep"
PART_DAY = "window that is no whole day"
_LEVELS = {"LIGHT": "lightly", "MODERATE": "fairly", "VIGOROUS": "very"}
_ZONES = {"FAT_BURN": "fat_burn", "CARDIO": "cardio", "PEAK": "peak"}
_BREATHING = {
    "deep_sleep_stats": "breathing_rate_deep",
    "light_sleep_stats": "breathing_rate_light",
    "rem_sleep_stats": "breathing_rate_rem",
}
_DAY = timedelta(days=1)
_MM_A_KM = 1_000_000
_TEMPERATURE_DECIMALS = 4


def active_minutes(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Minutes of each level of activity, by day."""
    points = table_of_points(pages)
    if points is None:
        return {}
    found = with_value(with_length(points, left_out), NO_VALUE, left_out)
    found = standing(found, ("start", "end", "level"), ("value", "offset_min"), left_out)
    known = found.filter(pl.col("level").is_in(list(_LEVELS)))
    left_out[NO_LEVEL] += len(found) - len(known)
    rows = _by_day(with_clock(known, around), around, ["level"], [pl.col("value").sum().alias("minutes")])
    return {"daily_active_minutes": rows.with_columns(pl.col("level").replace(_LEVELS))}


def zone_minutes(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Active zone minutes by day, of each zone and in all."""
    points = table_of_points(pages)
    if points is None:
        return {}
    # A minute may be shared by two zones.
    found = standing(with_length(points, left_out), ("start", "end", "zone"), ("value", "offset_min"), left_out)
    known = found.filter(pl.col("zone").is_in(list(_ZONES)))
    left_out[NO_ZONE] += len(found) - len(known)
    sums = [pl.col("value").filter(pl.col("zone") == zone).sum().alias(name) for zone, name in _ZONES.items()]
    sums = [pl.col("value").sum().alias("total"), *sums]
    return {"active_zone_minutes": _by_day(with_clock(known, around), around, [], sums)}


def _by_day(frame: pl.DataFrame, around: Around, by: list[str], sums: list[pl.Expr]) -> pl.DataFrame:
    """Sums of days; where they come from is told where all of it comes from one source."""
    one = (pl.when(pl.col(n).n_unique() == 1).then(pl.col(n).first()).alias(n) for n in TOLD)
    days = frame.group_by("chunk_day", *by).agg(*sums, *one).sort("chunk_day", *by)
    names = [e.meta.output_name() for e in sums]
    return days.select(
        pl.col("chunk_day").alias("date"), *by, *names, pl.lit(around.reading).alias("reading"), *TOLD, "chunk_day"
    )


def vitals(field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Vital signs of a day: the types that are called daily."""
    points = [p for page in pages for p in page.points]
    told: list[tuple[int, datetime, str, float]] = []
    for n, point in enumerate(points):
        day = datetime.combine(point.value.date.date, time())
        values = dict(_VITALS[field](point.value))
        if not values:
            left_out[NO_BASELINE if field == "dailySleepTemperatureDerivations" else NO_VALUE] += 1
        told += [(n, day, vital, value) for vital, value in values.items()]
    frame = pl.DataFrame(
        told,
        schema={"point": pl.Int64, "start": pl.Datetime("us"), "vital": pl.String, "value": pl.Float64},
        orient="row",
    )
    frame = with_sources(frame, points, sources_of(points)).with_columns((pl.col("start") + _DAY).alias("end"))
    found = standing(frame, ("start", "vital"), ("value",), left_out)
    return {"daily_vitals": _vital_rows(found.with_columns(pl.col("start").dt.date().alias("chunk_day")), around)}


def _vital_rows(frame: pl.DataFrame, around: Around) -> pl.DataFrame:
    reading = pl.lit(around.reading).alias("reading")
    day = pl.col("chunk_day").alias("date")
    return frame.select(day, "vital", "value", reading, *TOLD, "chunk_day").sort("date", "vital")


def _resting(value: Any) -> Iterator[tuple[str, float]]:
    yield "resting_heart_rate", float(value.beats_per_minute)


def _variability(value: Any) -> Iterator[tuple[str, float]]:
    if value.average_heart_rate_variability_milliseconds is not UNSET:
        yield "hrv_rmssd", value.average_heart_rate_variability_milliseconds
    deep = value.deep_sleep_root_mean_square_of_successive_differences_milliseconds
    if deep is not UNSET:
        yield "hrv_deep_rmssd", deep


def _oxygen(value: Any) -> Iterator[tuple[str, float]]:
    yield "spo2_avg", value.average_percentage
    yield "spo2_min", value.lower_bound_percentage
    yield "spo2_max", value.upper_bound_percentage


def _breaths(value: Any) -> Iterator[tuple[str, float]]:
    yield "breathing_rate", value.breaths_per_minute


def _temperature(value: Any) -> Iterator[tuple[str, float]]:
    # A baseline of 0 °C is none: the API leaves 0 out, and no skin is that cold.
    if value.baseline_temperature_celsius:
        difference = value.nightly_temperature_celsius - value.baseline_temperature_celsius
        yield "skin_temperature_relative", round(difference, _TEMPERATURE_DECIMALS)


_VITALS: dict[str, Callable[[Any], Iterator[tuple[str, float]]]] = {
    "dailyRestingHeartRate": _resting,
    "dailyHeartRateVariability": _variability,
    "dailyOxygenSaturation": _oxygen,
    "dailyRespiratoryRate": _breaths,
    "dailySleepTemperatureDerivations": _temperature,
}


def breathing(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Breaths a minute in deep, light and REM sleep, of the main sleep of the day.

    A summary says neither which sleep it is of nor how long that was. Of several on one day the one with the most kinds
    of sleep is the main one's (naps have no stages), of several of those the latest. The rate of all sleep is left to
    the daily respiratory rate, which the server computes for the main sleep.
    """
    points = [p for page in pages for p in page.points]
    if not points:
        return {}
    rates = [{v: getattr(p.value, n).breaths_per_minute for n, v in _BREATHING.items() if getattr(p.value, n)}
             for p in points]  # fmt: skip
    times = [p.value.sample_time for p in points]
    frame = pl.DataFrame(
        [
            moments([t.physical_time for t in times], "start"),
            minutes_east([t.utc_offset for t in times], "offset_min"),
            pl.Series("kinds", [len(r) for r in rates], dtype=pl.Int64),
            pl.Series("vital", [list(r) for r in rates], dtype=pl.List(pl.String)),
            pl.Series("value", [list(r.values()) for r in rates], dtype=pl.List(pl.Float64)),
        ]
    )
    frame = with_sources(frame, points, sources_of(points)).with_columns(
        (pl.col("start") + pl.duration(seconds=1)).alias("end")
    )
    found = with_clock(standing(frame, ("start",), ("kinds", "offset_min"), left_out), around)
    staged = found.filter(pl.col("kinds") > 0)
    left_out[NO_STAGES] += len(found) - len(staged)
    staged = staged.sort("_source", "kinds", "start", descending=[False, True, True], maintain_order=True)
    main = staged.unique("chunk_day", keep="first", maintain_order=True)
    left_out[NOT_MAIN] += len(staged) - len(main)
    return {"sleep_breathing": _vital_rows(main.explode("vital", "value"), around)}


def day_windows(field: str, pages: Sequence[Page], left_out: Counter[str]) -> Frames:
    """The server's own sums of days, from `dailyRollUp`. No pull asks for them, and the source has no such kinds."""
    kind, column, value_of = _DAY_WINDOWS[field]
    rows: dict[date, float] = {}
    for point in (p for page in pages for p in page.points):
        day = point.start.date.date
        is_whole = point.end.date.date - day == _DAY and not any(_clock(point.start) + _clock(point.end))
        if point.value is UNSET or not is_whole:
            left_out[PART_DAY if point.value is not UNSET else NO_WINDOW_VALUE] += 1
            continue
        rows[day] = value_of(point.value)
    days = sorted(rows)
    frame = pl.DataFrame({"date": days, column: [rows[d] for d in days]}, schema_overrides={"date": pl.Date})
    return {kind: frame.with_columns(pl.lit("rollUp").alias("reading"), pl.col("date").alias("chunk_day"))}


def _clock(moment: Any) -> tuple[int, ...]:
    return (moment.time.hours, moment.time.minutes, moment.time.seconds, moment.time.nanos) if moment.time else ()


_DAY_WINDOWS: dict[str, tuple[str, str, Callable[[Any], float]]] = {
    "steps": ("daily_steps", "steps", lambda v: int(v.count_sum)),
    "distance": ("daily_distance", "km", lambda v: int(v.millimeters_sum) / _MM_A_KM),
    "totalCalories": ("daily_calories", "kcal", lambda v: v.kcal_sum),
}
