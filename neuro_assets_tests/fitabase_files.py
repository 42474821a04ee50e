"""Fitabase CSV texts for planted cases: what the vendor's untouched files look like."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

Moment = datetime | str
Day = date | str

HOURLY_VALUE = {
    "hourly_steps": "StepTotal",
    "hourly_calories": "Calories",
    "hourly_intensities": "TotalIntensity",
}
DAILY_DEFAULTS: dict[str, object] = {
    "TotalSteps": 5000,
    "TotalDistance": 3.5,
    "TrackerDistance": 3.5,
    "LoggedActivitiesDistance": 0,
    "VeryActiveDistance": 1,
    "ModeratelyActiveDistance": 1,
    "LightActiveDistance": 1.5,
    "SedentaryActiveDistance": 0,
    "VeryActiveMinutes": 20,
    "FairlyActiveMinutes": 20,
    "LightlyActiveMinutes": 200,
    "SedentaryMinutes": 1200,
    "Calories": 2000,
}


def shown_day(day: Day) -> str:
    """M/D/YYYY as Fitabase writes it; a text is left as it is."""
    return day if isinstance(day, str) else f"{day.month}/{day.day}/{day.year}"


def shown_moment(moment: Moment) -> str:
    """M/D/YYYY h:mm:ss AM as Fitabase writes it; a text is left as it is."""
    if isinstance(moment, str):
        return moment
    clock = f"{moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
    return f"{shown_day(moment.date())} {clock}"


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    return "".join(",".join(str(c) for c in line) + "\n" for line in (header, *rows))


def daily_activity_csv(rows: Iterable[tuple[str, Day, Mapping[str, object]]]) -> str:
    """dailyActivity_merged: (participant, day, vendor columns that differ from an ordinary day's)."""
    names = list(DAILY_DEFAULTS)
    lines = [(who, shown_day(day), *({**DAILY_DEFAULTS, **cells}[n] for n in names)) for who, day, cells in rows]
    return _csv(["Id", "ActivityDate", *names], lines)


def steps_per_day_csv(rows: Iterable[tuple[str, Day, object]]) -> str:
    """dailyActivity_merged with (participant, day, steps), everything else ordinary."""
    return daily_activity_csv((who, day, {"TotalSteps": steps}) for who, day, steps in rows)


def hourly_csv(kind: str, rows: Iterable[tuple[str, Moment, object]]) -> str:
    """hourlySteps/Calories/Intensities_merged: (participant, hour, value)."""
    extra = ["AverageIntensity"] if kind == "hourly_intensities" else []
    lines = [(who, shown_moment(hour), value, *("0" for _ in extra)) for who, hour, value in rows]
    return _csv(["Id", "ActivityHour", HOURLY_VALUE[kind], *extra], lines)


def sleep_day_csv(rows: Iterable[tuple[str, Day, object, object]]) -> str:
    """sleepDay_merged: (participant, wake day, minutes asleep, minutes in bed), one sleep record each."""
    lines = [(who, f"{shown_day(day)} 12:00:00 AM", 1, asleep, in_bed) for who, day, asleep, in_bed in rows]
    return _csv(["Id", "SleepDay", "TotalSleepRecords", "TotalMinutesAsleep", "TotalTimeInBed"], lines)


def heart_rate_csv(rows: Iterable[tuple[str, Moment, object]]) -> str:
    """heartrate_seconds_merged: (participant, second, beats per minute)."""
    return _csv(["Id", "Time", "Value"], ((who, shown_moment(at), bpm) for who, at, bpm in rows))


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """The text as a file, byte for byte."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
