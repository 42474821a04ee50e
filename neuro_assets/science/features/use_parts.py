"""Pieces of episodes within the parts of a local day: where the wall clock begins and ends a part, and what lies in it.

What is told of the pieces is in `use`; episodes and their pieces by local day are made in `neuro_assets.science`.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from neuro_assets.science.local_days import US_PER_MIN, in_us, zone_of_offset
from neuro_assets.science.local_time import offset_spans

if TYPE_CHECKING:
    import polars as pl

KEYS = ("participant_id", "day", "segment")
# An episode, in the tables of pieces; a program's and a notification's are told apart by these as well.
EPISODE = ("participant_id", "day", "device_id", "began_ts", "start_event_id")
_EPOCH = datetime(1970, 1, 1)
_US, _DAY = timedelta(microseconds=1), timedelta(days=1)
_FIXED = {zone_of_offset(minutes): minutes for minutes in range(-960, 961)}


def edges_of(zones: Iterable[str], first: date, last: date, parts: Mapping[str, tuple[int, int]]) -> "pl.DataFrame":
    """The stretches of true time of which the parts of local days consist.

    Where clocks go forward, a part is shorter by what they skip; where they go back it is longer by what they show
    twice, and of two stretches if it begins or ends there.

    Args:
        zones: IANA, or of one offset as `zone_of_offset` names them.
        first: first local day.
        last: last local day.
        parts: name -> wall clock at which it begins and ends [min after 00:00], 1440 being the end of the day.

    Returns:
        zone, day, segment, from_us, to_us (microseconds since 1970 UTC, half-open), offset_us (the clock is ahead).
    """
    import polars as pl

    rows: list[tuple[str, date, str, int, int, int]] = []
    for zone in zones:
        for local_start, local_end, offset_min in _spans(zone, first, last):
            shift = offset_min * US_PER_MIN
            day = local_start.date()
            while datetime.combine(day, time()) < local_end:
                midnight = datetime.combine(day, time())
                for name, (begin, end) in parts.items():
                    since = max(midnight + timedelta(minutes=begin), local_start)
                    until = min(midnight + timedelta(minutes=end), local_end)
                    if since < until:
                        begins, ends = ((moment - _EPOCH) // _US - shift for moment in (since, until))
                        rows.append((zone, day, name, begins, ends, shift))
                day += _DAY
    schema = {"zone": pl.String, "day": pl.Date, "segment": pl.String}
    return pl.DataFrame(rows, schema | dict.fromkeys(("from_us", "to_us", "offset_us"), pl.Int64), orient="row")


def _spans(zone: str, first: date, last: date) -> list[tuple[datetime, datetime, int]]:
    """Wall times of a zone from `first` to `last` that did occur, and the offset [min] that they had."""
    if zone in _FIXED:
        return [(datetime.combine(first, time()), datetime.combine(last + _DAY, time()), _FIXED[zone])]
    spans = offset_spans(zone, first, last)
    return [(s.local_start, s.local_end, s.utc_offset_min) for s in spans if s.time_quality != "dst_gap"]


def within_parts(pieces: "pl.DataFrame", edges: "pl.DataFrame", kept: Iterable[str] = ()) -> "pl.DataFrame":
    """Cut pieces at the edges of the parts of their days: a row for each episode and part that it reaches.

    Args:
        pieces: the columns of `EPISODE`, zone, ts, end_ts (null: not known), piece, is_counted, and the kept ones.
        edges: as `edges_of` gives them.
        kept: columns of the whole episode to hand on.

    Returns:
        The columns of `EPISODE` and the kept ones, segment, since_us and until_us (microseconds since 1970 UTC; alike
        where the end is not known), us (true time within the part), clock_us (wall clock at since_us), begins (whether
        the episode begins in the part) and is_counted; in the order of time.
    """
    import polars as pl

    start, until = pl.col("start_us"), pl.col("end_us")
    cut = (
        pieces.with_columns(start_us=in_us("ts"), end_us=in_us("end_ts").fill_null(in_us("ts")))
        .join(edges, on=["zone", "day"])
        .filter(pl.col("from_us") < pl.max_horizontal(until, start + 1), pl.col("to_us") > start)
        .with_columns(
            begins=(pl.col("piece") == 0) & (start >= pl.col("from_us")),
            since_us=pl.max_horizontal("start_us", "from_us"),
            until_us=pl.min_horizontal("end_us", "to_us"),
        )
    )
    midnight = pl.col("day").cast(pl.Datetime("us")).cast(pl.Int64)
    cut = cut.with_columns(clock_us=pl.col("since_us") + pl.col("offset_us") - midnight)
    # A part of two stretches, or a change of zone within it, makes no second episode.
    same = [*EPISODE, *kept, "segment"]
    return (
        cut.sort("since_us", "until_us", *same)
        .group_by(same, maintain_order=True)
        .agg(
            pl.col("since_us").first(),
            pl.col("until_us").max(),
            (pl.col("until_us") - pl.col("since_us")).sum().alias("us"),
            pl.col("clock_us").first(),
            pl.col("begins").any(),
            pl.col("is_counted").all(),
        )
    )
