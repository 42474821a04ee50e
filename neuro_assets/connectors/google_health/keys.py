"""The keys of participants' tokens: where they are kept, and how a text is sealed with them and opened again.

What is sealed, and sealing everything again, belongs in vault.py.
"""

import importlib
import importlib.util
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from neuro_assets.connectors.google_health.errors import TokenKeyError, VaultError
from neuro_assets.settings import Settings, token_keys

VARIABLE = "NEURO_TOKEN_KEY"
_SERVICE = "neuro_assets"

Kept = Literal["environment", "file", "keyring"]


@dataclass(frozen=True)
class TokenKeys:
    """Fernet keys (AES-128-CBC with HMAC-SHA256); the first seals, all open.

    Attributes:
        texts: the keys as they are written down.
        kept: in what.
        place: where, for messages.
    """

    texts: tuple[str, ...] = field(repr=False)
    kept: Kept
    place: str

    def seal(self, participant_id: str, what: str, text: str) -> bytes:
        """Encrypt a text; whose it is and what it is are inside, so that it opens nowhere else."""
        return self._first.encrypt(json.dumps([participant_id, what, text]).encode())

    def reveal(self, participant_id: str, what: str, sealed: bytes) -> str:
        """The text again.

        Raises:
            TokenKeyError: another key sealed it.
            VaultError: it was sealed for another participant, or as something else.
        """
        if (opened := self._opened(sealed)) is None:
            raise TokenKeyError(
                f"the tokens of '{participant_id}' do not open with the key of {self.place}: put the one there that"
                f" they were encrypted with ({VARIABLE}, or keys/token.key); if it is lost, `neuro keys new --lost`,"
                " and those people have to consent again"
            )
        whose, is_what, text = json.loads(opened)
        if (whose, is_what) != (participant_id, what):
            raise VaultError(
                f"what is stored as '{participant_id}' was written for another place, so somebody changed the file of"
                f" connections; put its backup there, or `neuro participants connect {participant_id}`"
            )
        return text

    def is_readable(self, sealed: bytes) -> bool:
        """Whether one of these keys sealed it."""
        return self._opened(sealed) is not None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key sealed it."""
        with suppress(InvalidToken):
            return bool(self._first.decrypt(sealed))
        return False

    def seal_again(self, sealed: bytes) -> bytes:
        """The same under the first key; one of these keys has to open it."""
        return self._all.rotate(sealed)

    @cached_property
    def _first(self) -> Fernet:
        return Fernet(self.texts[0])

    @cached_property
    def _all(self) -> MultiFernet:
        return MultiFernet([Fernet(text) for text in self.texts])

    def _opened(self, sealed: bytes) -> bytes | None:
        with suppress(InvalidToken):
            return self._all.decrypt(sealed)
        return None


def new_key() -> str:
    """A key as it is written down; for no message and no log."""
    return Fernet.generate_key().decode()


def key_file(settings: Settings) -> Path:
    """Where the keys lie unless the environment holds them."""
    return settings.home / "keys" / "token.key"


def find_keys(settings: Settings) -> TokenKeys | None:
    """The keys of the environment, else of the home, else of the desktop's keyring; None where there are none.

    Raises:
        TokenKeyError: the place holds something else.
    """
    if settings.token_key is not None:
        return TokenKeys(tuple(token_keys(settings.token_key.get_secret_value())), "environment", VARIABLE)
    path = key_file(settings)
    try:
        text, kept, place = path.read_text(encoding="ascii"), "file", str(path)
    except FileNotFoundError:
        text, kept, place = _of_keyring(settings), "keyring", "the keyring"
    except ValueError:
        text, kept, place = "", "file", str(path)
    if text is None:
        return None
    try:
        found = token_keys(text)
    except ValueError:
        found = []
    if not found:
        raise TokenKeyError(f"{place} holds no key of tokens; put the study's key there again")
    return TokenKeys(tuple(found), kept, place)


def need_keys(settings: Settings) -> TokenKeys:
    """The keys, where nothing can be done without.

    Raises:
        TokenKeyError: there are none.
    """
    if found := find_keys(settings):
        return found
    raise TokenKeyError(
        f"tokens of participants are encrypted, and there is no key: set {VARIABLE}, or put the study's key at"
        f" {key_file(settings)}; `neuro keys new` makes one for a study that has none yet"
    )


def make_key(settings: Settings, kept: Kept = "file") -> str:
    """Make the study's key; returns where it is.

    Raises:
        TokenKeyError: there is one already, which was not changed; or the machine has no keyring.
    """
    if there := find_keys(settings):
        raise TokenKeyError(
            f"{there.place} holds the key already, and it was not changed: without it nobody can read what it has"
            " encrypted (`neuro keys rotate` puts a new one in its place and encrypts everything again)"
        )
    return keep(settings, (new_key(),), kept)


def keep(settings: Settings, texts: tuple[str, ...], kept: Kept) -> str:
    """Write keys down, in place of those that are there; returns where they are.

    Raises:
        TokenKeyError: they are in the environment, or the machine has no keyring.
    """
    if kept == "environment":
        raise TokenKeyError(f"{VARIABLE} holds the keys; change it there")
    if kept == "keyring":
        _asked_keyring("set_password", _SERVICE, _account(settings), ",".join(texts))
        return "the keyring"
    path = key_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    _write_private(path, "\n".join(texts) + "\n")
    return str(path)


def put_aside(settings: Settings, texts: tuple[str, ...]) -> Path:
    """Keep keys of before beside the new one: backups have tokens that only they open."""
    aside = key_file(settings).with_name(f"token-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.key")
    _write_private(aside, "\n".join(texts) + "\n")
    return aside


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only, and on the disk when this returns."""
    passing = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    passing.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _account(settings: Settings) -> str:
    return f"tokens of {settings.home}"


def _of_keyring(settings: Settings) -> str | None:
    if importlib.util.find_spec("keyring") is None:
        return None
    try:
        return _asked_keyring("get_password", _SERVICE, _account(settings))
    except _NoKeyringError:
        return None


class _NoKeyringError(TokenKeyError):
    """The package is there, and on this machine (a server, say) it has nothing to keep a key in."""


def _asked_keyring(method: str, *arguments: str) -> Any:
    """The desktop's keyring, where the package `keyring` is installed."""
    if importlib.util.find_spec("keyring") is None:
        raise TokenKeyError("the package `keyring` is not installed here; without it keys are kept in the home")
    keyring = importlib.import_module("keyring")
    try:
        return getattr(keyring, method)(*arguments)
    except keyring.errors.KeyringError as error:
        failed = type(error).__name__
    refused = _NoKeyringError if failed == "NoKeyringError" else TokenKeyError
    raise refused(f"the keyring cannot be used ({failed}): unlock it, or set {VARIABLE}")
