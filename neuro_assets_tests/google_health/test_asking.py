"""What is done about each answer: waits, tries and outcomes, without a network and without waiting."""

import json
import random
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from neuro_assets.connectors.google_health.asking import LONGEST_ASKED_S, TRIES, Asker, AskError
from neuro_assets.connectors.google_health.budget import Budget
from neuro_assets.connectors.google_health.client import Answer, Client, Request, UnreachableError
from neuro_assets.connectors.google_health.errors import (
    AccountMismatchError,
    ClientRefusedError,
    NeedsReconsentError,
    NotConnectedError,
    TokenUnavailableError,
    VaultError,
)
from neuro_assets.connectors.google_health.person import Remember
from neuro_assets.study_google_health import Quota

SECRET = "ya29.secret-token"
ASKED = Request("GET", "/v4/users/me/identity")


def refusal(status: int, name: str = "", reason: str = "", retry_after_s: float | None = None) -> Answer:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    error = {"code": status, "message": f"of {SECRET} and somebody@example.org", "status": name, "details": details}
    return Answer(status, json.dumps({"error": error}).encode(), retry_after_s)


@dataclass
class Given:
    """Answers in their order, the last one for ever; None is none."""

    answers: list[Answer | None]
    sent: list[str] = field(default_factory=list)

    def send(self, request: Request, token: str) -> Answer:
        found = self.answers[min(len(self.sent), len(self.answers) - 1)]
        self.sent.append(token)
        if found is None:
            raise UnreachableError("no answer came")
        return found


@dataclass
class Tokens:
    """Tokens that are counted; `errors` are raised first."""

    errors: list[Exception] = field(default_factory=list)
    refused: int = 0
    lost: Exception | None = None

    def access_token(self, participant_id: str) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return f"{SECRET}{self.refused}"

    def refuse_token(self, participant_id: str, token: str) -> None:
        self.refused += 1
        if self.lost:
            raise self.lost


def ask(given: Given, tokens: Tokens | None = None) -> tuple[Answer, list[float], Asker]:
    client = Client("http://127.0.0.1")
    client.send = given.send  # type: ignore[method-assign]
    asker = Asker("P1", tokens or Tokens(), client, Budget(Quota(), lambda: 0.0), _chance=random.Random(1))
    waits: list[float] = []
    steps = asker.ask(ASKED)
    while True:
        try:
            wait = next(steps)
        except StopIteration as done:
            return done.value, waits, asker
        except AskError as error:
            error.waits = waits  # type: ignore[attr-defined]
            raise
        if wait:
            waits.append(wait)


def fails(given: Given, tokens: Tokens | None = None) -> tuple[AskError, list[float]]:
    with pytest.raises(AskError) as caught:
        ask(given, tokens)
    assert SECRET not in str(caught.value)
    assert "example.org" not in str(caught.value)
    return caught.value, caught.value.waits  # type: ignore[attr-defined]


OK = Answer(200, b"{}")


def test_an_answer_is_an_answer():
    answer, waits, asker = ask(Given([OK]))
    assert (answer, waits, asker.requests) == (OK, [], 1)


@pytest.mark.parametrize("status", [408, 429, 500, 503, None])
def test_what_passes_is_tried_five_times(status):
    given = Given([refusal(status) if status else None])
    error, waits = fails(given)
    assert len(given.sent) == TRIES
    assert (error.outcome, error.ends_all) == ("failed", False)
    assert error.code == {408: "timeout", 429: "rate_limited", None: "unreachable"}.get(status, "server_error")
    assert all(0.5 * 2**n <= wait <= 1.5 * 2**n for n, wait in enumerate(waits))


def test_the_fifth_try_may_be_the_good_one():
    answer, waits, _ = ask(Given([refusal(500), refusal(429), None, refusal(503), OK]))
    assert answer == OK
    assert len(waits) == 4


def test_what_the_server_asks_to_wait_is_the_least():
    given = Given([refusal(429, retry_after_s=40), refusal(429, retry_after_s=0), OK])
    _, waits, _ = ask(given)
    assert waits[0] == 40
    assert waits[1] >= 1
    _, waits, _ = ask(Given([refusal(503, retry_after_s=LONGEST_ASKED_S), OK]))
    assert waits == [LONGEST_ASKED_S]
    # A pull does not stand still for hours, and does not ask before: the next pull does.
    error, waits = fails(given := Given([refusal(503, retry_after_s=LONGEST_ASKED_S + 1), OK]))
    assert (error.code, error.ends_all, waits, len(given.sent)) == ("server_error", False, [], 1)
    late = TokenUnavailableError("later", 86_400.0)
    error, waits = fails(given := Given([OK]), Tokens([late]))
    assert (error.code, error.ends_all, waits, given.sent) == ("token_unavailable", True, [], [])


def test_a_token_that_is_not_taken_is_changed_once():
    tokens = Tokens()
    answer, waits, _ = ask(Given([refusal(401), OK]), tokens)
    assert (answer, waits, tokens.refused) == (OK, [], 1)
    error, _ = fails(Given([refusal(401)]), tokens := Tokens())
    assert (error.code, error.ends_all, tokens.refused) == ("unauthorized", True, 1)


