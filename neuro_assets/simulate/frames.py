"""Lays planted arrays out as frames with the vendor's columns and row order: by vendor id, then true time.

Ids are int64, dates and times naive local datetimes, distances float32 (as the vendor's are). The spelling of
these in a file is in `fitabase`.
"""

import numpy as np
import pandas as pd

from neuro_assets.simulate.activity import PACE_STEPS_PER_MIN, sum_by_day
from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.planted import Planted

VERY_ACTIVE_STRIDE_FACTOR = 1.2


def daily_activity(planted: Planted) -> pd.DataFrame:
    """One row per person-day with a daily row; days are complete."""
    everything = np.ones(len(planted.clock.local), dtype=np.bool_)
    return _daily_rows(planted, everything, planted.wear.has_daily_row)


def daily_activity_at_cut(planted: Planted) -> pd.DataFrame:
    """The rows of the day that export 1 cuts, counting only the hours before the cut."""
    cut = planted.plan.export_cut
    is_before = planted.clock.local < np.datetime64(cut)
    is_cut_day = planted.clock.days == np.datetime64(cut.date())
    return _daily_rows(planted, is_before, planted.wear.has_daily_row & is_cut_day)


def _daily_rows(planted: Planted, is_seen: Bools, has_row: Bools) -> pd.DataFrame:
    """Sum the slots that are seen (S) to days, and keep the person-days that have a row (P x D)."""
    hours, people = planted.hours, planted.people
    person, day = np.nonzero(has_row)

    def total(slots: Ints) -> Ints:
        return sum_by_day(planted.clock, slots * is_seen)[person, day]

    def kilometres(steps: Ints, stride_factor: float = 1.0) -> Floats:
        return steps * people.stride_m[person] * stride_factor / 1_000

    steps, very, fair = total(hours.steps), total(hours.very_min), total(hours.fair_min)
    very_steps, fair_steps = PACE_STEPS_PER_MIN["very"] * very, PACE_STEPS_PER_MIN["fair"] * fair
    very_km, fair_km = kilometres(very_steps, VERY_ACTIVE_STRIDE_FACTOR), kilometres(fair_steps)
    light_km = kilometres(steps - very_steps - fair_steps)
    distance_km = _hundredths(very_km + fair_km + light_km)
    return pd.DataFrame(
        {
            "Id": people.vendor_id[person],
            "ActivityDate": planted.clock.days[day].astype("datetime64[s]"),
            "TotalSteps": steps,
            "TotalDistance": distance_km,
            "TrackerDistance": distance_km,
            "LoggedActivitiesDistance": np.zeros_like(distance_km),
            "VeryActiveDistance": _hundredths(very_km),
            "ModeratelyActiveDistance": _hundredths(fair_km),
            "LightActiveDistance": _hundredths(light_km),
            "SedentaryActiveDistance": np.zeros_like(distance_km),
            "VeryActiveMinutes": very,
            "FairlyActiveMinutes": fair,
            "LightlyActiveMinutes": total(hours.light_min),
            "SedentaryMinutes": total(hours.sedentary_min),
            "Calories": total(hours.kcal),
        }
    )


def _hundredths(kilometres: Floats) -> np.ndarray:
    """Two decimals held as float32: the vendor's files show the digits of that (7.11 is 7.1100001335144)."""
    return kilometres.round(2).astype(np.float32)


def sleep_day(planted: Planted) -> pd.DataFrame:
    """One row per recorded night, dated midnight of the day of waking."""
    nights, day_count = planted.nights, len(planted.clock.days)
    person, day = np.nonzero(nights.is_recorded[:, :day_count])
    return pd.DataFrame(
        {
            "Id": planted.people.vendor_id[person],
            "SleepDay": planted.clock.days[day].astype("datetime64[s]"),
            "TotalSleepRecords": nights.records[person, day],
            "TotalMinutesAsleep": nights.asleep_min[person, day],
            "TotalTimeInBed": (nights.in_bed_until_min - nights.in_bed_from_min)[person, day],
        }
    )


def hourly_steps(planted: Planted) -> pd.DataFrame:
    """One row per person and hour slot of the days with a daily row."""
    return _hourly_rows(planted, {"StepTotal": planted.hours.steps})


def hourly_calories(planted: Planted) -> pd.DataFrame:
    """One row per person and hour slot; kilocalories."""
    return _hourly_rows(planted, {"Calories": planted.hours.kcal})


def hourly_intensities(planted: Planted) -> pd.DataFrame:
    """One row per person and hour slot; the average is per true minute of the slot."""
    intensity = planted.hours.intensity
    average = intensity / planted.clock.length_min
    return _hourly_rows(planted, {"TotalIntensity": intensity, "AverageIntensity": average})


def _hourly_rows(planted: Planted, columns: dict[str, Ints] | dict[str, Ints | Floats]) -> pd.DataFrame:
    person, slot = np.nonzero(planted.wear.has_daily_row[:, planted.clock.day])
    hour = {"Id": planted.people.vendor_id[person], "ActivityHour": planted.clock.local[slot]}
    return pd.DataFrame(hour | {name: values[person, slot] for name, values in columns.items()})
