"""The same features by another way: pandas and loops, a group of minutes at a time, straight from the definitions."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby
from statistics import fmean, median, stdev

import pandas as pd

Minute = tuple[int, int, float]
Told = dict[str, float | None]


def by_group(frame: pd.DataFrame, tell: Callable[[list[Minute]], Told]) -> pd.DataFrame:
    """Features of each participant's day.

    Args:
        frame: participant_id, day, at (true minute), clock (minute of the wall clock), value; minutes that count.
        tell: the minutes of a day in order -> its features.
    """

    def of(group: pd.DataFrame) -> pd.Series:
        rows = group.sort_values("at")
        return pd.Series(tell(list(zip(rows["at"], rows["clock"], rows["value"], strict=True))), dtype=float)

    return frame.groupby(["participant_id", "day"]).apply(of, include_groups=False).reset_index()


def steps_of(minutes: list[Minute]) -> Told:
    """Every feature of steps of one day."""
    values = [v for *_, v in minutes]
    walking = [(clock, v) for _, clock, v in minutes if v > 0]
    told: Told = {
        "total": sum(values),
        "mean": fmean(values),
        "sd": stdev(values) if len(values) > 1 else None,
        "first_step_min": walking[0][0] if walking else None,
        "last_step_min": walking[-1][0] if walking else None,
        "cadence_walking": fmean(v for _, v in walking) if walking else None,
    }
    ranked = sorted(values, reverse=True)
    for n in (1, 30, 60):
        told[f"peak_{n}_min"] = fmean(ranked[:n]) if len(values) >= n else None
    for n in (5, 20, 30, 60):
        runs = [values[i : i + n] for i in range(len(values) - n + 1) if minutes[i + n - 1][0] - minutes[i][0] == n - 1]
        told[f"best_{n}_min"] = max(map(fmean, runs)) if runs else None
    names = {0: "zero_min", 1: "cadence_1_19_min", 6: "cadence_100_119_min", 7: "cadence_120_up_min"}
    names |= {n: f"cadence_{20 * (n - 1)}_{20 * n - 1}_min" for n in range(2, 6)}
    seen = Counter(0 if v < 1 else min(int(v // 20) + 1, 7) for v in values)
    told |= {name: float(seen[n]) for n, name in names.items()}
    for kind, lengths in _bouts(minutes).items():
        told |= {f"{kind}_{name}": value for name, value in _of_lengths(lengths).items()}
        named = "active_to_sedentary" if kind == "active" else "sedentary_to_active"
        told[named] = 1 / fmean(lengths) if lengths else None
    return told


def _bouts(minutes: list[Minute]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {"active": [], "sedentary": []}
    marked = [(at - place, v >= 10) for place, (at, _, v) in enumerate(minutes)]
    for (_, is_active), rows in groupby(marked):
        found["active" if is_active else "sedentary"].append(len(list(rows)))
    return found


def _of_lengths(lengths: list[int]) -> Told:
    n = len(lengths)
    apart = sum(abs(a - b) for a in lengths for b in lengths)
    return {
        "bouts": float(n),
        "min": float(sum(lengths)),
        "bout_mean_min": fmean(lengths) if n else None,
        "bout_max_min": max(lengths) if n else None,
        "bout_sd_min": stdev(lengths) if n > 1 else None,
        "bout_gini": apart / (2 * n * sum(lengths)) * n / (n - 1) if n > 1 else None,
    }


def heart_rate_of(minutes: list[Minute], steps: Mapping[int, float] | None = None) -> Told:
    """Every feature of the heart rate of one day but its zones."""
    values = sorted(v for *_, v in minutes)
    n, shares = len(values), Counter(round(v) for v in values)

    def quantile(share: float) -> float:
        place = share * (n - 1)
        low = values[math.floor(place)]
        return low + (place - math.floor(place)) * (values[math.ceil(place)] - low)

    still = [v for at, _, v in minutes if steps and all(steps.get(at - k) == 0 for k in range(12))]
    return {
        "mean": fmean(values),
        "sd": stdev(values) if n > 1 else None,
        "min": values[0],
        "p05": quantile(0.05),
        "median": median(values),
        "p95": quantile(0.95),
        "max": values[-1],
        "mode": min(bpm for bpm, count in shares.items() if count == max(shares.values())),
        "entropy": -sum(c / n * math.log(c / n) for c in shares.values()) if n >= 60 else None,
        "entropy_of_values": -sum(v / sum(values) * math.log(v / sum(values)) for v in values),
        "resting": median(still) if len(still) >= 30 else None,
        "resting_min": float(len(still)) if steps else None,
    }


def intensity_of(minutes: list[Minute]) -> Told:
    """Minutes at each of the vendor's levels."""
    levels = Counter(int(v) for *_, v in minutes)
    names = ("sedentary", "lightly_active", "fairly_active", "very_active")
    return {f"{name}_min": float(levels[n]) for n, name in enumerate(names)} | {
        "total_intensity": float(sum(v for *_, v in minutes))
    }


def calories_of(minutes: list[Minute]) -> Told:
    """Energy of one day."""
    values = sorted(v for *_, v in minutes)
    place = 0.05 * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return {
        "total": sum(values),
        "mean": fmean(values),
        "p05": low + (place % 1) * (high - low) if len(values) >= 60 else None,
    }


def mets_of(minutes: list[Minute]) -> Told:
    """Minutes and volume by metabolic equivalents."""
    values = [v for *_, v in minutes]
    return {
        "sedentary_min": float(sum(v <= 1.5 for v in values)),
        "light_min": float(sum(1.5 < v < 3 for v in values)),
        "moderate_min": float(sum(3 <= v < 6 for v in values)),
        "vigorous_min": float(sum(v >= 6 for v in values)),
        "mvpa_min": float(sum(v >= 3 for v in values)),
        "mvpa_met_min": float(sum(v for v in values if v >= 3)),
        "mean_met": fmean(values),
    }
