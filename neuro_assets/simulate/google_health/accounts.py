"""What the API tells of an account: identity, profile, settings and paired devices."""

from collections.abc import Mapping
from typing import Any

from neuro_assets.simulate.google_health import jsontext as js
from neuro_assets.simulate.google_health.pages import size_of
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.syncs import battery_status
from neuro_assets.simulate.google_health.visible import Visible
from neuro_assets.simulate.google_health.world import World

FEATURES = (
    *("SLEEP", "ACTIVE_MINUTES", "STEPS", "DISTANCE", "CALORIES", "HEART_RATE", "SPO2"),
    *("NIGHTTIME_OXYGEN_SATURATION", "ACTIVE_ZONE_MINUTES", "ON_WRIST_ALERT", "GPS"),
)


def told(world: World, person: Person, what: str, params: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Schema and value of identity, profile, settings or pairedDevices."""
    if what == "identity":
        return "Identity", identity(person)
    if what == "profile":
        return "Profile", profile(person)
    if what == "settings":
        return "Settings", settings(world, person)
    size_of(params.get("pageSize"), 5, 100)
    devices = paired_devices(world, person)
    return "ListPairedDevicesResponse", {"pairedDevices": devices} if devices else {}


def identity(person: Person) -> dict[str, Any]:
    """Ids; people who came after Fitbit accounts have no legacy one."""
    found = {"name": f"users/{person.health_user_id}/identity", "healthUserId": person.health_user_id}
    return found | ({"legacyUserId": person.legacy_user_id} if person.legacy_user_id else {})


def profile(person: Person) -> dict[str, Any]:
    """Age and membership; no time zone."""
    return {
        "name": f"users/{person.health_user_id}/profile",
        "age": 24 + person.number % 40,
        "membershipStartDate": {"year": 2019 + person.number % 5, "month": 4, "day": 2},
        "userConfiguredWalkingStrideLengthMm": round(person.stride_mm),
    }


def settings(world: World, person: Person) -> dict[str, Any]:
    """The zone is the one in which the phone was at the last sync."""
    at = world.account(person).syncs.last(world.now_s) or person.track.start_of(person.first_day)
    return {
        "name": f"users/{person.health_user_id}/settings",
        "autoStrideEnabled": True,
        "distanceUnit": "DISTANCE_UNIT_KILOMETERS",
        "languageLocale": "en-US",
        "temperatureUnit": "TEMPERATURE_UNIT_CELSIUS",
        "timeZone": person.track.zone(at),
        "utcOffset": f"{person.track.offset(at)}s",
        "weightUnit": "WEIGHT_UNIT_KILOGRAMS",
    }


def paired_devices(world: World, person: Person) -> list[dict[str, Any]]:
    """The tracker once it has synced, and the scale once somebody stood on it."""
    devices = []
    syncs = world.account(person).syncs
    base = f"users/{person.health_user_id}/pairedDevices"
    if (at := syncs.last(world.now_s)) is not None:
        level = syncs.battery_pct(at)
        devices.append(
            {
                "name": f"{base}/{10**9 + person.number}",
                "deviceType": "TRACKER",
                "deviceVersion": person.tracker,
                "batteryLevel": level,
                "batteryStatus": battery_status(level),
                "features": list(FEATURES),
                "lastSyncTime": js.instant(at),
                "macAddress": person.mac_address,
            }
        )
    if person.has_scale and (weighed := _last_weighing(world, person)) is not None:
        scale = {"deviceType": "SCALE", "deviceVersion": "Aria Air", "batteryStatus": "High", "batteryLevel": 90}
        mac = person.mac_address[::-1]
        name = f"{base}/{2 * 10**9 + person.number}"
        devices.append({"name": name, **scale, "lastSyncTime": js.instant(weighed), "macAddress": mac})
    return devices


def _last_weighing(world: World, person: Person) -> int | None:
    visible = Visible(world.series, world.account(person), world.now_s)
    today = person.track.day(world.now_s)
    for number in range(today, max(person.first_day, today - 60) - 1, -1):
        if len(points := visible.day("weight", number)):
            return int(points.start_s[-1]) + 30
    return None
