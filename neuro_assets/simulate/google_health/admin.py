"""Commands of a test in another process: let time pass, get tokens, read counts, set faults. Not of Google."""

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from neuro_assets.simulate.google_health.faults import Fault

if TYPE_CHECKING:
    from neuro_assets.simulate.google_health.server import GoogleHealthServer, Reply

OPERATIONS = (
    *("sync", "silence", "go_flat", "delete", "change_points"),
    *("revoke", "lose_permission", "rewrite_sleep"),
)


def reply(server: "GoogleHealthServer", path: str, params: Mapping[str, str], body: bytes) -> "Reply":
    """The answer to /_world/...: 200 with JSON, 400 with the reason."""
    from neuro_assets.simulate.google_health.server import Reply

    try:
        told = _done(server, path.removeprefix("/_world/"), params, body)
    except (KeyError, ValueError, TypeError) as error:
        return Reply(400, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    return Reply(200, json.dumps(told).encode())


def _done(server: "GoogleHealthServer", what: str, params: Mapping[str, str], body: bytes) -> Any:
    world = server.world
    if what == "advance":
        world.advance(params["to"])
    elif what == "tokens":
        return {person: server.connect(person) for person in world.people}
    elif what == "people":
        return {p.id: {"healthUserId": p.health_user_id, "legacyUserId": p.legacy_user_id, "zone": p.track.zones[0]}
                for p in world.people.values()}  # fmt: skip
    elif what == "quota":
        requests, points = len(server.log), sum(r.points for r in server.log)
        return {
            "highest": server.quota.highest, "refused": server.quota.refused, "requests": requests, "points": points,
            "validated": server.validated, "invalid": server.invalid[:10], "faults": server.faults.struck,
            "refreshes": dict(server.refreshes),
        }  # fmt: skip
    elif what == "faults":
        server.faults.clear()
        server.faults.add(*(Fault(**rule) for rule in json.loads(body or b"[]")))
    elif what == "do":
        _operate(server, json.loads(body))
    elif what != "now":
        raise ValueError(f"there is no /_world/{what}")
    return {"now": world.now.isoformat()}


def _operate(server: "GoogleHealthServer", told: dict[str, Any]) -> None:
    """{"operation": one of World's, and its arguments}."""
    operation = told.pop("operation")
    if operation not in OPERATIONS:
        raise ValueError(f"there is no operation {operation}")
    if operation == "rewrite_sleep":
        told["day"] = date.fromisoformat(told["day"])
    getattr(server.world, operation)(**told)
