"""Participants' accounts: who is connected, a token that is good now, and whose account it may be.

Two processes that need one participant's token at once make one request. Asking a participant belongs in consent.py.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from neuro_assets.connectors.google_health import oauth
from neuro_assets.connectors.google_health.errors import (
    AccountMismatchError,
    ClientRefusedError,
    GrantRefusedError,
    NeedsReconsentError,
    NotConnectedError,
    TokenKeyError,
    VaultError,
)
from neuro_assets.connectors.google_health.keys import find_keys, need_keys
from neuro_assets.connectors.google_health.oauth import Granted, Identity
from neuro_assets.connectors.google_health.vault import NO_TOKENS, Entry, Event, Status, Vault, What
from neuro_assets.settings import Settings
from neuro_assets.sources.google_health.data_types import DATA_TYPES, SCOPE, SCOPES
from neuro_assets.study import Study, load_study

# A token is handed out only if it is good for so long still.
_LEAST_LIFE = timedelta(seconds=60)
# Longer than a refresh takes at worst, by the time limits of its request.
_LOCK_S = 120
# Sources whose ids are those that Google calls legacyUserId.
_LEGACY_VENDORS = ("fitbit_web_api", "takeout")
_SEPARATOR = "\n"


@dataclass(frozen=True)
class Connection:
    """A participant's connection, as far as it can be told without a key.

    Attributes:
        participant_id: whose.
        status: `connected` is the only one with which anything is asked of Google.
        since: when the status began.
        scopes: what was granted.
        has_legacy_id: the account had a Fitbit id before.
    """

    participant_id: str
    status: Status
    since: datetime
    scopes: tuple[str, ...] = ()
    has_legacy_id: bool = False

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """What was asked for and not granted."""
        return tuple(s for s in SCOPES if s not in self.scopes)


def unreadable_types(scopes: tuple[str, ...]) -> list[str]:
    """What cannot be read with these scopes: names of data types, and `settings` and `pairedDevices`."""
    names = [t.name for t in DATA_TYPES if f"{SCOPE}{t.scope}.readonly" not in scopes]
    return names + (["settings", "pairedDevices"] if f"{SCOPE}settings.readonly" not in scopes else [])


class Accounts:
    """The accounts of a study's participants."""

    def __init__(self, settings: Settings, study: Study | None = None) -> None:
        self.settings = settings
        self.vault = Vault(settings)
        self._study = study

    @classmethod
    def of(cls, settings: Settings) -> "Accounts":
        """The accounts of a home."""
        return cls(settings)

    @property
    def study(self) -> Study:
        """The protocol, which knows the participants and their ids at other vendors."""
        if self._study is None:
            self._study = load_study(self.settings.study_path)
        return self._study

    def people(self) -> list[Connection]:
        """Everybody who was ever asked, by participant; needs no key."""
        return [_connection(entry) for entry in self.vault.entries()]

    def find(self, participant_id: str) -> Connection | None:
        """One participant's connection, if there ever was one; needs no key."""
        entry = self.vault.find(participant_id)
        return entry and _connection(entry)

    def forgotten_at(self) -> dict[str, datetime]:
        """Participant -> when it was forgotten whose account theirs was; what was pulled before is another's."""
        return {who: event.at for who, event in self.vault.history() if event.what == "account_forgotten"}

    def access_token(self, participant_id: str, *, now: datetime | None = None) -> str:
        """A token that is good for a minute at least; refreshed where it is not, by one process at a time.

        Raises:
            NotConnectedError: there is no connection.
            NeedsReconsentError: the consent is no longer good; Google is not asked again until there is a new one.
            TokenUnavailableError: Google did not answer as it should; later it may.
            ClientRefusedError: Google does not take the study's client.
            TokenKeyError: the tokens do not open with the keys there are.
        """
        moment = now or datetime.now(UTC)
        entry = self._connected(participant_id)
        if _is_good(entry, moment):
            return self._tokens(entry)[0]
        with self._alone(participant_id):
            entry = self._connected(participant_id)
            return self._tokens(entry)[0] if _is_good(entry, moment) else self._refreshed(entry, moment)

    def refuse_token(self, participant_id: str, token: str, *, now: datetime | None = None) -> str:
        """After a 401 with this token: another one, refreshed unless somebody has done that already.

        Raises: as `access_token`.
        """
        with self._alone(participant_id):
            entry = self._connected(participant_id)
            stored = self._tokens(entry)[0]
            return stored if stored != token else self._refreshed(entry, now or datetime.now(UTC))

    def needs_reconsent(
        self, participant_id: str, why: str, token: str | None = None, *, now: datetime | None = None
    ) -> None:
        """Take down that the consent is no longer good, as a refused permission shows.

        Args:
            participant_id: whose.
            why: for the history, in words of ours such as the reason `RESOURCE_PERMISSION_DENIED`.
            token: the one that was refused; where another is stored by now, nothing changes.
            now: the moment.
        """
        with self._alone(participant_id):
            entry = self.vault.find(participant_id)
            if entry is None or entry.status != "connected" or (token and self._tokens(entry)[0] != token):
                return
            self._lose(entry, "permission_lost", now or datetime.now(UTC), why)

    def remember_identity(
        self, participant_id: str, health_user_id: str, legacy_user_id: str | None, *, now: datetime | None = None
    ) -> None:
        """Keep whose account it is, the first time; afterwards see that it still is.

        Raises:
            AccountMismatchError: it is another account than before, one that is connected as another participant, or
                by the participants file another person's. It is in the history then, once.
        """
        found = Identity(health_user_id, legacy_user_id or None)
        with self._alone(participant_id), self.vault.writing():
            entry = self.vault.find(participant_id)
            known = entry and self._identity(entry)
            if known and found in (known, Identity(known.health_user_id)):
                return
            self._refuse_other(participant_id, found, now or datetime.now(UTC))
            self.vault.write(participant_id, **_identity_columns(found))

    def accept(
        self, participant_id: str, granted: Granted, identity: Identity | None = None, *, now: datetime | None = None
    ) -> Connection:
        """Connect a participant with the tokens of a consent; nothing is stored if the account is another's.

        Raises:
            AccountMismatchError: as `remember_identity`.
            GrantRefusedError: there is no refresh token among them.
        """
        moment = now or datetime.now(UTC)
        if not granted.refresh_token:
            raise GrantRefusedError("Google gave no refresh token: without one nothing can be read tomorrow")
        scopes = SCOPES if granted.scopes is None else granted.scopes
        values: dict[str, object] = {
            "status": "connected",
            "since": moment,
            "scopes": scopes,
            **_token_columns(granted, granted.refresh_token, moment),
        }
        with self._alone(participant_id), self.vault.writing():
            if identity:
                self._refuse_other(participant_id, identity, moment)
                values |= _identity_columns(identity)
            self.vault.write(participant_id, Event("granted", moment, scopes), **values)
        return Connection(participant_id, "connected", moment, scopes, bool(identity and identity.legacy_user_id))

    def note(self, participant_id: str, what: What, note: str = "", scopes: tuple[str, ...] = ()) -> None:
        """Add to a participant's history. A denial is the status of who was never connected."""
        moment = datetime.now(UTC)
        with self._alone(participant_id):
            entry = self.vault.find(participant_id)
            is_first = entry is None or entry.status == "not_connected"
            status = {"status": "denied", "since": moment} if what == "denied" and is_first else {}
            self.vault.write(participant_id, Event(what, moment, scopes, note), **status)

    def disconnect(self, participant_id: str, *, is_forgotten: bool = False) -> bool:
        """End a connection: revoke it at Google, delete the tokens, keep the history; whether Google says it is gone.

        Args:
            participant_id: whose.
            is_forgotten: forget as well whose account it was, so that the participant can come with another.

        Raises:
            NotConnectedError: there never was one.
        """
        with self._alone(participant_id):
            entry = self.vault.find(participant_id)
            is_on = entry is not None and entry.status in {"connected", "needs_reconsent"}
            if entry is None or not (is_on or is_forgotten):
                raise NotConnectedError(f"'{participant_id}' is not connected")
            is_gone, moment = self._revoked(entry), datetime.now(UTC)
            if is_gone:
                self.vault.write(participant_id, Event("revoked", moment))
            if is_on:
                ended: dict[str, object] = {"status": "disconnected", "since": moment, **NO_TOKENS}
                self.vault.write(participant_id, Event("disconnected", moment), **ended)
            if is_forgotten:
                forgotten = {"health_user_id": None, "legacy_user_id": None}
                self.vault.write(participant_id, Event("account_forgotten", moment), **forgotten)
            return is_gone

    def ready(self) -> None:
        """See that what a consent gives could be stored, before anybody is asked for one.

        Raises:
            ClientRefusedError: the study's client is not set.
            TokenKeyError: there is no key, or another one than the connections need.
        """
        oauth.client_of(self.settings)
        keys = need_keys(self.settings)
        if lost := self.vault.unreadable():
            raise TokenKeyError(
                f"{len(lost)} connections, such as that of '{lost[0]}', do not open with the key of {keys.place}: put"
                " the one there that they were encrypted with; if it is lost, `neuro keys new --lost`"
            )

    def _alone(self, participant_id: str) -> AbstractContextManager[None]:
        return self.vault.held(participant_id, _LOCK_S)

    def _connected(self, participant_id: str) -> Entry:
        entry = self.vault.find(participant_id)
        if entry is not None and entry.status == "needs_reconsent":
            raise _must_consent(participant_id, entry.since)
        if entry is None or entry.status != "connected" or entry.tokens is None:
            raise NotConnectedError(
                f"'{participant_id}' is not connected: `neuro participants connect {participant_id}`"
            )
        return entry

    def _revoked(self, entry: Entry) -> bool:
        try:
            return entry.tokens is not None and oauth.revoke(self.settings, self._tokens(entry)[1])
        except (TokenKeyError, VaultError):
            # Who wants out gets out, also where the key is lost.
            return False

    def _tokens(self, entry: Entry) -> tuple[str, str]:
        """Access and refresh token."""
        access, refresh = (self.vault.reveal(entry, "tokens") or _SEPARATOR).split(_SEPARATOR)
        return access, refresh

    def _identity(self, entry: Entry) -> Identity | None:
        health = self.vault.reveal(entry, "health_user_id")
        return Identity(health, self.vault.reveal(entry, "legacy_user_id")) if health else None

    def _refreshed(self, entry: Entry, moment: datetime) -> str:
        """Ask for a new token, and store what comes before anybody uses it; only for who is `_alone`."""
        name = entry.participant_id
        before = self._tokens(entry)[1]
        # A disk that is full shows here, before an answer could be lost on it.
        self.vault.write(name, refresh_begun_at=moment)
        granted = self._asked(entry, before, moment)
        columns: dict[str, object] = {
            **_token_columns(granted, granted.refresh_token or before, moment),
            "refresh_begun_at": None,
        }
        event = None
        if granted.scopes is not None and set(granted.scopes) != set(entry.scopes):
            event = Event("scopes_changed", moment, granted.scopes)
            columns["scopes"] = granted.scopes
        self.vault.write(name, event, **columns)
        return granted.access_token

    def _asked(self, entry: Entry, refresh_token: str, moment: datetime) -> Granted:
        try:
            return oauth.refresh(self.settings, refresh_token)
        except ClientRefusedError:
            self.vault.write(entry.participant_id, refresh_begun_at=entry.refresh_begun_at)
            raise
        except GrantRefusedError:
            used_up = "; a refresh before got no answer, and may have used the token up"
            why = "invalid_grant" + (used_up if entry.refresh_begun_at else "")
        self._lose(entry, "refreshed_lost", moment, why, **NO_TOKENS)
        raise _must_consent(entry.participant_id, moment)

    def _lose(self, entry: Entry, what: What, moment: datetime, why: str, **columns: object) -> None:
        event = Event(what, moment, entry.scopes, why)
        self.vault.write(entry.participant_id, event, status="needs_reconsent", since=moment, **columns)

    def _refuse_other(self, participant_id: str, found: Identity, moment: datetime) -> None:
        told = next((t for t in (check(participant_id, found) for check in self._checks) if t), None)
        if told is None:
            return
        last = self.vault.history(participant_id)[-1:]
        if not last or (last[0][1].what, last[0][1].note) != ("account_mismatch", told):
            self.vault.write(participant_id, Event("account_mismatch", moment, note=told))
        raise AccountMismatchError(
            f"the account is not that of '{participant_id}': {told}. Nothing was connected; if that is wrong, mend the"
            f" participants file, or `neuro participants disconnect {participant_id} --forget-account`"
        )

    @property
    def _checks(self) -> tuple[Callable[[str, Identity], str | None], ...]:
        return self._differs_from_before, self._is_in_use, self._is_of_other_alias

    def _differs_from_before(self, participant_id: str, found: Identity) -> str | None:
        entry = self.vault.find(participant_id)
        before = entry and self._identity(entry)
        if before and before.health_user_id != found.health_user_id:
            return "it is another account than before"
        if before and before.legacy_user_id and found.legacy_user_id not in {None, before.legacy_user_id}:
            return "its Fitbit id is another than before"
        return None

    def _is_in_use(self, participant_id: str, found: Identity) -> str | None:
        keys = find_keys(self.settings)
        for entry in self.vault.entries():
            name, sealed = entry.participant_id, entry.health_user_id
            if name == participant_id or entry.status not in {"connected", "needs_reconsent"} or not (keys and sealed):
                continue
            if keys.reveal(name, "health_user_id", sealed) == found.health_user_id:
                return f"it is connected as '{name}'"
        return None

    def _is_of_other_alias(self, participant_id: str, found: Identity) -> str | None:
        if found.legacy_user_id is None:
            return None
        for person in self.study.people:
            aliases = {a for vendor in _LEGACY_VENDORS for a in person.aliases.get(vendor, ())}
            if person.participant_id == participant_id and aliases and found.legacy_user_id not in aliases:
                return "the participants file gives this participant another Fitbit id"
            if person.participant_id != participant_id and found.legacy_user_id in {person.participant_id, *aliases}:
                return f"by the participants file its Fitbit id is that of '{person.participant_id}'"
        return None


def _must_consent(participant_id: str, since: datetime) -> NeedsReconsentError:
    return NeedsReconsentError(
        f"'{participant_id}' has to consent again, since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC:"
        f" `neuro participants connect {participant_id}`"
    )


def _is_good(entry: Entry, moment: datetime) -> bool:
    return entry.access_expires_at is not None and entry.access_expires_at - moment >= _LEAST_LIFE


def _token_columns(granted: Granted, refresh_token: str, moment: datetime) -> dict[str, object]:
    return {
        "tokens": _SEPARATOR.join((granted.access_token, refresh_token)),
        "access_expires_at": moment + timedelta(seconds=granted.expires_in_s),
    }


def _identity_columns(found: Identity) -> dict[str, object]:
    """A Fitbit id that is known stays where an answer has none."""
    legacy: dict[str, object] = {"legacy_user_id": found.legacy_user_id} if found.legacy_user_id else {}
    return {"health_user_id": found.health_user_id} | legacy


def _connection(entry: Entry) -> Connection:
    return Connection(
        entry.participant_id,
        entry.status,
        entry.since,
        entry.scopes,
        entry.legacy_user_id is not None,
    )
