"""How Fitabase spells a file: dates, numbers, line ends, as in exports of 2016. Knows nothing of a study.

Times are `3/12/2016 1:00:00 AM` (no leading zeros in date and hour), dates `3/12/2016`, distances the 15
significant digits of a float32, other numbers up to 6 decimals.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context
from pathlib import Path

import numpy as np
import pandas as pd

CRLF_FILES = {"heartrate_seconds_merged.csv"}
"""Lines of these end in CRLF, of all others in LF."""
ROWS_PER_BLOCK = 200_000
"""Rows turned to text at a time: bounds memory, not the file."""
FIFTEEN_DIGITS = Context(prec=15, rounding=ROUND_HALF_UP)
SECONDS_OF_DAY = 86_400


def write_file(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame of vendor columns. `ActivityDate` becomes a date, other datetimes date and time."""
    line_end = "\r\n" if path.name in CRLF_FILES else "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(",".join(frame.columns) + line_end)
        for start in range(0, len(frame), ROWS_PER_BLOCK):
            block = frame.iloc[start : start + ROWS_PER_BLOCK]
            spelled = [_spelling(name, block[name])(block[name].to_numpy()) for name in block.columns]
            file.write(line_end.join(map(",".join, zip(*spelled, strict=True))) + line_end)


def _spelling(name: str, column: pd.Series) -> Callable[[np.ndarray], list[str]]:
    if column.dtype.kind == "M":
        return _dates if name == "ActivityDate" else _timestamps
    if column.dtype == np.float32:
        return _single_floats
    return _decimals if column.dtype.kind == "f" else _integers


def _by_unique(values: np.ndarray, spell: Callable[[list], list[str]]) -> list[str]:
    """Spell each distinct value once: a column of a million rows has few of them."""
    unique, inverse = np.unique(values, return_inverse=True)
    return np.array(spell(unique.tolist()), dtype=object)[inverse].tolist()


def _integers(values: np.ndarray) -> list[str]:
    return _by_unique(values, lambda unique: [str(value) for value in unique])


def _single_floats(values: np.ndarray) -> list[str]:
    return _by_unique(values, lambda unique: [fifteen_digits(value) for value in unique])


def fifteen_digits(value: float) -> str:
    """A float32 as the vendor writes it.

    Ties round away from zero, as in the vendor's .NET: 5.189849853515625 is 5.18984985351563.
    """
    text = f"{FIFTEEN_DIGITS.create_decimal_from_float(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimals(values: np.ndarray) -> list[str]:
    return _by_unique(values, lambda unique: [f"{value:.6f}".rstrip("0").rstrip(".") for value in unique])


def _dates(values: np.ndarray) -> list[str]:
    days = values.astype("datetime64[D]")
    return _by_unique(days, lambda unique: [f"{day.month}/{day.day}/{day.year}" for day in unique])


def _timestamps(values: np.ndarray) -> list[str]:
    second_of_day = values.astype("datetime64[s]").astype(np.int64) % SECONDS_OF_DAY
    times = _by_unique(second_of_day, lambda unique: [time_of_day(second) for second in unique])
    return [f"{day} {time}" for day, time in zip(_dates(values), times, strict=True)]


def time_of_day(second_of_day: int) -> str:
    """`1:00:00 AM`."""
    minutes, second = divmod(second_of_day, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour % 12 or 12}:{minute:02d}:{second:02d} {'AM' if hour < 12 else 'PM'}"
