"""Roll-ups: sums, means and extremes of reconciled points over windows of true time or of civil days."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.google_health import jsontext as js
from neuro_assets.simulate.google_health.catalogue import DATA_TYPES, DAY_S, MINUTE_S
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.points import LEVELS
from neuro_assets.simulate.google_health.series import Points
from neuro_assets.simulate.google_health.world import Query, World

ZONE_SUMS = ("", "sumInFatBurnHeartZone", "sumInCardioHeartZone", "sumInPeakHeartZone")


@dataclass(frozen=True)
class Windows:
    """Windows that have points (n), by start: bounds in seconds (civil: as if UTC), and columns of what they hold."""

    start_s: Ints
    end_s: Ints
    values: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.start_s)

    def newest(self, count: int) -> "Windows":
        """The last `count`, the newest first."""
        which = slice(None, -count - 1 if count < len(self) else None, -1)
        return Windows(
            self.start_s[which], self.end_s[which], {name: column[which] for name, column in self.values.items()}
        )


def physical(
    world: World, person: Person, name: str, bounds: tuple[int, int], window_s: float, *,
    family: str = "all-sources", before_s: int | None = None, at_most: int = 2**31,
) -> tuple[Windows, bool]:  # fmt: skip
    """The newest `at_most` windows of [start, end) that begin before `before_s`, by start; whether there are more.

    A window is anchored at the start of the range and has at least one point that starts in it.
    """
    from_s, until_s = bounds
    query = Query(ranges=((from_s, until_s if before_s is None else min(until_s, before_s)),))
    parts: list[Points] = []
    found = 0
    for points in world.newest(person, name, query, "reconcile", family):
        parts.append(points)
        found += 1 + int(np.count_nonzero(np.diff(_index(points, from_s, window_s))))
        # Two days may share a window, and the oldest one may go on in a day not yet looked at.
        if found - len(parts) > at_most:
            break
    points = Points.joined(parts[::-1])
    windows = aggregated(name, points, _index(points, from_s, window_s), from_s, window_s, until_s)
    has_more = len(windows) > at_most
    return _last(windows, at_most), has_more


def civil(
    world: World, person: Person, name: str, days: tuple[int, int], window_days: int, family: str = "all-sources"
) -> Windows:
    """Windows of whole civil days [first, last), by the clock that each point was recorded under."""
    first, last = days
    points = world.points(person, name, Query("start", "civil", ((first * DAY_S, last * DAY_S),)), family=family)
    local = points.start_s + person.track.at(points.start_s)
    index = (local // DAY_S - first) // window_days
    order = np.argsort(index, kind="stable")
    return aggregated(
        name, points.take(order), index[order], first * DAY_S, window_days * DAY_S, last * DAY_S
    )  # fmt: skip


def truth(
    world: World, who: str | Person, name: str, since_s: int, until_s: int, window_s: int = MINUTE_S
) -> list[dict[str, Any]]:
    """What a roll-up would give now, oldest first, one dict per window."""
    with world.lock:
        windows, _ = physical(world, world.person(who), name, (since_s, until_s), window_s)
    columns: dict[str, list[Any]] = {"start_s": windows.start_s.tolist(), "end_s": windows.end_s.tolist()}
    columns |= {key: column.tolist() for key, column in windows.values.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _index(points: Points, from_s: int, window_s: float) -> Ints:
    return np.floor_divide(points.start_s - from_s, window_s).astype(np.int64)


def _last(windows: Windows, count: int) -> Windows:
    if len(windows) <= count:
        return windows
    return Windows(windows.start_s[-count:], windows.end_s[-count:], {k: v[-count:] for k, v in windows.values.items()})


def aggregated(name: str, points: Points, index: Ints, from_s: int, window_s: float, until_s: int) -> Windows:
    """The windows of points whose window numbers ascend."""
    if not len(points):
        return Windows(points.start_s, points.end_s, {})
    first = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
    start = (from_s + index[first] * window_s).astype(np.int64)
    end = np.minimum((from_s + (index[first] + 1) * window_s).astype(np.int64), until_s)
    return Windows(start, end, _held(name, points, first))


def _held(name: str, points: Points, first: Ints) -> dict[str, NDArray[Any]]:
    v = points.values
    if name == "heart-rate":
        bpm = v["bpm"]
        count = np.diff(np.append(first, len(bpm)))
        return {
            "mean_bpm": np.add.reduceat(bpm, first) / count,
            "min_bpm": np.minimum.reduceat(bpm, first),
            "max_bpm": np.maximum.reduceat(bpm, first),
        }
    if name == "weight":
        count = np.diff(np.append(first, len(points)))
        return {"grams": np.add.reduceat(v["grams"], first) / count}
    if name in ("active-minutes", "active-zone-minutes"):
        kinds = v["level" if name == "active-minutes" else "zone"]
        return {f"minutes_{k}": np.add.reduceat(v["minutes"] * (kinds == k), first) for k in (1, 2, 3)}
    column = {"steps": "count", "distance": "millimeters", "total-calories": "mkcal"}[name]
    return {column: np.add.reduceat(v[column], first)}


def as_json(windows: Windows, name: str, *, is_civil: bool) -> list[str]:
    """Each window as one object, in their order."""
    if not len(windows):
        return []
    camel, values = DATA_TYPES[name].camel, _values(windows, name)
    if is_civil:
        begins, ends = js.civil(windows.start_s), js.civil(windows.end_s)
        rows = zip(begins, ends, values, strict=True)
        return [f'{{"civilStartTime":{b},"civilEndTime":{e},"{camel}":{{{v}}}}}' for b, e, v in rows]
    rows = zip(js.instants(windows.start_s), js.instants(windows.end_s), values, strict=True)
    return [f'{{"startTime":"{b}","endTime":"{e}","{camel}":{{{v}}}}}' for b, e, v in rows]


def _values(windows: Windows, name: str) -> list[str]:
    columns = {key: column.tolist() for key, column in windows.values.items()}
    rows = zip(*columns.values(), strict=True)
    if name == "steps":
        return [f'"countSum":"{n}"' for n in columns["count"]]
    if name == "distance":
        return [f'"millimetersSum":"{n}"' for n in columns["millimeters"]]
    if name == "total-calories":
        return [f'"kcalSum":{n / 1000!r}' for n in columns["mkcal"]]
    if name == "weight":
        return [f'"weightGramsAvg":{n!r}' for n in columns["grams"]]
    if name == "heart-rate":
        return [
            f'"beatsPerMinuteAvg":{mean!r},"beatsPerMinuteMax":{float(high)},"beatsPerMinuteMin":{float(low)}'
            for mean, low, high in rows
        ]
    if name == "active-zone-minutes":
        return [",".join(f'"{ZONE_SUMS[k]}":"{n}"' for k, n in enumerate(row, 1) if n) for row in rows]
    return [_levels(row) for row in rows]


def _levels(minutes: tuple[int, ...]) -> str:
    told = [f'{{"activityLevel":"{LEVELS[k]}","activeMinutesSum":"{n}"}}' for k, n in enumerate(minutes, 1) if n]
    return f'"activeMinutesRollupByActivityLevel":[{",".join(told)}]'
