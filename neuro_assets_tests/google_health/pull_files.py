"""Pull files made by hand: what a test says that an account has, as the interface would give it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from neuro_assets.sources.google_health.pull_file import SUFFIX, PersonPull, PullWriter, TypePull, ZoneBefore

NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class Minute:
    """Steps of a minute; `offset_s` of the wall clock from UTC."""

    at: datetime
    steps: int
    offset_s: int = -18_000

    def point(self) -> dict:
        end = self.at + timedelta(minutes=1)
        offset = f"{self.offset_s}s"
        return {
            "steps": {
                "count": str(self.steps),
                "interval": {
                    "startTime": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
                    "startUtcOffset": offset,
                    "endTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
                    "endUtcOffset": offset,
                },
            }
        }


def minutes(begin: datetime, steps: Iterable[int], offset_s: int = -18_000) -> list[Minute]:
    return [Minute(begin + timedelta(minutes=n), s, offset_s) for n, s in enumerate(steps)]


@dataclass(frozen=True)
class Given:
    """What an account had when it was pulled."""

    at: datetime
    first: date
    last: date
    pages: Mapping[str, list[dict]] = field(default_factory=dict)
    participant: str = "P1"
    synced: datetime | None = None
    zone: str | None = NEW_YORK
    zones_before: Sequence[ZoneBefore] = ()
    reading: str = "reconcile"
    only: list[date] | None = None
    devices: Sequence[dict] = ()


def steps_of(given: Iterable[Minute]) -> dict[str, list[dict]]:
    """Newest first, as the interface has it."""
    return {"steps": [m.point() for m in sorted(given, key=lambda m: m.at, reverse=True)]}


def pull_file(folder: Path, *people: Given) -> Path:
    """A pull file of some people, in two pages each where there is more than one point."""
    writer = PullWriter(folder, f"{min(p.at for p in people):%Y%m%dT%H%M%S}_{len(people)}{SUFFIX}")
    for given in people:
        stored, types = [], []
        for name, points in given.pages.items():
            half = len(points) // 2
            for page in (points[:half], points[half:]) if half else (points,):
                member = "rollupDataPoints" if given.reading == "rollUp" else "dataPoints"
                body = json.dumps({member: page} if page else {}).encode()
                stored.append(writer.page(name, f"GET {name}", given.at, body))
            asked = (given.first, given.last, given.only)
            types.append(TypePull(name, "complete", given.at, *asked, reading=given.reading, requests=2))
        if given.devices:
            body = json.dumps({"pairedDevices": list(given.devices)}).encode()
            stored.append(writer.page("pairedDevices", "GET pairedDevices", given.at, body))
        synced = given.synced or given.at - timedelta(hours=1)
        before = list(given.zones_before)
        writer.person(PersonPull(given.participant, given.zone, synced, types, stored, zones_before=before))
    return writer.close()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]
