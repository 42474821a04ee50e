"""The account around the points: who it is, its settings, its devices, and what the API says when it refuses.

Neither the MAC address of a device nor its resource name is kept: `without_identifiers` takes them out of a page before
it is stored.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType, field

from neuro_assets.sources.google_health.wire import ContractError, Message, Moment, Offset, Unknown, check, decode

_ID_DIGITS = 12
_NUMBER = re.compile(rf"[0-9a-f]{{{_ID_DIGITS}}}")
_SHOWN = 300

StrideType = Literal[
    "STRIDE_LENGTH_TYPE_UNSPECIFIED",
    "STRIDE_LENGTH_TYPE_DEFAULT",
    "STRIDE_LENGTH_TYPE_MANUAL",
    "STRIDE_LENGTH_TYPE_AUTO",
]


class Settings(Message, frozen=True, gc=False):
    """Settings of an account, of which the zone is used."""

    name: str = ""
    time_zone: str = ""
    utc_offset: Offset | UnsetType = UNSET
    auto_stride_enabled: bool = False
    distance_unit: (
        Literal["DISTANCE_UNIT_UNSPECIFIED", "DISTANCE_UNIT_MILES", "DISTANCE_UNIT_KILOMETERS"] | UnsetType
    ) = UNSET
    food_language_code: str = ""
    glucose_unit: Literal["GLUCOSE_UNIT_UNSPECIFIED", "GLUCOSE_UNIT_MG_DL", "GLUCOSE_UNIT_MMOL_L"] | UnsetType = UNSET
    height_unit: Literal["HEIGHT_UNIT_UNSPECIFIED", "HEIGHT_UNIT_INCHES", "HEIGHT_UNIT_CENTIMETERS"] | UnsetType = UNSET
    language_locale: str = ""
    stride_length_running_type: StrideType | UnsetType = UNSET
    stride_length_walking_type: StrideType | UnsetType = UNSET
    swim_unit: Literal["SWIM_UNIT_UNSPECIFIED", "SWIM_UNIT_METERS", "SWIM_UNIT_YARDS"] | UnsetType = UNSET
    temperature_unit: (
        Literal["TEMPERATURE_UNIT_UNSPECIFIED", "TEMPERATURE_UNIT_CELSIUS", "TEMPERATURE_UNIT_FAHRENHEIT"] | UnsetType
    ) = UNSET
    water_unit: Literal["WATER_UNIT_UNSPECIFIED", "WATER_UNIT_ML", "WATER_UNIT_FL_OZ", "WATER_UNIT_CUP"] | UnsetType = (
        UNSET
    )
    weight_unit: (
        Literal["WEIGHT_UNIT_UNSPECIFIED", "WEIGHT_UNIT_POUNDS", "WEIGHT_UNIT_STONE", "WEIGHT_UNIT_KILOGRAMS"]
        | UnsetType
    ) = UNSET


class Identity(Message, frozen=True, gc=False):
    """Whose account it is; `legacy_user_id` is that of the Fitbit Web API, empty where there was none."""

    name: str = ""
    health_user_id: str = ""
    legacy_user_id: str = ""


class PairedDevice(Message, frozen=True, gc=False):
    """A tracker or a scale."""

    name: str = ""
    device_type: Literal["DEVICE_TYPE_UNSPECIFIED", "TRACKER", "SCALE"] = "DEVICE_TYPE_UNSPECIFIED"
    device_version: str = ""
    last_sync_time: Moment | UnsetType = UNSET
    battery_level: int | UnsetType = UNSET
    battery_status: str = ""
    features: list[str] = field(default_factory=list)
    mac_address: str = ""

    @property
    def number(self) -> str:
        """A number that tells nothing of the device, but stays its own."""
        return _number(self.name, self.device_type, self.device_version)


class DevicesPage(Message, frozen=True, gc=False):
    """A page of devices."""

    paired_devices: list[PairedDevice] = field(default_factory=list)
    next_page_token: str = ""


@dataclass(frozen=True)
class VendorStatus:
    """What the API says when it refuses.

    Attributes:
        code: of HTTP.
        status: name of the error, such as `PERMISSION_DENIED`; empty where the body does not tell.
        reason: Google's word for the cause, such as `ACCESS_TOKEN_SCOPE_INSUFFICIENT`.
        message: for a person, at most 300 characters.
        fields: what is wrong with the request, field by field.
    """

    code: int
    status: str = ""
    reason: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()

    @property
    def is_account_not_linked(self) -> bool:
        """The person has no Google Health, or has not joined it with their account."""
        return self.reason == "ACCOUNT_NOT_LINKED"

    @property
    def is_scope_missing(self) -> bool:
        """The person has not allowed this kind of data."""
        return self.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"

    @property
    def is_permission_denied(self) -> bool:
        """The consent no longer holds for this resource; a new one cures it."""
        return "RESOURCE_PERMISSION_DENIED" in (self.reason, self.status)

    @property
    def is_rate_limited(self) -> bool:
        """Too many requests."""
        return self.code == 429 or self.status == "RESOURCE_EXHAUSTED"

    @property
    def is_filter_refused(self) -> bool:
        """The request's filter is at fault, not the account."""
        return self.reason == "INVALID_DATA_POINT_FILTER"


