"""`neuro participants connect` walked through in a real browser: headless Chromium, told what to click over its
DevTools protocol, against the pretended Google; the command runs in a process of its own."""

import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.errors import NeedsReconsentError
from neuro_assets.connectors.google_health.keys import make_key
from neuro_assets.settings import Settings, load_settings
from neuro_assets.simulate.google_health.server import GoogleHealthServer
from neuro_assets.simulate.google_health.world import World
from neuro_assets_tests.command import NEURO, environment_of
from neuro_assets_tests.google_health.test_oauth import as_written
from neuro_assets_tests.google_health.test_oauth_accounts import environment_for
from neuro_assets_tests.study_homes import write_study

pytestmark = pytest.mark.verify
_READY_S = 30


@dataclass
class Browser:
    """A tab of Chromium."""

    socket: Any
    requested: list[str] = field(default_factory=list)
    _number: int = 0

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self.socket.recv(timeout=_READY_S))
            if told.get("method") == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]

    def run(self, script: str) -> Any:
        told = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return None if "exceptionDetails" in told else told["result"].get("value")

    def open(self, url: str) -> None:
        self.send("Network.enable")
        self.send("Page.navigate", url=url)

    def wait(self, script: str) -> Any:
        """Until the script says something true of the page."""
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            if found := self.run(script):
                return found
            time.sleep(0.05)
        pytest.fail(f"the page never got there: {script}; {self.run('document.documentElement.outerHTML')}")

    def click(self, element: str) -> None:
        """With the mouse, in the middle of the element."""
        place = f"document.querySelector('{element}').getBoundingClientRect()"
        box = f"(r => [r.x + r.width / 2, r.y + r.height / 2])({place})"
        x, y = self.wait(box)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A started browser with a profile of its own, gone at the end."""
    from websockets.sync.client import connect

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine")
    command = [program, "--headless=new", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []
    with (folder.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            port = _port_of(folder, process)
            tabs = requests.get(f"http://127.0.0.1:{port}/json", timeout=10).json()
            tab = next(t for t in tabs if t["type"] == "page")
            with connect(tab["webSocketDebuggerUrl"], proxy=None, max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port_of(folder: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(_READY_S * 10):
        assert process.poll() is None, "chromium has ended"
        told = folder / "DevToolsActivePort"
        if told.exists() and (lines := told.read_text().split()):
            return lines[0]
        time.sleep(0.1)
    pytest.fail("chromium does not start")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    logging.getLogger("websockets").setLevel(logging.WARNING)
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as browser:
        yield browser


class Codes(dict[str, Any]):
    """Codes that the server gave out; all that there ever were stay in `given`, which is to be found nowhere else."""

    given: ClassVar[set[str]] = set()

    def __setitem__(self, code: str, about: Any) -> None:
        self.given.add(code)
        super().__setitem__(code, about)


@pytest.fixture
def google() -> Iterator[GoogleHealthServer]:
    with GoogleHealthServer(World(3)) as server:
        server.oauth.tokens.codes = Codes()
        yield server


@pytest.fixture
def home(google: GoogleHealthServer, tmp_path: Path) -> Settings:
    folder = tmp_path / "home"
    folder.mkdir()
    write_study(folder, participants_csv="participant_id\nP001\nP002\n", auto_enrol=False, name="Nights & Days")
    settings = load_settings(environment_for(google, folder))
    make_key(settings)
    return settings


@dataclass
class Walked:
    """What the command said, what the browser showed at the end, and where it had been."""

    code: int
    said: str
    page: str
    codes: list[str]
    requested: list[str]


def walked(
    browser: Browser,
    google: GoogleHealthServer,
    home: Settings,
    *clicks: str,
    account: str = "P001",
    name: str = "P001",
    before_last: Callable[[], object] = lambda: None,
) -> Walked:
    """Type the command, open the address that it prints, click, and read the page that it ends with."""
    command = [NEURO, "participants", "connect", name, "--wait", "60"]
    environment = environment_of(home.home, **environment_for(google, home.home), PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        first = ""
        for line in process.stdout:
            first += line
            if line.startswith("http"):
                break
        given = set(Codes.given)
        browser.requested.clear()
        browser.open(first.splitlines()[-1])
        browser.wait("document.querySelector('#allow') && document.readyState === 'complete'")
        browser.run(f"document.querySelector('#person').value = '{account}'")
        for click in clicks[:-1]:
            browser.click(click)
        before_last()
        browser.click(clicks[-1])
        page = browser.wait("/^(Connected|Not connected)$/.test(document.title) && document.body.innerText")
        browser.wait("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        said = first + process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    codes = sorted(Codes.given - given)
    assert bool(codes) == (clicks[-1] == "#allow")
    return Walked(process.returncode, said, page, codes, list(browser.requested))


def told(home: Settings, name: str = "P001") -> list[str]:
    return [event.what for _, event in Accounts(home).vault.history(name)]


def box(scope: str) -> str:
    return f'input[value$=".{scope}.readonly"]'


def refuse_leaks(home: Settings, google: GoogleHealthServer, walk: Walked) -> None:
    """Neither the home nor the terminal has a code, a token or the client's secret."""
    tokens = google.oauth.tokens
    secrets = [*walk.codes, *tokens.access, *tokens.refresh, google.client_secret]
    held = b"".join(p.read_bytes() for p in home.home.rglob("*") if p.is_file())
    assert [s for s in as_written(secrets) if s.encode() in held or s in walk.said or s in walk.page] == []


