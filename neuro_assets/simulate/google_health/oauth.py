"""Google's OAuth 2.0 for web server and desktop apps: codes, tokens, refreshes, revocation. No HTTP here.

Source: developers.google.com/identity/protocols/oauth2 (web-server, native-app), RFC 6749, RFC 7636.
"""

import base64
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock

from neuro_assets.simulate.google_health.catalogue import SCOPE, SCOPES
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.world import World

ACCESS_S, CODE_S = 3599, 600
CLIENT_ID = "123456789-fake.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-fake-client-secret"  # noqa: S105 - of the fake


class OAuthError(Exception):
    """An answer of the token endpoint: {"error", "error_description"}."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.status, self.body = status, {"error": error, "error_description": description}


@dataclass
class Grant:
    """A consent: whose, which scopes, and how often it was refreshed."""

    person: str
    scopes: tuple[str, ...]
    epoch: int
    refreshed: int = 0


@dataclass(frozen=True)
class Code:
    """An authorization code and what it is bound to."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    is_offline: bool
    expires: float


@dataclass
class Tokens:
    """What has been given out and still holds, or has ended by itself. A code is gone once it has been tried."""

    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)


class OAuth:
    """The authorization server. `refreshes` counts refresh requests by person; `clock` is real time by default.

    Args:
        world: whose people consent.
        rotate_every: every k-th refresh of a grant gives a new refresh token and ends the old one; 0: never.
        access_s: how long an access token holds, seconds.
        client_id: of the only client.
        client_secret: of the only client.
        clock: seconds since the epoch.
    """

    def __init__(
        self, world: World, *, rotate_every: int = 0, access_s: int = ACCESS_S, client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.world, self.rotate_every, self.access_s, self.clock = world, rotate_every, access_s, clock
        self.client_id, self.client_secret = client_id, client_secret
        self.tokens, self.lock = Tokens(), RLock()
        self.refreshes: Counter[str] = Counter()
        self._consented: set[str] = set()

    # What the consent page does

    def consent(
        self, person: Person, scopes: Iterable[str], redirect_uri: str, challenge: str | None, *,
        is_offline: bool, asks_again: bool,
    ) -> str:  # fmt: skip
        """The code for a person who allowed these scopes. A refresh token comes of it as Google gives one."""
        with self.lock:
            code = f"4/0A{secrets.token_urlsafe(40)}"
            gives_refresh = is_offline and (asks_again or person.id not in self._consented)
            grant = self._grant(person, tuple(scopes))
            expires = self.clock() + CODE_S
            self.tokens.codes[code] = Code(grant, redirect_uri, challenge, gives_refresh, expires)
            return code

    def connect(self, person: Person, scopes: tuple[str, ...] = SCOPES) -> dict[str, object]:
        """Tokens without a browser."""
        with self.lock:
            return self._issued(self._grant(person, scopes), with_refresh=True)

    def _grant(self, person: Person, scopes: tuple[str, ...]) -> Grant:
        self.world.consent_again(person)
        return Grant(person.id, scopes, self.world.epoch[person.id])

    # What the token endpoint does

    def exchange(self, form: dict[str, str]) -> dict[str, object]:
        """The answer to a token request. Raises OAuthError as Google refuses."""
        with self.lock:
            if form.get("client_id") != self.client_id:
                raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
            if not secrets.compare_digest(form.get("client_secret", ""), self.client_secret):
                raise OAuthError("invalid_client", "Unauthorized", 401)
            kind = form.get("grant_type")
            if kind == "authorization_code":
                return self._of_code(form)
            if kind == "refresh_token":
                return self._refreshed(form)
            raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind}")

    def _of_code(self, form: dict[str, str]) -> dict[str, object]:
        text = form.get("code", "")
        code = self.tokens.codes.pop(text, None)
        if code is None:
            raise OAuthError("invalid_grant", "Malformed auth code." if not text.startswith("4/") else "Bad Request")
        if code.expires <= self.clock() or not self._is_live(code.grant):
            raise OAuthError("invalid_grant", "Bad Request")
        if code.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        self._verify(code, form.get("code_verifier"))
        self._consented.add(code.grant.person)
        return self._issued(code.grant, with_refresh=code.is_offline)

    @staticmethod
    def _verify(code: Code, verifier: str | None) -> None:
        if code.challenge is None:
            return
        if not verifier:
            raise OAuthError("invalid_grant", "Missing code verifier.")
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            raise OAuthError("invalid_grant", "Invalid code verifier.")

    def _refreshed(self, form: dict[str, str]) -> dict[str, object]:
        text = form.get("refresh_token", "")
        grant = self.tokens.refresh.get(text)
        if grant is not None:
            self.refreshes[grant.person] += 1
        if grant is None or not self._is_live(grant):
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        grant.refreshed += 1
        rotates = bool(self.rotate_every) and grant.refreshed % self.rotate_every == 0
        if rotates:
            del self.tokens.refresh[text]
        return self._issued(grant, with_refresh=rotates)

    def _issued(self, grant: Grant, *, with_refresh: bool) -> dict[str, object]:
        access = f"ya29.{secrets.token_urlsafe(64)}"
        self.tokens.access[access] = grant, self.clock() + self.access_s
        answer: dict[str, object] = {"access_token": access, "expires_in": self.access_s}
        if with_refresh:
            answer["refresh_token"] = f"1//0{secrets.token_urlsafe(48)}"
            self.tokens.refresh[str(answer["refresh_token"])] = grant
        return answer | {"scope": " ".join(grant.scopes), "token_type": "Bearer"}

    # What the API asks

    def bearer(self, token: str) -> Grant | None:
        """The grant behind an access token that still holds."""
        with self.lock:
            grant, expires = self.tokens.access.get(token, (None, 0.0))
            return grant if grant and expires > self.clock() and self._is_live(grant) else None

    def revoke(self, token: str) -> None:
        """End the consent behind a token. Raises OAuthError for one that is unknown or has ended."""
        with self.lock:
            grant = self.tokens.refresh.get(token) or self.tokens.access.get(token, (None, 0.0))[0]
            if grant is None or not self._is_live(grant):
                raise OAuthError("invalid_token", "Token expired or revoked")
            self.world.revoke(grant.person)
            self._consented.discard(grant.person)

    def expire_access(self, person: str) -> None:
        """Access tokens of a person hold no longer; the refresh token still does."""
        with self.lock:
            for token, (grant, _) in self.tokens.access.items():
                if grant.person == person:
                    self.tokens.access[token] = grant, 0.0

    def expire_codes(self) -> None:
        """No code that was given out can be exchanged any more."""
        with self.lock:
            self.tokens.codes = {
                text: Code(c.grant, c.redirect_uri, c.challenge, c.is_offline, 0.0)
                for text, c in self.tokens.codes.items()
            }

    def _is_live(self, grant: Grant) -> bool:
        return self.world.epoch[grant.person] == grant.epoch


def has_scope(grant: Grant, *names: str) -> bool:
    """Whether one of the scopes was granted, with or without `.readonly`."""
    return any(f"{SCOPE}{name}.readonly" in grant.scopes for name in names)
