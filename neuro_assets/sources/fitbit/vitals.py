"""Vital signs of the Web API: breathing rate, heart-rate variability, oxygen saturation, skin temperature, VO2 max.

A value of -1 is the vendor's "not available": it has no row and is counted.
"""

import re
from collections import Counter
from decimal import Decimal

from neuro_assets.sources.fitbit.fields import Field, optional
from neuro_assets.sources.fitbit.parts import Part, Row, Units, part
from neuro_assets.sources.fitbit.units import celsius_difference, unit_unknown

_RANGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)(?:-([0-9]{1,3}(?:\.[0-9]+)?))?")
_BREATHING = {
    "breathingRate": "breathing_rate",
    "fullSleepSummary": "breathing_rate",
    "deepSleepSummary": "breathing_rate_deep",
    "lightSleepSummary": "breathing_rate_light",
    "remSleepSummary": "breathing_rate_rem",
}
_VARIABILITY = {"dailyRmssd": "hrv_rmssd", "deepRmssd": "hrv_deep_rmssd"}
_OXYGEN = {"avg": "spo2_avg", "min": "spo2_min", "max": "spo2_max"}


class Vitals:
    """Rows of daily vitals as they are found."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.left_out: Counter[str] = Counter()

    def add(self, day: str, vital: str, value: Field) -> None:
        """One value of one day, unless it says that it is not available."""
        number = value.number()
        if Decimal(number) == -1:
            self.left_out[f"{vital.replace('_', ' ')} of -1, which is not available"] += 1
        else:
            self.rows.append((day, vital, number))

    def part(self) -> Part:
        """The part of all that was added."""
        return part("daily_vitals", self.rows, self.left_out)


def parse_breathing(entries: Field) -> list[Part]:
    """`br`: one rate a night, or one for each kind of sleep; breaths a minute."""
    vitals = Vitals()
    for entry in entries.items():
        day, value = entry.at("dateTime").date(), entry.at("value")
        for name, vital in _BREATHING.items():
            if found := value.maybe(name):
                vitals.add(day, vital, found if name == "breathingRate" else found.at("breathingRate"))
    return [vitals.part()]


def parse_variability(entries: Field) -> list[Part]:
    """`hrv`: RMSSD of the night in ms, or by 5 minutes with coverage (a share) and the power of two bands, ms²."""
    vitals, rows = Vitals(), []
    for entry in entries.items():
        day = entry.at("dateTime").date()
        if value := entry.maybe("value"):
            for name, vital in _VARIABILITY.items():
                if found := value.maybe(name):
                    vitals.add(day, vital, found)
        minutes = entry.maybe("minutes")
        for minute in minutes.items() if minutes else ():
            value = minute.at("value")
            optionals = (optional(value.maybe(name)) for name in ("coverage", "hf", "lf"))
            rows.append((minute.at("minute").moment().text, value.at("rmssd").number(), *optionals))
    return _found(vitals, part("hrv_5m", rows))


def parse_oxygen(payload: Field) -> list[Part]:
    """Oxygen saturation in %: of one day (an object) or of several (a list), as a summary or by the minute."""
    vitals, rows = Vitals(), []
    for entry in payload.items() if isinstance(payload.value, list) else [payload]:
        day = entry.at("dateTime").date()
        if value := entry.maybe("value"):
            for name, vital in _OXYGEN.items():
                if found := value.maybe(name):
                    vitals.add(day, vital, found)
        minutes = entry.maybe("minutes")
        found = minutes.items() if minutes else ()
        rows += [(m.at("minute").moment().text, m.at("value").number()) for m in found]
    return _found(vitals, part("spo2_1m", rows))


def parse_skin_temperature(entries: Field, units: Units | None) -> list[Part]:
    """`tempSkin`: the night's mean against the wearer's baseline, in the units of the request as °C."""
    vitals = Vitals()
    for entry in entries.items():
        value = entry.at("value").at("nightlyRelative")
        number = value.number()
        if units is None:
            raise unit_unknown(value, "temperatures")
        vitals.rows.append(
            (entry.at("dateTime").date(), "skin_temperature_relative", celsius_difference(number, units))
        )
    return [vitals.part()]


def parse_cardio_score(entries: Field) -> list[Part]:
    """`cardioScore`: VO2 max in ml/kg/min, a range `42-46`, or one number (both bounds) where runs had a position."""
    vitals = Vitals()
    for entry in entries.items():
        day, value = entry.at("dateTime").date(), entry.at("value").at("vo2Max")
        text = value.value if isinstance(value.value, str) else value.number()
        bounds = _RANGE.fullmatch(text)
        if not bounds:
            raise value.wrong("a range such as 42-46")
        vitals.rows += [(day, "vo2max_low", bounds[1]), (day, "vo2max_high", bounds[2] or bounds[1])]
    return [vitals.part()]


def _found(vitals: Vitals, samples: Part) -> list[Part]:
    """The parts that have something; the vitals where neither has."""
    daily = vitals.part()
    return [p for p in (daily, samples) if p.rows or p.left_out] or [daily]
