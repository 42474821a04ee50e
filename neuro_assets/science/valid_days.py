"""Which person-days hold enough data to be used? Valid-day rules, and RAPIDS' data yield.

Facts of a person-day in, valid / not valid / unknown out. Counting worn minutes belongs to `wear`, choosing the rule to
the study's protocol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]
_Facts = Mapping[str, _Floats]
# A masked element is "unknown". Never read `.data` of one: `.filled(...)` says what an unknown shall count as.
TriState = np.ma.MaskedArray[tuple[int], np.dtype[np.bool_]]

_MIN_PER_HOUR = 60

FACTS = {
    "worn_min": "worn minutes in the local day",
    "worn_min_06_23": "worn minutes from 06:00 to before 23:00 local time",
    "worn_min_08_20": "worn minutes from 08:00 to before 20:00 local time",
    "worn_awake_min": "worn minutes outside recorded sleep",
    "day_length_min": "true length of the local day: 1380, 1440 or 1500 minutes, seldom others",
    "steps": "steps of the day as the vendor totals them",
    "steps_from_minutes": "sum of the day's minute steps that a study would compute with",
    "rapids_valid_min": "`DataYield.valid_min`",
    "rapids_valid_hours": "`DataYield.valid_hours`",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A valid-day rule: what decides, the facts it needs, its thresholds, its source, and a sentence for people."""

    decide: Callable[..., TriState]
    needs: tuple[str, ...]
    source: str
    sentence: str
    defaults: Mapping[str, float] = field(default_factory=dict)

    def describe(self, **thresholds: float) -> str:
        """Return the sentence for people, with the thresholds filled in."""
        return self.sentence.format(**self.thresholds(**thresholds))

    def thresholds(self, **changed: float) -> dict[str, float]:
        """Return the defaults with those that are changed; ValueError for an unknown or an impossible one."""
        for name, value in changed.items():
            if name not in self.defaults:
                expected = ", ".join(self.defaults) or "none"
                raise ValueError(f"{name!r} is no threshold of this rule: {expected} expected")
            most = 1 if name.endswith(("_ratio", "_share")) else np.inf
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be from 0 to {most:g}, got {value}")
        return {**self.defaults, **changed}


def valid_days(rule: str, facts: Mapping[str, ArrayLike], **thresholds: float) -> TriState:
    """Return for each person-day whether it is valid by one of `RULES`, shape (n,); unknown is masked.

    facts: arrays of shape (n,) by the names in `FACTS`; NaN, or masked, where a fact is not known. Other keys are
    ignored. A day is unknown when the rule cannot be decided without a fact that is not known; it is not valid, all
    the same, when another fact already rules it out.

    Raises:
        ValueError: unknown rule or threshold, a fact that the rule needs is not given (pass NaN where nothing is
            known of it), facts of different lengths, negative or infinite.
    """
    if rule not in RULES:
        raise ValueError(f"unknown valid-day rule {rule!r}: one of {', '.join(RULES)} is expected")
    absent = [name for name in RULES[rule].needs if name not in facts]
    if absent:
        raise ValueError(
            f"the valid-day rule {rule!r} needs {', '.join(absent)}: pass NaN where nothing is known of it"
        )
    needed = {name: _known_or_nan(name, facts[name]) for name in RULES[rule].needs}
    lengths = {name: values.size for name, values in needed.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"facts must have one value per person-day each, got lengths {lengths}")
    return RULES[rule].decide(needed, **RULES[rule].thresholds(**thresholds))


@dataclass(frozen=True, slots=True)
class DataYield:
    """RAPIDS' data yield of person-days of one length; arrays of shape (person-days,), hours in true hours."""

    day_length_min: int
    valid_min: NDArray[np.int64]
    valid_hours: _Floats
    ratio_valid_min: _Floats
    ratio_valid_hours: _Floats