def test_a_consent_that_was_taken_back_shows_as_a_401():
    error, _ = fails(Given([refusal(401), OK]), Tokens(lost=NeedsReconsentError("consent anew")))
    assert (error.outcome, error.code, error.ends_all) == ("needs_reconsent", "invalid_grant", True)


def test_a_scope_that_is_missing_is_asked_for_once():
    given = Given([refusal(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")])
    error, waits = fails(given)
    assert (error.outcome, error.code, len(given.sent), waits) == ("needs_reconsent", "scope_missing", 1, [])


@pytest.mark.parametrize(("reason", "code"), [("RESOURCE_PERMISSION_DENIED", "permission_denied"), ("", "forbidden")])
def test_three_refusals_are_a_pause(reason, code):
    given = Given([refusal(403, "PERMISSION_DENIED", reason)])
    error, _ = fails(given)
    assert (error.outcome, error.code, len(given.sent), error.ends_all) == ("paused", code, 3, False)


def test_what_has_ended_is_not_asked_again():
    given = Given([refusal(410)])
    error, waits = fails(given)
    assert (error.outcome, error.code, len(given.sent), waits) == ("retired", "gone", 1, [])


def test_an_account_without_health_data_ends_it_for_the_person():
    error, _ = fails(Given([refusal(400, "FAILED_PRECONDITION", "ACCOUNT_NOT_LINKED")]))
    assert (error.code, error.ends_all) == ("account_not_linked", True)


@pytest.mark.parametrize("status", [302, 400, 404])
def test_other_answers_are_final(status):
    given = Given([refusal(status)])
    error, _ = fails(given)
    assert (error.outcome, len(given.sent)) == ("failed", 1)
    assert str(status) in error.code + str(error)


def test_garbage_is_told_by_its_status():
    error, _ = fails(Given([Answer(418, b"\xff<html>")]))
    assert "418" in str(error)


@pytest.mark.parametrize(
    ("raised", "outcome", "code"),
    [
        (NeedsReconsentError("consent anew"), "needs_reconsent", "invalid_grant"),
        (NotConnectedError("not connected"), "needs_reconsent", "not_connected"),
        (ClientRefusedError("the client"), "failed", "ClientRefusedError"),
    ],
)
def test_without_a_token_nothing_is_sent(raised, outcome, code):
    given = Given([OK])
    error, _ = fails(given, Tokens([raised]))
    assert (error.outcome, error.code, error.ends_all, given.sent) == (outcome, code, True, [])


def test_a_token_that_cannot_be_had_now_is_waited_for():
    answer, waits, _ = ask(Given([OK]), Tokens([TokenUnavailableError("later", 7.0), TokenUnavailableError("later")]))
    assert answer == OK
    assert waits[0] == 7.0
    error, _ = fails(Given([OK]), Tokens([TokenUnavailableError("later")] * TRIES))
    assert (error.outcome, error.code) == ("failed", "token_unavailable")


def test_everybody_waits_for_the_budget_before_sending():
    moment = [0.0]
    client = Client("http://127.0.0.1")
    client.send = Given([OK]).send  # type: ignore[method-assign]
    budget = Budget(Quota(person_minute=2), lambda: moment[0])
    asker = Asker("P1", Tokens(), client, budget)
    waits = []
    for _ in range(3):
        for wait in asker.ask(ASKED):
            moment[0] += wait
            waits.append(wait)
    assert sum(waits) >= 2 * 60  # one a minute and a little more


def test_the_quota_of_the_day_ends_it():
    client = Client("http://127.0.0.1")
    asker = Asker("P1", Tokens(), client, Budget(Quota(project_day=1), lambda: 0.0, used_today=1))
    with pytest.raises(AskError) as caught:
        list(asker.ask(ASKED))
    assert (caught.value.code, caught.value.ends_all) == ("quota_of_the_day", True)


def test_a_request_is_told_without_its_token():
    assert Request("GET", "/v4/x", {"filter": 'a >= "b"'}).told() == 'GET /v4/x?filter=a >= "b"'


@pytest.mark.parametrize(
    ("raised", "code"),
    [(AccountMismatchError("another's"), "account_mismatch"), (VaultError("cannot be used"), "VaultError")],
)
def test_what_is_wrong_with_one_account_ends_it_for_that_person_alone(raised, code):
    class Keeper:
        def remember_identity(self, *_: str) -> None:
            raise raised

    with pytest.raises(AskError) as caught:
        Remember(Keeper())("P1", "h", "l")
    assert (caught.value.outcome, caught.value.code, caught.value.ends_all) == ("failed", code, True)


def test_a_netrc_of_the_machine_takes_no_tokens_place(tmp_path, monkeypatch):
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None: ...

    (tmp_path / "netrc").write_text("default login somebody password else")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = Client(f"http://127.0.0.1:{server.server_port}").send(ASKED, "ya29.token")
        server.shutdown()
    assert (answer.status, answer.body, seen) == (200, b"{}", ["Bearer ya29.token"])
