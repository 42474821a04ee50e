"""Tokens of participants against the pretended Google: one refresh for many, rotation, endings, and whose account."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.connectors.google_health.accounts import Accounts, unreadable_types
from neuro_assets.connectors.google_health.errors import (
    AccountError,
    ClientRefusedError,
    GrantRefusedError,
    NeedsReconsentError,
    NotConnectedError,
    TokenUnavailableError,
)
from neuro_assets.connectors.google_health.keys import key_file, make_key
from neuro_assets.connectors.google_health.oauth import Granted, Identity
from neuro_assets.connectors.google_health.vault import Vault
from neuro_assets.settings import Settings, load_settings
from neuro_assets.simulate.google_health.faults import Fault
from neuro_assets.simulate.google_health.server import GoogleHealthServer
from neuro_assets.simulate.google_health.world import World
from neuro_assets.sources.google_health.data_types import SCOPE, SCOPES
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.google_health.test_oauth import as_written, everything_told
from neuro_assets_tests.google_health.test_vault import in_child

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> World:
    """Four accounts, of which tests take back and give consents."""
    return World(4)


@pytest.fixture
def google(world: World) -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(world, rotate_every=1) as server:
        yield server


def environment_for(google: GoogleHealthServer, home: Path) -> dict[str, str]:
    return {
        "NEURO_HOME": str(home),
        "NEURO_GOOGLE_CLIENT_ID": google.client_id,
        "NEURO_GOOGLE_CLIENT_SECRET": google.client_secret,
        "NEURO_GOOGLE_HEALTH_URL": google.url,
        "NEURO_GOOGLE_AUTH_URL": google.auth_url,
        "NEURO_GOOGLE_TOKEN_URL": google.token_url,
        "NEURO_GOOGLE_REVOKE_URL": google.revoke_url,
    }


@pytest.fixture
def settings(google: GoogleHealthServer, tmp_path: Path) -> Settings:
    settings = load_settings(environment_for(google, tmp_path / "home"))
    make_key(settings)
    return settings


@pytest.fixture
def accounts(settings: Settings) -> Accounts:
    return Accounts(settings, study_of())


def connect(accounts: Accounts, google: GoogleHealthServer, name: str = "P001", *, spent: bool = False) -> Granted:
    """Connect a participant, with an access token that is `spent` already where a refresh is wanted."""
    given = Granted.of(google.connect(name))
    assert given is not None
    person = google.world.person(name)
    at = datetime.now(UTC) - 2 * HOUR if spent else None
    accounts.accept(name, given, Identity(person.health_user_id, person.legacy_user_id), now=at)
    return given


def tokens_of(accounts: Accounts, name: str = "P001") -> list[str]:
    entry = accounts.vault.find(name)
    assert entry is not None
    return (accounts.vault.reveal(entry, "tokens") or "").split()


def told(accounts: Accounts, name: str = "P001") -> list[tuple[str, str]]:
    return [(e.what, e.note) for _, e in accounts.vault.history(name)]


def test_a_token_is_handed_out_while_it_is_good_for_a_minute(accounts: Accounts, google: GoogleHealthServer):
    given = connect(accounts, google)
    ends = accounts.vault.find("P001")
    assert ends is not None
    assert ends.access_expires_at is not None
    just = ends.access_expires_at - timedelta(seconds=60)
    assert accounts.access_token("P001") == accounts.access_token("P001", now=just) == given.access_token
    assert google.refreshes["P001"] == 0
    later = accounts.access_token("P001", now=just + timedelta(seconds=1))
    assert google.refreshes["P001"] == 1
    assert later != given.access_token
    assert google.oauth.bearer(later) is not None
    assert tokens_of(accounts)[0] == later
    assert tokens_of(accounts)[1] != given.refresh_token, "the server gave another refresh token, and it is kept"


def test_a_refresh_token_that_is_not_changed_stays(world: World, settings: Settings):
    with GoogleHealthServer(world) as google:
        own = Accounts(load_settings(environment_for(google, settings.home)), study_of())
        given = connect(own, google, spent=True)
        assert own.access_token("P001") != given.access_token
        assert tokens_of(own)[1] == given.refresh_token


ASK = """
import hashlib, sys, time
from pathlib import Path
from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.settings import load_settings
accounts = Accounts.of(load_settings())
print("ready", flush=True)
sys.stdin.readline()
print(hashlib.sha256(accounts.access_token("P001").encode()).hexdigest())
"""


@pytest.mark.verify
def test_processes_that_need_a_token_at_once_make_one_request(accounts: Accounts, google: GoogleHealthServer):
    """Five times anew, by three processes that start at the same word while the server is slow."""
    google.faults.add(Fault("slow", type="token", delay_s=0.5))
    environment = os.environ | environment_for(google, accounts.settings.home)
    for turn in range(1, 6):
        connect(accounts, google, spent=True)
        asking = [
            subprocess.Popen([sys.executable, "-c", ASK], env=environment, stdin=-1, stdout=-1, text=True)
            for _ in range(3)
        ]
        for process in asking:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in asking:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [process.communicate()[0].strip() for process in asking]
        assert [p.returncode for p in asking] == [0, 0, 0]
        stored = hashlib.sha256(tokens_of(accounts)[0].encode()).hexdigest()
        assert answers == [stored] * 3
        assert google.refreshes["P001"] == turn


def test_threads_that_need_a_token_at_once_make_one_request(accounts: Accounts, google: GoogleHealthServer):
    google.faults.add(Fault("slow", type="token", delay_s=0.3))
    connect(accounts, google, "P001", spent=True)
    connect(accounts, google, "P002", spent=True)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(accounts.access_token, ["P001", "P002"] * 4))
    assert [len(set(found[n::2])) for n in range(2)] == [1, 1]
    assert (google.refreshes["P001"], google.refreshes["P002"]) == (1, 1)


@pytest.mark.verify
def test_people_do_not_wait_for_each_other(accounts: Accounts, google: GoogleHealthServer):
    google.faults.add(Fault("slow", type="token", person="P001", delay_s=1.5))
    connect(accounts, google, "P001", spent=True)
    connect(accounts, google, "P002", spent=True)
    slow = threading.Thread(target=accounts.access_token, args=("P001",))
    slow.start()
    while not google.refreshes["P001"]:
        time.sleep(0.01)
    accounts.access_token("P002")
    assert slow.is_alive(), "P001's refresh is still under way"
    slow.join()


def test_a_token_that_was_refused_is_refreshed_once(accounts: Accounts, google: GoogleHealthServer):
    """After a 401: whoever comes second finds the new token and asks nobody."""
    given = connect(accounts, google)
    google.oauth.expire_access("P001")
    assert google.oauth.bearer(given.access_token) is None
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: accounts.refuse_token("P001", given.access_token), range(4)))
    assert found == {tokens_of(accounts)[0]}
    assert given.access_token not in found
    assert google.refreshes["P001"] == 1
    assert google.oauth.bearer(found.pop()) is not None


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_changed_token_is_on_the_disk_before_anybody_has_it(
    accounts: Accounts, google: GoogleHealthServer, monkeypatch: pytest.MonkeyPatch
):
    """Death after it was stored and before it was handed out: the next process goes on with it."""
    given = connect(accounts, google, spent=True)
    write = Vault.write

    def write_and_die(vault: Vault, name: str, /, *event: object, **values: object) -> None:
        write(vault, name, *event, **values)  # pyright: ignore[reportArgumentType]
        if "tokens" in values:
            die()

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "write", write_and_die)
        assert in_child(lambda: accounts.access_token("P001")) == signal.SIGKILL
    assert google.refreshes["P001"] == 1
    access, refresh = tokens_of(accounts)
    assert refresh != given.refresh_token
    assert accounts.access_token("P001") == access
    assert google.refreshes["P001"] == 1
    accounts.access_token("P001", now=datetime.now(UTC) + 2 * HOUR)
    assert google.refreshes["P001"] == 2
    with accounts.vault._connection() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2, "FULL: on the disk with the commit"
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_an_answer_that_was_lost_is_told_for_what_it_is(
    accounts: Accounts, google: GoogleHealthServer, monkeypatch: pytest.MonkeyPatch
):
    """Death between Google's answer and the disk: where the token was changed, nobody has the new one any more."""
    connect(accounts, google, spent=True)
    with monkeypatch.context() as patch:
        patch.setattr("neuro_assets.connectors.google_health.accounts._token_columns", die)
        assert in_child(lambda: accounts.access_token("P001")) == signal.SIGKILL
    with pytest.raises(NeedsReconsentError, match="'P001' has to consent again, since"):
        accounts.access_token("P001")
    lost = "invalid_grant; a refresh before got no answer, and may have used the token up"
    assert told(accounts)[-1] == ("refreshed_lost", lost)


