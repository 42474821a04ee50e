"""Why nothing is there: what the history of a device's syncs tells of a gap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_assets.lake.lake import Connection

# What tells of a gap: the column `basis`. The first two wait for the next sync, which may tell otherwise, and the third
# for the next row.
AFTER_LAST_SYNC, LOW_AT_LAST_SYNC, NOT_FETCHED = "after_last_sync", "low_at_last_sync", "not_fetched"
UNKNOWN, LOST, BATTERY, CHARGED = "unknown", "lost", "battery", "charged"
# What a gap can be told to be; other bases do not depend on syncs and rows elsewhere.
GAP_BASES = (AFTER_LAST_SYNC, LOW_AT_LAST_SYNC, NOT_FETCHED, UNKNOWN, LOST, BATTERY, CHARGED)
# So many syncs tell how fast a device drains: ten days of two a day.
DRAIN_SYNCS = 20
# Rows that begin so soon after what the device remembers begin with it.
_ABOUT_MIN = 60
# Where no sync came before: a charge from which on a device has just been charged.
_JUST_CHARGED_PCT = 75
# A charge that, carried back to the end of a gap, was so high: the gap ended at the charger.
_FULL_PCT = 85
# Who wears it charges it; silence for longer is a matter of syncing, as far as anybody can tell.
_CHARGED_AFTER_MIN = 3 * 1440
# What was empty at a minute had been so for a while, if its charge can have been used up by then.
_EMPTY_BEFORE_MIN = 2 * 1440

Stretch = tuple[int, int]
# SQL of the syncs that tell of what is worn: a scale syncs whenever somebody steps on it, and has a battery of its own.
TRACKER_SYNCS = "(SELECT * FROM staging.device_sync WHERE device_type IS DISTINCT FROM 'SCALE')"


@dataclass(frozen=True)
class Syncs:
    """A person's syncs in order: minutes since 1970 UTC, and the charge then, NaN where it was not given."""

    at_min: NDArray[np.int64]
    battery_pct: NDArray[np.float64]

    _drain: dict[int, float] = field(default_factory=dict, compare=False)

    def drain_per_min(self, count: int) -> float:
        """How much charge a minute costs by the first `count` syncs: the median where one shows less than the last.

        The last 20 of them tell it; NaN where none does.
        """
        if count not in self._drain:
            recent = slice(max(count - DRAIN_SYNCS, 0), count)
            drop, time = -np.diff(self.battery_pct[recent]), np.diff(self.at_min[recent])
            falls = (drop > 0) & (time > 0)
            self._drain[count] = float(np.median(drop[falls] / time[falls])) if falls.any() else np.nan
        return self._drain[count]


def read_syncs(connection: Connection, people: Sequence[str]) -> dict[str, Syncs]:
    """The syncs of the trackers of those who have a history of them."""
    found = connection.execute(
        "SELECT participant_id, list(epoch_us(ts) // 60_000_000 ORDER BY ts), list(battery_pct ORDER BY ts)"
        f" FROM {TRACKER_SYNCS} WHERE participant_id IN (SELECT unnest(?)) GROUP BY 1",
        [list(people)],
    ).fetchall()
    return {
        who: Syncs(np.array(at, dtype=np.int64), np.array([np.nan if b is None else b for b in battery], dtype=float))
        for who, at, battery in found
    }


@dataclass(frozen=True)
class GapRules:
    """What the protocol says of its devices: how far back they remember, and which charge is low, and none."""

    memory_min: float
    low_pct: float
    empty_pct: float


def tell_gap(
    syncs: Syncs | None,
    start_min: int,
    gap_end_min: int | None,
    rules: GapRules,
    kept_away: Sequence[Stretch] = (),
) -> tuple[str, int | None]:
    """What kept a minute away that has no row of any stream, and the minute of the sync that tells it.

    After the last sync nothing can be there yet; only where the charge was low by then is it the battery, for three
    days from when that was used up. Where syncs came later and no row after the minute did, nobody has fetched what
    they handed over. Else, between two syncs, a device that was on has handed over what it remembers. A minute within
    that was on an empty battery, if the charge is used up before the gap ends, or the device was charged before it
    synced or where the gap ends. An older one is lost, unless the gap goes on into what the device should have
    remembered and the charge can have been used up by then: for three days, and the two before what is remembered.

    Args:
        syncs: the person's history; None where there is none.
        start_min: the minute.
        gap_end_min: the next minute with a row of any stream; None where there is none.
        rules: of the protocol.
        kept_away: half-open stretches of minutes whose rows were kept away by something else, in order: that none are
            there says nothing of the device.
    """
    if syncs is None or not len(syncs.at_min):
        return UNKNOWN, None
    following = int(np.searchsorted(syncs.at_min, start_min, side="right"))
    before = following - 1
    # Not by syncs that come later still: what is decided once stays so.
    drain = syncs.drain_per_min(following + 1)

    def is_used_up(minute: int) -> bool:
        return bool(syncs.battery_pct[before] - drain * (minute - syncs.at_min[before]) <= rules.empty_pct)

    if following == len(syncs.at_min):
        if gap_end_min is not None:
            # Later rows came by a sync that the history lacks.
            return (BATTERY, int(syncs.at_min[before])) if is_used_up(gap_end_min) else (UNKNOWN, None)
        is_low = syncs.battery_pct[before] <= rules.low_pct
        is_off = is_low and is_used_up(start_min) and not is_used_up(start_min - _CHARGED_AFTER_MIN)
        return LOW_AT_LAST_SYNC if is_off else AFTER_LAST_SYNC, int(syncs.at_min[before])
    next_sync = int(syncs.at_min[following])
    if gap_end_min is None:
        return NOT_FETCHED, next_sync
    end = min(gap_end_min, next_sync)
    remembered = int(next_sync - rules.memory_min)
    if start_min < remembered:
        is_off = _beyond(remembered + _ABOUT_MIN, kept_away) < end and before >= 0 and is_used_up(start_min)
        is_near = not is_used_up(start_min - _CHARGED_AFTER_MIN) or start_min > remembered - _EMPTY_BEFORE_MIN
        return (BATTERY, int(syncs.at_min[before])) if is_off and is_near else (LOST, next_sync)
    if before >= 0 and is_used_up(end):
        return BATTERY, int(syncs.at_min[before])
    # A device that was off while it should have remembered, and was charged before it synced.
    charge = syncs.battery_pct[following]
    if charge > (syncs.battery_pct[before] if before >= 0 else _JUST_CHARGED_PCT):
        return CHARGED, next_sync
    # NaN where nothing tells of the drain, which is no charge.
    return (CHARGED, next_sync) if charge + drain * (next_sync - end) >= _FULL_PCT else (UNKNOWN, None)


def _beyond(minute: int, stretches: Sequence[Stretch]) -> int:
    """The first minute from this one on that is in none of the stretches."""
    for since, until in stretches:
        if since <= minute < until:
            minute = until
    return minute
