"""What the API answers to a request of somebody, without HTTP: routes, checks, bodies.

A body comes with the name of its schema in the discovery document.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuro_assets.simulate.google_health import accounts, errors, filters, rollups
from neuro_assets.simulate.google_health.catalogue import (
    ACTIVITY,
    DATA_TYPES,
    DAY_S,
    METRICS,
    PROFILE,
    SETTINGS,
    SLEEP,
    DataType,
)
from neuro_assets.simulate.google_health.oauth import Grant, has_scope
from neuro_assets.simulate.google_health.pages import MOST_POINTS, Place, Tokens, size_of
from neuro_assets.simulate.google_health.people import Person, as_seconds
from neuro_assets.simulate.google_health.points import Written, as_json, newest_first
from neuro_assets.simulate.google_health.series import Points
from neuro_assets.simulate.google_health.world import FAMILIES, Query, Reading, World

POINTS = re.compile(r"/v4/users/([^/]+)/dataTypes/([^/]+)/dataPoints(?::(reconcile|rollUp|dailyRollUp))?")
ACCOUNT = re.compile(r"/v4/users/([^/]+)/(identity|profile|settings|pairedDevices)")
QUERY = {"filter", "pageSize", "pageToken", "dataSourceFamily"}
BODY = {"range", "pageSize", "pageToken", "dataSourceFamily"}
STANDARD = {"alt", "fields", "key", "prettyPrint", "quotaUser", "callback", "access_token", "oauth_token", "$.xgafv"}
"""Parameters of every method."""
_WINDOW = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_DAILY_PAGES = (90, 14)


@dataclass(frozen=True)
class Answer:
    """A body of JSON, its schema, and how many points it has."""

    schema: str
    body: bytes
    points: int = 0


@dataclass(frozen=True)
class Asked:
    """A request of a person, checked so far that it is theirs to make."""

    person: Person
    data_type: DataType
    text: str
    params: Mapping[str, str]
    body: Mapping[str, Any]


def type_of(path: str) -> str:
    """The data type of a path, or identity, profile, settings, pairedDevices; empty for others."""
    if match := POINTS.fullmatch(path):
        return match[2]
    match = ACCOUNT.fullmatch(path)
    return match[2] if match else ""


class Answers:
    """Answers from the state of a world.

    Args:
        world: its people and data.
        empty_share: share of pages of list and reconcile that come empty, with a token, before their points.
        most_points: points of a page of list or reconcile at most.
    """

    def __init__(self, world: World, empty_share: float = 0.05, most_points: int = MOST_POINTS) -> None:
        self.world, self.empty_share, self.most_points = world, empty_share, most_points
        self.tokens = Tokens(world.series.seed)

    def answer(self, grant: Grant, method: str, path: str, params: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request under a grant. Raises Refused."""
        person = self.world.people[grant.person]
        account = ACCOUNT.fullmatch(path)
        match = account or POINTS.fullmatch(path)
        if match is None:
            raise errors.not_found(path)
        if match[1] not in ("me", person.health_user_id):
            raise errors.no_permission()
        if account:
            return self._account(grant, person, method, account[2], params)
        return self._points(grant, person, method, match, params, body)

    def _account(self, grant: Grant, person: Person, method: str, what: str, params: Mapping[str, str]) -> Answer:
        if method != "GET":
            raise errors.not_found(what)
        scopes = {"identity": (ACTIVITY, METRICS, SLEEP, PROFILE, SETTINGS), "profile": (PROFILE,)}
        if not has_scope(grant, *scopes.get(what, (SETTINGS,))):
            raise errors.no_scope()
        with self.world.lock:
            schema, value = accounts.told(self.world, person, what, params)
        return Answer(schema, json.dumps(value, separators=(",", ":")).encode())

    def _points(
        self, grant: Grant, person: Person, method: str, match: re.Match[str], params: Mapping[str, str], body: bytes
    ) -> Answer:
        data_type, verb = DATA_TYPES.get(match[2]), match[3] or "list"
        if data_type is None:
            raise errors.invalid(f"Unsupported data type: {match[2]}", ("parent", "Unknown data type."))
        if method != ("POST" if verb in ("rollUp", "dailyRollUp") else "GET"):
            raise errors.not_found(match[0])
        if {"*", data_type.name} & self.world.retired:
            raise errors.gone()
        if person.id in self.world.lost_permission:
            raise errors.no_permission()
        if not has_scope(grant, data_type.scope):
            raise errors.no_scope()
        _know_all(params, STANDARD | (QUERY if method == "GET" else set()), "Cannot bind query parameter.")
        request = {k: v for k, v in params.items() if k not in ("pageToken", "pageSize")}
        told = _parsed(body) if method == "POST" else {}
        _know_all(told, BODY | {"windowSizeDays" if verb == "dailyRollUp" else "windowSize"}, "Cannot find field.")
        kept = {k: v for k, v in told.items() if k not in ("pageToken", "pageSize")}
        text = json.dumps([person.id, match[0], request, kept], sort_keys=True)
        asked = Asked(person, data_type, text, params, told)
        with self.world.lock:
            if verb == "rollUp":
                return self._rolled_up(asked)
            if verb == "dailyRollUp":
                return self._daily(asked)
            return self._listed(asked, "reconcile" if verb == "reconcile" else "list")

    def _listed(self, asked: Asked, reading: Reading) -> Answer:
        data_type, params = asked.data_type, asked.params
        if not data_type.can_list:
            message = f"Data type {data_type.name} does not support this operation; use a roll-up."
            raise errors.invalid(message, ("parent", message))
        family = params.get("dataSourceFamily", "")
        if family and reading == "list" and not data_type.lists_family:
            message = f"Filtering by data source family is not supported for {data_type.name}."
            raise errors.invalid(message, ("data_source_family", message))
        sources = family_of(family)
        query = filters.parsed(params.get("filter", ""), data_type)
        size = size_of(params.get("pageSize"), *data_type.page_sizes)
        place = self.tokens.read(asked.text, params["pageToken"]) if params.get("pageToken") else None
        now = place or Place(2**50)
        schema = "ReconcileDataPointsResponse" if reading == "reconcile" else "ListDataPointsResponse"
        if self._comes_empty(asked.text, now):
            token = self.tokens.make(asked.text, Place(now.start_s, now.source, is_after_empty=True))
            return _page(schema, "dataPoints", [], token)
        points, has_more = self._older(asked, reading, sources, query, now, min(size, self.most_points))
        token = None
        if has_more:
            token = self.tokens.make(asked.text, Place(int(points.start_s[-1]), int(points.source[-1])))
        return _page(schema, "dataPoints", as_json(points, data_type.name, Written(asked.person, reading)), token)

    def _comes_empty(self, text: str, place: Place) -> bool:
        return not place.is_after_empty and self.tokens.is_empty(text, place, self.empty_share)

    def _older(
        self, asked: Asked, reading: Reading, family: str, query: Query, place: Place, size: int
    ) -> tuple[Points, bool]:
        """The newest points behind a place, newest first, and whether there are more."""
        query = _until(query, place, asked.data_type)
        parts, found = [], 0
        for points in self.world.newest(asked.person, asked.data_type.name, query, reading, family):
            ordered = newest_first(points)
            is_behind = (ordered.start_s < place.start_s) | (
                (ordered.start_s == place.start_s) & (ordered.source > place.source)
            )
            parts.append(ordered.take(is_behind))
            found += int(np.count_nonzero(is_behind))
            if found > size:
                break
        points = Points.joined(parts)
        return points.take(slice(0, size)), found > size

    def _rolled_up(self, asked: Asked) -> Answer:
        data_type, body, person = asked.data_type, asked.body, asked.person
        _can_roll_up(data_type)
        bounds = _range(body, data_type)
        window = _WINDOW.fullmatch(str(body.get("windowSize", "")))
        if window is None or float(window[1]) < 1:
            raise errors.invalid("Invalid window size.", ("window_size", "Must be a duration of at least 1 second."))
        size = size_of(body.get("pageSize"), 1440, 10_000)
        before = self.tokens.read(asked.text, body["pageToken"]).start_s if body.get("pageToken") else None
        family = family_of(str(body.get("dataSourceFamily", "")))
        seconds = float(window[1])
        windows, has_more = rollups.physical(
            self.world, person, data_type.name, bounds, int(seconds) if seconds.is_integer() else seconds,
            family=family, before_s=before, at_most=size,
        )  # fmt: skip
        token = self.tokens.make(asked.text, Place(int(windows.start_s[0]))) if has_more else None
        told = rollups.as_json(windows.newest(len(windows)), data_type.name, is_civil=False)
        return _page("RollUpDataPointsResponse", "rollupDataPoints", told, token)

    def _daily(self, asked: Asked) -> Answer:
        data_type, body = asked.data_type, asked.body
        _can_roll_up(data_type)
        first, last = _civil_range(body, data_type)
        window = body.get("windowSizeDays", 1)
        if not isinstance(window, int) or window < 1:
            raise errors.invalid("Invalid window size.", ("window_size_days", "Must be at least 1."))
        most = _DAILY_PAGES[data_type.rollup_days < 90]
        size = size_of(body.get("pageSize"), most, most)
        before = self.tokens.read(asked.text, body["pageToken"]).start_s if body.get("pageToken") else 2**50
        family = family_of(str(body.get("dataSourceFamily", "")))
        windows = rollups.civil(self.world, asked.person, data_type.name, (first, last), window, family)
        older = int(np.count_nonzero(windows.start_s < before))
        windows = rollups.Windows(
            windows.start_s[:older], windows.end_s[:older], {k: v[:older] for k, v in windows.values.items()}
        )
        page = windows.newest(size)
        token = self.tokens.make(asked.text, Place(int(page.start_s[-1]))) if len(windows) > size else None
        told = rollups.as_json(page, data_type.name, is_civil=True)
        return _page("DailyRollUpDataPointsResponse", "rollupDataPoints", told, token)


