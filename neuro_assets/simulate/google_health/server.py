"""The fake Google Health API v4 and Google's OAuth over HTTP, on this machine only."""

import gzip
import json
import socket
import struct
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from neuro_assets.simulate.google_health import admin, consent_page, errors
from neuro_assets.simulate.google_health.answers import Answers, type_of
from neuro_assets.simulate.google_health.catalogue import SCOPES
from neuro_assets.simulate.google_health.errors import Refused
from neuro_assets.simulate.google_health.faults import Fault, Faults
from neuro_assets.simulate.google_health.oauth import CLIENT_ID, CLIENT_SECRET, Grant, OAuth, OAuthError
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.quota import Quota
from neuro_assets.simulate.google_health.world import World

Validate = Callable[[str, bytes], None]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
JSON, HTML, FORM = "application/json; charset=UTF-8", "text/html; charset=UTF-8", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """A request as it came and what became of it; `at` is real time, `world_s` the world's, `points` those given."""

    at: float
    world_s: int
    method: str
    path: str
    query: str
    body: bytes
    status: int
    person: str | None
    type: str
    points: int
    fault: str | None = None


@dataclass(frozen=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    points: int = 0
    fault: Fault | None = None


class GoogleHealthServer:
    """Serves a world until it is closed; a context manager. `log` has every request, `invalid` what failed validation.

    Args:
        world: people and their data.
        faults: what goes wrong on purpose.
        quota: limits; Google's own by default.
        validate: called with the name of a schema and the body of answers before they are sent; it raises for a body
            that is wrong, which is kept in `invalid` and answered with 500.
        validate_every: of how many answers one is validated.
        empty_share: share of pages that come empty, with a token.
        rotate_every: every k-th refresh gives a new refresh token; 0: never.
        access_s: how long an access token holds.
        port: 0 for any.
        client_id: of the OAuth client.
        client_secret: of the OAuth client.
    """

    def __init__(
        self, world: World, faults: Faults | Iterable[Fault] | None = None, quota: Quota | None = None,
        validate: Validate | None = None, *, validate_every: int = 1, empty_share: float = 0.05, rotate_every: int = 0,
        access_s: int = 3599, port: int = 0, client_id: str = CLIENT_ID, client_secret: str = CLIENT_SECRET,
        has_admin: bool = False,
    ) -> None:  # fmt: skip
        self.world = world
        self.faults = faults if isinstance(faults, Faults) else Faults(faults or ())
        self.quota = quota or Quota()
        self.oauth = OAuth(
            world, rotate_every=rotate_every, access_s=access_s, client_id=client_id, client_secret=client_secret
        )
        self.answers = Answers(world, empty_share)
        self.client_id, self.client_secret, self.has_admin = client_id, client_secret, has_admin
        self.log: list[Request] = []
        self.invalid: list[str] = []
        self.crashes: list[str] = []
        self.validated = 0
        self._validate, self._validate_every, self._answered = validate, validate_every, 0
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = _Server(("127.0.0.1", port), handler)
        self._thread: threading.Thread | None = None

    # Life

    def start(self) -> "GoogleHealthServer":
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> "GoogleHealthServer":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()
        if self.crashes and kind is None:
            raise RuntimeError(self.crashes[0])

    # Where

    @property
    def url(self) -> str:
        """Base of the API; OAuth is on the same host."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def auth_url(self) -> str:
        """Where consent is asked for."""
        return f"{self.url}{consent_page.PATH}"

    @property
    def token_url(self) -> str:
        """Where codes and refresh tokens are exchanged."""
        return f"{self.url}/token"

    @property
    def revoke_url(self) -> str:
        """Where consent is given back."""
        return f"{self.url}/revoke"

    @property
    def environment(self) -> dict[str, str]:
        """Names and values by which `neuro` finds this server."""
        return {
            "NEURO_GOOGLE_HEALTH_URL": self.url,
            "NEURO_GOOGLE_AUTH_URL": self.auth_url,
            "NEURO_GOOGLE_TOKEN_URL": self.token_url,
            "NEURO_GOOGLE_REVOKE_URL": self.revoke_url,
            "NEURO_GOOGLE_CLIENT_ID": self.client_id,
            "NEURO_GOOGLE_CLIENT_SECRET": self.client_secret,
        }

    # For tests

    @property
    def refreshes(self) -> Counter[str]:
        """Refresh requests by person."""
        return self.oauth.refreshes

    def connect(self, person: str | Person, scopes: tuple[str, ...] = SCOPES) -> dict[str, Any]:
        """Tokens of a person without the browser: access_token, refresh_token, expires_in, scope, token_type."""
        return self.oauth.connect(self.world.person(person), scopes)

    def requests(self, **fields: object) -> list[Request]:
        """Requests of the log whose fields have these values."""
        return [r for r in list(self.log) if all(getattr(r, name) == value for name, value in fields.items())]

    # Answers

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to a request. A mistake of the server is kept in `crashes`, and raised when it is closed."""
        try:
            return self.reply(method, target, headers, body)
        except Exception:
            self.crashes.append(traceback.format_exc())
            return Reply(500, errors.internal().body)

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer to a request, logged."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        path, name = url.path, ""
        grant: Grant | None = None
        if path.startswith("/_world/") and self.has_admin:
            return admin.reply(self, path, params, body)
        try:
            if path == "/token":
                name = "token"
                who, reply = self._token(body, headers)
            elif path.startswith(consent_page.PATH) or path == "/revoke":
                who, reply = None, self._consent(method, path, params, body)
            else:
                name = type_of(path)
                grant = self._bearer(headers)
                who = grant.person
                reply = self._api(grant, name, method, path, params, body)
        except Refused as refused:
            who = grant.person if grant else None
            reply = Reply(refused.code, refused.body, headers=tuple(refused.headers.items()))
        fault = reply.fault.kind if reply.fault else None
        entry = Request(
            time.time(), self.world.now_s, method, path, url.query, body, reply.status, who, name, reply.points, fault
        )
        self.log.append(entry)
        return reply

    def _bearer(self, headers: Mapping[str, str]) -> Grant:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        grant = self.oauth.bearer(token) if kind.lower() == "bearer" else None
        if grant is None:
            raise errors.unauthenticated()
        return grant

    def _api(self, grant: Grant, name: str, method: str, path: str, params: Mapping[str, str], body: bytes) -> Reply:
        if (exceeded := self.quota.count(grant.person)) is not None:
            raise errors.exhausted(exceeded)
        fault = self.faults.strike(grant.person, name)
        if fault and (refusal := fault.refusal()):
            return Reply(refusal.code, refusal.body, headers=tuple(refusal.headers.items()), fault=fault)
        answer = self.answers.answer(grant, method, path, params, body)
        self._answered += 1
        if self._validate and self._answered % self._validate_every == 0:
            try:
                self._validate(answer.schema, answer.body)
                self.validated += 1
            except Exception as error:
                self.invalid.append(f"{method} {path}: {error}")
                return Reply(500, errors.internal().body)
        return Reply(200, answer.body, points=answer.points, fault=fault)

    def _token(self, body: bytes, headers: Mapping[str, str]) -> tuple[str | None, Reply]:
        form = dict(parse_qsl(body.decode(errors="replace")))
        known = self.oauth.tokens.refresh.get(form.get("refresh_token", ""))
        who = known.person if known else None
        fault = self.faults.strike(who or "", "token")
        if fault and (refusal := fault.refusal()):
            if who:
                self.oauth.refreshes[who] += 1
            told = json.dumps({"error": "internal_failure", "error_description": "Backend Error"}).encode()
            return who, Reply(refusal.code, told, headers=tuple(refusal.headers.items()), fault=fault)
        try:
            answer = self.oauth.exchange(form)
        except OAuthError as error:
            return who, Reply(error.status, json.dumps(error.body).encode())
        return who, Reply(200, json.dumps(answer).encode(), headers=(("Cache-Control", "no-store"),), fault=fault)

    def _consent(self, method: str, path: str, params: Mapping[str, str], body: bytes) -> Reply:
        if path == "/revoke":
            form = params or dict(parse_qsl(body.decode(errors="replace")))
            try:
                self.oauth.revoke(form.get("token", ""))
            except OAuthError as error:
                return Reply(error.status, json.dumps(error.body).encode())
            return Reply(200, b"{}")
        if path == consent_page.PATH and method == "GET":
            return self._asked(params)
        if path == consent_page.DECIDE and method == "POST":
            return self._decided(parse_qsl(body.decode(errors="replace")))
        return Reply(404, errors.not_found(path).body)

    def _asked(self, params: Mapping[str, str]) -> Reply:
        if problem := self._problem(params):
            return Reply(400, consent_page.refusal(*problem).encode(), HTML)
        people = self.world.people
        hint = params.get("login_hint", "")
        chosen = next((p.id for p in people.values() if hint in (p.id, p.email, p.health_user_id)), None)
        return Reply(200, consent_page.consent(params, people, chosen).encode(), HTML)

    def _problem(self, params: Mapping[str, str]) -> tuple[str, str] | None:
        redirect = urlsplit(params.get("redirect_uri", ""))
        if params.get("client_id") != self.client_id:
            return "invalid_client", "The OAuth client was not found."
        if redirect.scheme not in ("http", "https") or redirect.hostname not in ("127.0.0.1", "localhost", "::1"):
            return "redirect_uri_mismatch", "The redirect URI is not one of a desktop app on this machine."
        if params.get("response_type") != "code":
            return "invalid_request", "Missing required parameter: response_type"
        if not params.get("scope") or set(params["scope"].split()) - set(SCOPES):
            return "invalid_scope", f"Some requested scopes were invalid: {params.get('scope', '')}"
        if params.get("code_challenge") and params.get("code_challenge_method") != "S256":
            return "invalid_request", "Only S256 is supported as code_challenge_method."
        return None

    def _decided(self, pairs: list[tuple[str, str]]) -> Reply:
        form = dict(pairs)
        scopes = [value for name, value in pairs if name == "scope"]
        redirect = form.get("redirect_uri", "")
        state = {"state": form["state"]} if "state" in form else {}
        if form.get("decision") != "allow" or not scopes or form.get("person") not in self.world.people:
            return _redirected(redirect, state | {"error": "access_denied"})
        code = self.oauth.consent(
            self.world.people[form["person"]], scopes, redirect, form.get("code_challenge"),
            is_offline=form.get("access_type") == "offline", asks_again="consent" in form.get("prompt", ""),
        )  # fmt: skip
        return _redirected(redirect, state | {"code": code, "scope": " ".join(scopes)})


def _redirected(to: str, params: Mapping[str, str]) -> Reply:
    joint = "&" if urlsplit(to).query else "?"
    return Reply(302, b"", HTML, (("Location", f"{to}{joint}{urlencode(params)}"),))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or is made to, is nothing to print."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server_of: ClassVar[GoogleHealthServer]

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Requests are in the server's log."""

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        reply = self.server_of.answer(method, self.path, {k.title(): v for k, v in self.headers.items()}, body)
        kind = reply.fault.kind if reply.fault else None
        if kind == "slow" and reply.fault:
            time.sleep(reply.fault.delay_s)
        if kind == "reset":
            self._reset()
            return
        sent = reply.body[: len(reply.body) // 2] if kind == "cut" else reply.body
        zipped = "gzip" in self.headers.get("Accept-Encoding", "") and len(sent) > 1400
        if zipped:
            sent = gzip.compress(sent, 1)
        head = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('', ''))[0]}"]
        head += [f"Content-Type: {reply.kind}", f"Content-Length: {len(sent)}", f"Date: {self.date_time_string()}"]
        head += ["Content-Encoding: gzip"] if zipped else []
        head += [f"{name}: {value}" for name, value in reply.headers]
        if kind == "short":
            sent, self.close_connection = sent[: len(sent) // 2], True
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + sent)

    def _reset(self) -> None:
        """Close with RST and no answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        raise ConnectionResetError
