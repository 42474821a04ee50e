"""What a Fitbit payload becomes: flat parts of text rows; and the error of a payload that cannot become any.

The columns of each kind are here; how a payload is read is told by the other modules.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

Units = Literal["metric", "us"]
Code = Literal[
    "broken_json",
    "vendor_error",
    "pending",
    "wrong_type",
    "missing_field",
    "bad_value",
    "no_measurements",
    "personal_data",
    "unit_unknown",
    "no_date",
]

_SHOWN = 40
_MINUTES = ("1m", "5m", "15m")
_SAMPLES = {
    "steps": ("steps",),
    "calories": ("kcal", "level", "mets_x10"),
    "distance": ("km",),
    "heart_rate": ("bpm", "confidence"),
}

# Kind -> its columns where the time is local. Times are 'YYYY-MM-DD HH:MM:SS', dates 'YYYY-MM-DD'.
COLUMNS: dict[str, tuple[str, ...]] = {
    **{f"{name}_{step}": ("local_time", *values) for name, values in _SAMPLES.items() for step in _MINUTES},
    "heart_rate_1s": ("local_time", "bpm", "confidence"),
    "spo2_1m": ("local_time", "spo2_pct"),
    "hrv_5m": ("local_time", "rmssd_ms", "coverage", "hf_ms2", "lf_ms2"),
    "daily_steps": ("date", "steps"),
    "daily_calories": ("date", "kcal"),
    "daily_distance": ("date", "km"),
    "daily_active_minutes": ("date", "level", "minutes"),
    "active_zone_minutes": ("date", "total", "fat_burn", "cardio", "peak"),
    "heart_rate_zones": ("date", "zone", "minutes", "min_bpm", "max_bpm", "kcal"),
    "daily_vitals": ("date", "vital", "value"),
    "sleep_session": (
        "local_time",
        "end_local_time",
        "date_of_sleep",
        "log_id",
        "type",
        "duration_s",
        "minutes_asleep",
        "minutes_awake",
        "minutes_to_fall_asleep",
        "minutes_after_wakeup",
        "minutes_in_bed",
        "efficiency_pct",
        "is_main",
        "info_code",
        "log_type",
    ),
    "sleep_stage": ("local_time", "log_id", "stage"),
    "exercise": (
        "local_time",
        "utc_offset_min",
        "log_id",
        "activity",
        "activity_type_id",
        "log_type",
        "duration_s",
        "active_s",
        "steps",
        "kcal",
        "distance_km",
        "mean_bpm",
        "elevation_m",
    ),
    "weight": ("local_time", "log_id", "weight_kg", "bmi", "fat_pct", "entry"),
    "device_sync": ("local_time", "device_id", "device", "type", "battery_level", "battery"),
    "sleep_score": (
        "local_time",
        "log_id",
        "overall",
        "composition",
        "revitalization",
        "duration",
        "deep_minutes",
        "resting_bpm",
        "restlessness",
    ),
}

Row = tuple[str, ...]


class PayloadError(ValueError):
    """A payload that cannot be read.

    Args:
        code: for programs; stable.
        message: what is wrong, a sentence without its full stop. It never holds free text of the payload longer than
            40 characters.
        remedy: what a person can do about it.
        field: where in the payload, such as `sleep[3].levels.data[0].seconds`; empty where no field is at fault.
    """

    def __init__(self, code: Code, message: str, remedy: str = "", *, field: str = "") -> None:
        said = f"{field}: {message}" if field else message
        super().__init__(f"{said}. {remedy}" if remedy else said)
        self.code: Code = code
        self.field = field
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Part:
    """Rows of one kind.

    Attributes:
        kind: a key of `COLUMNS`.
        columns: names of the cells; the time column's name says which clock it is.
        rows: texts; an empty one is missing.
        left_out: what the payload had but no row has, and how often.
    """

    kind: str
    columns: tuple[str, ...]
    rows: list[Row]
    left_out: dict[str, int] = field(default_factory=dict)


def part(kind: str, rows: list[Row], left_out: dict[str, int] | None = None, *, is_utc: bool = False) -> Part:
    """A part with the columns of its kind; `is_utc` where the payload's times are UTC, not local."""
    columns = COLUMNS[kind]
    if is_utc:
        columns = ("utc_time", *(c for c in columns[1:] if c != "utc_offset_min"))
    return Part(kind, columns, rows, {why: count for why, count in (left_out or {}).items() if count})


_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|-?Infinity|NaN')


def load_json(text: str) -> Any:
    """The value of a JSON text. A byte-order mark is tolerated; whole numbers stay exact.

    `NaN` and `Infinity` are refused, being no JSON, and so is an object that has a key twice: which of the two is
    meant cannot be known, and taking the last would lose the other without a word.

    Raises:
        PayloadError: `broken_json`, with the line where there is one.
    """
    text = text.removeprefix("\ufeff")

    def no_number(_literal: str) -> NoReturn:
        at = next(m.start() for m in _TOKENS.finditer(text) if m.group()[0] != '"')
        raise _broken(f"line {text.count(chr(10), 0, at) + 1} has a number that is none (NaN or Infinity)")

    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise _broken(f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise _broken("nested too deeply to be a Fitbit payload") from None
    except PayloadError:
        raise
    except ValueError:
        raise _broken("a number has thousands of digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise _broken(f"an object has the key '{twice}' twice" if len(twice) <= _SHOWN else "an object has a key twice")


def _broken(message: str) -> PayloadError:
    return PayloadError("broken_json", message, "Download the file again, untouched.")
