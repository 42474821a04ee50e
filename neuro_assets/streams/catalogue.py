"""The canonical streams of this project, and with `accounts.py` every table that is declared.

A new stream is a new entry of `STREAMS`; nothing about vendors belongs here.
"""

from neuro_assets.streams.accounts import FRAME_TABLES
from neuro_assets.streams.accounts import OPS_TABLES as _ACCOUNTS
from neuro_assets.streams.columns import (
    LOG_ID,
    activity_minutes,
    asleep_within_bed,
    at_most_per_second,
    day_is_local_date,
    log_id_is_whole,
    minutes,
    minutes_fit_the_day,
    nobody_below_rest,
    sample_columns,
)
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.health import HEALTH_STREAMS
from neuro_assets.streams.model import Column, Stream, Table
from neuro_assets.streams.pulls import PULL_TABLES
from neuro_assets.streams.shapes import daily, entries, samples
from neuro_assets.streams.surveys import SURVEY_RESPONSE

__all__ = ["FRAME_TABLES", "OPS_TABLES", "STREAMS", "stream"]

OPS_TABLES: tuple[Table, ...] = (*_ACCOUNTS, *PULL_TABLES)

# Bounds are wide on purpose: they refuse what cannot be, not what is unusual.
# Heart rate: 25 bpm (lowest bradycardia reported for athletes asleep) to 250; 255 is a common "no reading" value.
# Steps: 5 a second is beyond a sprint's cadence.
# Distance: 360 km/h is beyond anything but trains and aircraft.
# Calories: 25,000 kcal a day is the RECOVER study's upper bound.
# MET: 23 is the highest of the Compendium of Physical Activities (running at 22.5 km/h); 40 leaves room for estimates.
# Activity counts have no upper bound: what one count is differs from device to device, and so does where it saturates.
_STEPS = Column("steps", "INTEGER", "Steps of the day; 0 is a count, not a missing day", "count", ge=0, le=200_000)
_CALORIES = Column("calories_kcal", "DOUBLE", "Energy of the day", "kcal", ge=0, le=25_000)


def _distance(name: str, description: str) -> Column:
    return Column(name, "DOUBLE", description, "km", nullable=True, ge=0, le=300)


STREAMS: tuple[Stream, ...] = (
    samples(
        "heart_rate",
        Column("value", "DOUBLE", "Heart rate", "bpm", ge=25, le=250),
        "Heart-rate readings.",
        "instant",
    ),
    samples(
        "steps",
        Column("value", "DOUBLE", "Steps in the interval", "count", ge=0),
        "Steps per interval.",
        "interval",
        (at_most_per_second(5),),
    ),
    samples(
        "distance",
        Column("value", "DOUBLE", "Distance in the interval", "km", ge=0),
        "Distance per interval.",
        "interval",
        (at_most_per_second(0.1),),
    ),
    samples(
        "calories",
        Column("value", "DOUBLE", "Energy spent in the interval", "kcal", ge=0),
        "Energy expenditure per interval.",
        "interval",
        (at_most_per_second(25_000 / 86_400 * 4),),
    ),
    samples(
        "intensity",
        Column("value", "DOUBLE", "Intensity counts in the interval (0-3 a minute, summed)", "counts", ge=0),
        "Activity intensity per interval.",
        "interval",
        (at_most_per_second(3 / 60),),
    ),
    samples(
        "mets",
        Column("value", "DOUBLE", "Metabolic equivalent, the mean over the interval", "MET", ge=0, le=40),
        "Metabolic equivalents per interval.",
        "instant",
        (nobody_below_rest(),),
    ),
    samples(
        "activity_counts",
        Column("value", "DOUBLE", "Counts in the interval, in the device's own measure", "counts", ge=0),
        "Actigraphy counts per epoch. Counts of different kinds of device do not compare.",
        "interval",
    ),
    Stream(
        schema="staging",
        name="sleep_stage",
        columns=sample_columns(
            Column(
                "stage",
                "VARCHAR",
                "asleep, restless, awake: from movement; light, deep, rem, wake: with heart rate",
                isin=("asleep", "restless", "awake", "light", "deep", "rem", "wake"),
            ),
            LOG_ID,
        ),
        description="State of sleep per interval. A night may be in two logs: look at one log at a time.",
        partition_by="day",
        sort_by=("participant_id", "local_ts"),
        key=("participant_id", "log_id", "period_s", "local_ts", "fold"),
        values=("stage",),
        attributes=("log_id",),
        sampling="state",
        rules=(day_is_local_date(), log_id_is_whole()),
    ),
    # The log id is no part of the key: two weighings of a person have two times, and a file that lost the ids or
    # had them rounded by a spreadsheet must not count each weighing again.
    entries(
        "weight",
        (
            Column("weight_kg", "DOUBLE", "Body weight", "kg", ge=20, le=400),
            Column("bmi", "DOUBLE", "Body mass index", "kg/m2", nullable=True, ge=5, le=120),
            Column("fat_pct", "DOUBLE", "Body fat, share of the weight", "%", nullable=True, ge=1, le=80),
            Column("is_manual", "BOOLEAN", "Whether a person typed it in", nullable=True),
        ),
        "Weighings, one row each.",
        attributes=(LOG_ID,),
        rules=(log_id_is_whole(),),
    ),
    daily(
        "daily_activity",
        (
            _STEPS,
            Column("distance_km", "DOUBLE", "Distance of the day", "km", ge=0, le=300),
            _CALORIES,
            *activity_minutes(),
        ),
        "The vendor's daily activity summary, one row per participant-day.",
        (minutes_fit_the_day(),),
    ),
    daily(
        "daily_distance",
        (Column("distance_km", "DOUBLE", "Distance of the day", "km", ge=0, le=300),),
        "The vendor's daily distance from a file of its own, one row per participant-day.",
        unit="km",
    ),
    daily("daily_steps", (_STEPS,), "The vendor's daily steps from a file of their own, one row per participant-day."),
    daily(
        "daily_calories",
        (_CALORIES,),
        "The vendor's daily energy from a file of its own, one row per participant-day.",
    ),
    daily(
        "daily_intensity",
        (
            *activity_minutes(),
            _distance("very_active_distance_km", "Distance very active"),
            _distance("moderately_active_distance_km", "Distance fairly active"),
            _distance("light_active_distance_km", "Distance lightly active"),
            _distance("sedentary_active_distance_km", "Distance sedentary"),
        ),
        "The vendor's daily activity minutes from a file of their own, one row per participant-day.",
        (minutes_fit_the_day(),),
    ),
    daily(
        "daily_sleep",
        (
            Column("sleep_records", "INTEGER", "Sleep periods, naps included", "count", ge=1, le=24),
            minutes("minutes_asleep", "Minutes asleep"),
            minutes("minutes_in_bed", "Minutes in bed"),
        ),
        "The vendor's daily sleep summary, one row per participant-day (dated on the wake day).",
        (asleep_within_bed(),),
    ),
    *HEALTH_STREAMS,
    SURVEY_RESPONSE,
    EVENT,
)


def stream(name: str) -> Stream:
    """The stream of that name.

    Raises:
        KeyError: naming the known streams.
    """
    for candidate in STREAMS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"unknown stream '{name}'; known: {', '.join(s.name for s in STREAMS)}")