def test_who_has_taken_the_consent_back_is_asked_for_a_new_one_and_google_not_again(
    accounts: Accounts, google: GoogleHealthServer
):
    connect(accounts, google, spent=True)
    google.world.revoke("P001")
    for _ in range(3):
        with pytest.raises(NeedsReconsentError, match="`neuro participants connect P001`") as caught:
            accounts.access_token("P001")
        assert not isinstance(caught.value.__context__, GrantRefusedError)
    with pytest.raises(NeedsReconsentError):
        accounts.refuse_token("P001", "any")
    assert google.refreshes["P001"] == 1
    found = accounts.find("P001")
    assert found is not None
    assert found.status == "needs_reconsent"
    assert abs(found.since - datetime.now(UTC)) < timedelta(seconds=30)
    assert told(accounts) == [("granted", ""), ("refreshed_lost", "invalid_grant")]
    assert tokens_of(accounts) == []
    again = connect(accounts, google)
    assert accounts.access_token("P001") == again.access_token
    assert [what for what, _ in told(accounts)] == ["granted", "refreshed_lost", "granted"]


@pytest.mark.parametrize("kind", ["500", "503", "429", "reset", "cut", "short"])
def test_a_fault_of_the_server_costs_nobody_a_consent(accounts: Accounts, google: GoogleHealthServer, kind: str):
    connect(accounts, google, spent=True)
    google.oauth.rotate_every = 0  # an answer that is lost must not be the one with a new token
    google.faults.add(Fault(kind, type="token", times=1, retry_after_s=7))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TokenUnavailableError) as caught:
        accounts.access_token("P001")
    assert caught.value.retry_after_s == (7 if kind == "429" else None)
    found = accounts.find("P001")
    assert found is not None
    assert found.status == "connected"
    assert google.oauth.bearer(accounts.access_token("P001")) is not None
    assert told(accounts) == [("granted", "")]


