"""Settings, identity, devices without identifiers, and what the API says when it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.sources.google_health.account import (
    decode_devices,
    decode_error,
    decode_identity,
    decode_settings,
    without_identifiers,
)
from neuro_assets.sources.google_health.contract import ContractError

DEVICES = {
    "recorded_mcp-fitbit-air__paired_devices": ("redacted-name", "redacted-macAddress", "Fitbit Air", "High", 80),
    "written_home-assistant__paired_devices": ("watch_123", "AA:BB:CC:DD:EE:FF", "Fitbit Charge 6", "NORMAL", 85),
}


def test_settings_give_the_zone(google_spec: Path) -> None:
    settings = decode_settings((google_spec / "recorded_mcp-fitbit-air__settings.json").read_bytes())
    assert (settings.time_zone, settings.utc_offset) == ("America/New_York", "-14400s")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"timeZone": "America/Gotham"}', "timeZone"),
        (b'{"timeZone": 5}', "timeZone"),
        (b'{"utcOffset": "-04:00"}', "utcOffset"),
        (b'{"distanceUnit": "MILES"}', "distanceUnit"),
        (b'{"zone": "UTC"}', "zone"),
        (b"", ""),
    ],
)
def test_settings_that_are_not_of_the_contract(body: bytes, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        decode_settings(body)
    assert caught.value.field == field


def test_an_identity_has_an_account() -> None:
    identity = decode_identity(b'{"name": "users/me/identity", "healthUserId": "a-1", "legacyUserId": "ABC123"}')
    assert (identity.health_user_id, identity.legacy_user_id) == ("a-1", "ABC123")
    assert decode_identity(b'{"healthUserId": "a-1"}').legacy_user_id == ""
    for body in (b"{}", b'{"healthUserId": ""}'):
        with pytest.raises(ContractError) as caught:
            decode_identity(body)
        assert caught.value.field == "healthUserId"


@pytest.mark.parametrize("payload", DEVICES)
def test_devices_lose_their_identifiers_and_keep_a_number(google_spec: Path, payload: str) -> None:
    name, mac, version, status, level = DEVICES[payload]
    body = (google_spec / f"{payload}.json").read_bytes()
    cleaned = without_identifiers(body)
    for secret in (name, mac, "macAddress"):
        assert secret.encode() in body
        assert secret.encode() not in cleaned
    (before,), (after,) = decode_devices(body).paired_devices, decode_devices(cleaned).paired_devices
    assert before.number == after.number
    assert len(after.number) == 12
    assert (after.device_version, after.battery_status, after.battery_level) == (version, status, level)
    assert without_identifiers(cleaned) == cleaned


def test_an_alias_of_the_account_does_not_change_a_device() -> None:
    def numbers(name: str) -> str:
        body = json.dumps({"pairedDevices": [{"name": name, "deviceType": "TRACKER"}]}).encode()
        return decode_devices(body).paired_devices[0].number

    assert numbers("users/me/pairedDevices/17") == numbers("users/8a7/pairedDevices/17")
    assert numbers("users/me/pairedDevices/17") != numbers("users/me/pairedDevices/18")


def test_identifiers_are_found_wherever_they_are() -> None:
    odd = {"pairedDevices": [{"mac_address": "AA:BB", "more": [{"macAddress": "CC:DD", "name": "a/b/EE:FF"}]}], "x": 1}
    cleaned = without_identifiers(json.dumps(odd).encode())
    assert not any(secret in cleaned for secret in (b"AA:BB", b"CC:DD", b"EE:FF"))
    assert b'"x":1' in cleaned
    with pytest.raises(ContractError):
        without_identifiers(b'{"pairedDevices": [{"macAddress": "AA:BB')


def test_a_device_that_is_not_of_the_contract_is_named() -> None:
    for change, field in (
        ({"deviceType": "WATCH"}, "deviceType"),
        ({"lastSyncTime": "2026-07-18 15:30"}, "lastSyncTime"),
        ({"batteryLevel": "85"}, "batteryLevel"),
    ):
        with pytest.raises(ContractError) as caught:
            decode_devices(json.dumps({"pairedDevices": [{}, change]}).encode())
        assert caught.value.field == f"pairedDevices[1].{field}"


ERRORS: dict[str, dict[str, Any]] = {
    "recorded_mcp-fitbit-air__error_400_filter_member": {
        "code": 400,
        "status": "INVALID_ARGUMENT",
        "reason": "INVALID_DATA_POINT_FILTER",
        "is_filter_refused": True,
        "is_account_not_linked": False,
    },
    "written_python-google-health-api__account_not_linked_400": {
        "code": 400,
        "status": "FAILED_PRECONDITION",
        "reason": "ACCOUNT_NOT_LINKED",
        "is_account_not_linked": True,
        "is_filter_refused": False,
    },
    "written_python-google-health-api__resource_exhausted_429": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "reason": "RATE_LIMIT_EXCEEDED",
        "is_rate_limited": True,
        "is_scope_missing": False,
    },
    "written_python-google-health-api__scope_insufficient_403": {
        "code": 403,
        "status": "PERMISSION_DENIED",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "is_scope_missing": True,
        "is_permission_denied": False,
    },
}


@pytest.mark.parametrize("payload", ERRORS)
def test_errors_say_what_is_the_matter(google_spec: Path, payload: str) -> None:
    wanted = ERRORS[payload]
    found = decode_error(wanted["code"], (google_spec / f"{payload}.json").read_bytes())
    assert {name: getattr(found, name) for name in wanted} == wanted


def test_a_refused_filter_names_its_members(google_spec: Path) -> None:
    body = (google_spec / "recorded_mcp-fitbit-air__error_400_filter_member.json").read_bytes()
    assert decode_error(400, body).fields[0] == (
        "filter: Member 'daily_oxygen_saturation.civil_date' is not supported for filtering. (at line 1, column 1)"
    )


def test_the_oauth_endpoints_say_it_in_their_own_way() -> None:
    found = decode_error(400, b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}')
    assert (found.reason, found.message) == ("invalid_grant", "Token has been expired or revoked.")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("error", "details", "reason", "fieldViolations", "message", "status", "field")), inner
        )
    ),
)


@given(st.one_of(st.binary(max_size=60), _JSON.map(lambda v: json.dumps(v).encode())))
def test_an_error_is_told_whatever_the_body_is(body: bytes) -> None:
    found = decode_error(502, body)
    assert found.code == 502
    assert all(isinstance(t, str) for t in (found.status, found.reason, found.message, *found.fields))
