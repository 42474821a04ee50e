"""Typed access to the values of a parsed JSON payload, each knowing its path. Nothing here knows a payload's shape."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from neuro_assets.sources.fitbit.parts import Code, PayloadError

Word = TypeVar("Word", bound=str)

_SHOWN = 40
_PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,30})?")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_VENDOR_DAY = re.compile(r"(?P<month>[0-9]{2})/(?P<day>[0-9]{2})/(?P<year>[0-9]{2})")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")
_MOMENT = re.compile(r"(\S{8,10})[T ]([0-9:]{5,8})(?:\.[0-9]{1,9})?(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?")
_LARGEST = 2**64 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 2099
# Two-digit years as POSIX reads them: 69-99 are 1969-1999.
_PIVOT = 69


class Moment(NamedTuple):
    """A wall clock, and the zone written behind it: 'Z', '-07:00', or nothing."""

    date: str
    clock: str
    zone: str

    @property
    def text(self) -> str:
        """`YYYY-MM-DD HH:MM:SS`."""
        return f"{self.date} {self.clock}"


class Field:
    """A value of a payload and where it stands. Every reader returns a text or raises `PayloadError` with the path."""

    __slots__ = ("_key", "_parent", "value")

    def __init__(self, value: Any, parent: "Field | None" = None, key: str | int = "") -> None:
        self.value = value
        self._parent = parent
        self._key = key

    @property
    def path(self) -> str:
        """Such as `sleep[3].levels.data[0].seconds`; empty for the payload itself."""
        before = self._parent.path if self._parent else ""
        if isinstance(self._key, int):
            return f"{before}[{self._key}]"
        return f"{before}.{self._key}" if before else self._key

    def error(self, code: Code, message: str, remedy: str = "") -> PayloadError:
        """The error of this field."""
        return PayloadError(code, message, remedy, field=self.path)

    def wrong(self, expected: str) -> PayloadError:
        """The error of a value of another type, or of a text or number that is no such value."""
        is_plain = isinstance(self.value, str | int | float) and not isinstance(self.value, bool)
        return self.error("bad_value" if is_plain else "wrong_type", f"{expected} is expected, not {shown(self.value)}")

    def at(self, key: str) -> "Field":
        """The member of that name.

        Raises:
            PayloadError: `missing_field`; `wrong_type` where this is no object.
        """
        members = self._object()
        if key not in members:
            raise Field(None, self, key).error("missing_field", "the field is missing")
        return Field(members[key], self, key)

    def maybe(self, key: str) -> "Field | None":
        """The member of that name; None where it is missing or null."""
        value = self._object().get(key)
        return None if value is None else Field(value, self, key)

    def either(self, key: str, other: str) -> "Field":
        """The member of the first name; that of the other one where only that is there."""
        members = self._object()
        return self.at(other if other in members and key not in members else key)

    def has(self, key: str) -> bool:
        """Whether there is a member of that name that is not null."""
        return self._object().get(key) is not None

    def items(self) -> Iterator["Field"]:
        """The items of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return (Field(item, self, n) for n, item in enumerate(self.value))

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def number(self) -> str:
        """A number, or a text that is one, in plain notation; what is whole has no decimals if it was a number."""
        value = self.value
        if isinstance(value, str):
            if _PLAIN.fullmatch(value):
                return value
            if _NUMBER.fullmatch(value):
                return plain(float(value), self)
        elif isinstance(value, float):
            return plain(value, self)
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return str(value)
        raise self.wrong("a number")

    def whole(self) -> str:
        """A whole number; `31.0` is one."""
        try:
            text = self.number()
        except PayloadError:
            raise self.wrong("a whole number") from None
        head, _, decimals = text.partition(".")
        if decimals.strip("0"):
            raise self.wrong("a whole number")
        return head

    def count(self) -> str:
        """A whole number that is not negative."""
        text = self.whole()
        if text.startswith("-"):
            raise self.wrong("a whole number from 0 on")
        return text

    def identifier(self) -> str:
        """An unsigned 64-bit id, exact: a decimal number is a damaged id."""
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LARGEST)):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            return str(value)
        raise self.wrong("an id (a whole number of at most 64 bits)")

    def text(self) -> str:
        """A text on one line, without spaces around it."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return " ".join(self.value.split())

    def truth(self) -> str:
        """'true' or 'false'."""
        if not isinstance(self.value, bool):
            raise self.error("wrong_type", f"true or false is expected, not {shown(self.value)}")
        return "true" if self.value else "false"

    def one_of(self, meaning: Mapping[str, Word]) -> Word:
        """What the word means, of the words that may stand here."""
        if isinstance(self.value, str) and self.value in meaning:
            return meaning[self.value]
        raise self.wrong(f"one of {', '.join(meaning)}")

    def date(self) -> str:
        """A date `YYYY-MM-DD`, from that form or the vendor's `MM/DD/YY`."""
        day = read_day(self.value) if isinstance(self.value, str) else ""
        if not day:
            raise self.wrong(f"a date such as 2019-11-01 or 11/01/19, from {_FIRST_YEAR} to {_LAST_YEAR},")
        return day

    def clock(self) -> str:
        """A time of day `HH:MM:SS`; seconds may be left out."""
        clock = read_clock(self.value) if isinstance(self.value, str) else ""
        if not clock:
            raise self.wrong("a time of day such as 14:27:00")
        return clock

    def moment(self, *, may_have_zone: bool = False) -> Moment:
        """A date and a time of day; fractions of a second are cut off."""
        found = _MOMENT.fullmatch(self.value) if isinstance(self.value, str) else None
        if found:
            day, clock, zone = read_day(found[1]), read_clock(found[2]), found[3] or ""
            if day and clock and (may_have_zone or not zone):
                return Moment(day, clock, zone)
        zone = "" if may_have_zone else " without a zone"
        raise self.wrong(f"a date and time{zone} such as 2019-11-01T01:48:00.000 or 11/01/19 01:48:00")


