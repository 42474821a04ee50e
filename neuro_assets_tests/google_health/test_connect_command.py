"""`neuro participants` as it is typed: in this process where nobody is asked, else in one of its own."""

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.keys import make_key
from neuro_assets.connectors.google_health.oauth import Granted, Identity
from neuro_assets.settings import Settings, load_settings
from neuro_assets.simulate.google_health.server import GoogleHealthServer
from neuro_assets.simulate.google_health.world import World
from neuro_assets.sources.google_health.data_types import SCOPES
from neuro_assets_tests.cli.test_commands import neuro
from neuro_assets_tests.command import NEURO, environment_of
from neuro_assets_tests.google_health.test_connect import Walk
from neuro_assets_tests.google_health.test_oauth_accounts import environment_for
from neuro_assets_tests.study_homes import write_study

PEOPLE = f"""participant_id,withdrawn_on,alias_fitabase
P001,,9001
P002,,9002
P003,{date.today() - timedelta(days=1)},
P004,{date.today() + timedelta(days=9)},
"""


@pytest.fixture
def google() -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(World(4)) as server:
        yield server


@pytest.fixture
def home(google: GoogleHealthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The environment names a home with four participants, a key and the pretended Google."""
    folder = tmp_path / "home"
    folder.mkdir()
    write_study(folder, participants_csv=PEOPLE, auto_enrol=False)
    given = environment_for(google, folder)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(given)
    make_key(settings)
    return settings


def plain(text: str) -> str:
    """Without the frame that the command line draws around a refusal."""
    return " ".join(re.sub(r"[╭╮╰╯│─]", " ", text).split())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("P01", "the study has no participant 'P01'; did you mean 'P001'?"),
        ("zzzzzz", "add them to the participants file first"),
        ("9002", "'9002' is a vendor's id; the study names that participant 'P002'"),
        ("P003", "'P003' has withdrawn on"),
    ],
)
def test_only_participants_are_asked(home: Settings, name: str, told: str):
    said = neuro("participants", "connect", name)
    assert said.code == 2
    assert told in plain(said.err)
    assert Accounts(home).people() == []


def test_what_is_missing_is_told_before_anybody_is_asked(home: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NEURO_GOOGLE_CLIENT_SECRET")
    said = neuro("participants", "connect", "P001")
    assert (said.code, said.out) == (2, "")
    assert "set NEURO_GOOGLE_CLIENT_SECRET:" in said.err
    (home.home / "keys" / "token.key").unlink()
    monkeypatch.setenv("NEURO_GOOGLE_CLIENT_SECRET", "x")
    said = neuro("participants", "connect", "P001")
    assert said.code == 2
    assert "`neuro keys new` makes one" in said.err
    assert neuro("participants", "history").out == "nobody was asked yet\n"


def test_a_port_that_is_taken_is_told(home: Settings, google: GoogleHealthServer):
    said = neuro("participants", "connect", "P001", "--port", str(urlsplit(google.url).port))
    assert said.code == 2
    assert "cannot be had" in plain(said.err)


@pytest.mark.verify
def test_nobody_answers_in_time(home: Settings):
    said = neuro("participants", "connect", "P004", "--wait", "1")
    assert said.code == 4
    assert "not connected: nobody answered in time" in said.err
    assert [r["what"] for r in neuro("participants", "history", "P004", "--json").json] == ["asked", "timed_out"]


@pytest.fixture
def connected(home: Settings) -> Accounts:
    accounts = Accounts(home)
    less = tuple(s for s in SCOPES if "sleep" not in s)
    accounts.accept("P001", Granted("ya29.a1", 3600, "1//r1", SCOPES), Identity("health-1", "OLD1"))
    accounts.accept("P002", Granted("ya29.a2", 3600, "1//r2", less), Identity("health-2"))
    accounts.needs_reconsent("P001", "RESOURCE_PERMISSION_DENIED")
    return accounts


def test_the_list_has_everybody_and_no_account(connected: Accounts):
    rows = neuro("participants", "list", "--json").json
    assert [(r["participant_id"], r["status"], r["unread_types"]) for r in rows] == [
        ("P001", "needs_reconsent", []),
        ("P002", "connected", ["sleep"]),
        ("P003", "not_connected", []),
        ("P004", "not_connected", []),
    ]
    found = connected.find("P001")
    assert found is not None
    assert rows[0]["since"] == f"{found.since:%Y-%m-%d %H:%M} UTC"
    assert rows[2]["since"] is None
    assert [s.rpartition("/")[2] for s in rows[1]["missing_scopes"]] == ["googlehealth.sleep.readonly"]
    shown = neuro("participants", "list").out
    assert re.search(r"P002\W+connected\W+[\d-]+ [\d:]+ UTC\W+sleep\s", shown)
    for secret in ("health-", "OLD1", "ya29", "1//"):
        assert secret not in shown + json.dumps(rows)


def test_the_history_is_exported(connected: Accounts, tmp_path: Path):
    target = tmp_path / "consents.csv"
    assert neuro("participants", "history", "--csv", str(target)).out == f"3 events, in {target}\n"
    with target.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(r["participant_id"], r["what"], r["note"]) for r in rows] == [
        ("P001", "granted", ""),
        ("P002", "granted", ""),
        ("P001", "permission_lost", "RESOURCE_PERMISSION_DENIED"),
    ]
    assert rows[0]["scopes"].split() == list(SCOPES)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", r["at"]) for r in rows)
    assert "permission_lost" in neuro("participants", "history", "P001").out
    assert "P001" not in neuro("participants", "history", "P002").out


def test_a_connection_is_ended(connected: Accounts, google: GoogleHealthServer):
    """The pretended Google knows no such token, which is as good as revoked; when it is away, that is told."""
    said = neuro("participants", "disconnect", "P002")
    assert (said.code, said.err) == (0, "")
    assert said.out == "P002 is not connected any more, the tokens are deleted\n"
    assert [r["what"] for r in neuro("participants", "history", "P002", "--json").json][1:] == [
        "revoked",
        "disconnected",
    ]
    again = neuro("participants", "disconnect", "P002")
    assert (again.code, again.err) == (2, "error: 'P002' is not connected\n")
    connected.accept("P002", Granted("ya29.a2", 3600, "1//r2"), Identity("health-2"))
    google.close()
    said = neuro("participants", "disconnect", "P002", "--forget-account")
    assert said.code == 0
    assert "https://myaccount.google.com/connections" in said.err
    entry = connected.vault.find("P002")
    assert entry is not None
    assert (entry.tokens, entry.health_user_id) == (None, None)


@pytest.mark.verify
@pytest.mark.parametrize(
    ("decision", "code", "told"), [("deny", 3, "did not agree"), ("allow", 0, "P001 is connected")]
)
def test_a_browser_elsewhere_and_its_address_pasted(
    home: Settings, google: GoogleHealthServer, decision: str, code: int, told: str
):
    """The way of a site whose machine has no browser: the page at the end cannot be shown, and need not be."""
    process = subprocess.Popen(
        [NEURO, "participants", "connect", "P001", "--no-browser"],
        env=environment_of(home.home, **environment_for(google, home.home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    url = next(line.strip() for line in process.stdout if line.startswith("http"))
    redirect = Walk(Accounts(home), google)._decided(url, decision, "P001", ())
    with pytest.raises(requests.ConnectionError):
        requests.get(redirect, timeout=5)
    said = process.communicate(f"  {redirect}\n")[0]
    assert (process.returncode, told in said) == (code, True), said
    for secret in parse_qs(urlsplit(redirect).query).get("code", ["nothing"]):
        assert secret not in said
    if code == 0:
        assert google.oauth.bearer(Accounts(home).access_token("P001")) is not None
