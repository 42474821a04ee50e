"""Google's OAuth endpoints, and whose account a token opens: one request each, answers judged, errors without secrets.

OAuth 2.0 (RFC 6749), PKCE (RFC 7636), revocation (RFC 7009). When to ask, and storing, belongs in accounts.py.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from urllib3.exceptions import HTTPError

from neuro_assets.connectors.google_health.client import Bearer
from neuro_assets.connectors.google_health.errors import (
    ClientRefusedError,
    GrantRefusedError,
    NeedsReconsentError,
    TokenUnavailableError,
)
from neuro_assets.settings import Settings
from neuro_assets.sources.google_health.data_types import SCOPES

_TIMEOUT_S = (10, 30)
_TOO_MANY = 429
_SERVER_ERROR = 500
# RFC 6749, section 5.2: only these words of an answer are repeated.
_ERRORS = {
    "invalid_request",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "redirect_uri_mismatch",
}
_OF_CLIENT = {"invalid_client", "unauthorized_client", "redirect_uri_mismatch"}


@dataclass(frozen=True)
class Granted:
    """What the token endpoint gave.

    Attributes:
        access_token: to ask the API with.
        expires_in_s: how long it is good.
        refresh_token: the one to keep from now on; None: the one before stays.
        scopes: what it opens; None: what was asked for.
    """

    access_token: str = field(repr=False)
    expires_in_s: float = 3600
    refresh_token: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Granted | None":
        """The endpoint's JSON; None where it is no such answer."""
        access, refresh, scope = (answer.get(k) for k in ("access_token", "refresh_token", "scope"))
        try:
            expires_in_s = float(answer.get("expires_in", 0))
        except (TypeError, ValueError):
            return None
        if not _is_token(access) or not (refresh is None or _is_token(refresh)):
            return None
        scopes = tuple(sorted(scope.split())) if isinstance(scope, str) else None
        return cls(str(access), expires_in_s, refresh, scopes)


@dataclass(frozen=True)
class Identity:
    """Whose account it is, as Google names it and as Fitbit did."""

    health_user_id: str = field(repr=False)
    legacy_user_id: str | None = field(default=None, repr=False)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


class NoHealthAccountError(GrantRefusedError):
    """The Google account has no Google Health account."""


