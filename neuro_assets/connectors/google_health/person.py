"""A participant's pull: who and where they are and when their tracker synced, then each data type, page by page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from neuro_assets.connectors.google_health.asking import PERMISSION_DENIED, Asker, AskError, Waiting
from neuro_assets.connectors.google_health.client import Request
from neuro_assets.connectors.google_health.errors import AccountError, AccountMismatchError
from neuro_assets.connectors.google_health.spool import Spool
from neuro_assets.connectors.google_health.windows import DAY, Days, TypeState, delta, filter_of, ranges
from neuro_assets.sources.google_health.account import (
    decode_devices,
    decode_identity,
    decode_settings,
    without_identifiers,
)
from neuro_assets.sources.google_health.around import Around, offsets_of, zone_offset
from neuro_assets.sources.google_health.chunks import EMPTY, chunks_of
from neuro_assets.sources.google_health.contract import ContractError, decode_page
from neuro_assets.sources.google_health.data_types import (
    FINGERPRINT,
    HEART_RATE,
    HEART_RATE_RAW,
    ROLLUP_S,
    DataType,
    Reading,
)
from neuro_assets.sources.google_health.pages import fingerprint, next_page_of
from neuro_assets.sources.google_health.pull_file import PersonPull, PullWriter, TypePull, ZoneBefore
from neuro_assets.study_google_health import GoogleHealthRules

_MOST_PAGES = 10_000
# Their points are as many as a person's minutes, and each has its offset: the clock of roll-ups, which have none.
CLOCKS = ("steps", "distance")
_TOLD = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """What is to be pulled of a participant.

    Attributes:
        participant_id: as the study names them.
        types: what to ask for, in this order.
        states: data type -> what earlier pulls know of it.
        presence: the days on which they take part; no other is asked for.
        days: these days and no others, for a backfill; none: what the states say.
        zone: the protocol's, where the account does not tell one.
        fingerprints: what the days of heart rate looked like, where samples are read.
        lacks: data types without the person's consent, and `settings`.
        consented_at: when they last consented.
        zones_before: zones that the account had, each until when it is known; in order.
    """

    participant_id: str
    types: tuple[DataType, ...]
    states: Mapping[str, TypeState]
    presence: tuple[date, date | None]
    days: Days | None = None
    zone: str | None = None
    fingerprints: Mapping[date, str] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    consented_at: datetime | None = None
    zones_before: tuple[ZoneBefore, ...] = ()


class PersonJob:
    """Pulls one participant. `run` is driven from outside; afterwards `finish` has the account of it."""

    def __init__(
        self, task: Task, asker: Asker, rules: GoogleHealthRules, remember: "Remember", clock: Callable[[], datetime]
    ) -> None:
        """`remember` is told the account's ids, which may refuse them; `clock` tells the moment in UTC."""
        self.task, self._asker, self._rules, self._remember = task, asker, rules, remember
        self._clock, self._spool = clock, Spool(clock)
        self._types: list[TypePull] = []
        self._zone: str | None = task.zones_before[-1].zone if task.zones_before else task.zone
        self._syncs: set[datetime] = set()

    def run(self) -> Waiting[None]:
        """Everything, one request a step."""
        try:
            yield from self._account()
        except AskError as error:
            self._give_up(self.task.types, error)
            return
        for n, data_type in enumerate(self.task.types):
            try:
                yield from self._data_type(data_type)
            except AskError as error:
                if error.ends_all:
                    self._give_up(self.task.types[n:], error)
                    return
                self._add(data_type, error=error)

    def finish(self, writer: PullWriter) -> None:
        """Write the pages and what came of them into a pull file."""
        try:
            pages = self._spool.into(writer)
            pulled = PersonPull(
                participant_id=self.task.participant_id,
                zone=self._zone,
                last_sync_at=max(self._syncs, default=None),
                types=self._types,
                pages=pages,
                tracker_syncs=sorted(self._syncs),
                zones_before=self._zones_before(),
            )
            writer.person(pulled)
        finally:
            self._spool.close()

    # -- the account ---------------------------------------------------------------------------------------------

    def _account(self) -> Waiting[None]:
        """Who it is, which zone, and when the tracker last handed over its data. Ids are not kept with the data."""
        try:
            answer = yield from self._asker.ask(Request("GET", "/v4/users/me/identity"))
        except AskError as error:
            if error.code == PERMISSION_DENIED:
                yield from self._asker.lose_consent("RESOURCE_PERMISSION_DENIED")
                raise AskError("needs_reconsent", error.code, str(error), ends_all=True) from None
            raise
        identity = _read(lambda: decode_identity(answer.body, self._rules.unknown_fields))
        self._remember(self.task.participant_id, identity.health_user_id, identity.legacy_user_id)
        if "settings" not in self.task.lacks:
            yield from self._beside("settings", self._settings())
            yield from self._beside("pairedDevices", self._devices())

    def _beside(self, name: str, asking: Waiting[None]) -> Waiting[None]:
        """Ask for what data can be read without; what is refused for good is told of, and tried again as they are."""
        state = self.task.states.get(name, TypeState())
        until = state.resting_until(self.task.consented_at)
        if until is not None and self._clock() < until:
            return
        try:
            yield from asking
        except AskError as error:
            if error.ends_all or error.outcome == "failed":
                raise
            self._add(name, error=error)
            return
        if state.outcome not in {None, "complete"}:
            self._add(name)  # it was refused before, and is not any more

    def _settings(self) -> Waiting[None]:
        request = Request("GET", "/v4/users/me/settings")
        answer = yield from self._asker.ask(request)
        self._spool.add("settings", request.told(), answer.body)
        self._zone = _read(lambda: decode_settings(answer.body, self._rules.unknown_fields)).time_zone or self._zone

    def _devices(self) -> Waiting[None]:
        token, seen = "", set[str]()
        while True:
            request = Request("GET", "/v4/users/me/pairedDevices", {"pageSize": "100", **_page(token)})
            body = (yield from self._asker.ask(request)).body
            devices = _read(lambda body=body: decode_devices(body, self._rules.unknown_fields))
            self._spool.add("pairedDevices", request.told(), body, without_identifiers(body))
            for device in devices.paired_devices:
                if device.device_type == "TRACKER" and isinstance(device.last_sync_time, str):
                    self._syncs.add(datetime.fromisoformat(device.last_sync_time))
            if not (token := devices.next_page_token):
                return
            _see(token, seen)

    def _zones_before(self) -> list[ZoneBefore]:
        """The zones of before, without that which the account still has."""
        known = list(self.task.zones_before)
        while known and known[-1].zone == self._zone:
            known.pop()
        return known

    # -- the data ------------------------------------------------------------------------------------------------

    def _data_type(self, data_type: DataType) -> Waiting[None]:
        if data_type.name in self.task.lacks:
            message = "the participant did not consent to this kind of data"
            raise AskError("needs_reconsent", "scope_missing", message)
        state = self.task.states.get(data_type.name, TypeState())
        now = self._clock()
        if (until := state.resting_until(self.task.consented_at)) is not None and now < until:
            return
        presence, syncs = self.task.presence, self._syncs
        days = self.task.days or delta(data_type, state, now, self._zone, self._rules, presence, syncs)
        if days is None:
            return
        before = self._asker.requests
        if data_type.method == "rollup" and self._zone is None:
            # Its windows are in UTC: without a zone nobody knows their days.
            raise AskError("failed", "zone_unknown", "neither the account nor the protocol says the time zone")
        clocks = [t for t in self._types if t.data_type in CLOCKS]
        if data_type.method == "rollup" and clocks and all(t.outcome == "failed" for t in clocks):
            message = f"{clocks[0].data_type} failed, by which its days are told where the person was not at home"
            raise AskError("failed", "clock_unknown", message)
        only: list[date] | None = None
        try:
            if data_type is HEART_RATE_RAW and days.is_open:
                at, only = yield from self._changed_heart_rate(days, now, is_first=state.fetched_at is None)
            else:
                ask = self._rollups if data_type.method == "rollup" else self._points
                at = yield from ask(data_type, days, now)
        except AskError as error:
            self._add(data_type, days, self._asker.requests - before, error=error)
            if error.ends_all:
                raise
            return
        self._add(data_type, days, self._asker.requests - before, at, only=only)

    def _points(self, data_type: DataType, days: Days, now: datetime) -> Waiting[datetime]:
        """All points of the days, as they are listed or reconciled; returns when the last page was there."""
        way = ":reconcile" if self._rules.reading == "reconcile" else ""
        path = f"/v4/users/me/dataTypes/{data_type.name}/dataPoints{way}"
        query = {"filter": filter_of(data_type, days, now), "pageSize": str(data_type.page_size)}
        return (yield from self._pages(data_type.name, lambda token: Request("GET", path, {**query, **_page(token)})))

    def _rollups(self, data_type: DataType, days: Days, now: datetime, kept_as: str = "") -> Waiting[datetime]:
        """All windows of the days; a range longer than the interface allows is asked for in parts."""
        path = f"/v4/users/me/dataTypes/{data_type.name}/dataPoints:rollUp"
        at = now
        for start, end in ranges(days, now):
            span = {"startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
            asked = {"range": span, "windowSize": f"{ROLLUP_S}s", "pageSize": data_type.page_size}

            def request(token: str, asked: dict = asked) -> Request:
                return Request("POST", path, body={**asked, **_page(token)})

            at = yield from self._pages(kept_as or data_type.name, request)
        return at

    def _changed_heart_rate(self, days: Days, now: datetime, *, is_first: bool) -> Waiting[tuple[datetime, list[date]]]:
        """Samples of the days on which their roll-up is another one than before: a day of them is tens of thousands.

        Returns:
            When the last page was there, and which days those are.
        """
        before = self._asker.requests
        at = seen_at = yield from self._rollups(HEART_RATE, days, now, FINGERPRINT)
        requests = self._asker.requests - before
        bodies, zone = self._spool.bodies(FINGERPRINT), self._zone or "UTC"
        frames = _read(lambda: fingerprint(bodies, zone, self._zones_before()))
        digests = {day: digest for frame in frames.values() for day, _, digest in chunks_of(frame)}
        every = [days.first + n * DAY for n in range((days.last - days.first).days + 1)]
        # Of a first pull all days are asked for: what is there of another account, or of files, may be otherwise.
        looks = self.task.fingerprints
        changed = [d for d in every if is_first or digests.get(d, EMPTY) != looks.get(d, EMPTY)]
        for span in _runs(changed, days):
            at = yield from self._points(HEART_RATE_RAW, span, now)
        beside = [d for d in every if d not in changed and {d - DAY, d + DAY} & set(changed)]
        if beside and self._is_away():
            # Minutes are counted to days by the account's zone, samples by where they were measured.
            for span in _runs(beside, days):
                at = yield from self._points(HEART_RATE_RAW, span, now)
            changed = sorted([*changed, *beside])
        self._add(HEART_RATE, days, requests, seen_at, name=FINGERPRINT)
        return at, changed

    def _is_away(self) -> bool:
        """Whether samples are, or may have been, of another clock than that of the account's zone."""
        reading: Reading = "list" if self._rules.reading == "list" else "reconcile"
        bodies = self._spool.bodies(HEART_RATE_RAW.name)
        zone, points = Around(self._zone or "UTC", zones_before=self._zones_before()), 0
        for body in bodies:
            told = offsets_of([_read(lambda body=body: decode_page(body, HEART_RATE_RAW, reading, "note"))])
            if (told["offset_min"] != zone_offset(told["start"], zone)).any():
                return True
            points += told.height
        return points == 0

    def _pages(self, name: str, request: Callable[[str], Request]) -> Waiting[datetime]:
        """Page by page until none follows; an empty page may be followed by others. What they hold is read later."""
        token, seen = "", set[str]()
        while True:
            asked = request(token)
            body = (yield from self._asker.ask(asked)).body
            at = self._spool.add(name, asked.told(), body)
            token = _read(lambda body=body: next_page_of(body))
            if not token:
                return at
            _see(token, seen)

    # -- the account of it ---------------------------------------------------------------------------------------

    def _add(
        self,
        data_type: DataType | str,
        days: Days | None = None,
        requests: int = 0,
        at: datetime | None = None,
        *,
        error: AskError | None = None,
        name: str = "",
        only: list[date] | None = None,
    ) -> None:
        reading = None
        if not isinstance(data_type, str):
            reading = "rollUp" if data_type.method == "rollup" else self._rules.reading
        self._types.append(
            TypePull(
                data_type=name or (data_type if isinstance(data_type, str) else data_type.name),
                outcome=error.outcome if error else "complete",
                fetched_at=at or self._clock(),
                first_day=days.first if days else None,
                last_day=days.last if days else None,
                only=only,
                is_delta=days is not None and self.task.days is None,
                reading=reading,
                requests=requests,
                error_code=error.code if error else None,
                error=str(error)[:_TOLD] if error else None,
            )
        )

    def _give_up(self, types: tuple[DataType, ...], error: AskError) -> None:
        told = {t.data_type for t in self._types}
        for data_type in types:
            if data_type.name not in told:
                self._add(data_type, error=error)


class IdentityKeeper(Protocol):
    """What `Remember` needs of accounts."""

    def remember_identity(self, participant_id: str, health_user_id: str, legacy_user_id: str) -> None:
        """Keep the ids, encrypted."""
        ...


class Remember:
    """Told a participant's ids at Google; raises `AskError` where the account is another person's."""

    def __init__(self, accounts: IdentityKeeper) -> None:
        """`accounts`: keeps them, encrypted."""
        self._accounts = accounts

    def __call__(self, participant_id: str, health_user_id: str, legacy_user_id: str) -> None:
        """Keep the ids, or refuse the account."""
        try:
            self._accounts.remember_identity(participant_id, health_user_id, legacy_user_id)
        except AccountMismatchError as error:
            raise AskError("failed", "account_mismatch", str(error), ends_all=True) from None
        except AccountError as error:
            raise AskError("failed", type(error).__name__, str(error), ends_all=True) from None


def _runs(changed: list[date], days: Days) -> Iterator[Days]:
    """Days side by side, the latest first; the last day of all stays open."""
    while changed:
        last = first = changed[-1]
        changed = changed[:-1]
        while changed and changed[-1] == first - DAY:
            first = changed[-1]
            changed = changed[:-1]
        yield Days(first, last, is_open=days.is_open and last == days.last)


def _see(token: str, seen: set[str]) -> None:
    """Refuse a page that was there before."""
    if token in seen or len(seen) >= _MOST_PAGES:
        raise AskError("failed", "contract", "the pages go on in a circle")
    seen.add(token)


def _page(token: str) -> dict[str, str]:
    return {"pageToken": token} if token else {}


def _read(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except ContractError as error:
        raise AskError("failed", "contract", str(error)) from None