def data_yield(has_row: _Bools, hour_of_minute: NDArray[np.integer], *, min_minute_share: float = 0.5) -> DataYield:
    """Return the data yield of days that have the same minutes.

    has_row: at least one heart-rate row in that minute, shape (person-days, minutes of the day), in true time: 1380
    or 1500 minutes where clocks change by an hour. hour_of_minute: local hour of each minute, shape (minutes,), in
    the order lived; an hour that the clock goes through twice is two hours.

    Source: RAPIDS, fitbit_data_yield, provider RAPIDS. A minute with a row is valid; an hour is valid when MORE than
    min_minute_share of its minutes are (RAPIDS' code; its page says "at least"); the ratios are over the true length
    of the day and at most 1. RAPIDS cuts hours by the time since midnight, which are the local hours wherever clocks
    change by whole hours on the hour. Where they do not, an hour of less than 60 minutes (Lord Howe, 02:30 to 03:00)
    is judged by its own minutes and counts for its part of an hour; RAPIDS would need more than 30 of its 30 minutes.

    Raises:
        ValueError: shapes that do not fit, a day of no minutes, min_minute_share outside [0, 1).
        TypeError: has_row is not boolean.
    """
    hours = np.asarray(hour_of_minute)
    if has_row.dtype != np.bool_:
        raise TypeError(f"has_row must be boolean, got {has_row.dtype}")
    if has_row.ndim != 2 or hours.shape != has_row.shape[1:] or not hours.size:
        raise ValueError(
            f"has_row (person-days, minutes) and hour_of_minute (minutes,) do not fit: {has_row.shape}, {hours.shape}"
        )
    if not 0 <= min_minute_share < 1:
        raise ValueError(f"min_minute_share must be at least 0 and below 1, got {min_minute_share}")
    start = _hour_starts(hours)
    length_min = np.diff(start, append=hours.size)
    valid_in_hour = np.add.reduceat(has_row, start, axis=1, dtype=np.int64)
    valid_min = valid_in_hour.sum(axis=1)
    valid_hours = (valid_in_hour / length_min > min_minute_share) @ length_min / _MIN_PER_HOUR
    return DataYield(
        day_length_min=hours.size,
        valid_min=valid_min,
        valid_hours=valid_hours,
        ratio_valid_min=valid_min / hours.size,
        ratio_valid_hours=valid_hours * _MIN_PER_HOUR / hours.size,
    )


