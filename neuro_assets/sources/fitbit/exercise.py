"""Exercises: the Web API's activity logs and day lists, and Takeout's exercise files.

On which clock an exercise is. An activity log of the Web API has an offset (`…000-07:00`): its clock is local. Older
ones end in `…000Z`, yet their `heartRateLink`, which asks for local times, names the same clock (20 of 20 logs here,
as for the 20 with an offset): that clock is local too, and the Z says nothing about an offset. Takeout's are UTC.
"""

from collections import Counter

from neuro_assets.sources.fitbit.fields import Field, Moment, optional, seconds_of
from neuro_assets.sources.fitbit.parts import Part, Row, Units, part
from neuro_assets.sources.fitbit.units import DISTANCE_UNITS, km, metres

NO_TIME = "activity without a time of day"
NO_UNIT = "distance of an exercise without a unit"
NO_HEART_RATE = "mean heart rate of 0, which is none"
NO_HEIGHT_UNIT = "elevation of an exercise without a unit"


def parse_logs(logs: Field, units: Units | None = None, *, is_utc: bool = False) -> Part:
    """Exercises of an activity log list, or of a Takeout file (`is_utc`).

    A distance without a unit is left out, not the exercise. An elevation has the unit system of the distances beside
    it in the same payload, where all of them agree.

    Raises:
        PayloadError: naming the field.
    """
    left_out: Counter[str] = Counter()
    heights = _system_of(logs) or units
    rows: list[Row] = []
    for log in logs.items():
        start = log.at("startTime").moment(may_have_zone=not is_utc)
        clock = (start.text,) if is_utc else (start.text, _offset_min(start))
        what = (
            optional(log.maybe("activityName"), Field.text),
            optional(log.maybe("activityTypeId"), Field.identifier),
            optional(log.maybe("logType"), Field.text),
        )
        rows.append((*clock, log.at("logId").identifier(), *what, *_measured(log, units, heights, left_out)))
    return part("exercise", rows, dict(left_out), is_utc=is_utc)


def parse_day(activities: Field, units: Units | None) -> Part:
    """Exercises of a day's summary: what a person or an app logged; the type is that of the activity's family.

    Raises:
        PayloadError: naming the field.
    """
    left_out: Counter[str] = Counter()
    rows: list[Row] = []
    for log in activities.items():
        day = log.at("startDate").date()
        has_time = log.maybe("hasStartTime")
        if (has_time and has_time.truth() == "false") or not log.has("startTime"):
            left_out[NO_TIME] += 1
            continue
        family = log.maybe("activityParentId") or log.maybe("activityId")
        rows.append(
            (
                f"{day} {log.at('startTime').clock()}",
                "",
                log.at("logId").identifier(),
                optional(log.maybe("name"), Field.text),
                optional(family, Field.identifier),
                "",
                *_measured(log, units, units, left_out),
            )
        )
    return part("exercise", rows, dict(left_out))


def _measured(log: Field, units: Units | None, heights: Units | None, left_out: Counter[str]) -> Row:
    return (
        seconds_of(log.maybe("duration")),
        seconds_of(log.maybe("activeDuration")),
        optional(log.maybe("steps"), Field.count),
        optional(log.maybe("calories")),
        _distance(log, units, left_out),
        _mean_heart_rate(log, left_out),
        _elevation(log, _own_units(log) or heights, left_out),
    )


def _mean_heart_rate(log: Field, left_out: Counter[str]) -> str:
    """PMData has an exercise with 0: no heart rate was read in it."""
    mean = optional(log.maybe("averageHeartRate"))
    if mean and float(mean) == 0:
        left_out[NO_HEART_RATE] += 1
        return ""
    return mean


def _distance(log: Field, units: Units | None, left_out: Counter[str]) -> str:
    distance = log.maybe("distance")
    if distance is None:
        return ""
    number, system = distance.number(), _own_units(log) or units
    if system:
        return km(number, system)
    left_out[NO_UNIT] += 1
    return ""


def _elevation(log: Field, units: Units | None, left_out: Counter[str]) -> str:
    gain = log.maybe("elevationGain")
    if gain is None:
        return ""
    number = gain.number()
    if units:
        return metres(number, units)
    left_out[NO_HEIGHT_UNIT] += 1
    return ""


def _own_units(log: Field) -> Units | None:
    unit = log.maybe("distanceUnit")
    return None if unit is None else unit.one_of(DISTANCE_UNITS)


def _system_of(logs: Field) -> Units | None:
    found: set[Units] = {units for log in logs.items() if (units := _own_units(log))}
    return found.pop() if len(found) == 1 else None


def _offset_min(start: Moment) -> str:
    """Minutes east of UTC; empty for none and for Z, which stands behind local clocks too."""
    if len(start.zone) < len("+00:00"):
        return ""
    minutes = int(start.zone[1:3]) * 60 + int(start.zone[4:])
    return str(-minutes if start.zone[0] == "-" else minutes)
