"""The Web API's activity series, by the day and within it, and the summary of a day.

What belongs to a whole day (totals, minutes in zones) is taken from an answer with samples only where the samples
reach from the day's first hour to its last: asked for a part of a day, the vendor sums up that part only (a recorded
answer of five minutes has two minutes in zones, and 64.2 as the "value" of five readings whose mean is 64.2).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from neuro_assets.sources.fitbit.exercise import parse_day
from neuro_assets.sources.fitbit.fields import Field, optional
from neuro_assets.sources.fitbit.parts import Part, PayloadError, Row, Units, part
from neuro_assets.sources.fitbit.units import km, unit_unknown
from neuro_assets.sources.fitbit.vitals import Vitals

ACTIVE_MINUTES = {
    "minutesSedentary": "sedentary",
    "minutesLightlyActive": "lightly",
    "minutesFairlyActive": "fairly",
    "minutesVeryActive": "very",
}
_SUMMARY_MINUTES = {
    "sedentaryMinutes": "sedentary",
    "lightlyActiveMinutes": "lightly",
    "fairlyActiveMinutes": "fairly",
    "veryActiveMinutes": "very",
}
_ZONES = {"Out of Range": "out_of_range", "Fat Burn": "fat_burn", "Cardio": "cardio", "Peak": "peak"}
_ZONE_MINUTES = ("fatBurnActiveZoneMinutes", "cardioActiveZoneMinutes", "peakActiveZoneMinutes")
_INTERVALS = {("minute", "1"): "1m", ("minute", "5"): "5m", ("minute", "15"): "15m", ("second", "1"): "1s"}
_DATASET_UNITS = {"minute": "minute", "second": "second"}

PART_OF_DAY = "total of a part of a day"
MEAN_BPM = "mean heart rate of the time asked for, which is no resting heart rate"
NO_ZONE_MINUTES = "heart-rate zone without minutes"
NO_UNIT = "distance of a day without a unit"


@dataclass(frozen=True)
class _Day:
    date: str
    item: Field
    is_whole: bool


def parse_series(payload: Field, resource: str, units: Units | None) -> list[Part]:
    """`activities-<resource>` and, where the resource has samples, the `-intraday` dataset beside it.

    Raises:
        PayloadError: naming the field; `no_date` for samples without exactly one date line.
    """
    intraday = payload.maybe(f"activities-{resource}-intraday") if resource in _SAMPLES else None
    samples = list(intraday.at("dataset").items()) if intraday else []
    clocks = [s.at("time").clock() for s in samples]
    is_whole = intraday is None or (bool(clocks) and clocks[0][:2] == "00" and clocks[-1][:2] == "23")
    series = payload.maybe(f"activities-{resource}")
    lines = list(series.items()) if series else []
    days = [_Day(line.at("dateTime").date(), line, is_whole) for line in lines]
    parts = _DAILY[resource](days, units)
    if intraday:
        parts.append(_samples(intraday, samples, clocks, [d.date for d in days], resource, units))
    return parts


def _samples(
    intraday: Field, samples: list[Field], clocks: list[str], dates: list[str], resource: str, units: Units | None
) -> Part:
    if samples and len(dates) != 1:
        raise PayloadError(
            "no_date",
            f"the samples are on {len(dates)} dates: their own times have none",
            f"Ask for one day at a time and keep the whole answer: its date is in 'activities-{resource}'.",
            field=intraday.path,
        )
    every = intraday.at("datasetInterval")
    unit = intraday.at("datasetType").one_of(_DATASET_UNITS)
    step = _INTERVALS.get((unit, every.count()))
    if step is None or (step == "1s" and resource != "heart"):
        raise every.error("bad_value", "samples every 1, 5 or 15 minutes, or heart rate every second, are expected")
    name, read = _SAMPLES[resource]
    rows = [(f"{dates[0]} {clock}", *read(s, units)) for clock, s in zip(clocks, samples, strict=True)]
    return part(f"{name}_{step}", rows)


def _calories(sample: Field, _units: Units | None) -> Row:
    return sample.at("value").number(), optional(sample.maybe("level"), Field.count), optional(sample.maybe("mets"))


def _distance(sample: Field, units: Units | None) -> Row:
    value = sample.at("value")
    number = value.number()
    if units is None:
        raise unit_unknown(value, "distances")
    return (km(number, units),)


_SAMPLES: dict[str, tuple[str, Callable[[Field, Units | None], Row]]] = {
    "steps": ("steps", lambda s, _: (s.at("value").count(),)),
    "calories": ("calories", _calories),
    "distance": ("distance", _distance),
    "heart": ("heart_rate", lambda s, _: (s.at("value").number(), "")),
}


def _totals(kind: str, read: Callable[[Field, Units | None], Row]) -> Callable[[list[_Day], Units | None], list[Part]]:
    def parse(days: list[_Day], units: Units | None) -> list[Part]:
        rows = [(d.date, *read(d.item, units)) for d in days]
        whole = [row for d, row in zip(days, rows, strict=True) if d.is_whole]
        return [part(kind, whole, {PART_OF_DAY: len(rows) - len(whole)})]

    return parse


def _level(level: str) -> Callable[[Field, Units | None], Row]:
    return lambda item, _: (level, item.at("value").count())


def _active_zone_minutes(item: Field, _units: Units | None) -> Row:
    """Zones without a minute are left out by the vendor: the total is there, so they are 0."""
    value = item.at("value")
    zones = (optional(value.maybe(name), Field.count) or "0" for name in _ZONE_MINUTES)
    return value.at("activeZoneMinutes").count(), *zones


def _heart(days: list[_Day], _units: Units | None) -> list[Part]:
    vitals, zones = Vitals(), Zones()
    for day in days:
        value = day.item.at("value")
        if isinstance(value.value, dict):
            holder = value
            if resting := value.maybe("restingHeartRate"):
                vitals.add(day.date, "resting_heart_rate", resting)
        else:
            # v1.1 and before: the zones are one level up, and the value is a mean.
            holder = day.item
            value.number()
            vitals.left_out[MEAN_BPM] += 1
        zones.add(day.date, holder, is_whole=day.is_whole)
    return [zones.part(), vitals.part()]


class Zones:
    """Rows of minutes in heart-rate zones as they are found."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.left_out: Counter[str] = Counter()

    def add(self, day: str, holder: Field, *, is_whole: bool = True) -> None:
        """The zones of one day: those by age and the wearer's own."""
        for name in ("heartRateZones", "customHeartRateZones"):
            zones = holder.maybe(name)
            for n, zone in enumerate(zones.items() if zones else (), start=1):
                own = "custom" if n == 1 else f"custom_{n}"
                kind = zone.at("name").one_of(_ZONES) if name == "heartRateZones" else own
                bounds = (optional(zone.maybe("min")), optional(zone.maybe("max")))
                minutes, kcal = optional(zone.maybe("minutes")), optional(zone.maybe("caloriesOut"))
                if not minutes or not is_whole:
                    self.left_out[PART_OF_DAY if minutes else NO_ZONE_MINUTES] += 1
                else:
                    self.rows.append((day, kind, minutes, *bounds, kcal))

    def part(self) -> Part:
        """The part of all that was added."""
        return part("heart_rate_zones", self.rows, self.left_out)