def test_a_participant_allows(browser: Browser, google: GoogleHealthServer, home: Settings):
    walk = walked(browser, google, home, "#allow")
    assert walk.code == 0, walk.said
    assert walk.page.split("\n")[0] == "Connected"
    assert "Study: Nights & Days" in walk.page
    assert "P001 is connected" in walk.said
    assert told(home) == ["asked", "granted"]
    grant = google.oauth.bearer(Accounts(home).access_token("P001"))
    assert grant is not None
    assert grant.person == "P001"
    assert len(walk.codes) == 1
    receiver = [url for url in walk.requested if "code=" in url]
    assert len(receiver) == 1
    assert walk.codes[0].replace("/", "%2F") in receiver[0]
    elsewhere = [u for u in walk.requested if not u.startswith(("http://127.0.0.1:", "data:"))]
    assert elsewhere == [], "the page at the end loads nothing from anywhere"
    refuse_leaks(home, google, walk)


def test_a_participant_unticks_some(browser: Browser, google: GoogleHealthServer, home: Settings):
    walk = walked(browser, google, home, box("sleep"), box("settings"), "#allow")
    assert walk.code == 0, walk.said
    assert "You did not allow everything; this is not read:\n" in walk.page.replace("\n\n", "\n")
    assert walk.page.split("\n")[-5:].count("sleep") == 1
    assert "not allowed, and not read: sleep, settings, pairedDevices" in walk.said
    refuse_leaks(home, google, walk)


def test_a_participant_denies(browser: Browser, google: GoogleHealthServer, home: Settings):
    walk = walked(browser, google, home, "#deny")
    assert walk.code == 3
    assert walk.page.split("\n")[0] == "Not connected"
    assert "You did not agree, so nothing of yours is read." in walk.page
    assert "not connected: the participant did not agree" in walk.said
    assert told(home) == ["asked", "denied"]
    assert [c.status for c in Accounts(home).people()] == ["denied"]


def test_a_code_that_expires_on_the_way(browser: Browser, google: GoogleHealthServer, home: Settings):
    consent = google.oauth.consent

    def expired(*arguments: Any, **named: Any) -> str:
        code = consent(*arguments, **named)
        google.oauth.expire_codes()
        return code

    google.oauth.consent = expired
    walk = walked(browser, google, home, "#allow")
    assert walk.code == 5
    assert "This answer is too old or was used already." in walk.page
    assert told(home) == ["asked", "expired_code"]
    assert [c.status for c in Accounts(home).people()] == ["not_connected"]
    refuse_leaks(home, google, walk)


def test_the_account_of_somebody_else(browser: Browser, google: GoogleHealthServer, home: Settings):
    assert walked(browser, google, home, "#allow", account="P002", name="P002").code == 0
    walk = walked(browser, google, home, "#allow", account="P002", name="P001")
    assert walk.code == 7
    assert "not the account that the study expects" in walk.page
    assert "it is connected as 'P002'" in walk.said
    assert [(c.participant_id, c.status) for c in Accounts(home).people()] == [
        ("P001", "not_connected"),
        ("P002", "connected"),
    ]
    refuse_leaks(home, google, walk)


def test_a_consent_taken_back_is_given_again(browser: Browser, google: GoogleHealthServer, home: Settings):
    walked(browser, google, home, "#allow")
    google.world.revoke("P001")
    accounts = Accounts(home)
    with pytest.raises(NeedsReconsentError):
        accounts.refuse_token("P001", accounts.access_token("P001"))
    assert [c.status for c in accounts.people()] == ["needs_reconsent"]
    walk = walked(browser, google, home, "#allow")
    assert walk.code == 0
    assert told(home) == ["asked", "granted", "refreshed_lost", "asked", "granted"]
    assert google.oauth.bearer(accounts.access_token("P001")) is not None
    refuse_leaks(home, google, walk)