def decode_settings(body: bytes, unknown: Unknown = "refuse") -> Settings:
    """The settings of an account.

    Raises:
        ContractError: naming the field; also for a zone that the IANA database does not have.
    """
    settings, _ = decode(body, Settings, unknown)
    check(settings, "")
    if settings.time_zone and settings.time_zone not in available_timezones():
        raise ContractError("timeZone", f"'{settings.time_zone[:40]}' is no zone of the IANA database")
    return settings


def decode_identity(body: bytes, unknown: Unknown = "refuse") -> Identity:
    """Whose account it is.

    Raises:
        ContractError: naming the field; `healthUserId` where it is missing.
    """
    identity, _ = decode(body, Identity, unknown)
    if not identity.health_user_id:
        raise ContractError("healthUserId", "is missing: nobody can tell whose account it is")
    return identity


def decode_devices(body: bytes, unknown: Unknown = "refuse") -> DevicesPage:
    """A page of devices, before or after `without_identifiers`.

    Raises:
        ContractError: naming the field.
    """
    page, _ = decode(body, DevicesPage, unknown)
    for n, device in enumerate(page.paired_devices):
        check(device, f"pairedDevices[{n}]")
    return page


def without_identifiers(body: bytes) -> bytes:
    """A page of devices without MAC addresses, and with each device's number in place of its name.

    Whatever else is in it stays, so that the page can be kept as it came; what is no such page stays as it is.

    Raises:
        ContractError: it is no JSON: what a cut-off page holds cannot be known, and it must not be stored.
    """
    try:
        page = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ContractError("", "not JSON, or cut off") from None
    return msgspec.json.encode(_cleaned(page))


_OWNER = re.compile(rb'"users/(?!me/)[^/"]{1,200}(?:/|\Z)')


def without_owner(body: bytes) -> bytes:
    """A page in which resources are called those of `me`, not of the account that they are of; also one cut off."""
    return _OWNER.sub(b'"users/me/', body)


def _cleaned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleaned(v) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _cleaned(v) for k, v in value.items() if k.lower().replace("_", "") != "macaddress"}
    if isinstance(name := kept.get("name"), str):
        kept["name"] = _number(name, str(kept.get("deviceType", "")), str(kept.get("deviceVersion", "")))
    return kept


def _number(name: str, device_type: str, device_version: str) -> str:
    """A number is a number's own; a device without a name is told from others by what it is."""
    if _NUMBER.fullmatch(name):
        return name
    told = name.rpartition("/")[2] or f"{device_type} {device_version}"
    return sha256(told.encode()).hexdigest()[:_ID_DIGITS]


def decode_error(status: int, body: bytes) -> VendorStatus:
    """What an answer that is none says; never raises, whatever the body is."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return VendorStatus(status)
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str):  # as the OAuth endpoints say it
        return VendorStatus(status, _text(error), _text(error), _text(found.get("error_description")))
    if not isinstance(error, dict):
        return VendorStatus(status)
    details = [d for d in _list(error.get("details")) if isinstance(d, dict)]
    reasons = [_text(d["reason"]) for d in details if d.get("reason")]
    violations = [v for d in details for v in _list(d.get("fieldViolations")) if isinstance(v, dict)]
    return VendorStatus(
        status,
        _text(error.get("status")),
        reasons[0] if reasons else "",
        _text(error.get("message")),
        tuple(f"{_text(v.get('field'))}: {_text(v.get('description'))}" for v in violations),
    )


def _text(value: object) -> str:
    return value[:_SHOWN] if isinstance(value, str) else ""


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
