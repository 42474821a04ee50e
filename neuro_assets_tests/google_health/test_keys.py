"""`neuro keys`, and where the key may be: the environment, the home, the desktop's keyring."""

import importlib.machinery
import stat
import sys
import types
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from neuro_assets.connectors.google_health.errors import TokenKeyError
from neuro_assets.connectors.google_health.keys import find_keys, key_file, make_key, new_key
from neuro_assets.connectors.google_health.vault import Vault
from neuro_assets.settings import Settings, load_settings
from neuro_assets_tests.cli.test_commands import neuro
from neuro_assets_tests.study_homes import write_study

AT = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    folder = tmp_path / "home"
    folder.mkdir()
    write_study(folder)
    monkeypatch.setenv("NEURO_HOME", str(folder))
    monkeypatch.delenv("NEURO_TOKEN_KEY", raising=False)
    return load_settings({"NEURO_HOME": str(folder)})


def fill(settings: Settings, name: str = "P1") -> None:
    Vault(settings).write(name, status="connected", since=AT, tokens="ya29.a\n1//r", health_user_id="h")


def tokens_of(settings: Settings, name: str = "P1") -> str | None:
    vault = Vault(settings)
    entry = vault.find(name)
    assert entry is not None
    return vault.reveal(entry, "tokens")


def test_the_story_of_a_key_in_the_home(settings: Settings):
    path = key_file(settings)
    said = neuro("keys", "check")
    assert (said.code, "`neuro keys new` makes one" in said.err) == (2, True)
    said = neuro("keys", "new")
    assert (said.code, said.out) == (0, f"written: {path}\n")
    assert "Keep a copy of it" in said.err
    first = path.read_text().strip()
    assert first not in said.out + said.err
    assert len(Fernet(first).encrypt(b"x")) > 0
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)} == {0o600, 0o700}
    fill(settings)
    again = neuro("keys", "new")
    assert (again.code, "it was not changed" in again.err, path.read_text().strip()) == (2, True, first)
    assert neuro("keys", "check").out == f"key: {path}; it opens all connections, of 1 participants\n"
    said = neuro("keys", "rotate")
    assert said.out.startswith(f"2 texts are encrypted again, under the key of {path}\nthe one before is ")
    second = path.read_text().strip()
    assert second != first
    assert not {first, second} & set((said.out + said.err).split())
    assert tokens_of(settings) == "ya29.a\n1//r"
    path.unlink()
    said = neuro("keys", "new")
    assert (said.code, path.exists()) == (2, False), "a second key would not open what the first has encrypted"
    assert "`neuro keys new --lost`" in said.err
    said = neuro("keys", "new", "--lost")
    assert said.out == f"what no key opens is deleted; these have to consent again: P1\nwritten: {path}\n"
    vault = Vault(settings)
    assert [(e.participant_id, e.status, e.tokens) for e in vault.entries()] == [("P1", "needs_reconsent", None)]
    assert vault.history("P1")[-1][1].what == "key_lost"
    assert neuro("keys", "new", "--lost").out == "the key that is there opens everything; nothing was changed\n"


def test_a_key_that_is_another_is_told(settings: Settings):
    make_key(settings)
    fill(settings)
    key_file(settings).write_text(new_key())
    said = neuro("keys", "check")
    assert said.code == 2
    assert "does not open the tokens of P1: put the one there" in said.err
    said = neuro("keys", "rotate")
    assert (said.code, "0 texts" in said.out) == (0, True)
    assert "none of the keys opens the tokens of P1" in said.err


