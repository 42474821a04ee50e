"""The key of a study's encrypted answers: where it is kept, and how an answer becomes a token and is read again.

Which answers are encrypted, and when, belongs elsewhere.
"""

import base64
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from neuro_assets.settings import SURVEY_KEY_BYTES, Settings, survey_key_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX = "enc1:"
VARIABLE = "NEURO_SURVEY_KEY"
# Texts are filled up to a multiple of this, so that a token's length says little of theirs.
_BLOCK = 32
_FILL = b"\x80"


class AnswerKeyError(RuntimeError):
    """There is no key, or another one than the answers need; never a fault of a file or of what is in it."""


@dataclass(frozen=True)
class AnswerKey:
    """Encrypts answers with AES-SIV (RFC 5297): the same answer of the same person to the same item, the same token.

    Attributes:
        secret: 64 bytes.
        place: where it was found, for messages.
    """

    secret: bytes = field(repr=False)
    place: str = ""

    def seal(self, answer: str, instrument: str, item: str, participant: str) -> str:
        """The token of an answer; of two people, or to two items, equal answers have tokens that differ."""
        text = answer.encode() + _FILL
        text += bytes(-len(text) % _BLOCK)
        sealed = self._cipher.encrypt(text, _bound_to(instrument, item, participant))
        return PREFIX + base64.urlsafe_b64encode(sealed).decode()

    def reveal(self, token: str, instrument: str, item: str, participant: str) -> str:
        """The answer of a token.

        Raises:
            AnswerKeyError: another key made it, or it was made for another person or item, or it is none.
        """
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.b64decode(token.removeprefix(PREFIX), altchars=b"-_", validate=True)
            text = self._cipher.decrypt(sealed, _bound_to(instrument, item, participant))
        except (InvalidTag, ValueError):
            raise AnswerKeyError(
                f"an answer to {item} of {instrument} does not open with the key of {self.place or 'this home'}: it was"
                f" encrypted with another one; put that one there ({VARIABLE}, or keys/survey.key)"
            ) from None
        return text.rstrip(b"\0").removesuffix(_FILL).decode()

    @property
    def text(self) -> str:
        """As it is written down; for no message and no log."""
        return base64.b64encode(self.secret).decode()

    @cached_property
    def _cipher(self) -> "AESSIV":
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self.secret)


def _bound_to(instrument: str, item: str, participant: str) -> list[bytes]:
    return [instrument.encode(), item.encode(), participant.encode()]


def key_file(settings: Settings) -> Path:
    """Where the key lies unless the environment holds it."""
    return settings.home / "keys" / "survey.key"


def unfinished_change(settings: Settings) -> Path:
    """A file that is there while answers are encrypted again: meanwhile the lake has tokens of two keys."""
    return settings.home / "keys" / "change-of-key.unfinished"


def find_key(settings: Settings) -> AnswerKey | None:
    """The key of the environment, or else of the home; None where there is none.

    Raises:
        AnswerKeyError: the file holds no key.
    """
    if settings.survey_key is not None:
        return AnswerKey(survey_key_bytes(settings.survey_key.get_secret_value()), VARIABLE)
    path = key_file(settings)
    try:
        return AnswerKey(survey_key_bytes(path.read_text(encoding="ascii")), str(path))
    except FileNotFoundError:
        return None
    except ValueError:
        raise AnswerKeyError(
            f"{path} holds no key, which is base64 of {SURVEY_KEY_BYTES} bytes; put the study's key there again"
        ) from None


def need_key(settings: Settings, what: str) -> AnswerKey:
    """The key, where something cannot be done without.

    Args:
        settings: of the home.
        what: is needed for, a sentence without its full stop.

    Raises:
        AnswerKeyError: there is none.
    """
    if found := find_key(settings):
        return found
    raise AnswerKeyError(
        f"{what}, and there is no key: set {VARIABLE}, or put the study's key at {key_file(settings)};"
        " `neuro survey key --new` makes one for a study that has none yet"
    )


def make_key(settings: Settings) -> Path:
    """Write a new key to the home, readable by its owner only.

    Raises:
        AnswerKeyError: there is a key already; it was not changed.
    """
    if settings.survey_key is not None:
        raise AnswerKeyError(f"{VARIABLE} holds the key; unset it first, if the home is to keep one")
    path = key_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AnswerKeyError(
            f"{path} is there already and was not changed: without it nobody can read what it has encrypted"
            " (`neuro survey key --rotate` puts a new one in its place and encrypts everything again)"
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(AnswerKey(secrets.token_bytes(SURVEY_KEY_BYTES)).text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def put_aside(settings: Settings) -> Path | None:
    """Give the home's key another name, so that a new one can be made; None where there is none."""
    path = key_file(settings)
    if not path.exists():
        return None
    aside = path.with_name(f"survey-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.key")
    path.rename(aside)
    return aside
