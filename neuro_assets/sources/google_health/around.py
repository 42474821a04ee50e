"""What is known around the points of a pull: the account's zone, the offsets that other points give, the reading."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from neuro_assets.sources.google_health.contract import Page
from neuro_assets.sources.google_health.data_types import Reading
from neuro_assets.sources.google_health.pull_file import ZoneBefore

# How far away in time a point may be whose offset is taken for one that has none of its own.
NEAR = "2h"
_TRACK = {"start": pl.Datetime("us"), "offset_min": pl.Int32}


@dataclass(frozen=True)
class Around:
    """What rows take from beside their own points.

    Attributes:
        zone: IANA name of the account's zone, from its settings.
        reading: how points were asked for.
        offsets: what points say of the offset over time, from `offsets_of`.
        zones_before: other zones that the account had, in order; moments up to `until` are told by them.
    """

    zone: str
    reading: Reading = "reconcile"
    offsets: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_TRACK))
    zones_before: Sequence[ZoneBefore] = ()


def offsets_of(pages: Iterable[Page]) -> pl.DataFrame:
    """The offsets that the points of several pages give: `start` in UTC, `offset_min`; in order, each moment once.

    Of several offsets for one moment the greatest is taken, whatever the order of the pages.
    """
    tables = [p.table for p in pages if p.table is not None and "offset_min" in p.table.columns]
    told = [t.select("start", "offset_min").drop_nulls() for t in tables]
    if not told:
        return pl.DataFrame(schema=_TRACK)
    return pl.concat(told).group_by("start").agg(pl.col("offset_min").max()).sort("start")


def with_clock(frame: pl.DataFrame, around: Around) -> pl.DataFrame:
    """A frame with `start` (UTC) and `offset_min` (null where a point has none) on the wall clock, to the second.

    Returns:
        The frame with `local_time`, `written_offset_min` and `chunk_day`, the civil day of `local_time`.
    """
    offset = offsets_at(frame["start"], frame["offset_min"], around)
    return frame.with_columns(
        offset.alias("written_offset_min"), local_clock(frame["start"], offset).alias("local_time")
    ).with_columns(pl.col("local_time").dt.date().alias("chunk_day"))


def offsets_at(moments: pl.Series, own: pl.Series, around: Around) -> pl.Series:
    """Offsets at moments in UTC: a point's own, else that of the nearest point within two hours, else the zone's.

    Where the near point has the offset of its zone, its zone tells: between the two its clock may have been set.
    """
    if not own.null_count():
        return own
    frame = pl.DataFrame([moments.alias("start"), own.alias("own")]).with_row_index("row")
    near = around.offsets.select("start", pl.col("offset_min").alias("near"), pl.col("start").alias("near_start"))
    frame = frame.sort("start").join_asof(near, on="start", strategy="nearest", tolerance=NEAR).sort("row")
    is_of_zone = pl.col("near") == _of_zone(around, "near_start")
    told = pl.when(is_of_zone).then(_of_zone(around, "start", "near_start")).otherwise("near")
    return frame.select(pl.coalesce("own", told, _of_zone(around, "start"))).to_series()


def local_clock(moments: pl.Series, offset_min: pl.Series) -> pl.Series:
    """The wall clock at moments in UTC, to the second, as it is written in files."""
    shifted = pl.DataFrame([moments.alias("start"), offset_min.alias("by")])
    local = pl.col("start") + pl.duration(minutes="by", time_unit="us")
    return shifted.select(local.dt.truncate("1s")).to_series()


def zone_offset(moments: pl.Series, around: Around) -> pl.Series:
    """Minutes that the clock of the account's zone was east of UTC at moments in UTC."""
    return moments.to_frame("start").select(_of_zone(around, "start")).to_series()


def zone_at(moment: datetime, zone: str, zones_before: Sequence[ZoneBefore]) -> str:
    """The zone that the account had at a moment."""
    return next((z.zone for z in sorted(zones_before, key=lambda z: z.until) if moment <= z.until), zone)


def by_zone(tell: Callable[[str], pl.Expr], moment: pl.Expr, zone: str, zones_before: Sequence[ZoneBefore]) -> pl.Expr:
    """What an expression tells of the zone that the account had at each `moment` (UTC, without a zone)."""
    told = tell(zone)
    for before in sorted(zones_before, key=lambda z: z.until, reverse=True):
        until = before.until.astimezone(UTC).replace(tzinfo=None)
        told = pl.when(moment <= pl.lit(until, pl.Datetime("us"))).then(tell(before.zone)).otherwise(told)
    return told


def _of_zone(around: Around, moment: str, zone_of: str = "") -> pl.Expr:
    """Minutes east of UTC at `moment`, in the zone that the account had then, or at `zone_of`."""

    def offset(zone: str) -> pl.Expr:
        there = pl.col(moment).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        return (there.dt.base_utc_offset() + there.dt.dst_offset()).dt.total_minutes().cast(pl.Int32)

    return by_zone(offset, pl.col(zone_of or moment), around.zone, around.zones_before)