def test_the_environment_goes_before_the_home(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    make_key(settings)
    fill(settings)
    old = key_file(settings).read_text().strip()
    new = neuro("keys", "new", "--print").out.strip()
    assert key_file(settings).read_text().strip() == old
    monkeypatch.setenv("NEURO_TOKEN_KEY", new)
    assert neuro("keys", "check").code == 2
    monkeypatch.setenv("NEURO_TOKEN_KEY", f"{new},{old}")
    assert neuro("keys", "check").out.endswith(
        "there are 2 keys: `neuro keys rotate` encrypts everything under the first\n"
    )
    said = neuro("keys", "rotate")
    assert said.out == "2 texts are encrypted again, under the key of NEURO_TOKEN_KEY\n"
    assert "the older ones can go" in said.err
    monkeypatch.setenv("NEURO_TOKEN_KEY", new)
    assert neuro("keys", "check").out == "key: NEURO_TOKEN_KEY; it opens all connections, of 1 participants\n"
    assert "one from `neuro keys new --print` before it" in neuro("keys", "rotate").err
    said = neuro("keys", "new")
    assert (said.code, "NEURO_TOKEN_KEY holds the key already" in said.err) == (2, True)


@pytest.mark.parametrize("held", ["", "secret", "c2VjcmV0", "\xff"])
def test_a_file_that_holds_no_key_is_told_without_what_it_holds(settings: Settings, held: str):
    key_file(settings).parent.mkdir()
    key_file(settings).write_text(held, encoding="latin-1")
    with pytest.raises(TokenKeyError, match=r"token\.key holds no key of tokens") as caught:
        find_keys(settings)
    assert "ecret" not in str(caught.value)
    assert neuro("keys", "new").code == 2
    assert key_file(settings).read_text(encoding="latin-1") == held


class KeyringError(Exception):
    """As the package's own."""


class NoKeyringError(KeyringError, RuntimeError):
    """As the package's own, on a machine that has none."""


MakeKeyring = Callable[..., dict[tuple[str, str], str]]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> MakeKeyring:
    """A stand-in for the package `keyring`, which is no dependency: its two functions and its errors."""

    def make(fails: type[Exception] | None = None) -> dict[tuple[str, str], str]:
        kept: dict[tuple[str, str], str] = {}

        def get_password(service: str, name: str) -> str | None:
            if fails:
                raise fails("locked: secret")
            return kept.get((service, name))

        module = types.ModuleType("keyring")
        module.__spec__ = importlib.machinery.ModuleSpec("keyring", None)
        module.get_password = get_password  # pyright: ignore[reportAttributeAccessIssue]
        module.set_password = lambda service, name, text: kept.__setitem__((service, name), text)  # pyright: ignore[reportAttributeAccessIssue]
        module.errors = types.SimpleNamespace(KeyringError=KeyringError)  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setitem(sys.modules, "keyring", module)
        return kept

    return make


def test_a_desktops_keyring_keeps_the_key_where_there_is_one(settings: Settings, keyring: MakeKeyring):
    kept = keyring()
    said = neuro("keys", "new", "--keyring")
    assert (said.code, said.out) == (0, "written: the keyring\n")
    assert not key_file(settings).parent.exists()
    assert list(kept) == [("neuro_assets", f"tokens of {settings.home}")]
    fill(settings)
    before = dict(kept)
    assert neuro("keys", "rotate").code == 0
    assert kept != before
    assert tokens_of(settings) == "ya29.a\n1//r"
    assert neuro("keys", "new").code == 2


def test_a_keyring_that_fails_is_told_and_one_that_is_not_there_is_none(settings: Settings, keyring: MakeKeyring):
    keyring(KeyringError)
    with pytest.raises(TokenKeyError, match=r"the keyring cannot be used \(KeyringError\): unlock it") as caught:
        find_keys(settings)
    assert "secret" not in str(caught.value)
    keyring(NoKeyringError)
    assert find_keys(settings) is None
    make_key(settings)
    assert find_keys(settings) is not None


def test_without_the_package_there_is_no_keyring(settings: Settings):
    if "keyring" in sys.modules or importlib.util.find_spec("keyring"):
        pytest.skip("the package keyring is installed here")
    said = neuro("keys", "new", "--keyring")
    assert (said.code, "the package `keyring` is not installed here" in said.err) == (2, True)
    assert find_keys(settings) is None
