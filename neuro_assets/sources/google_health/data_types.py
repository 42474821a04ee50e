"""The data types of the Google Health API v4 that are read, and how each is asked for.

Source: the API's discovery document (health:v4, revision 20261030), and what clients have recorded of it.
"""

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["utc", "civil", "date"]
Method = Literal["points", "rollup"]
Reading = Literal["reconcile", "list"]

REVISION = "20261030"
SCOPE = "https://www.googleapis.com/auth/googlehealth."
PAGE_SIZE = 10_000
SESSION_PAGE_SIZE = 25
# Windows of one minute: as fine as steps and distance come.
ROLLUP_S = 60
# The longest range of a roll-up is 14 days for heart rate, active minutes and calories.
ROLLUP_MAX_DAYS = 13


@dataclass(frozen=True)
class DataType:
    """A data type.

    Attributes:
        name: as in the path, such as `heart-rate`.
        field: the member of a data point that holds its value, such as `heartRate`.
        method: `points` are listed or reconciled; `rollup` asks for windows of a minute.
        member: what its filter is on; none for roll-ups.
        dialect: how the filter writes times: RFC 3339 in UTC, wall clock without a zone, or dates.
        page_size: the largest page that may be asked for.
        scope: the last part of the scope it needs, without `.readonly`.
        is_deep: rewritten long after the day; read again a month back once a week.
        kinds: kinds of the source `google_health` that its rows are of.
    """

    name: str
    field: str
    method: Method
    member: str
    dialect: Dialect
    page_size: int
    scope: str
    is_deep: bool
    kinds: tuple[str, ...]


_ACTIVITY, _METRICS, _SLEEP = "activity_and_fitness", "health_metrics_and_measurements", "sleep"


def _interval(name: str, field: str, *kinds: str) -> DataType:
    member = f"{name.replace('-', '_')}.interval.start_time"
    return DataType(name, field, "points", member, "utc", PAGE_SIZE, _ACTIVITY, False, kinds)


def _sample(name: str, field: str, *kinds: str) -> DataType:
    member = f"{name.replace('-', '_')}.sample_time.physical_time"
    return DataType(name, field, "points", member, "utc", PAGE_SIZE, _METRICS, False, kinds)


def _daily(name: str, field: str) -> DataType:
    member = f"{name.replace('-', '_')}.date"
    return DataType(name, field, "points", member, "date", PAGE_SIZE, _METRICS, True, ("daily_vitals",))


def _rollup(name: str, field: str, scope: str, *kinds: str) -> DataType:
    return DataType(name, field, "rollup", "", "utc", PAGE_SIZE, scope, False, kinds)


# By the minute, as the server rolls samples up; `HEART_RATE_RAW` are the samples themselves, one every two seconds.
HEART_RATE = _rollup("heart-rate", "heartRate", _METRICS, "heart_rate")
HEART_RATE_RAW = _sample("heart-rate", "heartRate", "heart_rate")
SLEEP = DataType(
    "sleep",
    "sleep",
    "points",
    "sleep.interval.end_time",
    "utc",
    SESSION_PAGE_SIZE,
    _SLEEP,
    True,
    ("sleep_session", "sleep_stage"),
)
DATA_TYPES: tuple[DataType, ...] = (
    _interval("steps", "steps", "steps"),
    _interval("distance", "distance", "distance"),
    _rollup("total-calories", "totalCalories", _ACTIVITY, "calories"),
    HEART_RATE,
    _interval("active-minutes", "activeMinutes", "daily_active_minutes"),
    _interval("active-zone-minutes", "activeZoneMinutes", "active_zone_minutes"),
    SLEEP,
    DataType(
        "exercise",
        "exercise",
        "points",
        "exercise.interval.civil_start_time",
        "civil",
        SESSION_PAGE_SIZE,
        _ACTIVITY,
        False,
        ("exercise",),
    ),
    _sample("heart-rate-variability", "heartRateVariability", "hrv"),
    _sample("oxygen-saturation", "oxygenSaturation", "spo2"),
    _sample("respiratory-rate-sleep-summary", "respiratoryRateSleepSummary", "sleep_breathing"),
    _sample("weight", "weight", "weight"),
    _daily("daily-resting-heart-rate", "dailyRestingHeartRate"),
    _daily("daily-heart-rate-variability", "dailyHeartRateVariability"),
    _daily("daily-oxygen-saturation", "dailyOxygenSaturation"),
    _daily("daily-respiratory-rate", "dailyRespiratoryRate"),
    _daily("daily-sleep-temperature-derivations", "dailySleepTemperatureDerivations"),
)
BY_NAME = {t.name: t for t in DATA_TYPES}
# The roll-up of heart rate, where it only tells on which days samples have changed. Nothing of it is a row.
FINGERPRINT = "heart-rate:fingerprint"
# Read before anything else of a person: who they are, where they are, and when the tracker last handed over its data.
ACCOUNT = ("identity", "settings", "pairedDevices")
SCOPES = tuple(f"{SCOPE}{name}.readonly" for name in (_ACTIVITY, _METRICS, _SLEEP, "profile", "settings"))
