"""How the API's JSON is held to its contract: texts of numbers and times, fields it does not know, and the error.

What the messages are is in points.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta
from msgspec.inspect import ListType, LiteralType, Metadata, StructType, type_info

Unknown = Literal["refuse", "note"]
T = TypeVar("T")

# Google's formats of discovery documents, as JSON Schema has them, in ASCII digits, which `\d` is not here. Of moments
# they are narrower: Google's clocks have no leap seconds, and years that no zone shifts out of what a date can be.
PATTERNS = {
    "int64": r"^-?[0-9]+$",
    "duration": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
    "moment": r"^[1-8][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
}
_COMPILED = {kind: re.compile(pattern.removesuffix("$") + r"\Z") for kind, pattern in PATTERNS.items()}
_SHOULD = {
    "int64": "a whole number of 64 bits, written as a text of digits",
    "duration": "seconds such as -14400s",
    "moment": "a time such as 2026-01-08T01:54:00Z",
    "offset": "seconds from UTC of at most 16 hours, such as -14400s",
}
INT64_MAX = 2**63 - 1
# As far as a clock may be from UTC; the widest in use are -12 and +14 hours.
OFFSET_MAX_S = 16 * 3600
# The longest that a google.protobuf.Duration takes.
_DURATION_MAX_S = 315_576_000_000
_SHOWN = 40

Int64 = Annotated[str, Meta(extra={"text": "int64"})]
Duration = Annotated[str, Meta(extra={"text": "duration"})]
Offset = Annotated[str, Meta(extra={"text": "offset"})]
Moment = Annotated[str, Meta(extra={"text": "moment"})]


class ContractError(ValueError):
    """An answer that is not of Google's contract.

    Args:
        field: where in the answer, such as `dataPoints[0].dataSource.device.model`; empty where no field is at fault.
        message: what is wrong with it. It holds no more than 40 characters of the answer.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class Message(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """An object of the API. What it leaves out is UNSET: null is not of the contract."""


class CalendarDate(Message, frozen=True, gc=False):
    """A day; the API leaves out what is 0."""

    year: int = 0
    month: int = 0
    day: int = 0

    @property
    def date(self) -> date:
        """The day.

        Raises:
            ValueError: it is none, or only a month or a year.
        """
        return date(self.year, self.month, self.day)


class _Member(NamedTuple):
    """A field of a message, as it is checked."""

    name: str
    written: str
    text: str | None
    message: type[msgspec.Struct] | None
    is_list: bool
    values: tuple[str, ...]
    is_open: bool


@cache
def _members(message: type) -> tuple[_Member, ...]:
    fields = type_info(message).fields  # pyright: ignore[reportAttributeAccessIssue]
    return tuple(_member(f.name, f.encode_name, f.type) for f in fields)


def _member(name: str, written: str, kind: Any) -> _Member:
    extra: dict[str, Any] = {}
    if isinstance(kind, Metadata):
        kind, extra = kind.type, kind.extra or {}
    is_list = isinstance(kind, ListType)
    inner = kind.item_type if is_list else kind
    message = inner.cls if isinstance(inner, StructType) else None
    values = inner.values if isinstance(inner, LiteralType) else ()
    return _Member(name, written, extra.get("text"), message, is_list, tuple(map(str, values)), "open" in extra)


def decode(
    body: bytes, message: type[T], unknown: Unknown, *, kept: frozenset[str] = frozenset()
) -> tuple[T, tuple[str, ...]]:
    """An answer as a message, and the fields that the contract does not know, where they are noted.

    Args:
        body: JSON.
        message: what it should be.
        unknown: whether fields that the contract does not know are refused.
        kept: names that are never taken for unknown fields: the contract knows them, in another place.

    Raises:
        ContractError: it is not of the contract, cut off, or no JSON.
    """
    try:
        try:
            return _decoder(message).decode(body), ()
        except msgspec.ValidationError as error:
            if unknown == "refuse":
                raise _refusal(error) from None
        noted: dict[str, None] = {}
        answer = msgspec.json.decode(body)
        _strip(answer, message, "", noted, kept)
        return msgspec.convert(answer, message), tuple(sorted(noted))
    except msgspec.ValidationError as error:
        raise _refusal(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError("", f"not JSON, or cut off: {str(error)[:80]}") from None


@cache
def _decoder(message: type[T]) -> "msgspec.json.Decoder[T]":
    return msgspec.json.Decoder(message)


_SAID = re.compile(r"(?s)(?P<what>.*?)(?: - at `\$\.?(?P<at>.*)`)?")
_FIELD = re.compile(r"(?s)Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`")
_VALUE = re.compile(r"(?s)Invalid enum value '?(?P<value>.*?)'?")


def _refusal(error: msgspec.ValidationError) -> ContractError:
    said = _SAID.fullmatch(str(error))
    what, at = (said["what"], said["at"] or "") if said else (str(error), "")
    if found := _FIELD.fullmatch(what):
        field = _cut(found["name"])
        is_missing = found["what"].startswith("missing")
        told = "is missing" if is_missing else "is no field of the contract"
        return ContractError(f"{at}.{field}" if at else field, told)
    if found := _VALUE.fullmatch(what):
        return ContractError(at, f"'{_cut(found['value'])}' is none of the values that the contract has")
    return ContractError(at, _cut(what.replace("`", ""), 120))


def _cut(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


@dataclass(frozen=True)
class _Known:
    """What the contract knows of a message: its fields, those that are messages, and the enums that may grow."""

    fields: frozenset[str]
    inner: tuple[tuple[str, type, bool], ...]
    open_enums: tuple[tuple[str, frozenset[str]], ...]


@cache
def _known(message: type) -> _Known:
    members = _members(message)
    return _Known(
        frozenset(m.written for m in members),
        tuple((m.written, m.message, m.is_list) for m in members if m.message),
        tuple((m.written, frozenset(m.values)) for m in members if m.is_open),
    )


def _strip(value: Any, message: type, path: str, noted: dict[str, None], kept: frozenset[str]) -> None:
    """Take out of a value what the contract does not know: fields, and values of enums that Google says may grow."""
    if not isinstance(value, dict):
        return
    known = _known(message)
    for name in value.keys() - known.fields - kept:
        noted[f"{path}{_cut(name)}"] = None
        del value[name]
    for name, values in known.open_enums:
        if isinstance(found := value.get(name), str) and found not in values:
            noted[f"{path}{name}={_cut(found)}"] = None
            del value[name]
    for name, inner, is_list in known.inner:
        found = value.get(name)
        if is_list and isinstance(found, list):
            at = f"{path}{name}[]."
            for item in found:
                _strip(item, inner, at, noted, kept)
        elif found is not None and not is_list:
            _strip(found, inner, f"{path}{name}.", noted, kept)


def check(message: Message, path: str) -> None:
    """Hold every text of a message to its format.

    Raises:
        ContractError: naming the first that is none.
    """
    for at, kind, value in _texts(message, path):
        if kind == "date":
            try:
                value.date  # noqa: B018
            except (ValueError, OverflowError):
                raise ContractError(at, f"{value.year}-{value.month}-{value.day} is no day") from None
        elif not is_text_of(kind, value):
            raise ContractError(at, f"'{_cut(value)}' is not {_SHOULD[kind]}")


def _texts(message: Message, path: str) -> Iterator[tuple[str, str, Any]]:
    for member in _members(type(message)):
        value = getattr(message, member.name)
        at = f"{path}.{member.written}" if path else member.written
        if value is UNSET:
            continue
        if member.text:
            yield at, member.text, value
        elif member.message is CalendarDate:
            yield at, "date", value
        elif member.message and member.is_list:
            for n, item in enumerate(value):
                yield from _texts(item, f"{at}[{n}]")
        elif member.message:
            yield from _texts(value, at)


def is_text_of(kind: str, text: str) -> bool:
    """Whether a text is a whole number (`int64`), a `moment`, a `duration` or an `offset` from UTC."""
    if not _COMPILED["duration" if kind == "offset" else kind].match(text):
        return False
    if kind == "int64":
        return len(text) <= 20 and -INT64_MAX - 1 <= int(text) <= INT64_MAX
    if kind == "duration":
        return abs(seconds(text)) <= _DURATION_MAX_S
    if kind == "offset":
        return abs(seconds(text)) <= OFFSET_MAX_S
    if kind == "moment":
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
    return True


def seconds(duration: str) -> float:
    """The seconds of a duration such as `-14400s`."""
    return float(duration[:-1])
