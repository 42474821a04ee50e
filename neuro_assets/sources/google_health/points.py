"""Pages of data points and of roll-ups, each type's with its own member alone."""

from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from neuro_assets.sources.google_health.data_types import Reading
from neuro_assets.sources.google_health.messages import (
    ActiveMinutes,
    ActiveZoneMinutes,
    CaloriesRollup,
    CivilDay,
    DailyHeartRateVariability,
    DailyOxygenSaturation,
    DailyRespiratoryRate,
    DailyRestingHeartRate,
    DailySleepTemperatureDerivations,
    DataSource,
    Distance,
    DistanceRollup,
    HeartRate,
    HeartRateRollup,
    HeartRateVariability,
    OxygenSaturation,
    RespiratoryRateSleepSummary,
    Steps,
    StepsRollup,
    Weight,
)
from neuro_assets.sources.google_health.session_messages import Exercise, Sleep
from neuro_assets.sources.google_health.wire import Message, Moment

# Every member that a data point may have, one for each data type.
_MEMBERS = """
    activeEnergyBurned activeMinutes activeZoneMinutes activityLevel altitude basalEnergyBurned bloodGlucose bodyFat
    coreBodyTemperature dailyHeartRateVariability dailyHeartRateZones dailyOxygenSaturation dailyRespiratoryRate
    dailyRestingHeartRate dailySleepTemperatureDerivations dailyVo2Max distance electrocardiogram exercise floors food
    foodMeasurementUnit heartRate heartRateVariability height hydrationLog irregularRhythmNotification menstrualPeriod
    moods nutritionLog ovulationTest oxygenSaturation respiratoryRateSleepSummary runVo2Max sedentaryPeriod sleep steps
    swimLengthsData symptoms timeInHeartRateZone vo2Max weight
"""
POINT_MEMBERS = frozenset(_MEMBERS.split())

VALUES: dict[str, type[Message]] = {
    "steps": Steps,
    "distance": Distance,
    "heartRate": HeartRate,
    "activeMinutes": ActiveMinutes,
    "activeZoneMinutes": ActiveZoneMinutes,
    "sleep": Sleep,
    "exercise": Exercise,
    "heartRateVariability": HeartRateVariability,
    "oxygenSaturation": OxygenSaturation,
    "respiratoryRateSleepSummary": RespiratoryRateSleepSummary,
    "weight": Weight,
    "dailyRestingHeartRate": DailyRestingHeartRate,
    "dailyHeartRateVariability": DailyHeartRateVariability,
    "dailyOxygenSaturation": DailyOxygenSaturation,
    "dailyRespiratoryRate": DailyRespiratoryRate,
    "dailySleepTemperatureDerivations": DailySleepTemperatureDerivations,
}
ROLLUPS: dict[str, type[Message]] = {
    "heartRate": HeartRateRollup,
    "totalCalories": CaloriesRollup,
    "steps": StepsRollup,
    "distance": DistanceRollup,
}


@cache
def page_of_points(field: str, reading: Reading) -> type[Any]:
    """The message of a page of points whose member is `field`: `data_points` with a name, a source and a value."""
    own: list[tuple[str, Any, Any]] = [("value", VALUES[field]), ("name", str, "")]  # pyright: ignore[reportAssignmentType]
    renamed = {"value": field, "name": "dataPointName"}
    if reading == "list":
        own.append(("data_source", DataSource | UnsetType, UNSET))
        renamed = {"value": field, "data_source": "dataSource"}
    return _page(f"{reading.title()}{VALUES[field].__name__}", "data_points", own, renamed)


@cache
def page_of_windows(field: str, *, is_daily: bool) -> type[Any]:
    """The message of a page of a roll-up: `rollup_data_points` with their starts, ends and values, if any."""
    time = CivilDay if is_daily else Moment
    names = ("civilStartTime", "civilEndTime") if is_daily else ("startTime", "endTime")
    own = [("start", time), ("end", time), ("value", ROLLUPS[field] | UnsetType, UNSET)]
    title = f"{'Daily' if is_daily else ''}{ROLLUPS[field].__name__}"
    return _page(title, "rollup_data_points", own, {"value": field, "start": names[0], "end": names[1]})  # pyright: ignore[reportArgumentType]


def _page(title: str, member: str, point: list[tuple[str, Any, Any]], renamed: dict[str, str]) -> type[Any]:
    rules: dict[str, Any] = {"frozen": True, "forbid_unknown_fields": True, "gc": False}
    of_point = msgspec.defstruct(f"{title}Point", point, rename=renamed, **rules)
    own: list[tuple[str, Any, Any]] = [(member, list[of_point], []), ("next_page_token", str, "")]
    return msgspec.defstruct(f"{title}Page", own, rename="camel", **rules)