def test_a_client_that_google_does_not_take_is_no_fault_of_participants(
    accounts: Accounts, google: GoogleHealthServer, settings: Settings
):
    connect(accounts, google, spent=True)
    other = load_settings(environment_for(google, settings.home) | {"NEURO_GOOGLE_CLIENT_SECRET": "hunter2"})
    with pytest.raises(ClientRefusedError, match=r"invalid_client.*NEURO_GOOGLE_CLIENT_SECRET") as caught:
        Accounts(other).access_token("P001")
    assert "hunter2" not in everything_told(caught.value)
    assert google.oauth.bearer(accounts.access_token("P001")) is not None
    assert told(accounts) == [("granted", "")]


def test_fewer_scopes_than_before_are_noticed(accounts: Accounts, google: GoogleHealthServer):
    given = connect(accounts, google, spent=True)
    less = tuple(sorted(s for s in SCOPES if not s.endswith((".sleep.readonly", ".settings.readonly"))))
    google.oauth.tokens.refresh[str(given.refresh_token)].scopes = less
    accounts.access_token("P001")
    found = accounts.find("P001")
    assert found is not None
    assert set(found.missing_scopes) == {f"{SCOPE}sleep.readonly", f"{SCOPE}settings.readonly"}
    assert unreadable_types(found.scopes) == ["sleep", "settings", "pairedDevices"]
    assert [(e.what, e.scopes) for _, e in accounts.vault.history("P001")][-1] == ("scopes_changed", less)


