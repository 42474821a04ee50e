"""Files of a Fitbit/Google Takeout export, of which PMData's folders are one: which file it is, and what is in it.

Clocks: steps, calories, distance, heart rate and exercises are UTC (measured on PMData: steps inside sleep are fewest
so); sleep, sleep scores and Active Zone Minutes are local, whatever zone they write; files by the day have local days.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from neuro_assets.sources.fitbit import body, exercise, sleep, takeout_csv
from neuro_assets.sources.fitbit.fields import Field, Moment
from neuro_assets.sources.fitbit.parts import Part, PayloadError, Row, Units, load_json, part
from neuro_assets.sources.fitbit.units import km_of_cm
from neuro_assets.sources.fitbit.vitals import Vitals

NO_RESTING_RATE = "resting heart rate without a date"
OWN_ZONES = "minutes in zones the wearer set, which overlap the zones by age"

_ACTIVE_MINUTES = {
    "sedentary_minutes": "sedentary",
    "lightly_active_minutes": "lightly",
    "moderately_active_minutes": "fairly",
    "very_active_minutes": "very",
}
_ZONES = {
    "BELOW_DEFAULT_ZONE_1": "out_of_range",
    "IN_DEFAULT_ZONE_1": "fat_burn",
    "IN_DEFAULT_ZONE_2": "cardio",
    "IN_DEFAULT_ZONE_3": "peak",
}
_OWN_ZONES = ("BELOW_CUSTOM_ZONE", "IN_CUSTOM_ZONE", "ABOVE_CUSTOM_ZONE")
_MIDNIGHT = "00:00:00"
# Behind the name: a date or a number, what exports put behind that, and a download's (1).
_SUFFIX = r"(?:-\d[\w-]*)?(?: ?\(\d+\))?"


def _samples(kind: str, read: Callable[[Field], Row]) -> Callable[[Field], list[Part]]:
    """Samples at UTC moments: `[{"dateTime": "06/24/95 16:00:00", "value": …}]`."""

    def parse(entries: Field) -> list[Part]:
        rows = [(entry.at("dateTime").moment().text, *read(entry.at("value"))) for entry in entries.items()]
        return [part(kind, rows, is_utc=True)]

    return parse


def _heart_rate(value: Field) -> Row:
    return value.at("bpm").number(), value.at("confidence").count()


def _day(entry: Field) -> str:
    """The local day of an entry dated by its midnight."""
    when = entry.at("dateTime")
    moment: Moment = when.moment()
    if moment.clock != _MIDNIGHT:
        raise when.error("bad_value", f"a day's midnight is expected, not {moment.clock}")
    return moment.date


def _active_minutes(level: str) -> Callable[[Field], list[Part]]:
    def parse(entries: Field) -> list[Part]:
        rows = [(_day(entry), level, entry.at("value").count()) for entry in entries.items()]
        return [part("daily_active_minutes", rows)]

    return parse


def _resting_heart_rate(entries: Field) -> list[Part]:
    """A value of 0 with a null date is a day without one; -1 is one that is not available."""
    vitals = Vitals()
    for entry in entries.items():
        day, value = _day(entry), entry.at("value")
        if value.has("date"):
            value.at("date").date()
            vitals.add(day, "resting_heart_rate", value.at("value"))
        else:
            value.at("value").number()
            vitals.left_out[NO_RESTING_RATE] += 1
    return [vitals.part()]


def _zones(entries: Field) -> list[Part]:
    rows: list[Row] = []
    own = 0
    for entry in entries.items():
        day, minutes = _day(entry), entry.at("value").at("valuesInZones")
        rows += [(day, zone, f.number(), "", "", "") for name, zone in _ZONES.items() if (f := minutes.maybe(name))]
        own += any(minutes.has(name) for name in _OWN_ZONES)
    return [part("heart_rate_zones", rows, {OWN_ZONES: own})]


_JSON: dict[str, Callable[[Field], list[Part]]] = {
    "steps": _samples("steps_1m", lambda v: (v.count(),)),
    "calories": _samples("calories_1m", lambda v: (v.number(), "", "")),
    "distance": _samples("distance_1m", lambda v: (km_of_cm(v.number()),)),
    "heart_rate": _samples("heart_rate_1s", _heart_rate),
    **{name: _active_minutes(level) for name, level in _ACTIVE_MINUTES.items()},
    "resting_heart_rate": _resting_heart_rate,
    "time_in_heart_rate_zones": _zones,
    "sleep": sleep.parse_logs,
    "exercise": lambda logs: [exercise.parse_logs(logs, is_utc=True)],
}
_MEMBERS = {"sleep": ("logId", "startTime"), "exercise": ("logId", "startTime"), "weight": ("weight", "date")}
_JSON_NAME = re.compile(rf"({'|'.join([*_JSON, 'weight'])}){_SUFFIX}\.json", re.IGNORECASE)


def recognise(name: str, head: str) -> str | None:
    """The kind of an export's file, by its name and what it begins with; None for what is none.

    Args:
        name: the file's name, with folders or without; capitals do not matter.
        head: the first 2,000 characters or so of its text.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    head = head.removeprefix("\ufeff").lstrip()
    if not (found := _JSON_NAME.fullmatch(last)):
        return takeout_csv.recognise(last, head)
    shape = found[1].lower()
    members = (f'"{m}"' for m in _MEMBERS.get(shape, ("dateTime", "value")))
    is_list = head.startswith("[")
    return shape if is_list and (head[1:].lstrip().startswith("]") or all(m in head for m in members)) else None


def parse(shape: str, text: str, units: Units | None = None) -> list[Part]:
    """The parts of a file that `recognise` has named.

    Args:
        shape: the name.
        text: the whole file.
        units: of weights only, which are in the unit of the wearer's account: 'metric' (kg) or 'us' (pounds).

    Raises:
        PayloadError: see its codes.
    """
    if shape in takeout_csv.SHAPES:
        return takeout_csv.parse(shape, text)
    entries = Field(load_json(text))
    if not isinstance(entries.value, list):
        raise PayloadError("wrong_type", "a list is expected, not another JSON value", "Export the file again.")
    if shape == "weight":
        return [body.parse_weights(entries, units)]
    return _JSON[shape](entries)
