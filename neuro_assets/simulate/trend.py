"""Baselines of the planted steps, and the change that sets in after them. Knows nothing of files."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Floats, Ints
from neuro_assets.simulate.people import People

BASELINE_DAYS = 14
MULTIPLIER_BOUNDS = (0.25, 1.6)
"""A change stops at these shares of the person's level: some 43 days after a baseline if degrading."""


@dataclass(frozen=True)
class Baseline:
    """Per person (P), over the first 14 days with steps > 0.

    `steps`: their median, NaN without any; `end_day`: index of the last of them, -1 without any; `days`: how
    many there are, fewer than 14 in a short study.
    """

    steps: Floats
    end_day: Ints
    days: Ints


def baseline_of(day_steps: Ints) -> Baseline:
    """Baseline of complete daily steps (P x D); a day without a daily row counts as 0 steps."""
    is_active = day_steps > 0
    nth = np.cumsum(is_active, axis=1)
    is_used = is_active & (nth <= BASELINE_DAYS)
    days = is_used.sum(axis=1)
    used = np.where(is_used, day_steps.astype(np.float64), np.nan)
    median = np.full(len(day_steps), np.nan)
    median[days > 0] = np.nanmedian(used[days > 0], axis=1)
    last_used = day_steps.shape[1] - 1 - np.argmax(is_used[:, ::-1], axis=1)
    return Baseline(median, np.where(days > 0, last_used, -1), days.astype(np.int64))


def slope_steps_per_day(people: People, baseline: Baseline, day_count: int) -> Floats:
    """Planted change per calendar day after the baseline (P); 0 where the study ends before it sets in."""
    has_time = (baseline.days == BASELINE_DAYS) & (baseline.end_day < day_count - 1)
    return np.where(has_time, people.trend_share_per_day * np.nan_to_num(baseline.steps), 0.0)


def trend_multiplier(people: People, baseline: Baseline, slope: Floats, day_count: int) -> Floats:
    """Factor on the habitual steps of each day (P x D): 1 until the baseline ends, then linear, then bounded.

    Habitual steps have the person's level as their expectation, so the expectation falls by `slope` a day.
    """
    days_since = (np.arange(day_count) - baseline.end_day[:, None]).clip(min=0)
    return (1 + slope[:, None] * days_since / people.level_steps[:, None]).clip(*MULTIPLIER_BOUNDS)
