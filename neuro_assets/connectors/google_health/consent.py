"""Asking one participant for a consent: the address to go to, and what became of it.

Where the answer arrives, a loopback port or a pasted address, belongs in receiver.py and in the command.
"""

import hmac
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs

from neuro_assets.connectors.google_health import oauth
from neuro_assets.connectors.google_health.accounts import Accounts, Connection, unreadable_types
from neuro_assets.connectors.google_health.errors import (
    AccountError,
    AccountMismatchError,
    GrantRefusedError,
    NeedsReconsentError,
    TokenUnavailableError,
)
from neuro_assets.sources.google_health.data_types import DATA_TYPES, SCOPES

NotConnected = Literal[
    "denied",
    "timed_out",
    "expired_code",
    "wrong_state",
    "account_mismatch",
    "revoked",
    "no_health_account",
    "not_finished",
]
Ending = Literal["connected"] | NotConnected
# What the command ends with; 2 is an error of the study's own set-up, as everywhere.
EXIT_CODES: dict[Ending, int] = {
    "connected": 0,
    "not_finished": 2,
    "denied": 3,
    "timed_out": 4,
    "expired_code": 5,
    "wrong_state": 6,
    "account_mismatch": 7,
    "revoked": 8,
    "no_health_account": 9,
}
# What the participant reads in the browser.
PAGES: dict[Ending, tuple[str, str]] = {
    "connected": ("Connected", "Your data are now read for the study. You can close this window."),
    "denied": ("Not connected", "You did not agree, so nothing of yours is read. You can close this window."),
    "timed_out": ("Not connected", "The time for this was over. Please ask the study for a new link."),
    "expired_code": ("Not connected", "This answer is too old or was used already. Please ask for a new link."),
    "wrong_state": ("Not connected", "This answer belongs to another request. Please ask the study for a new link."),
    "account_mismatch": (
        "Not connected",
        "This is not the account that the study expects of you. Nothing of it is read. Please start again with the"
        " right account.",
    ),
    "revoked": ("Not connected", "You agreed, but the permission is gone already. Nothing of yours is read."),
    "no_health_account": (
        "Not connected",
        "This Google account has no health data. Please start again with the account that your device belongs to.",
    ),
    "not_finished": ("Not connected", "Something did not work on our side. Please tell the study; it is not you."),
}
_TRIES = 3
_LONGEST_WAIT_S = 5
_CODE = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True)
class Outcome:
    """How it ended.

    Attributes:
        ending: in one word.
        told: in a sentence, for whoever started it.
        unread: data types that were not allowed.
        error: what to raise, where the study's own set-up is at fault.
    """

    ending: Ending
    told: str
    unread: tuple[str, ...] = ()
    error: AccountError | None = field(default=None, repr=False)

    @property
    def code(self) -> int:
        """The command's exit code."""
        return EXIT_CODES[self.ending]


class Consent:
    """One question to one participant; its first answer counts, and every further one is told the same."""

    def __init__(self, accounts: Accounts, participant_id: str, redirect_uri: str) -> None:
        accounts.ready()
        self.participant_id = participant_id
        self._accounts = accounts
        self._redirect_uri = redirect_uri
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(64)
        self._once = threading.Lock()
        self._outcome: Outcome | None = None
        self.url = oauth.consent_url(accounts.settings, redirect_uri, self._state, self._verifier)
        accounts.note(participant_id, "asked", scopes=SCOPES)

    def answered(self, query: str) -> Outcome:
        """What becomes of the query that Google sends the browser back with."""
        with self._once:
            if self._outcome is None:
                self._outcome = self._judged({k: v[0] for k, v in parse_qs(query).items() if len(v) == 1})
            return self._outcome

    def timed_out(self) -> Outcome:
        """Nobody has answered."""
        with self._once:
            if self._outcome is None:
                self._outcome = self._ended("timed_out", "nobody answered in time; start again when there is time")
            return self._outcome

    def _judged(self, answer: dict[str, str]) -> Outcome:
        if not hmac.compare_digest(answer.get("state", "").encode(), self._state.encode()):
            return self._ended(
                "wrong_state", "the answer belongs to another request; start again, with the new address"
            )
        if answer.get("error") == "access_denied":
            return self._ended("denied", "the participant did not agree")
        code = answer.get("code")
        if not code:
            found = answer.get("error", "")
            word = found if _CODE.fullmatch(found) else "no code"
            return self._ended(
                "not_finished", f"Google asked nobody ({word}): look at the client and its redirect URIs"
            )
        try:
            granted = oauth.exchange(self._accounts.settings, code, self._verifier, self._redirect_uri)
        except GrantRefusedError:
            return self._ended("expired_code", "the code was too old or used already; start again")
        except AccountError as error:
            return self._ended("not_finished", str(error), error)
        return self._connected(granted)

    def _connected(self, granted: oauth.Granted) -> Outcome:
        """Whose account is it, and may it be this participant's?"""
        name, scopes = self.participant_id, SCOPES if granted.scopes is None else granted.scopes
        if {t.name for t in DATA_TYPES} <= set(unreadable_types(scopes)):
            return self._ended("denied", "the participant allowed none of what the study reads")
        try:
            connection = self._accounts.accept(name, granted, self._whose(granted))
        except oauth.NoHealthAccountError as error:
            return self._ended("no_health_account", f"{error}; start again with the one the device belongs to")
        except NeedsReconsentError as error:
            return self._ended("revoked", str(error))
        except AccountMismatchError as error:
            # Not revoked: by Google's rules that would end the consent of whoever the account belongs to.
            return Outcome("account_mismatch", str(error))
        except AccountError as error:
            return self._ended("not_finished", str(error), error)
        return self._welcome(connection)

    def _welcome(self, connection: Connection) -> Outcome:
        unread = tuple(unreadable_types(connection.scopes))
        return Outcome("connected", f"{self.participant_id} is connected", unread)

    def _whose(self, granted: oauth.Granted) -> oauth.Identity:
        for _ in range(_TRIES - 1):
            try:
                return oauth.identity_of(self._accounts.settings, granted.access_token)
            except TokenUnavailableError as error:
                time.sleep(1 if error.retry_after_s is None else min(error.retry_after_s, _LONGEST_WAIT_S))
        return oauth.identity_of(self._accounts.settings, granted.access_token)

    def _ended(self, ending: NotConnected, told: str, error: AccountError | None = None) -> Outcome:
        note = type(error).__name__ if error else ""
        self._accounts.note(self.participant_id, ending, note)
        return Outcome(ending, told, error=error)
