"""Pages: their size, and tokens that belong to the request that they continue."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

from neuro_assets.simulate.google_health.errors import Refused, invalid

MOST_POINTS = 5_000
"""A page of list or reconcile has no more, whatever is asked for."""


@dataclass(frozen=True)
class Place:
    """Where a page goes on: after the point of this start and source; `is_after_empty`: an empty page came before."""

    start_s: int
    source: int = -1
    is_after_empty: bool = False


class Tokens:
    """Makes and reads page tokens. Opaque and signed: one of another request is refused."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.sha256(f"pages {seed}".encode()).digest()

    def make(self, request: str, place: Place) -> str:
        """The token that continues a request at a place."""
        body = json.dumps([place.start_s, place.source, place.is_after_empty]).encode()
        return base64.urlsafe_b64encode(self._sign(request, body) + body).decode().rstrip("=")

    def read(self, request: str, token: str) -> Place:
        """The place. Raise Refused (400) for a token that is not of this request."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            raw = b""
        sign, body = raw[:16], raw[16:]
        if not body or not hmac.compare_digest(sign, self._sign(request, body)):
            raise invalid("Invalid page token.", ("page_token", "The page token does not belong to this request."))
        start_s, source, is_after_empty = json.loads(body)
        return Place(start_s, source, is_after_empty)

    def is_empty(self, request: str, place: Place, share: float) -> bool:
        """Whether an empty page is given at a place, decided by the place alone."""
        drawn = self._sign(f"empty {request}", str(place.start_s).encode())
        return int.from_bytes(drawn[:4], "big") < share * 2**32

    def _sign(self, request: str, body: bytes) -> bytes:
        return hmac.new(self._key, request.encode() + b"\0" + body, hashlib.sha256).digest()[:16]


def size_of(asked: int | str | None, default: int, most: int) -> int:
    """How many points a page has. Raise Refused (400) for what is no size."""
    if asked is None or asked == "":
        return default
    try:
        size = int(asked)
    except (TypeError, ValueError):
        raise Refused(400, "INVALID_ARGUMENT", f"Invalid value at 'page_size' (TYPE_INT32), \"{asked}\"") from None
    if size < 0:
        raise invalid("Page size must not be negative.", ("page_size", "Page size must not be negative."))
    return min(size, most) or default