def family_of(text: str) -> str:
    """The last part of users/{user}/dataSourceFamilies/{family}. Raise Refused (400) for an unknown one."""
    if not text:
        return "all-sources"
    match = re.fullmatch(r"users/[^/]+/dataSourceFamilies/([^/]+)", text)
    if match is None or match[1] not in FAMILIES:
        raise errors.invalid("Invalid data source family.", ("data_source_family", f"Unknown family: {text}"))
    return match[1]


def _until(query: Query, place: Place, data_type: DataType) -> Query:
    """Days after the place need no look."""
    if place.start_s >= 2**50 or query.by == "end" or query.form == "civil":
        return query
    high = place.start_s + 1
    ranges = tuple((low, min(until, high)) for low, until in query.ranges if low < high)
    return Query(query.by, query.form, ranges or ((0, 0),))


def _page(schema: str, member: str, told: list[str], token: str | None) -> Answer:
    parts = [f'"{member}":[' + ",".join(told) + "]"] if told else []
    if token:
        parts.append(f'"nextPageToken":"{token}"')
    return Answer(schema, ("{" + ",".join(parts) + "}").encode(), len(told))


def _know_all(given: Iterable[str], known: set[str], told: str) -> None:
    for name in given:
        if name not in known:
            raise errors.invalid(f'Invalid JSON payload received. Unknown name "{name}": {told}')


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise errors.invalid("Invalid JSON payload received. Unexpected token.") from None
    if not isinstance(value, dict):
        raise errors.invalid("Invalid JSON payload received. Expected an object.")
    return value