_DAILY: dict[str, Callable[[list[_Day], Units | None], list[Part]]] = {
    "steps": _totals("daily_steps", lambda item, _: (item.at("value").count(),)),
    "calories": _totals("daily_calories", lambda item, _: (item.at("value").number(),)),
    "distance": _totals("daily_distance", _distance),
    "active-zone-minutes": _totals("active_zone_minutes", _active_zone_minutes),
    "heart": _heart,
    **{name: _totals("daily_active_minutes", _level(level)) for name, level in ACTIVE_MINUTES.items()},
}
RESOURCES = frozenset(_DAILY)


def parse_day_summary(payload: Field, units: Units | None) -> list[Part]:
    """A day's totals, minutes and zones, and the exercises logged in it.

    The answer does not say its day (the request did): it is that of its exercises.

    Raises:
        PayloadError: naming the field; `no_date` where there are no exercises, or of several days.
    """
    activities, summary = payload.at("activities"), payload.at("summary")
    dates = {a.at("startDate").date() for a in activities.items()}
    if len(dates) != 1:
        raise PayloadError(
            "no_date",
            "a day's summary says its day only where exercises of that day are in it",
            "Export the daily series instead (activities/steps, calories, distance, minutes…): they are dated.",
            field="summary",
        )
    (day,) = dates
    minutes = [(day, lv, f.count()) for name, lv in _SUMMARY_MINUTES.items() if (f := summary.maybe(name))]
    vitals, zones = Vitals(), Zones()
    if resting := summary.maybe("restingHeartRate"):
        vitals.add(day, "resting_heart_rate", resting)
    zones.add(day, summary)
    return [
        part("daily_steps", [(day, f.count()) for f in [summary.maybe("steps")] if f]),
        part("daily_calories", [(day, f.number()) for f in [summary.maybe("caloriesOut")] if f]),
        _total_distance(day, summary, units),
        part("daily_active_minutes", minutes),
        zones.part(),
        vitals.part(),
        parse_day(activities, units),
    ]


def _total_distance(day: str, summary: Field, units: Units | None) -> Part:
    rows: list[Row] = []
    without_unit = 0
    distances = summary.maybe("distances")
    for item in distances.items() if distances else ():
        if item.at("activity").text() != "total":
            continue
        number = item.at("distance").number()
        if units:
            rows.append((day, km(number, units)))
        else:
            without_unit += 1
    return part("daily_distance", rows, {NO_UNIT: without_unit})
