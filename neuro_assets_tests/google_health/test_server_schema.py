"""Every answer of the fake is one that Google's schema allows; the schema tells right payloads from wrong ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuro_assets.simulate.google_health import GoogleHealthServer, World
from neuro_assets.simulate.google_health.catalogue import DATA_TYPES
from neuro_assets_tests.google_health.fake_api import Asker
from neuro_assets_tests.google_health.schema import google_errors, google_validator, payload, verdicts

WEEK = {"startTime": "2026-10-29T00:00:00Z", "endTime": "2026-11-05T00:00:00Z"}
CIVIL_WEEK = {
    "start": {"date": {"year": 2026, "month": 10, "day": 29}},
    "end": {"date": {"year": 2026, "month": 11, "day": 5}},
}
ENDPOINTS = ["identity", "profile", "settings", "pairedDevices"]


@pytest.fixture(scope="module")
def server(google_spec: Path) -> Iterator[GoogleHealthServer]:
    """Ten people in the morning of a day, some still asleep; every answer validated."""
    world = World(10, "2026-10-15", seed=3, now="2026-11-05T06:30:00")
    with GoogleHealthServer(world, validate=google_validator(google_spec), empty_share=0.0) as server:
        yield server


def test_stored_payloads_fare_as_their_verdicts_say(google_spec: Path) -> None:
    errors, told = google_errors(google_spec), verdicts(google_spec)
    assert len(told) == 26
    for name, (schema, expected) in told.items():
        found = errors(schema, payload(google_spec, name))
        assert sorted(f.partition(":")[0] for f in found) == sorted(place for place, _ in expected), name
    assert sum(bool(expected) for _, expected in told.values()) == 12
    assert errors("Settings", payload(google_spec, "recorded_mcp-fitbit-air__settings.json")) == []


@pytest.mark.parametrize("name", DATA_TYPES)
def test_points_and_roll_ups_of_every_type_are_as_the_schema_says(server: GoogleHealthServer, name: str) -> None:
    before, given = server.validated, 0
    for person in ("P001", "P002", "P003", "P005"):
        asker = Asker(server, person)
        if DATA_TYPES[name].can_list:
            given += len(asker.points(name, pageSize=300).json().get("dataPoints", ()))
            given += len(asker.points(name, ":reconcile", pageSize=300).json().get("dataPoints", ()))
        if DATA_TYPES[name].rollup_days:
            body = {"range": WEEK, "windowSize": "60s", "pageSize": 300}
            given += len(asker.roll_up(name, body).json().get("rollupDataPoints", ()))
            given += len(asker.roll_up(name, {"range": CIVIL_WEEK}, "dailyRollUp").json().get("rollupDataPoints", ()))
    asked = 4 * 2 * (DATA_TYPES[name].can_list + bool(DATA_TYPES[name].rollup_days))
    assert server.invalid == []
    assert server.validated - before == asked
    assert given > 20


@pytest.mark.parametrize("what", ENDPOINTS)
def test_account_endpoints_are_as_the_schema_says(server: GoogleHealthServer, what: str) -> None:
    before = server.validated
    assert all(Asker(server, person).get(what).status_code == 200 for person in server.world.people)
    assert (server.invalid, server.validated - before) == ([], 10)


def test_sleeps_of_all_states_are_as_the_schema_says(google_spec: Path) -> None:
    world = World(10, "2026-10-15", seed=3, now="2026-10-15T00:00:00", has_habit=False)
    states = set()
    with GoogleHealthServer(world, validate=google_validator(google_spec)) as server:
        askers = [Asker(server, person) for person in world.people]
        for hour in range(30, 60, 2):
            world.advance(f"2026-10-{15 + hour // 24}T{hour % 24:02}:00:00")
            for asker in askers:
                world.sync(asker.person)
                asker.points("sleep", ":reconcile")
                states |= {row["state"] for row in world.truth(asker.person, "sleep")}
    assert states == {"in_progress", "unprocessed", "complete"}
    assert server.invalid == []
    assert server.validated == 150


def test_a_body_that_is_wrong_is_found_out(google_spec: Path) -> None:
    validate = google_validator(google_spec)
    validate("ListDataPointsResponse", b'{"dataPoints":[{"steps":{"count":"1"}}]}')
    with pytest.raises(ValueError, match="dataPoints/0/steps/count"):
        validate("ListDataPointsResponse", b'{"dataPoints":[{"steps":{"count":1}}]}')
    with pytest.raises(ValueError, match="stepps"):
        validate("ListDataPointsResponse", b'{"dataPoints":[{"stepps":{"count":"1"}}]}')
