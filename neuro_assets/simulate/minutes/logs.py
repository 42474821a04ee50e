"""Sleep logs: what a device makes of the nights on which it was worn."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.minutes.calendar import SHORTEST_NIGHT_MIN
from neuro_assets.simulate.minutes.reasons import Reason
from neuro_assets.simulate.minutes.series import MinuteBlock


@dataclass(frozen=True)
class SleepLogs:
    """Logs by device, then night. A log is one night of which the device recorded an hour or more, worn.

    `row` (of the block's devices), `day` of the last minute, `minutes_in_bed`, `minutes_asleep`, `synced_min`: when the
    whole log was handed over, `log_id`. `at` are its minutes as indices of the flat block (R x T), `log_of` their log.
    """

    row: Ints
    day: Ints
    minutes_in_bed: Ints
    minutes_asleep: Ints
    synced_min: Ints
    log_id: Ints
    at: Ints
    log_of: Ints

    def held(self, block: MinuteBlock, export: int) -> np.ndarray:
        """Which logs an export holds: a log is dated by its last minute and comes as a whole."""
        windows = block.study.exports
        return (self.day >= windows.since_day[export]) & (self.synced_min <= windows.taken_min[export])


def sleep_logs(block: MinuteBlock) -> SleepLogs:
    """The logs of a block. A night whose day of waking is not a day of the person in the study has none."""
    rows, minutes = block.row_of_device, block.study.clocks.minutes
    night = block.night[rows]
    last_day = block.study.cohort.last_day[block.first : block.last][rows]
    worn = block.reason_of_device != Reason.NOT_WORN
    at = np.flatnonzero((night > 0) & (night <= last_day[:, None] + 1) & block.records & worn)
    nights = block.study.plan.days + 2
    key = (at // minutes) * nights + night.ravel()[at]
    keys, begin, log_of, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    asleep = np.bincount(log_of, block.stage[rows].ravel()[at] == 1, len(keys)).astype(np.int64)
    last = at[begin + count - 1]
    is_log = count >= SHORTEST_NIGHT_MIN
    row, number = np.divmod(keys, nights)
    device = row + block.devices.start
    renumbered = np.cumsum(is_log) - 1
    is_kept = is_log[log_of]
    return SleepLogs(
        row=row[is_log],
        day=block.day[rows].ravel()[last][is_log].astype(np.int64),
        minutes_in_bed=count[is_log],
        minutes_asleep=asleep[is_log],
        synced_min=block.synced_min.ravel()[last][is_log].astype(np.int64),
        log_id=(11_000_000_000 + device * nights + number)[is_log],
        at=at[is_kept],
        log_of=renumbered[log_of[is_kept]],
    )