@dataclass(frozen=True)
class _Answer:
    """A status and the JSON under it; status 0 where there was no answer, with `fault` naming why."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    retry_after_s: float | None = None
    fault: str = ""

    @property
    def error(self) -> str:
        told = self.body.get("error")
        return told if isinstance(told, str) else ""


def client_of(settings: Settings) -> tuple[str, str]:
    """The study's client id and secret.

    Raises:
        ClientRefusedError: one of them is not set.
    """
    given = {
        "NEURO_GOOGLE_CLIENT_ID": settings.google_client_id,
        "NEURO_GOOGLE_CLIENT_SECRET": settings.google_client_secret,
    }
    if settings.google_client_id and settings.google_client_secret:
        return settings.google_client_id, settings.google_client_secret.get_secret_value()
    missing = " and ".join(name for name, value in given.items() if not value)
    raise ClientRefusedError(f"set {missing}: the OAuth client of the study's project at Google")


def challenge_of(verifier: str) -> str:
    """PKCE's S256: what is told beforehand of a secret that is shown with the code."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def consent_url(settings: Settings, redirect_uri: str, state: str, verifier: str) -> str:
    """The page on which a participant consents."""
    asked = {
        "client_id": client_of(settings)[0],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "access_type": "offline",
        "prompt": "consent",
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{settings.google_auth_url}?{urlencode(asked)}"


def exchange(settings: Settings, code: str, verifier: str, redirect_uri: str) -> Granted:
    """Tokens for the code of a consent.

    Raises:
        GrantRefusedError: the code is too old, was used, or is another's.
        ClientRefusedError: the study's client is not taken.
        TokenUnavailableError: no answer, or none that can be used.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
    }
    return _granted(settings, form)


def refresh(settings: Settings, refresh_token: str) -> Granted:
    """A new access token, and a new refresh token where the server changes it; errors as of `exchange`."""
    return _granted(settings, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def _granted(settings: Settings, form: dict[str, str]) -> Granted:
    client_id, secret = client_of(settings)
    form = form | {"client_id": client_id, "client_secret": secret}
    answer = _ask("POST", settings.google_token_url, data=form)
    if answer.status == requests.codes.ok and (granted := Granted.of(answer.body)):
        return granted
    if answer.error == "invalid_grant":
        raise GrantRefusedError("Google does not take it any more (invalid_grant)")
    _refuse_later(answer, "NEURO_GOOGLE_TOKEN_URL")
    told = answer.error if answer.error in _ERRORS else f"HTTP {answer.status}"
    if answer.error in _OF_CLIENT or answer.status == requests.codes.unauthorized:
        where = "NEURO_GOOGLE_CLIENT_ID and NEURO_GOOGLE_CLIENT_SECRET"
    else:
        where = "NEURO_GOOGLE_TOKEN_URL, NEURO_GOOGLE_CLIENT_ID and NEURO_GOOGLE_CLIENT_SECRET"
    raise ClientRefusedError(f"Google's token service refuses this study's client ({told}): look at {where}")


def revoke(settings: Settings, token: str) -> bool:
    """Take back a consent; whether Google says that it is gone. An answer that does not come is no."""
    answer = _ask("POST", settings.google_revoke_url, data={"token": token})
    return answer.status == requests.codes.ok or answer.error == "invalid_token"


def identity_of(settings: Settings, access_token: str) -> Identity:
    """Whose account a token opens.

    Raises:
        NoHealthAccountError: nobody's at Google Health.
        NeedsReconsentError: the token is not taken, or not for this: the consent was taken back meanwhile.
        ClientRefusedError: the address is not that of the service, or the project may not use it.
        TokenUnavailableError: no answer, or none that can be used.
    """
    url = f"{settings.google_health_url}/v4/users/me/identity"
    answer = _ask("GET", url, auth=Bearer(access_token))
    health, legacy = answer.body.get("healthUserId"), answer.body.get("legacyUserId")
    if answer.status == requests.codes.ok and isinstance(health, str) and health:
        return Identity(health, legacy if isinstance(legacy, str) and legacy else None)
    if answer.status == requests.codes.bad_request and "ACCOUNT_NOT_LINKED" in str(answer.body):
        raise NoHealthAccountError("this Google account has no Google Health account")
    if answer.status == requests.codes.forbidden and "SERVICE_DISABLED" in str(answer.body):
        raise ClientRefusedError("the Google Health API is not switched on for the project of NEURO_GOOGLE_CLIENT_ID")
    if answer.status in {requests.codes.unauthorized, requests.codes.forbidden}:
        raise NeedsReconsentError("Google does not take the new token: the consent was taken back, or gives nothing")
    _refuse_later(answer, "NEURO_GOOGLE_HEALTH_URL")
    raise ClientRefusedError(f"Google Health answers HTTP {answer.status}: look at NEURO_GOOGLE_HEALTH_URL")


def _refuse_later(answer: _Answer, setting: str) -> None:
    """Raise for what may pass by itself: no answer, too many requests, the server's own faults, nonsense under 200."""
    later = {requests.codes.ok, requests.codes.request_timeout, _TOO_MANY}
    if answer.status and answer.status not in later and answer.status < _SERVER_ERROR:
        return
    told = answer.fault or (f"HTTP {answer.status}" if answer.status != requests.codes.ok else "an unreadable answer")
    raise TokenUnavailableError(
        f"Google did not answer as it should ({told}); it is tried again later. If it stays so, look at {setting}",
        answer.retry_after_s,
    )


def _ask(method: str, url: str, **request: Any) -> _Answer:
    """One request. Faults come back as values: an exception of the library would carry what was sent."""
    try:
        response = requests.request(method, url, timeout=_TIMEOUT_S, allow_redirects=False, **request)
        status, waited = response.status_code, response.headers.get("Retry-After", "")
        try:
            body = response.json()
        except ValueError:
            body = {}
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        return _Answer(0, fault=type(error).__name__)
    retry_after_s = float(waited) if waited.isascii() and waited.isdigit() else None
    return _Answer(status, body if isinstance(body, dict) else {}, retry_after_s)
