"""Sleeps as sessions and as one stage per 30 s, on the wall clock of each stage's own offset.

A sleep that goes on has no end and no summary: it has no rows, and is read again. One that has ended while the server
still works on its stages is `provisional`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from msgspec import UNSET

from neuro_assets.sources.fitbit.sleep import NO_STAGES, UNKNOWN, Segment, epochs
from neuro_assets.sources.google_health.around import Around, local_clock, offsets_at, with_clock, zone_at
from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.logs import is_typed, log_id, spans
from neuro_assets.sources.google_health.precedence import TOLD, standing
from neuro_assets.sources.google_health.samples import Frames
from neuro_assets.sources.google_health.wire import seconds

IN_PROGRESS = "sleep in progress"
NO_LENGTH = "stage without a length, or of more than a day"
_LONGEST_S = 86_400
_TEXT = "%Y-%m-%d %H:%M:%S"
_STAGED = {"LIGHT", "DEEP", "REM"}
_EPOCH = datetime(1970, 1, 1)
_SUMMARY = {
    "minutes_asleep": "minutes_asleep",
    "minutes_awake": "minutes_awake",
    "minutes_to_fall_asleep": "minutes_to_fall_asleep",
    "minutes_after_wakeup": "minutes_after_wake_up",
    "minutes_in_bed": "minutes_in_sleep_period",
}


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage in seconds of UTC since 1970, and the minutes east of UTC at its start and its end."""

    segment: Segment
    offset_min: int
    end_offset_min: int


def sleeps(_field: str, pages: Sequence[Page], around: Around, left_out: Counter[str]) -> Frames:
    """Sessions and stages of sleeps, claimed with the civil day on which the sleep ends."""
    everything = [p for page in pages for p in page.points]
    points = [p for p in everything if p.value.interval.end_time and p.value.summary]
    left_out[IN_PROGRESS] += len(everything) - len(points)
    if not points:
        return {}
    found = standing(_sessions(points), ("start", "log_id"), ("updated", "end"), left_out)
    found = with_clock(found, around).drop("chunk_day")
    end_offset = offsets_at(found["end"], found["end_offset_min"], around)
    end = local_clock(found["end"], end_offset)
    found = found.with_columns(
        end_offset.alias("end_offset_min"),
        end.dt.strftime(_TEXT).alias("end_local_time"),
        end.dt.strftime("%Y-%m-%d").alias("date_of_sleep"),
        end.dt.date().alias("chunk_day"),
        pl.lit(around.reading).alias("reading"),
    )
    sessions = found.select(
        *("local_time", "written_offset_min", "end_local_time", "date_of_sleep", "log_id", "type", "duration_s"),
        *(*_SUMMARY, "is_main", "log_type", "reading", *TOLD, "chunk_day"),
    )
    return {"sleep_session": sessions, "sleep_stage": _stages(found, points, around, left_out)}


def _sessions(points: Sequence[Any]) -> pl.DataFrame:
    values = [p.value for p in points]
    texts = {
        "log_id": [log_id(p, p.value.interval.start_time) for p in points],
        "updated": [v.update_time or "" for v in values],
        "type": ["stages" if _is_staged(v) else "classic" for v in values],
        "is_main": [str(v.metadata.main_sleep).lower() if v.metadata else None for v in values],
        "log_type": [_log_type(p) for p in points],
    }
    length = (pl.col("end") - pl.col("start")).dt.total_seconds()
    return spans(points).with_columns(
        *(pl.Series(name, found, dtype=pl.String) for name, found in texts.items()),
        *(
            pl.Series(name, [_whole(getattr(v.summary, own)) for v in values], dtype=pl.Int64)
            for name, own in _SUMMARY.items()
        ),
        length.alias("duration_s"),
    )


def _is_staged(sleep: Any) -> bool:
    """A sleep that does not say its type is one of stages where it has a stage that only heart rate tells."""
    if sleep.type == "SLEEP_TYPE_UNSPECIFIED":
        return any(s.type in _STAGED for s in sleep.stages)
    return sleep.type == "STAGES"


def _log_type(point: Any) -> str | None:
    """`processed` is left out where it is false; a source that says nothing of processing has no metadata at all."""
    metadata, source = point.value.metadata, getattr(point, "data_source", None)
    if metadata and not metadata.processed:
        return "provisional"
    if source and is_typed(source):
        return "manual"
    return "edited" if metadata and metadata.manually_edited else None


def _whole(text: Any) -> int | None:
    return None if text is UNSET else int(text)


def _stages(found: pl.DataFrame, points: Sequence[Any], around: Around, left_out: Counter[str]) -> pl.DataFrame:
    rows: list[tuple[datetime, int, str]] = []
    logs: list[int] = []
    for n, row in enumerate(found.iter_rows(named=True)):
        sleep = points[row["log"]].value
        is_staged = row["type"] == "stages"
        at_ends = (row["written_offset_min"], row["end_offset_min"])
        stages = sorted(_segments(sleep.stages, at_ends, left_out, is_staged=is_staged), key=lambda s: s.segment.start)
        if not stages:
            left_out[NO_STAGES] += 1
            continue
        wakes = [s.segment for s in _segments(sleep.short_awakenings, at_ends, left_out, is_staged=is_staged)]
        starts = [s.segment.start for s in stages]
        for second, stage in epochs([s.segment for s in stages], wakes, left_out):
            offset = _offset_at(stages[max(0, bisect_right(starts, second) - 1)], second, around)
            rows.append((_EPOCH + timedelta(seconds=second + 60 * offset), offset, stage))
            logs.append(n)
    frame = pl.DataFrame(
        rows,
        schema={"local_time": pl.Datetime("us"), "written_offset_min": pl.Int32, "stage": pl.String},
        orient="row",
    )
    own = found.select("log_id", "reading", *TOLD, "chunk_day")[logs]
    return frame.hstack(own).select(
        "local_time", "written_offset_min", "log_id", "stage", "reading", *TOLD, "chunk_day"
    )


def _segments(
    stages: Sequence[Any], at_ends: tuple[int, int], left_out: Counter[str], *, is_staged: bool
) -> Iterator[_Stage]:
    """The stages that have a kind and a length; one without offsets has those of its sleep."""
    for stage in stages:
        start, end = _second(stage.start_time), _second(stage.end_time)
        if stage.type == "SLEEP_STAGE_TYPE_UNSPECIFIED":
            left_out[UNKNOWN] += 1
        elif not 0 < end - start <= _LONGEST_S:
            left_out[NO_LENGTH] += 1
        else:
            name = "wake" if is_staged and stage.type == "AWAKE" else stage.type.lower()
            first = _minutes(stage.start_utc_offset, at_ends[0])
            last = _minutes(stage.end_utc_offset, at_ends[1] if stage.start_utc_offset is UNSET else first)
            yield _Stage(Segment(start, end - start, name), first, last)


def _offset_at(stage: _Stage, second: int, around: Around) -> int:
    """Minutes east of UTC within a stage; one in which the clock is set is told by the account's zone when that was."""
    if stage.offset_min == stage.end_offset_min:
        return stage.offset_min
    moment = datetime.fromtimestamp(second, UTC)
    there = moment.astimezone(ZoneInfo(zone_at(moment, around.zone, around.zones_before))).utcoffset() or timedelta()
    found = int(there.total_seconds() // 60)
    return found if found in (stage.offset_min, stage.end_offset_min) else stage.offset_min


def _second(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def _minutes(offset: Any, else_: int) -> int:
    return else_ if offset is UNSET else int(seconds(offset) // 60)