def _hour_starts(hours: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the positions at which an hour begins: where the clock's hour changes, and after 60 minutes of it."""
    minute = np.arange(hours.size)
    changes = np.append(True, hours[1:] != hours[:-1])
    since_change = minute - np.maximum.accumulate(np.where(changes, minute, 0))
    return np.flatnonzero(since_change % _MIN_PER_HOUR == 0)


def _known_or_nan(name: str, values: ArrayLike) -> _Floats:
    known = np.ma.MaskedArray(values, dtype=np.float64).filled(np.nan)
    if known.ndim != 1:
        raise ValueError(f"{name} must have the shape (person-days,), got {known.shape}")
    is_bad = (known < 0) | np.isinf(known)
    if is_bad.any():
        raise ValueError(f"{name} of person-day {int(is_bad.argmax())} is {known[is_bad][0]:g}: not a possible value")
    return known


def _tri_state(is_valid: _Bools, is_unknown: _Bools) -> TriState:
    # numpy would fill masked booleans with True
    return np.ma.MaskedArray(is_valid, mask=is_unknown, fill_value=False)


def _at_least(values: _Floats, threshold: float | _Floats) -> TriState:
    return _tri_state(values >= threshold, np.isnan(values) | np.isnan(threshold))


def _both(a: TriState, b: TriState) -> TriState:
    """Kleene's "and": a known False decides, whatever the other one is."""
    is_true, is_false = a.filled(False) & b.filled(False), ~a.filled(True) | ~b.filled(True)
    return _tri_state(is_true, ~is_true & ~is_false)


def _worn(fact: str) -> Callable[..., TriState]:
    def decide(facts: _Facts, *, min_worn_min: float) -> TriState:
        return _at_least(facts[fact], min_worn_min)

    return decide


def _rapids(fact: str, per_day_min: float) -> Callable[..., TriState]:
    def decide(facts: _Facts, *, min_ratio: float) -> TriState:
        length_min = facts["day_length_min"]
        # a day that the date line skipped has no length, and nothing to be valid
        day_units = np.divide(length_min, per_day_min, out=np.full_like(length_min, np.nan), where=length_min > 0)
        return _at_least(facts[fact] / day_units, min_ratio)

    return decide


def _abcd(facts: _Facts, *, min_worn_min: float, min_step_share: float) -> TriState:
    vendor_steps = np.where(facts["steps"] > 0, facts["steps"], np.nan)
    is_long = _at_least(facts["worn_awake_min"], min_worn_min)
    return _both(is_long, _at_least(facts["steps_from_minutes"], min_step_share * vendor_steps))


def _steps_1000(facts: _Facts, *, min_steps: float) -> TriState:
    return _at_least(facts["steps"], min_steps)


def _active_day(facts: _Facts) -> TriState:
    return _tri_state(facts["steps"] > 0, np.isnan(facts["steps"]))


RULES: dict[str, Rule] = {
    "ten_hours": Rule(
        _worn("worn_min"),
        ("worn_min",),
        "Troiano et al. 2008, Med Sci Sports Exerc 40:181-188 (10 or more hours of wear); the usual rule for devices "
        "that are worn while awake",
        "Worn for at least {min_worn_min:g} minutes of the day.",
        {"min_worn_min": 600},
    ),
    "sixteen_hours": Rule(
        _worn("worn_min"),
        ("worn_min",),
        "GGIR, includedaycrit = 16 (valid hours of a day >= 16), for devices that are worn day and night",
        "Worn for at least {min_worn_min:g} minutes of the day.",
        {"min_worn_min": 960},
    ),
    "rapids_minutes": Rule(
        _rapids("rapids_valid_min", 1),
        ("rapids_valid_min", "day_length_min"),
        "RAPIDS fitbit_data_yield, ratiovalidyieldedminutes; threshold as DATA_YIELD_RATIO_THRESHOLD of its cleaning "
        "(>= 0.5)",
        "A heart rate in at least {min_ratio:.0%} of the day's minutes.",
        {"min_ratio": 0.5},
    ),
    "rapids_hours": Rule(
        _rapids("rapids_valid_hours", _MIN_PER_HOUR),
        ("rapids_valid_hours", "day_length_min"),
        "RAPIDS fitbit_data_yield, ratiovalidyieldedhours; threshold as DATA_YIELD_RATIO_THRESHOLD of its cleaning "
        "(>= 0.5)",
        "At least {min_ratio:.0%} of the day's hours have a heart rate in most of their minutes.",
        {"min_ratio": 0.5},
    ),
    "heartsteps": Rule(
        _worn("worn_min_06_23"),
        ("worn_min_06_23",),
        "HeartSteps (kpwhri/heartsteps 2eb9b81), FITBIT_ACTIVITY_DAY_MINIMUM_WEAR_DURATION_MINUTES = 480 of the "
        "minutes with a heart rate from 06:00 to 23:00 local; its code counts 23:00 itself too",
        "Worn for at least {min_worn_min:g} minutes between 06:00 and 23:00.",
        {"min_worn_min": 480},
    ),
    "adherent_hours": Rule(
        _worn("worn_min_08_20"),
        ("worn_min_08_20",),
        "fitibble, valid_adherent_hours = 10 within adherent_hours_between 8 and 20; its code "
        "counts 20:00 to 20:59 too",
        "Worn for at least {min_worn_min:g} minutes between 08:00 and 20:00.",
        {"min_worn_min": 600},
    ),
    "abcd": Rule(
        _abcd,
        ("worn_awake_min", "steps_from_minutes", "steps"),
        "ABCD study, ABCDscores 7 Fitbit activity table: qc_600min (>= 600 valid minutes outside sleep) and qc_steps "
        "(computed steps >= 0.8 of Fitbit's; not decided when Fitbit's are 0 or missing)",
        "Worn for at least {min_worn_min:g} minutes awake, and the minutes hold at least {min_step_share:.0%} of the "
        "steps that the vendor reports for the day.",
        {"min_worn_min": 600, "min_step_share": 0.8},
    ),
    "steps_1000": Rule(
        _steps_1000,
        ("steps",),
        "fitibble, valid_step_count = 1000, its alternative to valid_adherent_hours; there over the worn minutes from "
        "8 to 20 h, here over the whole day",
        "At least {min_steps:g} steps.",
        {"min_steps": 1000},
    ),
    "active_day": Rule(
        _active_day,
        ("steps",),
        "mrkchoe/wearable-data-pipeline, active days of its baseline (more than 0 steps)",
        "At least one step.",
    ),
}