def shown(value: Any) -> str:
    """A value as a message may show it: its type, or itself where it is short."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, str | float) or abs(value) <= _LARGEST else "0" * (_SHOWN + 1)
    if len(text) > _SHOWN:
        return f"a text of {len(text)} characters" if isinstance(value, str) else "a number of many digits"
    return f"'{text}'"


def plain(value: float, field: Field) -> str:
    """A number without an exponent."""
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise field.wrong("a number")
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def optional(field: Field | None, read: Callable[[Field], str] = Field.number) -> str:
    """What a reader says of the field; empty where there is none."""
    return "" if field is None else read(field)


def seconds_of(field: Field | None) -> str:
    """A duration in milliseconds as seconds; empty where there is none."""
    if field is None:
        return ""
    number = field.number()
    if number.startswith("-"):
        raise field.wrong("a duration in milliseconds from 0 on")
    return exact(Decimal(number) / 1000)


def exact(value: Decimal) -> str:
    """A decimal in plain notation without closing zeros."""
    return format(value.normalize() if value else Decimal(0), "f")


@lru_cache(maxsize=8192)
def read_day(text: str) -> str:
    """`YYYY-MM-DD` of a date in either form; empty where it is none."""
    if iso := _DAY.fullmatch(text):
        year = int(iso["year"])
    elif iso := _VENDOR_DAY.fullmatch(text):
        year = int(iso["year"])
        year += 1900 if year >= _PIVOT else 2000
    else:
        return ""
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return ""
    try:
        return date(year, int(iso["month"]), int(iso["day"])).isoformat()
    except ValueError:
        return ""


def read_clock(text: str) -> str:
    """`HH:MM:SS` of a time of day with or without seconds; empty where it is none."""
    found = _CLOCK.fullmatch(text)
    return "" if not found else text if found[1] else f"{text}:00"
