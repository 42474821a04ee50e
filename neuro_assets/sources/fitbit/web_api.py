"""Answers of Fitbit's earlier Web API (v1, v1.1, v1.2): which one it is, and what is in it.

Answers that hold no measurement are known too, so that they are refused by name. How each is read is told elsewhere.
"""

import re
from collections.abc import Callable
from typing import Any

from neuro_assets.sources.fitbit import activity, body, exercise, sleep, vitals
from neuro_assets.sources.fitbit.fields import Field
from neuro_assets.sources.fitbit.parts import Part, PayloadError, Units

_SERIES = "activities-"
_INTRADAY = "-intraday"
_NO_STREAM_SERIES = (_SERIES, "foods-log-", "body-")
_SERIES_NAME = re.compile(r"[A-Za-z-]{1,40}")
_ERROR_TYPE = re.compile(r"[a-z_]{1,40}")

_Parser = Callable[[Field, Units | None], list[Part]]
_PARSERS: dict[str, _Parser] = {
    "sleep": lambda payload, _: sleep.parse_logs(payload.at("sleep")),
    "day_summary": activity.parse_day_summary,
    "exercise_list": lambda payload, units: [exercise.parse_logs(payload.at("activities"), units)],
    "breathing_rate": lambda payload, _: vitals.parse_breathing(payload.at("br")),
    "heart_rate_variability": lambda payload, _: vitals.parse_variability(payload.at("hrv")),
    "oxygen_saturation": lambda payload, _: vitals.parse_oxygen(payload),
    "skin_temperature": lambda payload, units: vitals.parse_skin_temperature(payload.at("tempSkin"), units),
    "cardio_score": lambda payload, _: vitals.parse_cardio_score(payload.at("cardioScore")),
    "weight": lambda payload, units: [body.parse_weights(payload.at("weight"), units)],
    "devices": lambda payload, _: [body.parse_devices(payload)],
    "activity_series": lambda payload, units: _series(payload, units),
}
# Member that is a list -> the answer's name.
_LISTS = {
    "sleep": "sleep",
    "br": "breathing_rate",
    "hrv": "heart_rate_variability",
    "tempSkin": "skin_temperature",
    "cardioScore": "cardio_score",
    "weight": "weight",
}
# Members that together tell an answer without a measurement that there is a stream for -> what it is called.
_NO_STREAM: dict[tuple[str, ...], str] = {
    ("best", "lifetime"): "best days and lifetime totals",
    ("foods",): "foods",
    ("water",): "water",
    ("waterLog",): "water",
    ("bp",): "blood pressure",
    ("heart", "average"): "heart rates typed in by hand, without a date",
    ("glucose",): "blood glucose",
    ("fat",): "body fat without a weight (the weight log has it beside the weight)",
    ("body",): "body measurements without a date",
    ("tempCore",): "core temperature typed in by hand",
    ("ecgReadings",): "electrocardiograms",
    ("apiSubscriptions",): "subscriptions",
    ("collectionType", "subscriptionId"): "a subscription",
    ("trackerAlarms",): "alarms",
    ("badges",): "badges",
    ("goals",): "goals",
    ("goal",): "a goal",
}
_PERSONAL = {"profile": "a profile", "friends": "a list of friends", "access_token": "an access token"}


def recognise(data: object) -> str | None:
    """The name of the answer, from parsed JSON; None for what is no answer of this API, and for an empty list."""
    if isinstance(data, list):
        return _recognise_list([item for item in data if isinstance(item, dict)]) if data else None
    if not isinstance(data, dict):
        return None
    return _refused(data) or _measured(data) or _without_stream(data)


def parse(data: object, units: Units | None = None) -> list[Part]:
    """The parts of an answer.

    Args:
        data: parsed JSON, of `parts.load_json`.
        units: what the request asked for with Accept-Language: 'metric' (km, kg) or 'us' (miles, pounds).

    Raises:
        PayloadError: see its codes; `wrong_type` for what is no answer of this API.
    """
    shape = recognise(data)
    payload = Field(data)
    if parser := _PARSERS.get(shape or ""):
        return parser(payload, units)
    if shape is None:
        raise PayloadError("wrong_type", "not an answer of the Fitbit Web API", "Look at what the file holds.")
    raise _refusal(shape, payload)


def _recognise_list(items: list[dict[str, Any]]) -> str | None:
    if any("collectionType" in item for item in items):
        return "subscriptions"
    if any("lastSyncTime" in item or "deviceVersion" in item for item in items):
        return "devices"
    return "oxygen_saturation" if any(_is_oxygen(item) for item in items) else None


def _is_oxygen(item: dict[str, Any]) -> bool:
    value = item.get("value")
    has_summary = isinstance(value, dict) and {"avg", "min", "max"} <= value.keys()
    return "dateTime" in item and (has_summary or isinstance(item.get("minutes"), list))


def _refused(data: dict[str, Any]) -> str | None:
    if isinstance(data.get("errors"), list):
        return "error"
    if "access_token" in data or "refresh_token" in data:
        return "access_token"
    if isinstance(data.get("meta"), dict) and "state" in data["meta"]:
        return "pending"
    if isinstance(data.get("user"), dict):
        return "profile"
    return "friends" if isinstance(data.get("friends"), list) else None


def _measured(data: dict[str, Any]) -> str | None:
    if _resources(data):
        return "activity_series"
    if isinstance(data.get("activities"), list):
        return "day_summary" if isinstance(data.get("summary"), dict) else "exercise_list"
    for member, name in _LISTS.items():
        if isinstance(data.get(member), list):
            return name
    return "oxygen_saturation" if _is_oxygen(data) else None


def _without_stream(data: dict[str, Any]) -> str | None:
    for key in data:
        if key.startswith(_NO_STREAM_SERIES):
            return key if _SERIES_NAME.fullmatch(key) else "a series"
    return next((name for members, name in _NO_STREAM.items() if all(m in data for m in members)), None)


def _resources(data: dict[str, Any]) -> list[str]:
    names = {key.removeprefix(_SERIES).removesuffix(_INTRADAY) for key in data if key.startswith(_SERIES)}
    only_by_minute = f"{_SERIES}active-zone-minutes" not in data
    return sorted((names & activity.RESOURCES) - ({"active-zone-minutes"} if only_by_minute else set()))


def _series(payload: Field, units: Units | None) -> list[Part]:
    return [p for resource in _resources(payload.value) for p in activity.parse_series(payload, resource, units)]


def _refusal(shape: str, payload: Field) -> PayloadError:
    if shape == "error":
        return PayloadError(
            "vendor_error",
            f"an error of Fitbit, not data: {_error_type(payload)}",
            "Ask for the data again. Delete this file: messages of such answers may hold tokens.",
        )
    if shape == "pending":
        return PayloadError(
            "pending", "Fitbit was still working on the sleep log", "Ask for it again.", field="meta.state"
        )
    if shape in _PERSONAL:
        return PayloadError(
            "personal_data",
            f"{_PERSONAL[shape]}: it holds contact data or secrets and no measurements",
            "Delete the file; it is not needed here.",
        )
    return PayloadError("no_measurements", f"{shape}: nothing the platform has a stream for", "Leave the file out.")


def _error_type(payload: Field) -> str:
    """The type of the first error; the message beside it may hold a token and is never repeated."""
    for error in payload.at("errors").items():
        kind = error.value.get("errorType") if isinstance(error.value, dict) else None
        if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind):
            return kind
    return "of an unknown type"
