"""Pages of the Google Health API as rows by kind of `source.yaml`. What is no row is counted, with why."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl
from msgspec import UNSET

from neuro_assets.sources.google_health.account import DevicesPage
from neuro_assets.sources.google_health.around import Around, local_clock, offsets_of, zone_offset
from neuro_assets.sources.google_health.columns import moments
from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.daily import active_minutes, breathing, day_windows, vitals, zone_minutes
from neuro_assets.sources.google_health.data_types import DataType
from neuro_assets.sources.google_health.logs import exercises, weighings
from neuro_assets.sources.google_health.samples import Frames, sample_rows, window_rows
from neuro_assets.sources.google_health.sleep import sleeps

__all__ = ["Around", "Rows", "device_rows", "offsets_of", "rows_of"]

NEVER_SYNCED = "device that never synchronised"


_READ: dict[str, Callable[[str, Sequence[Page], Around, Counter[str]], Frames]] = {
    **dict.fromkeys(("steps", "distance", "heartRate", "heartRateVariability", "oxygenSaturation"), sample_rows),
    "activeMinutes": active_minutes,
    "activeZoneMinutes": zone_minutes,
    "sleep": sleeps,
    "exercise": exercises,
    "respiratoryRateSleepSummary": breathing,
    "weight": weighings,
}


@dataclass(frozen=True)
class Rows:
    """Rows of some pages.

    Attributes:
        frames: kind -> its rows: the columns that `source.yaml` declares, but for the participant and the claim,
            and `chunk_day`, the civil day that a row is claimed with. Wall clocks are naive, to the microsecond.
        left_out: what the pages had and no row has, and how often.
    """

    frames: dict[str, pl.DataFrame]
    left_out: Counter[str] = field(default_factory=Counter)


def rows_of(data_type: DataType, pages: Sequence[Page], around: Around) -> Rows:
    """The rows of all pages of a type in one pull.

    Days are civil days of a point's own offset. Sums of a day (active minutes) are whole only where the pages have the
    whole day.

    Args:
        data_type: the type that was asked for.
        pages: its pages, in the order in which they came.
        around: what other answers of the pull say.

    Raises:
        ValueError: a page is of another type.
    """
    if other := sorted({p.field for p in pages} - {data_type.field}):
        raise ValueError(f"a page of {other[0]} is none of {data_type.name}")
    left_out: Counter[str] = Counter()
    if any(p.windows == "civil" for p in pages):
        frames = day_windows(data_type.field, pages, left_out)
    else:
        read = window_rows if data_type.method == "rollup" else _READ.get(data_type.field, vitals)
        frames = read(data_type.field, pages, around, left_out)
    return Rows(frames, +left_out)


def device_rows(pages: Sequence[DevicesPage], around: Around) -> Rows:
    """When each device last handed over its data, on the wall clock of the zone that the account had then."""
    devices = [d for p in pages for d in p.paired_devices]
    synced = [d for d in devices if d.last_sync_time is not UNSET]
    frame = pl.DataFrame(
        [
            moments([str(d.last_sync_time) for d in synced], "start"),
            pl.Series("device_id", [d.number for d in synced], dtype=pl.String),
            pl.Series("device", [d.device_version or None for d in synced], dtype=pl.String),
            pl.Series("type", [_type(d.device_type) for d in synced], dtype=pl.String),
            pl.Series("battery_level", [_level(d.battery_level) for d in synced], dtype=pl.Int64),
            pl.Series("battery", [d.battery_status or None for d in synced], dtype=pl.String),
        ]
    )
    offset = zone_offset(frame["start"], around)
    local = local_clock(frame["start"], offset)
    frame = frame.select(
        local.alias("local_time"),
        offset.alias("written_offset_min"),
        "device_id",
        "device",
        "type",
        "battery_level",
        "battery",
        pl.lit("list").alias("reading"),
        local.dt.date().alias("chunk_day"),
    )
    return Rows({"device_sync": frame}, +Counter({NEVER_SYNCED: len(devices) - len(synced)}))


def _type(name: str) -> str | None:
    return None if name == "DEVICE_TYPE_UNSPECIFIED" else name


def _level(level: object) -> int | None:
    return level if isinstance(level, int) else None
