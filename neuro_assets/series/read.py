"""A person's stream over a range of days, at the resolution that fits it: for the command line, services and pages."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import duckdb
import polars as pl

from neuro_assets.lake.errors import LakeError
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.series import OF_RESOLUTION, SERIES_1D, Resolution, can_be_rolled_up

# The longest range, in days, that is told at a resolution: some 10,000 points at most.
LONGEST_RANGE: tuple[tuple[Resolution, int], ...] = (("1m", 8), ("1h", 200))
_COARSER: dict[Resolution, Resolution] = {"1m": "1h", "1h": "1d"}


class SeriesError(LakeError):
    """What is asked for cannot be read."""


@dataclass(frozen=True)
class Series:
    """What was read.

    Attributes:
        resolution: of the frame.
        frame: columns of the table of that resolution but the person and the stream, in order of time.
        rows_left_out: rows of the stream in the range that the resolution cannot tell of: their periods are longer.
        note: why the resolution is another one than the range alone would make it, or what is left out; else empty.
    """

    resolution: Resolution
    frame: pl.DataFrame
    rows_left_out: int
    note: str


def resolution_for(days: int) -> Resolution:
    """The resolution for a range of days: a minute up to 8 days, an hour up to 200, a day beyond."""
    for name, longest in LONGEST_RANGE:
        if days <= longest:
            return name
    return "1d"


def read_series(
    connection: Connection,
    participant: str,
    stream: str,
    since: date,
    until: date,
    resolution: Literal["auto", "1m", "1h", "1d"] = "auto",
) -> Series:
    """A person's stream from one local day to another, both included.

    With `auto` nothing is left out: where rows of the range stand for longer than a point, as those of exports by the
    hour do, the next coarser resolution is taken, and the note says so. A resolution that is named is taken as it is.

    Raises:
        SeriesError: an unknown stream, a range that ends before it begins, or no tables yet.
    """
    _check(stream, since, until)
    bound = {"who": participant, "stream": stream, "since": since, "until": until}
    length = (until - since).days + 1
    wanted = resolution_for(length) if resolution == "auto" else resolution
    taken, notes = wanted, []
    try:
        while True:
            frame, rows = _read(connection, taken, bound, length)
            left_out = rows - int(frame["n"].sum())
            if not left_out:
                break
            notes.append(f"{left_out:,} of {rows:,} rows stand for longer than {_WORDS[taken]}")
            if resolution != "auto" or taken not in _COARSER:
                break
            taken = _COARSER[taken]
    except duckdb.CatalogException:
        raise SeriesError("there are no rollups yet; `neuro run` writes them") from None
    told = f"; shown by the {_WORDS[taken].split()[-1]}" if taken != wanted else " and are left out"
    return Series(taken, frame, left_out, "; ".join(notes) + told if notes else "")


_WORDS: dict[Resolution, str] = {"1m": "a minute", "1h": "an hour", "1d": "a day"}
_WHERE = "participant_id = $who AND stream = $stream AND day BETWEEN $since AND $until"
# Every row is in a day.
_ALL = f"SELECT coalesce(sum(n), 0)::BIGINT FROM {SERIES_1D.qualified} WHERE"
# Each column that is compared with a value is looked up in the catalog, for every file of the lake, to leave files out.
# Every month of days has everybody: `IS TRUE` keeps person and stream from being looked up for nothing. So it does with
# the days of a long range: there are few files of days, and most of them are read anyway.
_WHERE_OF_DAYS = "(participant_id = $who) IS TRUE AND (stream = $stream) IS TRUE AND {days}"
_DAYS = "day BETWEEN $since AND $until"
_LONG_DAYS = 90


def _where_of_days(length: int) -> str:
    """Rows of days of a range of so many days."""
    return _WHERE_OF_DAYS.format(days=f"({_DAYS}) IS TRUE" if length >= _LONG_DAYS else _DAYS)


def _read(
    connection: Connection, resolution: Resolution, bound: dict[str, object], length: int
) -> tuple[pl.DataFrame, int]:
    """The points, and how many rows the stream has in the range of so many days."""
    is_by_day = resolution == "1d"
    frame = connection.execute(
        f"SELECT * EXCLUDE (participant_id, stream) FROM {OF_RESOLUTION[resolution].qualified}"
        f" WHERE {_where_of_days(length) if is_by_day else _WHERE} ORDER BY {'day' if is_by_day else 'ts'}",
        bound,
    ).pl()
    if is_by_day:
        return frame, int(frame["n"].sum())
    frame = frame.with_columns(pl.col("ts").dt.convert_time_zone("UTC"))
    days = frame.group_by("day").agg(pl.col("rows_of_day").first())
    rows, frame = int(days["rows_of_day"].sum()), frame.drop("rows_of_day")
    if days.height == length:
        return frame, rows
    # Of days without a point the table of days is asked: looking up what is there costs as much as the points.
    return frame, connection.execute(f"{_ALL} {_where_of_days(length)}", bound).fetchall()[0][0]


def _check(stream: str, since: date, until: date) -> None:
    known = [s.name for s in STREAMS if can_be_rolled_up(s)]
    if stream not in known:
        raise SeriesError(f"there are no rollups of '{stream}'; there are of {', '.join(known)}")
    if until < since:
        raise SeriesError(f"the range ends on {until}, before it begins on {since}: give the earlier day first")
