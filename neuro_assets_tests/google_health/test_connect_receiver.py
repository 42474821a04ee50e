"""The port that the browser comes back to, and that endings are told the same everywhere."""

import re
import socket
from typing import get_args
from urllib.parse import urlsplit

import requests

from neuro_assets.connectors.google_health.consent import EXIT_CODES, PAGES
from neuro_assets.connectors.google_health.receiver import Receiver
from neuro_assets.connectors.google_health.vault import Status, What
from neuro_assets.settings import REPOSITORY, Settings


def test_what_a_browser_asks_besides_ends_nothing():
    """Icons, the bare address, connections that stay silent."""
    receiver = Receiver()
    try:
        with receiver.serving(lambda query: query.encode()):
            base = receiver.redirect_uri
            host, port = urlsplit(base).hostname, urlsplit(base).port
            assert host == "127.0.0.1"
            silent = socket.create_connection((host, port))
            for other in ("favicon.ico", "", "other?state=1&code=2"):
                assert requests.get(base + other, timeout=10).status_code == 404
            assert not receiver.wait(0)
            assert requests.get(f"{base}?a=1", timeout=10).text == "a=1"
            assert receiver.wait(5)
            silent.close()
    finally:
        receiver.close()


def test_a_mistake_of_ours_reaches_who_waits():
    def broken(_: str) -> bytes:
        raise ZeroDivisionError("ours")

    receiver = Receiver()
    try:
        with receiver.serving(broken):
            shown = requests.get(f"{receiver.redirect_uri}?a=1", timeout=10)
            assert shown.status_code == 500
            assert "on our side" in shown.text
            assert receiver.wait(5)
        assert isinstance(receiver.failure, ZeroDivisionError)
    finally:
        receiver.close()


def test_each_ending_has_words_and_a_number_of_its_own():
    assert PAGES.keys() == EXIT_CODES.keys()
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert len({text for _, text in PAGES.values()}) == len(PAGES)


def test_the_documentation_names_each_ending_and_setting():
    text = (REPOSITORY / "docs" / "google-health.md").read_text(encoding="utf-8")
    assert {(n, int(code)) for n, code in re.findall(r"^\| `(\w+)` \| (\d) \|", text, re.M)} == set(EXIT_CODES.items())
    assert set(re.findall(r"^\| `(\w+)` \| [a-zG]", text, re.M)) >= set(get_args(Status))
    told = dict(re.findall(r"^\| `NEURO_GOOGLE_(\w+)_URL` \| `([^`]+)`", text, re.M))
    fields = Settings.model_fields
    assert told == {n: fields[f"google_{n.lower()}_url"].default for n in ("HEALTH", "AUTH", "TOKEN", "REVOKE")}
    for what in get_args(What):
        assert f"`{what}`" in text
