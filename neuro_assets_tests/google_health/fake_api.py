"""Somebody who asks the fake server over HTTP, page by page, and takes its JSON as it is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import requests

from neuro_assets.simulate.google_health import GoogleHealthServer

Json = dict[str, Any]


class Asker:
    """A person's client: `listed` and `rolled_up` follow the pages, `pages` gives them."""

    def __init__(self, server: GoogleHealthServer, person: str = "P001", **tokens: Any) -> None:
        self.server, self.person = server, person
        self.tokens = server.connect(person, **tokens)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        self.session.headers["Accept-Encoding"] = "identity"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(f"{self.server.url}/v4/users/me/{path}", params=params, timeout=30)

    def points(self, name: str, verb: str = "", **params: Any) -> requests.Response:
        return self.get(f"dataTypes/{name}/dataPoints{verb}", **params)

    def roll_up(self, name: str, body: Json, verb: str = "rollUp") -> requests.Response:
        url = f"{self.server.url}/v4/users/me/dataTypes/{name}/dataPoints:{verb}"
        return self.session.post(url, json=body, timeout=30)

    def pages(self, name: str, verb: str = "", **params: Any) -> Iterator[Json]:
        token: str | None = None
        while True:
            answer = self.points(name, verb, **params, **({"pageToken": token} if token else {}))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page
            token = page.get("nextPageToken")
            if not token:
                return

    def listed(self, name: str, verb: str = "", **params: Any) -> list[Json]:
        return [point for page in self.pages(name, verb, **params) for point in page.get("dataPoints", ())]

    def rolled_up(self, name: str, start: str, end: str, window: str = "60s", **body: Any) -> list[Json]:
        asked, found = {"range": {"startTime": start, "endTime": end}, "windowSize": window, **body}, []
        while True:
            answer = self.roll_up(name, asked)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page.get("rollupDataPoints", ())
            if not page.get("nextPageToken"):
                return found
            asked["pageToken"] = page["nextPageToken"]


def seconds(text: str) -> int:
    """RFC 3339 in UTC, whole seconds."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def utc(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
