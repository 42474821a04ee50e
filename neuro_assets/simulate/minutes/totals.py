"""Minutes added up to hours and days of the wall clock.

An hour is a run of minutes with one local date, hour and offset from UTC, so a repeated hour is two of them.
"""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.series import MinuteBlock


@dataclass(frozen=True)
class Hours:
    """Hours of the rows of a block (people or devices) in order: `row`, first `minute` of the grid, `local_hour`.

    `local_hour` counts whole hours of the wall clock since the first local midnight; `starts` indexes the flat block.
    """

    row: Ints
    minute: Ints
    local_hour: Ints
    starts: Ints

    def total(self, minutes: np.ndarray) -> np.ndarray:
        """Sum over the minutes of each hour, from rows x T."""
        return np.add.reduceat(minutes.ravel(), self.starts)


def hours_of(block: MinuteBlock, rows: np.ndarray) -> Hours:
    """The hours of the people `rows` of a block."""
    hour = block.local_min // 60
    begins = np.ones(hour.shape, dtype=np.bool_)
    begins[:, 1:] = (np.diff(hour, axis=1) != 0) | (np.diff(block.offset_min, axis=1) != 0)
    starts = np.flatnonzero(begins[rows])
    row, minute = np.divmod(starts, hour.shape[1])
    return Hours(row, minute, hour[rows].ravel()[starts].astype(np.int64), starts)


def by_day(block: MinuteBlock, rows: np.ndarray, which: Bools, values: np.ndarray | None = None) -> Floats:
    """Sum `values` (1 without) over the minutes `which` of each local day (rows x D)."""
    days = block.study.plan.days
    at = np.flatnonzero(which)
    key = (at // which.shape[1]) * days + block.day[rows].ravel()[at]
    weights = None if values is None else values.ravel()[at].astype(np.float64)
    return np.bincount(key, weights, len(rows) * days).reshape(len(rows), days).astype(np.float64)