def test_a_permission_that_is_gone_needs_a_consent_unless_there_is_one_by_now(
    accounts: Accounts, google: GoogleHealthServer
):
    before = connect(accounts, google)
    now = connect(accounts, google)
    accounts.needs_reconsent("P001", "RESOURCE_PERMISSION_DENIED", before.access_token)
    assert accounts.access_token("P001") == now.access_token
    accounts.needs_reconsent("P001", "RESOURCE_PERMISSION_DENIED", now.access_token)
    accounts.needs_reconsent("P001", "RESOURCE_PERMISSION_DENIED")
    with pytest.raises(NeedsReconsentError):
        accounts.access_token("P001")
    assert told(accounts)[2:] == [("permission_lost", "RESOURCE_PERMISSION_DENIED")]


def test_tokens_without_one_to_refresh_with_connect_nobody(accounts: Accounts):
    with pytest.raises(GrantRefusedError, match="no refresh token"):
        accounts.accept("P001", Granted("ya29.x"))
    assert accounts.people() == []
    with pytest.raises(NotConnectedError, match="`neuro participants connect P001`"):
        accounts.access_token("P001")


def test_who_ends_a_connection_has_no_tokens_here_or_there(accounts: Accounts, google: GoogleHealthServer):
    given = connect(accounts, google)
    assert accounts.disconnect("P001") is True
    assert google.oauth.bearer(given.access_token) is None
    assert tokens_of(accounts) == []
    with pytest.raises(NotConnectedError):
        accounts.access_token("P001")
    with pytest.raises(NotConnectedError):
        accounts.disconnect("P001")
    assert [what for what, _ in told(accounts)] == ["granted", "revoked", "disconnected"]
    connect(accounts, google)
    assert accounts.people()[0].status == "connected"


@pytest.mark.parametrize("missing", ["google", "key"])
def test_who_wants_out_gets_out(accounts: Accounts, google: GoogleHealthServer, settings: Settings, missing: str):
    """Also where Google does not answer, or the key that opens the tokens is lost."""
    connect(accounts, google)
    if missing == "google":
        nowhere = environment_for(google, settings.home) | {"NEURO_GOOGLE_REVOKE_URL": "http://127.0.0.1:1/revoke"}
        accounts = Accounts(load_settings(nowhere))
    else:
        key_file(settings).unlink()
    assert accounts.disconnect("P001") is False
    found = accounts.vault.find("P001")
    assert found is not None
    assert (found.status, found.tokens) == ("disconnected", None)
    assert [what for what, _ in told(accounts)] == ["granted", "disconnected"]


def test_no_token_is_anywhere_but_under_encryption(
    accounts: Accounts, google: GoogleHealthServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    """Everything that ever was a token, in each file of the home, in what was logged, printed and raised."""
    caplog.set_level(logging.DEBUG)
    raised: list[AccountError] = []
    for name in ("P001", "P002", "P003"):
        connect(accounts, google, name, spent=True)
        accounts.access_token(name)
    for fault in ("500", "reset", "cut"):
        google.faults.add(Fault(fault, type="token", times=1))
        try:
            accounts.access_token("P001", now=datetime.now(UTC) + 2 * HOUR)
        except AccountError as error:
            raised.append(error)
    google.world.revoke("P002")
    for name in ("P001", "P002"):
        try:
            accounts.access_token(name, now=datetime.now(UTC) + 9 * HOUR)
        except AccountError as error:
            raised.append(error)
    accounts.vault.rotate()
    accounts.disconnect("P003")
    # The answer that was reset had P001's changed token; P002 took the consent back.
    assert [type(e).__name__ for e in raised] == [*["TokenUnavailableError"] * 2, *["NeedsReconsentError"] * 3]
    tokens = google.oauth.tokens
    secrets = [*tokens.access, *tokens.refresh, google.client_secret]
    secrets += [i for p in google.world.people.values() for i in (p.health_user_id, p.legacy_user_id or p.email)]
    assert len(secrets) > 12
    held = b"".join(p.read_bytes() for p in accounts.settings.home.rglob("*") if p.is_file())
    said = "\n".join([caplog.text, *capfd.readouterr(), *map(everything_told, raised)])
    assert b"P001" in held
    assert "P001" in said
    assert [s for s in as_written(secrets) if s.encode() in held or s in said] == []
