"""The minutes of some people as dense arrays in true time: which streams have a row, and the steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Stream

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class MinuteGrid:
    """Minutes of people; every array has the shape (people, minutes).

    Attributes:
        start_min: the first minute, since 1970-01-01 UTC.
        observed: stream -> whether the minute has a row, or one that stands for it.
        heart_rate_rows: whether the minute itself has a reading of the heart rate.
        steps: of each minute, NaN without a row.
    """

    start_min: int
    observed: dict[str, Bools]
    heart_rate_rows: Bools
    steps: NDArray[np.float64]

    @cached_property
    def any_row(self) -> Bools:
        """Whether the minute has a row of any stream."""
        return np.logical_or.reduce(list(self.observed.values()))

    def any_row_of(self, person: int) -> NDArray[np.intp]:
        """The minutes of a person that have a row of any stream, from 0."""
        if person not in self._rows:
            self._rows[person] = np.flatnonzero(self.any_row[person])
        return self._rows[person]

    @cached_property
    def _rows(self) -> dict[int, NDArray[np.intp]]:
        return {}


def read_minutes(
    connection: Connection,
    people: Sequence[str],
    streams: Sequence[Stream],
    start_min: int,
    day_begins: NDArray[np.int64],
    minutes: int,
) -> MinuteGrid:
    """The minutes from `start_min` on; the local days begin at `day_begins`, counted from it.

    A row of an hour stands for each of its minutes, with its share of the steps, unless finer rows are there. Rows of
    one period that share a minute add up: half minutes, or the hour that the clock jumped over beside the next.
    A reading stands for as many minutes as the readings of that person and day are usually apart.
    """
    frame = pl.DataFrame({"participant_id": list(people), "place": np.arange(len(people), dtype=np.int32)})
    connection.register("frame_block", frame.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE coverage_block AS SELECT * FROM frame_block")
    connection.unregister("frame_block")
    shape = (len(people), minutes)
    steps = np.full(shape, np.nan)
    observed = {s.name: np.zeros(shape, dtype=np.bool_) for s in streams}
    heart_rate_rows = np.zeros(shape, dtype=np.bool_)
    for stream in streams:
        place, minute, period, value = _rows(connection, stream, start_min, minutes)
        # Finer rows replace coarser ones.
        for seconds in sorted(np.unique(period), reverse=True):
            chosen = period == seconds
            at, who, each = minute[chosen], place[chosen], value[chosen]
            if seconds > 60:
                length = np.full(len(at), seconds // 60)
                at, who = spread_rows(at, length), np.repeat(who, length)
                each = np.repeat(each / (seconds // 60), length)
            inside = (at >= 0) & (at < minutes)
            at, who, each = at[inside], who[inside], each[inside]
            observed[stream.name][who, at] = True
            if stream.name == "steps":
                # Rows of one period can share a minute: half minutes, and the hour that a clock jumped over.
                steps[who, at] = 0
                np.add.at(steps, (who, at), each)
        if stream.name == "heart_rate":
            heart_rate_rows = observed[stream.name].copy()
        if stream.sampling == "instant":
            spread_readings(observed[stream.name], day_begins)
    return MinuteGrid(start_min, observed, heart_rate_rows, steps)


# Readings that are further apart are no series.
_SPARSEST_MIN = 15


def spread_readings(has_reading: Bools, day_begins: NDArray[np.int64]) -> None:
    """Let each reading stand for the minutes up to the next one, as far as is usual on that day (median); in place.

    Where readings are in most minutes beside each other nothing changes. A heart rate every five minutes is not four
    minutes off the wrist and one on it.
    """
    ends = np.append(day_begins[1:], has_reading.shape[1])
    for row in has_reading:
        at = np.flatnonzero(row)
        if not len(at):
            continue
        first, last = np.searchsorted(at, day_begins), np.searchsorted(at, ends)
        beside = np.cumsum(np.append(0, np.diff(at, append=at[-1]) == 1))
        is_sparse = (last - first > 2) & (2 * (beside[last] - beside[first]) < last - first - 1)
        for day in np.flatnonzero(is_sparse):
            own = at[first[day] : last[day]]
            step = int(np.median(np.diff(own)))
            if 1 < step <= _SPARSEST_MIN:
                minutes = (own[:, None] + np.arange(step)).ravel()
                row[minutes[minutes < ends[day]]] = True


def spread_rows(at: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every minute of rows that begin `at` and are `length` minutes long."""
    before = np.cumsum(length) - length
    return np.repeat(at - before, length) + np.arange(length.sum())


def _rows(
    connection: Connection, stream: Stream, start_min: int, minutes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    value = "s.value" if "value" in stream.values else "0.0"
    found = connection.execute(
        f"""
        SELECT b.place::BIGINT AS place, epoch_us(s.ts) // 60_000_000 - $start AS minute,
            s.period_s::BIGINT AS period, {value}::DOUBLE AS value
        FROM {stream.qualified} s
        JOIN coverage_block b USING (participant_id)
        WHERE s.day BETWEEN $first AND $last
            AND epoch_us(s.ts) // 60_000_000 >= $start - 60 AND epoch_us(s.ts) // 60_000_000 < $start + $minutes
        """,
        {
            "start": start_min,
            "minutes": minutes,
            # Local days reach into the days of UTC beside them.
            "first": _day(start_min - 1440),
            "last": _day(start_min + minutes + 1440),
        },
    ).fetchnumpy()
    place, minute, period = (np.asarray(found[name], dtype=np.int64) for name in ("place", "minute", "period"))
    return place, minute, period, np.asarray(found["value"], dtype=np.float64)


def _day(minute: int) -> str:
    return str(np.datetime64(minute, "m").astype("datetime64[D]"))
