"""Where episodes lie in local days: pieces by day, daily totals, and the clock of a zone.

Tables of episodes in, pieces and totals out. What an episode is belongs to episodes.py; which zone a participant was in
belongs to others.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.local_time import offset_spans

if TYPE_CHECKING:
    import polars as pl

_Ints = NDArray[np.int64]

US_PER_S, US_PER_MIN, _US_PER_DAY = 1_000_000, 60_000_000, 86_400_000_000
FAR = 2**62
_EPOCH = datetime(1970, 1, 1)
_US = timedelta(microseconds=1)
_MARGIN_DAYS = 3
_OFFSET = re.compile(r"UTC([+-])(\d\d):(\d\d)")


def zone_of_offset(offset_min: int) -> str:
    """Return the name of a zone with one offset for ever, such as UTC+05:30."""
    return f"UTC{'-' if offset_min < 0 else '+'}{abs(offset_min) // 60:02}:{abs(offset_min) % 60:02}"


def split_by_local_day(episodes: "pl.DataFrame", clock: "pl.DataFrame") -> "pl.DataFrame":
    """Cut episodes where the participant's local date or zone changes.

    Args:
        episodes: `Episodes.table`, or any frame with episode, participant_id, start_utc, end_utc. Episodes without an
            end have no pieces.
        clock: participant_id, zone (IANA, or as of `zone_of_offset`), since_utc, until_utc (Datetime, half-open). A
            null since_utc is the beginning of time, a null until_utc the next since_utc of that participant, or the
            end of time.

    Returns:
        The columns of the episodes, with start_utc, end_utc, duration_us and duration_min of the piece, and piece (its
        number, from 0), zone, day (local date), local_start (wall clock, naive), utc_offset_min at the start. Lengths
        are elapsed time, so that the pieces of an episode add up to it exactly, also on days of 23 and 25 h; a change
        of the clock within a day does not cut. Where no zone is known, zone, day, local_start and offset are null.

    Raises:
        ValueError: zones of a participant overlap, a period ends before it begins, or a zone is unknown.
    """
    import polars as pl

    dtype = episodes["start_utc"].dtype
    own = {"zone", "from_us", "to_us", "piece", "day", "local_start", "utc_offset_min", "duration_us", "duration_min"}
    kept = [c for c in episodes.columns if c not in own]
    whole = episodes.filter(pl.col("end_utc").is_not_null()).select(kept)
    whole = whole.with_columns(start_us=in_us("start_utc"), end_us=in_us("end_utc"))
    if (whole["end_us"] < whole["start_us"]).any():
        raise ValueError("an episode ends before it begins: start_utc and end_utc are expected in order")
    placed = whole.join(_zone_periods(clock, whole["participant_id"].unique()), on="participant_id").filter(
        (pl.col("from_us") < pl.max_horizontal("end_us", pl.col("start_us") + 1))
        & (pl.col("to_us") > pl.col("start_us"))
    )
    placed = placed.with_columns(
        start_us=pl.max_horizontal("start_us", "from_us"), end_us=pl.min_horizontal("end_us", "to_us")
    ).drop("from_us", "to_us")
    parts = [_cut_at_midnights(part) for part in placed.partition_by("zone")] if placed.height else []
    cut = pl.concat(parts) if parts else _without_clock(placed)
    cut = cut.sort("episode", "start_us").with_columns(
        start_utc=pl.col("start_us").cast(dtype),
        end_utc=pl.col("end_us").cast(dtype),
        duration_us=pl.col("end_us") - pl.col("start_us"),
        piece=pl.int_range(pl.len(), dtype=pl.Int64).over("episode"),
    )
    cut = cut.with_columns(duration_min=in_units(US_PER_MIN, pl.col("duration_us")))
    added = ["duration_us", "duration_min", "piece", "zone", "day", "local_start", "utc_offset_min"]
    return cut.select(*kept, *added)


def daily_totals(pieces: "pl.DataFrame", by: Sequence[str] = ()) -> "pl.DataFrame":
    """Return one row per participant and local day (and `by`, such as "category") that has a piece of an episode.

    The features of RAPIDS' screen episodes (Vega et al. 2021, doi 10.3389/fdgth.2021.769823) for daily segments,
    over all devices: n_episodes, sum_us [microseconds, exact], sum_min, max_min, mean_min, min_min, std_min (sample,
    null for one episode), first_use_min: what the wall clock showed when the first one of the day began, in minutes
    after 00:00; 0 for one that was going on at midnight. Two devices in use at a time count both.

    What is summed up is the part of an episode within the day: an episode over midnight counts in both days, and
    once in a day, however often a change of zone cut it. Pieces of episodes over the cap (is_over_cap) and without a
    local day are left out. A day without pieces has no row: whether it was a day without use is not known here.

    All 16 daily rows of RAPIDS' own test data (cd01725d, one zone, both clock changes of 2020) come out alike, lengths
    to 0.002 min and first uses to a second: it loses a millisecond a minute, and the fractions of a second.
    """
    import polars as pl

    used = pieces.filter(pl.col("day").is_not_null())
    if "is_over_cap" in used.columns:
        used = used.filter(pl.col("is_over_cap").not_())
    keys = ["participant_id", "day", *by]
    clock_us = (pl.col("local_start") - pl.col("local_start").dt.truncate("1d")).dt.total_microseconds()
    per_episode = (
        used.sort("start_utc", "episode")
        .group_by(*keys, "episode", maintain_order=True)
        .agg(us=pl.col("duration_us").sum(), first_us=clock_us.first())
    )
    minutes = in_units(US_PER_MIN, pl.col("us"))
    return (
        per_episode.group_by(keys, maintain_order=True)
        .agg(
            n_episodes=pl.len().cast(pl.Int64),
            sum_us=pl.col("us").sum(),
            sum_min=pl.lit(0.0),
            max_min=minutes.max(),
            mean_min=pl.lit(0.0),
            min_min=minutes.min(),
            std_min=minutes.std(ddof=1),
            first_use_min=pl.col("first_us").first(),
        )
        .with_columns(
            sum_min=in_units(US_PER_MIN, pl.col("sum_us")),
            mean_min=pl.col("sum_us") / (pl.col("n_episodes") * US_PER_MIN),
            first_use_min=in_units(US_PER_MIN, pl.col("first_use_min")),
        )
        .sort(keys)
    )


def in_units(unit_us: int, us: "pl.Expr") -> "pl.Expr":
    """Return microseconds in a longer unit, such as `US_PER_MIN`."""
    # By a column: polars 2.1 multiplies by the inverse of a number, and its last digit then depends on the table.
    return us / (us * 0 + unit_us)


def in_us(column: str) -> "pl.Expr":
    """Return the microseconds since 1970 of a column of moments."""
    import polars as pl

    return pl.col(column).dt.cast_time_unit("us").cast(pl.Int64)


def _zone_periods(clock: "pl.DataFrame", people: "pl.Series") -> "pl.DataFrame":
    """Return participant_id, zone, from_us, to_us: for each of the people all of time, with a null zone in gaps."""
    import polars as pl

    known = clock.filter(pl.col("participant_id").is_in(people.implode())).select(
        "participant_id", "zone", from_us=in_us("since_utc").fill_null(-FAR), to_us=in_us("until_utc")
    )
    known = known.sort("participant_id", "from_us", "to_us", "zone", nulls_last=True)
    after = pl.col("from_us").shift(-1).over("participant_id").fill_null(FAR)
    known = known.with_columns(pl.col("to_us").fill_null(after), after_us=after)
    wrong = known.filter((pl.col("to_us") > pl.col("after_us")) | (pl.col("to_us") <= pl.col("from_us")))
    if wrong.height:
        person, zone = wrong.row(0)[:2]
        raise ValueError(
            f"zones of participant {person!r} overlap or end before they begin, at {zone!r}: mend the clock"
        )
    first = known.group_by("participant_id").agg(from_us=pl.lit(-FAR), to_us=pl.col("from_us").min())
    lost = people.filter(~people.is_in(known["participant_id"].implode())).to_frame("participant_id")
    gaps = [
        known.select("participant_id", from_us="to_us", to_us="after_us"),
        first.select("participant_id", pl.col("from_us").cast(pl.Int64), "to_us"),
        lost.with_columns(from_us=pl.lit(-FAR, pl.Int64), to_us=pl.lit(FAR, pl.Int64)),
    ]
    unknown = pl.concat(gaps).filter(pl.col("from_us") < pl.col("to_us"))
    return pl.concat([known.drop("after_us"), unknown], how="diagonal")


def _without_clock(part: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    return part.with_columns(
        day=pl.lit(None, pl.Date), local_start=pl.lit(None, pl.Datetime("us")), utc_offset_min=pl.lit(None, pl.Int16)
    )


def _cut_at_midnights(part: "pl.DataFrame") -> "pl.DataFrame":
    """Cut the rows, start_us to end_us, of one zone where the local date changes; add what the clock shows."""
    import polars as pl

    zone: Any = part["zone"][0]
    if zone is None:
        return _without_clock(part)
    starts, ends = part["start_us"].to_numpy(), part["end_us"].to_numpy()
    clock = _ZoneClock.of(zone, int(starts.min()), int(ends.max()))
    first, last = clock.day_at(starts), clock.day_at(np.maximum(ends - 1, starts))
    times = last - first + 1
    row = np.repeat(np.arange(starts.size), times)
    nth = np.arange(row.size) - np.repeat(np.cumsum(times) - times, times)
    day = first[row] + nth
    begin = np.maximum(starts[row], clock.day_start_us[day])
    end = np.minimum(ends[row], np.append(clock.day_start_us[1:], FAR)[day])
    offset = clock.offset_min[np.searchsorted(clock.offset_start_us, begin, "right") - 1]
    return part[row].with_columns(
        start_us=pl.Series(begin),
        end_us=pl.Series(end),
        day=pl.Series(clock.day[day]).cast(pl.Date),
        local_start=pl.Series(begin + offset * US_PER_MIN).cast(pl.Datetime("us")),
        utc_offset_min=pl.Series(offset).cast(pl.Int16),
    )


@dataclass(frozen=True, slots=True)
class _ZoneClock:
    """A zone's local dates and offsets, each from when it holds until the next [microseconds since 1970 UTC]."""

    day_start_us: _Ints
    day: NDArray[np.int32]  # days since 1970
    offset_start_us: _Ints
    offset_min: _Ints

    @classmethod
    def of(cls, zone: str, first_us: int, last_us: int) -> "_ZoneClock":
        margin = timedelta(days=_MARGIN_DAYS)
        if given := _OFFSET.fullmatch(zone):
            offset_min = int(f"{given[1]}1") * (60 * int(given[2]) + int(given[3]))
            return cls._of_offset(offset_min, first_us, last_us)
        first, last = ((_EPOCH + us * _US).date() for us in (first_us, last_us))
        spans = [s for s in offset_spans(zone, first - margin, last + margin) if s.time_quality != "dst_gap"]
        offsets = sorted(
            ((s.local_start - _EPOCH) // _US - s.utc_offset_min * US_PER_MIN, s.utc_offset_min, s.local_end)
            for s in spans
        )
        days: list[tuple[int, int]] = []
        for start_us, offset, local_end in offsets:
            local = _EPOCH + (start_us + offset * US_PER_MIN) * _US
            while local < local_end:
                day = (local - _EPOCH).days
                if not days or days[-1][1] != day:
                    days.append(((local - _EPOCH) // _US - offset * US_PER_MIN, day))
                local = _EPOCH + timedelta(days=day + 1)
        return cls(
            day_start_us=np.array([d[0] for d in days], dtype=np.int64),
            day=np.array([d[1] for d in days], dtype=np.int32),
            offset_start_us=np.array([o[0] for o in offsets], dtype=np.int64),
            offset_min=np.array([o[1] for o in offsets], dtype=np.int64),
        )

    @classmethod
    def _of_offset(cls, offset_min: int, first_us: int, last_us: int) -> "_ZoneClock":
        shift = offset_min * US_PER_MIN
        first, last = ((us + shift) // _US_PER_DAY for us in (first_us, last_us))
        day = np.arange(first, last + 2)
        return cls(
            day_start_us=day.astype(np.int64) * _US_PER_DAY - shift,
            day=day.astype(np.int32),
            offset_start_us=np.array([-FAR], dtype=np.int64),
            offset_min=np.array([offset_min], dtype=np.int64),
        )

    def day_at(self, us: _Ints) -> _Ints:
        """Return the index of the local day of each moment."""
        return np.searchsorted(self.day_start_us, us, "right") - 1