def _can_roll_up(data_type: DataType) -> None:
    if not data_type.rollup_days:
        message = f"Data type {data_type.name} does not support this operation."
        raise errors.invalid(message, ("parent", message))


def _range(body: Mapping[str, Any], data_type: DataType) -> tuple[int, int]:
    asked = body.get("range") or {}
    try:
        bounds = str(asked["startTime"]), str(asked["endTime"])
        if not all(map(filters.FORMS["utc"].fullmatch, bounds)):
            raise ValueError
        start, end = map(as_seconds, bounds)
    except (KeyError, ValueError, TypeError):
        told = "start_time and end_time are required, in RFC 3339."
        raise errors.invalid("Invalid range.", ("range", told)) from None
    return _checked(start, end, DAY_S, data_type)


def _civil_range(body: Mapping[str, Any], data_type: DataType) -> tuple[int, int]:
    asked = body.get("range") or {}
    try:
        days = []
        for name in ("start", "end"):
            moment = asked[name]
            if any((moment.get("time") or {}).values()):
                raise errors.invalid("Invalid range.", ("range", "The start time must be aligned with the window."))
            date = moment["date"]
            days.append(
                int(np.datetime64(f"{date['year']:04d}-{date['month']:02d}-{date['day']:02d}").astype(np.int64))
            )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise errors.invalid("Invalid range.", ("range", "start and end are required.")) from None
    return _checked(days[0], days[1], 1, data_type)


def _checked(start: int, end: int, a_day: int, data_type: DataType) -> tuple[int, int]:
    if start >= end:
        raise errors.invalid("Invalid range.", ("range", "The start must be before the end."))
    if end - start > data_type.rollup_days * a_day:
        told = f"The range must not exceed {data_type.rollup_days} days for {data_type.name}."
        raise errors.invalid("Invalid range.", ("range", told))
    return start, end
