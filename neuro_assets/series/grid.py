"""The series of some people as dense arrays over local days: every minute, or hour, of their clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.coverage.minutes import spread_readings
from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.series import Bools, Float32s, Resolution
from neuro_assets.series.clock import tell_clocks
from neuro_assets.streams.coverage import NOT_WORN, VALID_DAY, WEAR
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import SERIES_1H, SERIES_1M
from neuro_assets.study import Study

# Where steps alone tell wear, still hours look like a device that is off: a day counts with so many worn minutes.
_LEAST_WORN_MIN = 120
_BY_RATE, _BY_STEPS = {"heart_rate", "combination", "choi_heart_rate"}, {"zero_steps", "choi_steps"}
# Dense cells of a block: some 100 MB.
_CELLS_AT_ONCE = 4_000_000
_HOUR_IS_THERE = 0.999


@dataclass(frozen=True)
class Cells:
    """The minutes or hours of a clock, one after the other in true time; an entry each.

    Attributes:
        start_min: since 1970-01-01 UTC.
        length_min: 1, or of an hour its true length.
        day: local day.
        minute: of the wall clock, from 0.
        fold: 1 where the clock shows it for the second time.
    """

    start_min: NDArray[np.int64]
    length_min: NDArray[np.int64]
    day: NDArray[np.datetime64]
    minute: NDArray[np.int64]
    fold: NDArray[np.int8]

    @cached_property
    def is_weekend(self) -> Bools:
        """Saturdays and Sundays; 1970-01-01 was a Thursday."""
        return (self.day.astype(np.int64) + 3) % 7 >= 5

    def of_day(self, day: date) -> slice:
        """The cells of a local day."""
        first, end = np.searchsorted(self.day, [np.datetime64(day), np.datetime64(day) + 1])
        return slice(int(first), int(end))


@dataclass(frozen=True)
class Grid:
    """What is there of people whose clocks show the same, (people, cells) each.

    Attributes:
        people: their ids.
        cells: of their clock.
        recorded: what the device recorded, NaN where nothing.
        counts: whether that counts: it was recorded while the device was worn.
        off: whether the device recorded, this or something else, and was not worn.
        stands: whether a reading beside it stands for the cell, which has none of its own and is no gap.
        driver: what was recorded of the stream that this one follows, NaN where nothing. Where the device was off a 0
            means nothing and is NaN too; what it counted there somebody did who carried it. None if nobody asks for it.
    """

    people: list[str]
    cells: Cells
    recorded: NDArray[np.float64]
    counts: Bools
    off: Bools
    stands: Bools
    driver: Float32s | None = None

    @cached_property
    def values(self) -> Float32s:
        """What counts, NaN elsewhere."""
        return np.where(self.counts, self.recorded, np.nan).astype(np.float32)


def read_grids(
    connection: Connection,
    study: Study,
    stream: Stream,
    resolution: Resolution,
    people: Sequence[str],
    first: date,
    last: date,
    *,
    driver: Stream | None = None,
) -> Iterator[Grid]:
    """The local days `first` to `last` of people, in blocks whose clocks show the same; nobody without a zone.

    Args:
        connection: with the tables of the rollups and coverage there.
        study: the protocol.
        stream: whose values are read.
        resolution: of the values.
        people: their ids.
        first: first local day.
        last: last local day.
        driver: another stream whose values are read as well.
    """
    tell_clocks(connection, study, people, first, last)
    by_clock: dict[int, list[str]] = {}
    for who, clock in connection.execute("SELECT participant_id, clock FROM clock_people ORDER BY 1").fetchall():
        by_clock.setdefault(clock, []).append(who)
    for clock, whose in by_clock.items():
        cells = cells_of(connection, clock, resolution)
        size = max(1, _CELLS_AT_ONCE // max(len(cells.start_min), 1))
        for n in range(0, len(whose) if len(cells.start_min) else 0, size):
            yield _grid(connection, study, stream, resolution, whose[n : n + size], cells, driver)


def cells_of(connection: Connection, clock: int, resolution: Resolution) -> Cells:
    """The minutes or hours of a clock of `tell_clocks`."""
    found = connection.execute(
        "SELECT day, hour, fold, start_min, length_min FROM clock_hours WHERE clock = ? ORDER BY start_min", [clock]
    ).fetchnumpy()
    spans = connection.execute(
        "SELECT epoch_us(since) // 60_000_000 AS since, offset_min FROM clock_spans WHERE clock = ? ORDER BY since",
        [clock],
    ).fetchnumpy()
    length, start = found["length_min"].astype(np.int64), found["start_min"].astype(np.int64)
    day, fold = found["day"].astype("datetime64[D]"), found["fold"].astype(np.int8)
    hour = found["hour"].astype(np.int64)
    if resolution.step_min == 60:
        return Cells(start, length, day, hour * 60, fold)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    minute = np.repeat(start, length) + within
    # An hour that the clock jumped into or out of is shorter: which of its minutes are there is told by the clock.
    offset = spans["offset_min"].astype(np.int64)[np.searchsorted(spans["since"], minute, side="right") - 1]
    return Cells(
        minute,
        np.ones(length.sum(), dtype=np.int64),
        np.repeat(day, length),
        (minute + offset) % 1440,
        np.repeat(fold, length),
    )


def _grid(
    connection: Connection,
    study: Study,
    stream: Stream,
    resolution: Resolution,
    people: list[str],
    cells: Cells,
    driver: Stream | None,
) -> Grid:
    frame = pl.DataFrame({"participant_id": people, "place": np.arange(len(people), dtype=np.int32)})
    connection.register("frame_people", frame.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE grid_people AS SELECT * FROM frame_people")
    connection.unregister("frame_people")
    recorded = _recorded(connection, stream, resolution, len(people), cells)
    worn = _mostly(connection, WEAR, len(people), cells)
    if resolution.step_min == 1:
        bridge(worn, cells.day, study.imputation.dropout_min)
    there = ~np.isnan(recorded)
    by_day = _counts_unworn(connection, study, len(people), cells)
    counts = there & (worn | by_day)
    off = _mostly(connection, NOT_WORN, len(people), cells) & ~worn & ~by_day
    stands = np.zeros_like(there)
    if stream.sampling == "instant" and resolution.step_min == 1:
        spread = there.copy()
        begins = np.flatnonzero(np.append(True, cells.day[1:] != cells.day[:-1]))
        spread_readings(spread, begins)
        stands = spread & ~there
    driven = None
    if driver is not None:
        driven = _recorded(connection, driver, resolution, len(people), cells).astype(np.float32)
        driven[off & (driven == 0)] = np.nan
    return Grid(people, cells, recorded, counts, off, stands, driven)


def _recorded(
    connection: Connection, stream: Stream, resolution: Resolution, people: int, cells: Cells
) -> NDArray[np.float64]:
    table = SERIES_1M if resolution.step_min == 1 else SERIES_1H
    value = "total" if stream.sampling == "interval" else "mean"
    # Of an hour that is there in part, nobody knows what the rest of it had.
    whole = "" if resolution.step_min == 1 else f" AND observed_share >= {_HOUR_IS_THERE}"
    found = connection.execute(
        f"""
        SELECT place, epoch_us(ts) // 60_000_000 AS minute, {value} AS value
        FROM {table.qualified} JOIN grid_people USING (participant_id)
        WHERE stream = $stream AND day BETWEEN $first AND $last AND {value} IS NOT NULL{whole}
        """,
        {"stream": stream.name, "first": str(cells.day[0]), "last": str(cells.day[-1])},
    ).fetchnumpy()
    recorded = np.full((people, len(cells.start_min)), np.nan)
    at = np.searchsorted(cells.start_min, found["minute"])
    is_here = (at < len(cells.start_min)) & (
        cells.start_min[np.minimum(at, len(cells.start_min) - 1)] == found["minute"]
    )
    recorded[np.asarray(found["place"])[is_here], at[is_here]] = np.asarray(found["value"], dtype=np.float64)[is_here]
    return recorded


def _mostly(connection: Connection, table: Table, people: int, cells: Cells) -> Bools:
    """Cells of which at least half lies in stretches of a table of coverage."""
    found = connection.execute(
        f"""
        SELECT place, epoch_us(ts) // 60_000_000 AS since, epoch_us(until_ts) // 60_000_000 AS until
        FROM {table.qualified} JOIN grid_people USING (participant_id) WHERE day BETWEEN $first AND $last
        """,
        {"first": str(cells.day[0]), "last": str(cells.day[-1])},
    ).fetchnumpy()
    start = int(cells.start_min[0])
    minutes = int(cells.start_min[-1] + cells.length_min[-1]) - start
    since = np.clip(np.asarray(found["since"]) - start, 0, minutes)
    until = np.clip(np.asarray(found["until"]) - start, 0, minutes)
    change = np.zeros((people, minutes + 1), dtype=np.int8)
    np.add.at(change, (found["place"], since), 1)
    np.add.at(change, (found["place"], until), -1)
    is_in = np.cumsum(change, axis=1, dtype=np.int8)[:, :-1] > 0
    begins = cells.start_min - start
    if cells.length_min.max() == 1:
        return is_in[:, begins]
    return 2 * np.add.reduceat(is_in, begins, axis=1, dtype=np.int16) >= cells.length_min[None]


def bridge(worn: Bools, day: NDArray[np.datetime64], longest: int) -> None:
    """Let stretches up to so many minutes between worn ones of the same day count as worn; in place.

    Where a heart rate tells wear, a reading that failed is no device taken off.
    """
    place = np.arange(worn.shape[1])[None]
    before = np.maximum.accumulate(np.where(worn, place, -1), axis=1)
    after = np.minimum.accumulate(np.where(worn, place, worn.shape[1])[:, ::-1], axis=1)[:, ::-1]
    is_inside = (before >= 0) & (after < worn.shape[1]) & (after - before - 1 <= longest)
    same = day[np.maximum(before, 0)] == day[np.minimum(after, worn.shape[1] - 1)]
    worn |= is_inside & same


def _counts_unworn(connection: Connection, study: Study, people: int, cells: Cells) -> Bools:
    """Cells of days on which steps alone tell wear and the device was worn at all, (people, cells)."""
    method = study.coverage.wear.method
    by_steps = {"automatic": "heart_rate_min = 0"}.get(method, "true" if method in _BY_STEPS else "false")
    days = np.unique(cells.day)
    found = connection.execute(
        f"""
        SELECT place, day FROM {VALID_DAY.qualified} JOIN grid_people USING (participant_id)
        WHERE day BETWEEN $first AND $last AND worn_min >= {_LEAST_WORN_MIN}
            AND coalesce({by_steps}, true)
        """,
        {"first": str(days[0]), "last": str(days[-1])},
    ).fetchnumpy()
    by_day = np.zeros((people, len(days)), dtype=np.bool_)
    by_day[found["place"], np.searchsorted(days, found["day"].astype("datetime64[D]"))] = True
    return by_day[:, np.searchsorted(days, cells.day)]
