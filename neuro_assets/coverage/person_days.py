"""What the minutes of a person's day say as a whole: what rules judge by, and whether streams fit together."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.coverage.minutes import Bools, MinuteGrid
from neuro_assets.coverage.sleep import SleepGrid
from neuro_assets.science.person_hours import PersonHours
from neuro_assets.science.valid_days import data_yield


def day_facts(
    names: Sequence[str],
    hours: PersonHours,
    grid: MinuteGrid,
    is_worn: Bools,
    tells_wear: Bools,
    sleep: SleepGrid,
    first: date,
    last: date,
) -> pl.DataFrame:
    """A row for each person and day from `first` to `last`, with the columns of the temporary table `coverage_facts`.

    Args:
        names: of the people, in the order of the grid.
        hours: of the minutes of the grid, all of them.
        grid: which minutes have a row, and their steps.
        is_worn: minutes in which the device was worn.
        tells_wear: minutes with a row that tells it.
        sleep: minutes asleep and in bed.
        first: first local day to be told of.
        last: last local day.
    """
    begins = np.flatnonzero(np.append(True, hours.day[1:] != hours.day[:-1]))
    ends = np.append(begins[1:], len(hours))
    edges = np.append(hours.start_min, hours.start_min[-1] + hours.length_min[-1]) - hours.start_min[0]
    frames = []
    for begin, end in zip(begins, ends, strict=True):
        day = hours.day[begin]
        if np.datetime64(first) <= day <= np.datetime64(last):
            minutes = slice(int(edges[begin]), int(edges[end]))
            clock = np.repeat(hours.hour[begin:end], hours.length_min[begin:end])
            facts = _facts(clock, minutes, grid, is_worn, tells_wear, sleep)
            frames.append(pl.DataFrame({"participant_id": list(names), **facts}).with_columns(
                day=pl.lit(day.astype(object)), length_min=pl.lit(len(clock), pl.Int32),
                ends_min=pl.lit(int(hours.start_min[0]) + minutes.stop, pl.Int64),
            ))  # fmt: skip
    return pl.concat(frames)


def _facts(
    clock: NDArray[np.integer], minutes: slice, grid: MinuteGrid, is_worn: Bools, tells_wear: Bools, sleep: SleepGrid
) -> dict[str, Any]:
    """Of one day, an array over the people each."""
    worn, has_rate, steps = is_worn[:, minutes], grid.heart_rate_rows[:, minutes], grid.steps[:, minutes]
    in_bed, asleep = sleep.in_bed[:, minutes], sleep.asleep[:, minutes]
    rapids = data_yield(has_rate, clock)
    has_steps = ~np.isnan(steps)
    moves = steps > 0
    counted = np.where(has_steps, steps, 0)
    has_any_steps = has_steps.any(axis=1)
    # Sixty sixtieths of an hour are the hour.
    total = counted.sum(axis=1).round(6)

    def count(of: Bools) -> NDArray[np.int32]:
        return np.count_nonzero(of, axis=1).astype(np.int32)

    return {
        "has_rows": grid.any_row[:, minutes].any(axis=1),
        "tells_wear": tells_wear[:, minutes].any(axis=1),
        "worn_min": count(worn),
        "worn_06_23_min": count(worn[:, (clock >= 6) & (clock < 23)]),
        "worn_08_20_min": count(worn[:, (clock >= 8) & (clock < 20)]),
        "worn_awake_min": count(worn & ~in_bed),
        "heart_rate_min": rapids.valid_min.astype(np.int32),
        "heart_rate_hours": rapids.valid_hours,
        "steps_from_minutes": np.where(has_any_steps, total, np.nan),
        "steps_observed_min": count(has_steps),
        "moving_min": count(moves),
        "moving_without_heart_rate_min": count(moves & ~grid.observed["heart_rate"][:, minutes]),
        "in_bed_min": count(in_bed),
        "asleep_min": count(asleep & has_steps),
        "steps_asleep": np.where(asleep, counted, 0).sum(axis=1).round(6),
    }
