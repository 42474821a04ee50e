"""The truth tables: what was planted, by pseudonymous participant_id. Made from arrays, not from files."""

import numpy as np
import pandas as pd

from neuro_assets.simulate.activity import sum_by_day
from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.planted import Planted

SLEEP_DUPLICATES = 3
HOURLY_DUPLICATES = 5


def truth_tables(planted: Planted) -> dict[str, pd.DataFrame]:
    """All tables by name (the file's name without `.csv`). Local days and times are naive datetimes.

    - `people`: the own levels drawn for each person (expectations, not results)
    - `day_length`: true hours of each local day
    - `non_wear`, `sleep_only_days`: person-days
    - `partial_non_wear`: from and until (exclusive) in wall-clock time
    - `baseline`: over the first 14 days with steps > 0; `baseline_days` is fewer in a short study
    - `trends`: `slope_steps_per_day` is the change of the expected steps per calendar day after
      `baseline_end_day`, until `trend.MULTIPLIER_BOUNDS` are reached; 0 where the study ends before that
    - `daily_totals`: steps of each complete day that has a dailyActivity row
    - `partial_day`: the day both exports share, as each of them has it
    - `duplicates`: rows that stand more than once in a file; `copies` is how often

    What people answer has a table of its own, by `ratings.ratings_truth`.
    """
    people, clock, wear = planted.people, planted.clock, planted.wear
    day_steps = sum_by_day(clock, planted.hours.steps)
    tables = {
        "people": _people(planted),
        "day_length": pd.DataFrame({"day": clock.days, "hours": clock.day_length_min / 60}),
        "non_wear": _person_days(planted, wear.is_non_wear_day),
        "sleep_only_days": _person_days(planted, wear.is_sleep_only_day),
        "partial_non_wear": _partial_non_wear(planted),
        "baseline": _baseline(planted),
        "trends": pd.DataFrame(
            {
                "participant_id": people.participant_id,
                "pattern": np.where(planted.slope_steps_per_day != 0, people.pattern, "stable"),
                "slope_steps_per_day": planted.slope_steps_per_day.round(3),
            }
        ),
        "daily_totals": _person_days(planted, wear.has_daily_row, steps=day_steps),
        "partial_day": _partial_day(planted, day_steps),
        "duplicates": _duplicates(planted),
    }
    for name, table in tables.items():
        order = [column for column in ("file", "participant_id", "day", "local_time") if column in table]
        tables[name] = table.sort_values(order).reset_index(drop=True)
    return tables


def _person_days(planted: Planted, is_listed: Bools, **values: Ints) -> pd.DataFrame:
    """List person-days (P x D) with further values of theirs."""
    person, day = np.nonzero(is_listed)
    days = {"participant_id": planted.people.participant_id[person], "day": planted.clock.days[day]}
    return pd.DataFrame(days | {name: value[person, day] for name, value in values.items()})


def _people(planted: Planted) -> pd.DataFrame:
    people = planted.people
    levels: dict[str, Floats] = {
        "level_steps": people.level_steps,
        "weekend_ratio": people.weekend_ratio,
        "resting_heart_rate_bpm": people.resting_heart_rate_bpm,
        "sleep_min": people.sleep_min,
        "bedtime_h": people.bedtime_h,
        "clock_shift_h": people.clock_shift_h,
    }
    ids = {"participant_id": people.participant_id, "vendor_id": people.vendor_id}
    return pd.DataFrame(ids | {name: values.round(3) for name, values in levels.items()})


def _partial_non_wear(planted: Planted) -> pd.DataFrame:
    wear = planted.wear
    person, day = np.nonzero(wear.off_until_h > 0)
    midnight = planted.clock.days[day].astype("datetime64[s]")
    return pd.DataFrame(
        {
            "participant_id": planted.people.participant_id[person],
            "day": planted.clock.days[day],
            "off_from": midnight + wear.off_from_h[person, day].astype("timedelta64[h]"),
            "off_until": midnight + wear.off_until_h[person, day].astype("timedelta64[h]"),
        }
    )


def _baseline(planted: Planted) -> pd.DataFrame:
    """People without a single day with steps are not listed."""
    baseline = planted.baseline
    listed = np.flatnonzero(baseline.days > 0)
    return pd.DataFrame(
        {
            "participant_id": planted.people.participant_id[listed],
            "baseline_steps": baseline.steps[listed],
            "baseline_end_day": planted.clock.days[baseline.end_day[listed]],
            "baseline_days": baseline.days[listed],
        }
    )


def _partial_day(planted: Planted, day_steps: Ints) -> pd.DataFrame:
    cut = planted.plan.export_cut
    is_before = planted.clock.local < np.datetime64(cut)
    seen = sum_by_day(planted.clock, planted.hours.steps * is_before)
    is_cut_day = planted.clock.days == np.datetime64(cut.date())
    is_listed = planted.wear.has_daily_row & is_cut_day
    return _person_days(planted, is_listed, steps_at_cut=seen, steps_complete=day_steps).assign(cut_at=cut)


def _duplicates(planted: Planted) -> pd.DataFrame:
    """Choose rows off the shared day and off repeated hours, so that a copy can only be a duplicate."""
    rng = planted.plan.generator("duplicates")
    clock, day_count = planted.clock, len(planted.clock.days)
    is_other_day = clock.days != np.datetime64(planted.plan.export_cut.date())
    nights = planted.nights.is_recorded[:, :day_count] & is_other_day
    hours = (planted.hours.steps > 0) & is_other_day[clock.day] & ~clock.is_repeated
    sleep = _chosen(planted, rng, "sleepDay_merged.csv", nights, clock.days, SLEEP_DUPLICATES)
    hourly = _chosen(planted, rng, "hourlySteps_merged.csv", hours, clock.local, HOURLY_DUPLICATES)
    return pd.concat([sleep, hourly], ignore_index=True)


def _chosen(
    planted: Planted, rng: np.random.Generator, name: str, is_candidate: Bools, at: np.ndarray, count: int
) -> pd.DataFrame:
    """Choose rows among candidates (P x time), `at` their times. The last one chosen stands three times."""
    candidates = np.flatnonzero(is_candidate)
    chosen = rng.choice(candidates, size=min(count, len(candidates)), replace=False)
    person, when = np.divmod(chosen, is_candidate.shape[1])
    local_time = at[when].astype("datetime64[s]")
    is_period_1 = local_time < np.datetime64(planted.plan.export_cut)
    copies = np.full(len(chosen), 2)
    copies[-1:] = 3
    return pd.DataFrame(
        {
            "file": np.where(is_period_1, f"period1/{name}", f"period2/{name}"),
            "participant_id": planted.people.participant_id[person],
            "local_time": local_time,
            "copies": copies,
        }
    )
