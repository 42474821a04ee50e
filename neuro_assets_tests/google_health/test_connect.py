"""Asking a participant: every way that it can end, over HTTP, against the pretended Google."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from neuro_assets.cli.connect import _page
from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.consent import PAGES, Consent, Outcome
from neuro_assets.connectors.google_health.errors import (
    ClientRefusedError,
    TokenKeyError,
    TokenUnavailableError,
)
from neuro_assets.connectors.google_health.keys import key_file, make_key
from neuro_assets.connectors.google_health.oauth import Granted, Identity
from neuro_assets.connectors.google_health.receiver import Receiver
from neuro_assets.settings import Settings, load_settings
from neuro_assets.simulate.google_health.faults import Fault
from neuro_assets.simulate.google_health.server import GoogleHealthServer
from neuro_assets.simulate.google_health.world import World
from neuro_assets.sources.google_health.data_types import DATA_TYPES, SCOPE, SCOPES
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.google_health.test_oauth import as_written, everything_told
from neuro_assets_tests.google_health.test_oauth_accounts import environment_for


@dataclass
class Walk:
    """One participant asked, by a browser without a window: what the address, the answer and the page were."""

    accounts: Accounts
    google: GoogleHealthServer
    participant: str = "P001"
    outcome: Outcome | None = None
    page: str = ""
    redirect: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        decision: str = "allow",
        account: str = "P001",
        without: tuple[str, ...] = (),
        before_return: Callable[[str], str] = lambda url: url,
        times: int = 1,
    ) -> Outcome:
        receiver = Receiver()
        try:
            consent = Consent(self.accounts, self.participant, receiver.redirect_uri)
            with receiver.serving(lambda query: _page(consent.answered(query), self.accounts.study)):
                self.redirect = before_return(self._decided(consent.url, decision, account, without))
                for _ in range(times):
                    shown = requests.get(self.redirect, timeout=30)
                assert receiver.wait(10)
            self.page, self.headers = shown.text, dict(shown.headers)
            self.outcome = consent.answered("")
            return self.outcome
        finally:
            receiver.close()

    def _decided(self, url: str, decision: str, account: str, without: tuple[str, ...]) -> str:
        """Press a button of the consent page; where Google sends the browser then."""
        page = requests.get(url, timeout=30)
        assert page.status_code == 200, page.text
        asked = re.findall(r'name="scope" value="([^"]+)" checked', page.text)
        assert set(asked) == set(SCOPES)
        form = [(n, v[0]) for n, v in parse_qs(urlsplit(url).query).items() if n != "scope"]
        form += [("scope", s) for s in asked if s.removeprefix(SCOPE).removesuffix(".readonly") not in without]
        sent = [*form, ("person", account), ("decision", decision)]
        answer = requests.post(f"{self.google.auth_url}/decide", data=sent, timeout=30, allow_redirects=False)
        return answer.headers["Location"]

    @property
    def history(self) -> list[str]:
        return [event.what for _, event in self.accounts.vault.history(self.participant)]

    @property
    def status(self) -> str | None:
        found = self.accounts.find(self.participant)
        return found and found.status

    def exchanged(self) -> int:
        return sum(b"authorization_code" in r.body for r in self.google.requests(path="/token"))


@pytest.fixture
def google() -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(World(4)) as server:
        yield server


@pytest.fixture
def settings(google: GoogleHealthServer, tmp_path: Path) -> Settings:
    settings = load_settings(environment_for(google, tmp_path / "home"))
    make_key(settings)
    return settings


@pytest.fixture
def walk(settings: Settings, google: GoogleHealthServer) -> Walk:
    return Walk(Accounts(settings, study_of(name="Sleep <& Steps>")), google)


def test_who_allows_is_connected(walk: Walk):
    outcome = walk()
    assert (outcome.ending, outcome.code, outcome.unread) == ("connected", 0, ())
    assert (walk.status, walk.history) == ("connected", ["asked", "granted"])
    token = walk.accounts.access_token("P001")
    grant = walk.google.oauth.bearer(token)
    assert grant is not None
    assert grant.person == "P001"
    entry = walk.accounts.vault.find("P001")
    assert entry is not None
    person = walk.google.world.person("P001")
    assert walk.accounts.vault.reveal(entry, "health_user_id") == person.health_user_id
    assert walk.accounts.vault.reveal(entry, "legacy_user_id") == person.legacy_user_id
    assert walk.accounts.access_token("P001") == token
    later = walk.accounts.vault.find("P001")
    assert later is not None
    assert later.access_expires_at is not None
    assert walk.accounts.access_token("P001", now=later.access_expires_at + timedelta(hours=1)) != token, "offline"


def test_the_page_says_what_happened_and_needs_nothing_else(walk: Walk):
    walk()
    assert "<h1>Connected</h1>" in walk.page
    assert "Study: Sleep &lt;&amp; Steps&gt;" in walk.page
    assert not re.search(r"https?:|src=|href=|<script|url\(|@import", walk.page)
    assert walk.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (walk.headers["Cache-Control"], walk.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "P001" not in walk.page
    code = parse_qs(urlsplit(walk.redirect).query)["code"][0]
    assert code not in walk.page


def test_what_was_not_allowed_is_told(walk: Walk):
    outcome = walk(without=("sleep", "settings"))
    assert (outcome.ending, outcome.unread) == ("connected", ("sleep", "settings", "pairedDevices"))
    assert "You did not allow everything; this is not read:<" in walk.page.replace("</p><ul>", "<")
    assert "<li>sleep</li><li>settings</li><li>pairedDevices</li>" in walk.page
    found = walk.accounts.find("P001")
    assert found is not None
    assert sorted(found.missing_scopes) == [f"{SCOPE}settings.readonly", f"{SCOPE}sleep.readonly"]


@pytest.mark.parametrize("way", ["button", "nothing that is read"])
def test_who_does_not_allow_is_not_connected(walk: Walk, way: str):
    if way == "button":
        outcome = walk("deny")
        assert walk.exchanged() == 0
    else:
        outcome = walk(without=tuple({t.scope for t in DATA_TYPES}))
    assert (outcome.ending, outcome.code) == ("denied", 3)
    assert (walk.status, walk.history) == ("denied", ["asked", "denied"])
    assert PAGES["denied"][1] in walk.page
    entry = walk.accounts.vault.find("P001")
    assert entry is not None
    assert entry.tokens is None


def test_who_does_not_allow_a_second_time_keeps_what_was_allowed(walk: Walk):
    """The dialogue can be left for many reasons; `disconnect` is there for who wants to end it."""
    walk()
    assert walk("deny").ending == "denied"
    assert (walk.status, walk.history) == ("connected", ["asked", "granted", "asked", "denied"])
    walk.accounts.needs_reconsent("P001", "RESOURCE_PERMISSION_DENIED")
    assert walk("deny").ending == "denied"
    assert walk.status == "needs_reconsent"
    assert walk().ending == "connected"
    assert walk.status == "connected"


def test_a_code_that_is_too_old_connects_nobody(walk: Walk):
    def late(url: str) -> str:
        walk.google.oauth.expire_codes()
        return url

    outcome = walk(before_return=late)
    assert (outcome.ending, outcome.code) == ("expired_code", 5)
    assert (walk.status, walk.history) == ("not_connected", ["asked", "expired_code"])
    assert "too old or was used already" in walk.page


def other_state(url: str) -> str:
    parts = urlsplit(url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return parts._replace(query=urlencode(asked | {"state": asked["state"][::-1]})).geturl()


def no_state(url: str) -> str:
    return re.sub(r"state=[^&]+&?", "", url)


def two_states(url: str) -> str:
    return f"{url}&state=other"


@pytest.mark.parametrize("change", [other_state, no_state, two_states])
def test_an_answer_to_another_request_is_not_exchanged(walk: Walk, change: Callable[[str], str]):
    outcome = walk(before_return=change)
    assert (outcome.ending, outcome.code) == ("wrong_state", 6)
    assert (walk.status, walk.history) == ("not_connected", ["asked", "wrong_state"])
    assert walk.exchanged() == 0
    assert "belongs to another request" in walk.page


def test_a_code_of_somebody_elses_request_is_worth_nothing(walk: Walk):
    """PKCE: it comes with the right state to the right address, but was asked for with another verifier."""

    def swapped(url: str) -> str:
        other = Consent(walk.accounts, "P002", url.partition("?")[0])
        stolen = parse_qs(urlsplit(walk._decided(other.url, "allow", "P002", ())).query)["code"][0]
        return re.sub(r"code=[^&]+", f"code={stolen}", url)

    assert walk(before_return=swapped).ending == "expired_code"
    assert (walk.exchanged(), len(walk.google.requests(path="/token", status=400))) == (1, 1)
    assert walk.status == "not_connected"


def test_the_page_loaded_again_says_the_same_and_asks_google_once(walk: Walk):
    assert walk(times=3).ending == "connected"
    assert walk.exchanged() == 1
    assert "<h1>Connected</h1>" in walk.page
    assert walk.history == ["asked", "granted"]


def test_nobody_answers(walk: Walk):
    consent = Consent(walk.accounts, "P001", "http://127.0.0.1:9/")
    outcome = consent.timed_out()
    assert (outcome.ending, outcome.code) == ("timed_out", 4)
    assert (walk.status, walk.history) == ("not_connected", ["asked", "timed_out"])
    assert consent.answered("code=late").ending == "timed_out"
    assert walk.exchanged() == 0


def test_an_account_of_somebody_else_is_not_connected_and_theirs_stays(walk: Walk):
    """P001's address is opened where P002 is signed in. Revoking would have ended P002's own consent."""
    walk.participant = "P002"
    assert walk(account="P002").ending == "connected"
    walk.participant = "P001"
    outcome = walk(account="P002")
    assert (outcome.ending, outcome.code) == ("account_mismatch", 7)
    assert "it is connected as 'P002'" in outcome.told
    assert (walk.status, walk.history) == ("not_connected", ["asked", "account_mismatch"])
    assert "not the account that the study expects" in walk.page
    assert "P002" not in walk.page
    assert walk.google.oauth.bearer(walk.accounts.access_token("P002")) is not None
    assert walk(account="P001").ending == "connected"
    assert walk(account="P003").ending == "account_mismatch"
    assert walk.google.oauth.bearer(walk.accounts.access_token("P001")) is not None


def test_a_consent_that_is_gone_at_once(walk: Walk):
    walk.google.faults.add(Fault("401", type="identity"))
    outcome = walk()
    assert (outcome.ending, outcome.code) == ("revoked", 8)
    assert (walk.status, walk.history) == ("not_connected", ["asked", "revoked"])
    assert "the permission is gone already" in walk.page


def test_an_account_without_health_data(walk: Walk):
    walk.google.faults.add(Fault("400_not_linked", type="identity"))
    outcome = walk()
    assert (outcome.ending, outcome.code) == ("no_health_account", 9)
    assert (walk.status, walk.history) == ("not_connected", ["asked", "no_health_account"])
    assert "This Google account has no health data." in walk.page


def test_faults_that_pass_are_waited_for(walk: Walk):
    walk.google.faults.add(Fault("429", type="identity", times=2, retry_after_s=0))
    assert walk().ending == "connected"
    assert len(walk.google.requests(type="identity", status=429)) == 2


@pytest.mark.parametrize("where", ["token", "identity", "client"])
def test_faults_that_stay_are_told_to_the_study_not_blamed_on_the_person(walk: Walk, where: str):
    if where == "client":
        walk.google.oauth.client_secret = "another"
    else:
        walk.google.faults.add(Fault("429", type=where, retry_after_s=0))
    outcome = walk()
    kind = ClientRefusedError if where == "client" else TokenUnavailableError
    assert (outcome.ending, outcome.code, type(outcome.error)) == ("not_finished", 2, kind)
    assert "not on our side" not in walk.page
    assert "Something did not work on our side" in walk.page
    assert (walk.status, walk.history) == ("not_connected", ["asked", "not_finished"])
    assert walk.accounts.vault.history("P001")[-1][1].note == kind.__name__


def test_google_has_asked_nobody(walk: Walk):
    def refused(url: str) -> str:
        return re.sub(r"code=[^&]+", "error=invalid_scope", url)

    outcome = walk(before_return=refused)
    assert (outcome.ending, outcome.error) == ("not_finished", None)
    assert "(invalid_scope)" in outcome.told
    walk.accounts.vault.history()
    outcome = walk(before_return=lambda url: refused(url).replace("invalid_scope", "%1b[31mx"))
    assert "(no code)" in outcome.told


def test_nobody_is_asked_for_what_could_not_be_kept(walk: Walk, settings: Settings):
    walk()
    key_file(settings).unlink()
    with pytest.raises(TokenKeyError, match="there is no key"):
        Consent(walk.accounts, "P002", "http://127.0.0.1:9/")
    make_key(settings)
    with pytest.raises(TokenKeyError, match=r"1 connections, such as that of 'P001', do not open"):
        Consent(walk.accounts, "P002", "http://127.0.0.1:9/")
    assert walk.accounts.vault.history("P002") == []
    without = settings.model_copy(update={"google_client_id": None})
    with pytest.raises(ClientRefusedError, match="set NEURO_GOOGLE_CLIENT_ID:"):
        Consent(Accounts(without), "P002", "http://127.0.0.1:9/")


def test_two_addresses_are_never_the_same(walk: Walk):
    asked = [parse_qs(urlsplit(Consent(walk.accounts, "P001", "http://127.0.0.1:9/").url).query) for _ in range(2)]
    for name in ("state", "code_challenge"):
        first, second = (a[name][0] for a in asked)
        assert first != second
        assert min(len(first), len(second)) >= 43


def test_no_code_and_no_token_is_told_or_kept_in_clear(
    walk: Walk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    outcomes, pages, codes = [], [], []

    def noted(url: str) -> str:
        codes.extend(parse_qs(urlsplit(url).query).get("code", []))
        return url

    def late(url: str) -> str:
        walk.google.oauth.expire_codes()
        return noted(url)

    for change in (noted, late, lambda url: other_state(noted(url))):
        outcomes.append(walk(before_return=change))
        pages.append(walk.page)
    walk.google.faults.add(Fault("500", type="token", times=1))
    outcomes.append(walk(before_return=noted))
    walk.accounts.accept("P003", Granted("ya29.of-3", 9, "1//of-3"), Identity("health-of-3"))
    assert [o.ending for o in outcomes] == ["connected", "expired_code", "wrong_state", "not_finished"]
    tokens = walk.google.oauth.tokens
    secrets = [*codes, *tokens.access, *tokens.refresh, walk.google.client_secret, "ya29.of-3", "1//of-3"]
    assert len(secrets) == 9, "of four walks four codes, one access and one refresh token"
    errors = [everything_told(o.error) for o in outcomes if o.error]
    home = walk.accounts.settings.home
    held = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    # The walk's own requests are logged by the library that the browser would not have.
    logged = [r.getMessage() for r in caplog.records if '"GET /?' not in r.getMessage() or "urllib3" not in r.name]
    said = "\n".join([*logged, *capfd.readouterr(), *pages, *errors, *map(repr, outcomes)])
    assert "/token" in said
    assert [s for s in as_written(secrets) if s.encode() in held or s in said] == []
