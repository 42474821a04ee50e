"""The engagement table: one verdict a person, from daily steps and baselines. Pure; pandas in, pandas out."""

from datetime import date
from typing import cast

import numpy as np
import pandas as pd

from neuro_assets.science.trend import assess_trend, share_active


def engagement_trend(daily: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Whether each person's activity holds, on worn and complete days after the baseline window.

    Args:
        daily: participant_id, day (date), steps [count], is_partial_day; one row per person-day. A day counts as
            worn when it has steps; partial days (the export ended on them) take no part in the trend.
        baselines: participant_id, baseline_steps [count], baseline_last_day, is_baseline_complete.

    Returns:
        One row per person of `daily`, columns as `baselines.user_engagement_trend` declares them. The trailing
        shares end on the last day anybody has, so that a person who stopped syncing shows as inactive.
    """
    if daily.empty:
        return pd.DataFrame({name: [] for name in _COLUMNS}).astype(_COLUMNS)
    until = max(daily["day"])
    known = baselines.set_index("participant_id")
    rows = [
        _person(str(pid), person, known.loc[pid] if pid in known.index else None, until)
        for pid, person in daily.sort_values("day").groupby("participant_id", sort=True)
    ]
    return pd.DataFrame(rows).astype(_COLUMNS)


def _person(participant_id: str, daily: pd.DataFrame, baseline: pd.Series | None, until: date) -> dict[str, object]:
    number = np.array([d.toordinal() for d in daily["day"]])
    steps = daily["steps"].to_numpy(dtype=float)
    is_active = steps > 0
    has_baseline = baseline is not None and bool(baseline["is_baseline_complete"])
    until_day = cast("date", baseline["baseline_last_day"]) if has_baseline and baseline is not None else date.max
    after = number > until_day.toordinal()
    used = after & is_active & ~daily["is_partial_day"].to_numpy(dtype=bool)
    level = float(baseline["baseline_steps"]) if baseline is not None else None
    trend = assess_trend(number[used], steps[used], baseline=level if has_baseline else None)
    first = int(number[0])
    shares = {
        window: share_active(None, number[is_active], until.toordinal(), window, first_day=first) for window in (7, 28)
    }
    return {
        "participant_id": participant_id,
        "verdict": trend.verdict,
        "first_day": daily["day"].iloc[0],
        "last_day": daily["day"].iloc[-1],
        "trend_days": int(used.sum()),
        "baseline_steps": level,
        "slope_steps_per_day": _finite(trend.slope),
        "slope_lower_95": _finite(trend.lower),
        "slope_upper_95": _finite(trend.upper),
        "slope_pct_of_baseline_per_week": _finite(trend.slope_pct_of_baseline_per_week),
        "mann_kendall_p": _finite(trend.p),
        "mann_kendall_tau": _finite(trend.tau),
        "share_active_7d": shares[7],
        "share_active_28d": shares[28],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


_COLUMNS = {
    "participant_id": "object",
    "verdict": "object",
    "first_day": "object",
    "last_day": "object",
    "trend_days": "int32",
    "baseline_steps": "float64",
    "slope_steps_per_day": "float64",
    "slope_lower_95": "float64",
    "slope_upper_95": "float64",
    "slope_pct_of_baseline_per_week": "float64",
    "mann_kendall_p": "float64",
    "mann_kendall_tau": "float64",
    "share_active_7d": "float64",
    "share_active_28d": "float64",
}
