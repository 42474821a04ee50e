"""One request to the Google Health API, and what its answer means. Nothing here waits or tries again."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.auth import AuthBase

CONNECT_S, READ_S = 10.0, 90.0
_AGENT = "neuro_assets"


@dataclass(frozen=True)
class Request:
    """A request without its secrets.

    Attributes:
        method: GET or POST.
        path: below the base address.
        query: parameters of a GET.
        body: of a POST.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None

    def told(self) -> str:
        """The request in a line, for the pull file."""
        given = "&".join(f"{k}={v}" for k, v in self.query.items())
        return f"{self.method} {self.path}" + (f"?{given}" if given else "") + (f" {self.body}" if self.body else "")


@dataclass(frozen=True)
class Answer:
    """An answer: status 200 has a page, anything else an error.

    Attributes:
        status: of HTTP; 0 where no answer came.
        body: the bytes.
        retry_after_s: what the server asks to wait, where it says so.
    """

    status: int
    body: bytes
    retry_after_s: float | None = None


class UnreachableError(RuntimeError):
    """No answer came: nothing is known of what the server has."""


class Bearer(AuthBase):
    """Sets the header itself, so that a .netrc of the machine does not replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """Sends requests; one connection a thread is kept open."""

    def __init__(self, base_url: str) -> None:
        """`base_url`: of the interface, without a path."""
        self._base = base_url.rstrip("/")
        self._local = threading.local()

    def send(self, request: Request, token: str) -> Answer:
        """Send a request with a participant's token; any answer is an answer."""
        if (session := getattr(self._local, "session", None)) is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = _AGENT
        try:
            found = session.request(
                request.method,
                self._base + request.path,
                params=request.query or None,
                json=request.body,
                auth=Bearer(token),
                timeout=(CONNECT_S, READ_S),
                # A redirect would take the token to another place.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # Its message has the address, and may have more.
            raise UnreachableError(f"no answer came ({type(error).__name__})") from None
        return Answer(found.status_code, found.content, _retry_after(found.headers.get("Retry-After")))


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait: a number, or a date."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
