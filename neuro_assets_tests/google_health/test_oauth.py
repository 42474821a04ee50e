"""Google's OAuth endpoints as this program asks them, over loopback, and what it makes of each answer."""

import base64
import hashlib
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest

from neuro_assets.connectors.google_health import oauth
from neuro_assets.connectors.google_health.errors import (
    AccountError,
    ClientRefusedError,
    GrantRefusedError,
    NeedsReconsentError,
    TokenUnavailableError,
)
from neuro_assets.settings import Settings, SettingsError, load_settings
from neuro_assets.sources.google_health.data_types import SCOPES

SECRET, CODE, REFRESH, ACCESS = "GOCSPX-client-secret-17", "4/0-code-of-consent-23", "1//refresh-31", "ya29.access-43"
VERIFIER = "verifier-59" + 40 * "v"
SECRETS = (SECRET, CODE, REFRESH, ACCESS, VERIFIER)

Reply = tuple[int, dict[str, str], bytes]


def answer(status: int, body: object, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {k.replace("_", "-"): v for k, v in headers.items()}, raw


class Endpoint:
    """A server that gives one answer to everything, and keeps what it was sent."""

    def __init__(self, reply: Callable[[str, dict[str, str]], Reply]) -> None:
        self.seen: list[tuple[str, dict[str, str], dict[str, str]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = {k: v[0] for k, v in parse_qs(sent).items()}
                endpoint.seen.append((self.path, form, dict(self.headers)))
                status, headers, body = reply(self.path, form)
                if not status:
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["Endpoint"]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


def settings_for(url: str, home: Path = Path("/nowhere")) -> Settings:
    return load_settings(
        {
            "NEURO_HOME": str(home),
            "NEURO_GOOGLE_CLIENT_ID": "client-id-7.apps.googleusercontent.com",
            "NEURO_GOOGLE_CLIENT_SECRET": SECRET,
            "NEURO_GOOGLE_HEALTH_URL": url,
            "NEURO_GOOGLE_AUTH_URL": f"{url}/auth",
            "NEURO_GOOGLE_TOKEN_URL": f"{url}/token",
            "NEURO_GOOGLE_REVOKE_URL": f"{url}/revoke",
        }
    )


def as_written(secrets: Iterable[str]) -> list[str]:
    """Secrets as they are, and as an address has them."""
    return sorted({form for s in secrets for form in (s, quote(s, safe=""), quote_plus(s))})


def everything_told(error: BaseException) -> str:
    """Messages and representations of an exception and of all that it came from, as any report could print them."""
    told, seen, waiting = [], set(), [error]
    while waiting:
        this = waiting.pop()
        if id(this) in seen:
            continue
        seen.add(id(this))
        told += [str(this), repr(this), repr(this.args), repr(vars(this)), *traceback.format_exception(this)]
        told += [repr(vars(value)) for value in vars(this).values() if hasattr(value, "__dict__")]
        waiting += [e for e in (this.__cause__, this.__context__) if e]
    return "\n".join(told)


def test_a_code_is_exchanged_with_its_verifier_and_the_client():
    given = {
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "expires_in": 3599,
        "scope": "b a",
        "token_type": "Bearer",
    }
    with Endpoint(lambda *_: answer(200, given)).serving() as google:
        granted = oauth.exchange(settings_for(google.url), CODE, VERIFIER, "http://127.0.0.1:9/")
    assert granted == oauth.Granted(ACCESS, 3599, REFRESH, ("a", "b"))
    assert [(path, form) for path, form, _ in google.seen] == [
        (
            "/token",
            {
                "grant_type": "authorization_code",
                "code": CODE,
                "code_verifier": VERIFIER,
                "redirect_uri": "http://127.0.0.1:9/",
                "client_id": "client-id-7.apps.googleusercontent.com",
                "client_secret": SECRET,
            },
        )
    ]


def test_the_challenge_is_that_of_the_standard():
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_address_of_a_consent_asks_for_all_that_is_read_and_holds_no_secret():
    url = oauth.consent_url(settings_for("http://127.0.0.1:1"), "http://127.0.0.1:9/", "state-1", VERIFIER)
    asked = parse_qs(urlsplit(url).query, strict_parsing=True)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    assert asked == {
        "client_id": ["client-id-7.apps.googleusercontent.com"],
        "redirect_uri": ["http://127.0.0.1:9/"],
        "response_type": ["code"],
        "scope": [" ".join(SCOPES)],
        "access_type": ["offline"],
        "prompt": ["consent"],
        "state": ["state-1"],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }
    assert not [s for s in SECRETS if s in url]


ECHO = {"error_description": " ".join(SECRETS)}
ANSWERS: list[tuple[str, Reply, type[AccountError], str]] = [
    ("too old", answer(400, {"error": "invalid_grant", **ECHO}), GrantRefusedError, "invalid_grant"),
    ("client", answer(401, {"error": "invalid_client", **ECHO}), ClientRefusedError, "NEURO_GOOGLE_CLIENT_SECRET"),
    ("redirect", answer(400, {"error": "redirect_uri_mismatch"}), ClientRefusedError, "redirect_uri_mismatch"),
    ("own words", answer(400, {"error": REFRESH}), ClientRefusedError, "HTTP 400"),
    ("not there", answer(404, b"<html>" + REFRESH.encode()), ClientRefusedError, "NEURO_GOOGLE_TOKEN_URL"),
    ("moved", answer(302, b"", Location="http://127.0.0.1:1/?" + ACCESS), ClientRefusedError, "HTTP 302"),
    ("busy", answer(429, {"error": "rate"}, Retry_After="17"), TokenUnavailableError, "HTTP 429"),
    ("broken", answer(503, ECHO), TokenUnavailableError, "HTTP 503"),
    ("no json", answer(200, ACCESS.encode()), TokenUnavailableError, "an unreadable answer"),
    ("no token", answer(200, {"scope": "a", "expires_in": 3599}), TokenUnavailableError, "an unreadable answer"),
    ("odd token", answer(200, {"access_token": "a\nb", "expires_in": 9}), TokenUnavailableError, "unreadable"),
    ("odd time", answer(200, {"access_token": ACCESS, "expires_in": "soon"}), TokenUnavailableError, "unreadable"),
    ("a list", answer(200, [ACCESS]), TokenUnavailableError, "an unreadable answer"),
    ("hung up", (0, {}, b""), TokenUnavailableError, "ConnectionError"),
    ("cut off", (200, {"Content-Length": "999"}, REFRESH.encode()), TokenUnavailableError, "Error"),
]


@pytest.mark.parametrize(("reply", "kind", "told"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_an_answer_is_told_by_its_kind_and_without_what_was_sent(
    reply: Reply,
    kind: type[AccountError],
    told: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    with Endpoint(lambda *_: reply).serving() as google:
        settings = settings_for(google.url)
        for ask in (
            lambda: oauth.refresh(settings, REFRESH),
            lambda: oauth.exchange(settings, CODE, VERIFIER, "http://127.0.0.1:9/"),
        ):
            with pytest.raises(AccountError) as caught:
                ask()
            assert type(caught.value) is kind
            assert told in str(caught.value)
            if isinstance(caught.value, TokenUnavailableError):
                assert caught.value.retry_after_s == (17 if reply[0] == 429 else None)
            said = everything_told(caught.value) + caplog.text + "".join(capfd.readouterr())
            assert not [s for s in SECRETS if s in said]
    sent = " ".join(str(form) for _, form, _ in google.seen)
    assert all(s in sent for s in (SECRET, REFRESH, CODE, VERIFIER)), "the secrets looked for were those sent"


def test_nobody_there_is_no_refusal():
    with pytest.raises(TokenUnavailableError, match=r"ConnectionError.*NEURO_GOOGLE_TOKEN_URL") as caught:
        oauth.refresh(settings_for("http://127.0.0.1:1"), REFRESH)
    assert not [s for s in SECRETS if s in everything_told(caught.value)]


def test_a_study_without_a_client_is_told_what_to_set():
    with pytest.raises(ClientRefusedError, match="set NEURO_GOOGLE_CLIENT_ID and NEURO_GOOGLE_CLIENT_SECRET:"):
        oauth.refresh(load_settings({"NEURO_HOME": "/nowhere"}), REFRESH)


NOT_LINKED = {"error": {"status": "FAILED_PRECONDITION", "details": [{"reason": "ACCOUNT_NOT_LINKED"}]}}
NOT_ON = {"error": {"details": [{"reason": "SERVICE_DISABLED"}]}}
IDENTITIES: list[tuple[str, Reply, type[AccountError], str]] = [
    ("no account", answer(400, NOT_LINKED), oauth.NoHealthAccountError, "has no Google Health account"),
    ("taken back", answer(401, {"error": {"status": "UNAUTHENTICATED"}}), NeedsReconsentError, "taken back"),
    ("no scope", answer(403, {"error": {"status": "PERMISSION_DENIED"}}), NeedsReconsentError, "taken back"),
    ("not on", answer(403, NOT_ON), ClientRefusedError, "switched on"),
    ("gone", answer(410, b""), ClientRefusedError, "NEURO_GOOGLE_HEALTH_URL"),
    ("broken", answer(500, b""), TokenUnavailableError, "HTTP 500"),
    ("nobody", answer(200, {"name": "users/me/identity"}), TokenUnavailableError, "unreadable"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "kind", "told"), [a[1:] for a in IDENTITIES], ids=[a[0] for a in IDENTITIES])
def test_whose_account_it_is_may_not_be_told(reply: Reply, kind: type[AccountError], told: str):
    with (
        Endpoint(lambda *_: reply).serving() as google,
        pytest.raises(AccountError, match=told) as caught,
    ):
        oauth.identity_of(settings_for(google.url), ACCESS)
    assert type(caught.value) is kind
    assert not [s for s in SECRETS if s in everything_told(caught.value)]


def test_a_password_that_the_machine_keeps_for_the_host_does_not_replace_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    known = {"name": "users/me/identity", "healthUserId": "h-1", "legacyUserId": "ABC"}
    with Endpoint(lambda *_: answer(200, known)).serving() as google:
        assert oauth.identity_of(settings_for(google.url), ACCESS) == oauth.Identity("h-1", "ABC")
    path, _, headers = google.seen[0]
    assert (path, headers["Authorization"]) == ("/v4/users/me/identity", f"Bearer {ACCESS}")


@pytest.mark.parametrize(
    ("reply", "is_gone"),
    [(answer(200, {}), True), (answer(400, {"error": "invalid_token"}), True), (answer(400, {"error": "x"}), False),
     (answer(503, b""), False), ((0, {}, b""), False)],
)  # fmt: skip
def test_only_google_says_that_a_consent_is_gone(reply: Reply, is_gone: bool):
    with Endpoint(lambda *_: reply).serving() as google:
        assert oauth.revoke(settings_for(google.url), REFRESH) is is_gone
    assert {(path, form["token"]) for path, form, _ in google.seen} == {("/revoke", REFRESH)}


NAMES = ("HEALTH", "AUTH", "TOKEN", "REVOKE")


@pytest.mark.parametrize("name", NAMES)
def test_tokens_leave_this_machine_under_tls_only(name: str):
    variable = f"NEURO_GOOGLE_{name}_URL"
    for url in ("https://elsewhere.example/x", "http://127.0.0.1:8710/x", "http://localhost:1", "http://[::1]:1"):
        assert getattr(load_settings({variable: url}), f"google_{name.lower()}_url") == url
    for url in (
        "http://elsewhere.example/x",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://u:hunter2@elsewhere.example",
        "https://",
        "https://elsewhere.example/?x=hunter2",
        "127.0.0.1:8710",
        "https://elsewhere.example:port",
    ):
        with pytest.raises(SettingsError, match=variable) as caught:
            load_settings({variable: url})
        assert "hunter2" not in str(caught.value)


def test_settings_show_no_secret():
    key = base64.urlsafe_b64encode(b"k" * 32).decode()
    settings = load_settings({"NEURO_TOKEN_KEY": f"{key}, {key}", "NEURO_GOOGLE_CLIENT_SECRET": f" {SECRET} "})
    assert settings.google_client_secret is not None
    assert settings.google_client_secret.get_secret_value() == SECRET
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert key not in shown
    empty = load_settings({"NEURO_TOKEN_KEY": " ", "NEURO_GOOGLE_CLIENT_SECRET": "", "NEURO_GOOGLE_CLIENT_ID": ""})
    assert (empty.token_key, empty.google_client_secret, empty.google_client_id) == (None, None, None)
    for wrong in ("hunter2", f"{key},hunter2", key[:-8], ","):
        with pytest.raises(SettingsError, match=r"NEURO_TOKEN_KEY: .*neuro keys new") as caught:
            load_settings({"NEURO_TOKEN_KEY": wrong})
        assert "hunter2" not in str(caught.value)
        assert key[:20] not in str(caught.value)
