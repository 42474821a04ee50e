"""What the phones of some people show at an instant: offset from UTC and local date.

A phone shows the clock of the person. Instants are milliseconds of the grid (see `clocks`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.minutes.clocks import Clocks

MINUTE_MS = 60_000
_ROW = np.int64(2**45)
"""Longer than any study, so that row and instant make one number."""


@dataclass(frozen=True)
class Wall:
    """The clocks of people first..last-1 (N) on local days (D)."""

    clocks: Clocks
    first: int
    last: int

    @cached_property
    def _zone(self) -> Ints:
        zone = self.clocks.zone_of_day[self.first : self.last]
        return np.concatenate([zone, zone[:, -1:]], axis=1)

    @cached_property
    def day_start_ms(self) -> Ints:
        """From when on the person's day is in its zone (N x (D + 1)); the last column ends the last day."""
        return self.clocks.zone_midnight[self._zone, np.arange(self._zone.shape[1])] * MINUTE_MS

    @cached_property
    def _left_ms(self) -> Ints:
        """Midnight of the zone of the day before (N x (D + 1))."""
        before = np.concatenate([self._zone[:, :1], self._zone[:, :-1]], axis=1)
        return self.clocks.zone_midnight[before, np.arange(self._zone.shape[1])] * MINUTE_MS

    @cached_property
    def date_begins_ms(self) -> Ints:
        """When the clock first shows a local date (N x (D + 1)).

        On a way to the west that is the midnight of the zone that is left: its hours are shown again in the new one.
        """
        return np.maximum.accumulate(np.minimum(self._left_ms, self.day_start_ms), axis=1)

    @cached_property
    def date_is_sure_ms(self) -> Ints:
        """From when on it is that date also for who sets the clock at the other midnight (N x (D + 1))."""
        return np.maximum(self._left_ms, self.day_start_ms)

    def date(self, row: Ints, at_ms: Ints) -> Ints:
        """Index of the local date, -1 before the first day and D after the last one."""
        return _last_before(self.date_begins_ms, row, at_ms)

    def offset_min(self, row: Ints, at_ms: Ints) -> Ints:
        """Minutes east of UTC."""
        day = _last_before(self.day_start_ms, row, at_ms)
        zone = self._zone[row, day.clip(0, self._zone.shape[1] - 1)]
        minute = (at_ms // MINUTE_MS).clip(0, self.clocks.minutes - 1)
        return self.clocks.offset_min[zone, minute].astype(np.int64)

    def utc(self, at_ms: Ints) -> np.ndarray:
        """Naive UTC datetimes."""
        return self.clocks.utc(np.zeros_like(at_ms)).astype("datetime64[ms]") + at_ms.astype("timedelta64[ms]")

    def local(self, row: Ints, at_ms: Ints) -> np.ndarray:
        """Wall-clock times, naive."""
        return self.utc(at_ms) + self.offset_min(row, at_ms).astype("timedelta64[m]")

    def pieces(self, row: Ints, start_ms: Ints, until_ms: Ints) -> tuple[Ints, Ints, Ints]:
        """Cut stretches at local midnight: which stretch, index of the date, milliseconds of each piece."""
        begins = self.date_begins_ms
        since, upto = self.date(row, start_ms), self.date(row, until_ms - 1)
        count = upto - since + 1
        which = np.repeat(np.arange(len(row)), count)
        day = since[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        cut_from = np.maximum(start_ms[which], begins[row[which], day])
        cut_until = np.minimum(until_ms[which], begins[row[which], day + 1])
        return which, day, cut_until - cut_from


def _last_before(begins: Ints, row: Ints, at_ms: Ints) -> Ints:
    """Index of the last beginning of a row that is not after an instant, -1 without one."""
    keys = (begins + np.arange(len(begins))[:, None] * _ROW).ravel()
    return np.searchsorted(keys, at_ms + row * _ROW, side="right") - 1 - row * begins.shape[1]
