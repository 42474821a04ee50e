"""Pieces of JSON as the API writes them: instants, durations, civil times, members left out because they are zero."""

from functools import lru_cache

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.google_health.catalogue import DAY_S


def instants(at_s: Ints) -> list[str]:
    """RFC 3339 in UTC, whole seconds."""
    return [f"{text}Z" for text in np.datetime_as_string(at_s.astype("datetime64[s]")).tolist()]


def instant(at_s: int, micros: int = 0) -> str:
    """RFC 3339 in UTC; fractions only if there are any."""
    text = str(np.datetime64(at_s, "s"))
    return f"{text}.{micros:06d}Z" if micros else f"{text}Z"


def micros_of(key: int) -> int:
    """A fraction of a second that belongs to a moment: the same whenever it is told."""
    return (key * 2_654_435_761) % 999_999 + 1


@lru_cache(maxsize=8192)
def date(day: int) -> str:
    """A google.type.Date."""
    text = str(np.datetime64(day, "D"))
    year, month, number = (int(part) for part in text.split("-"))
    return f'{{"year":{year},"month":{month},"day":{number}}}'


@lru_cache(maxsize=DAY_S)
def time_of_day(second: int) -> str:
    """A google.type.TimeOfDay; midnight is {}."""
    parts = (("hours", second // 3600), ("minutes", second // 60 % 60), ("seconds", second % 60))
    return "{" + ",".join(f'"{name}":{value}' for name, value in parts if value) + "}"


def civil(local_s: Ints) -> list[str]:
    """CivilDateTime of wall-clock times, seconds since 1970-01-01 00:00."""
    day, second = np.divmod(local_s, DAY_S)
    return [f'{{"date":{date(d)},"time":{time_of_day(s)}}}' for d, s in zip(day.tolist(), second.tolist(), strict=True)]


def members(**fields: str | None) -> str:
    """An object of JSON values; those that are None are left out."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"


def text(value: object) -> str:
    """A value in quotes: enums, ids, int64."""
    return f'"{value}"'


def number(value: float) -> str | None:
    """A double; NaN is no value."""
    return None if np.isnan(value) else repr(float(value))


def duration(seconds: float) -> str:
    """A google-duration."""
    return f'"{seconds}s"'
