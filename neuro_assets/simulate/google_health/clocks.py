"""Offsets from UTC that a person's clock shows over time: zones, their shifts, travel. Seconds since the Unix epoch."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.google_health.catalogue import DAY_S

QUARTER_S = 900
HOUR_S = 3600


@dataclass(frozen=True)
class Track:
    """From `since_s[k]` on the clock is `offset_s[k]` east of UTC, in the zone `zones[k]`; ascending."""

    since_s: Ints
    offset_s: Ints
    zones: tuple[str, ...]

    def at(self, at_s: Ints) -> Ints:
        """Offsets at instants, seconds."""
        return self.offset_s[(np.searchsorted(self.since_s, at_s, side="right") - 1).clip(0)]

    def offset(self, at_s: int) -> int:
        """Offset at one instant, seconds."""
        return int(self.at(np.array([at_s]))[0])

    def zone(self, at_s: int) -> str:
        """Name of the zone at an instant."""
        return self.zones[max(0, int(np.searchsorted(self.since_s, at_s, side="right")) - 1)]

    def day(self, at_s: int) -> int:
        """Number of the civil day at an instant, days since 1970-01-01."""
        return (at_s + self.offset(at_s)) // DAY_S

    def start_of(self, day: int) -> int:
        """The first instant at which the clock shows that day or a later one."""
        for k, since in enumerate(self.since_s.tolist()):
            until = int(self.since_s[k + 1]) if k + 1 < len(self.since_s) else 2**60
            start = max(since, day * DAY_S - int(self.offset_s[k]))
            if start < until:
                return start
        raise AssertionError("a track has no end")


@lru_cache(maxsize=256)
def zone_track(zone: str, from_s: int, until_s: int) -> Track:
    """The offsets of a zone between two instants, found to the quarter of an hour."""
    rules = ZoneInfo(zone)

    def offset(at_s: int) -> int:
        delta = datetime.fromtimestamp(at_s, tz=UTC).astimezone(rules).utcoffset()
        return int(delta.total_seconds()) if delta else 0

    since, offsets = [from_s], [offset(from_s)]
    for at_s in range(from_s - from_s % HOUR_S + HOUR_S, until_s, 24 * HOUR_S):
        if offset(at_s) == offsets[-1]:
            continue
        change = next(t for t in range(at_s - 24 * HOUR_S, at_s + 1, QUARTER_S) if offset(t) != offsets[-1])
        since.append(change)
        offsets.append(offset(change))
    return Track(np.array(since), np.array(offsets), (zone,) * len(since))


def with_trips(home: Track, trips: list[tuple[int, int, Track]]) -> Track:
    """The clock of somebody who is in another zone during [from, until) of each trip; trips ascend and are apart."""
    parts: list[tuple[int, int, str]] = []
    at = int(home.since_s[0])
    for leaves, returns, away in trips:
        parts += [*_part(home, at, leaves), *_part(away, leaves, returns)]
        at = returns
    parts += _part(home, at, 2**60)
    return Track(np.array([p[0] for p in parts]), np.array([p[1] for p in parts]), tuple(p[2] for p in parts))


def _part(track: Track, from_s: int, until_s: int) -> list[tuple[int, int, str]]:
    shifts = [int(s) for s in track.since_s if from_s < s < until_s]
    return [(s, track.offset(s), track.zone(s)) for s in (from_s, *shifts)]
