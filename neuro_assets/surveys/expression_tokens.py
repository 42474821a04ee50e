"""The words and signs of a codebook's expression, and what is told where a text is none."""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

Type = Literal["number", "text", "boolean"]
Value = float | str | bool | None

MAX_CHARACTERS = 2_000
KEYWORDS = ("or", "and", "not", "in", "true", "false")

_SHOWN_CHARACTERS = 60
_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?!\w|\.(?!\.)))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<word>[^\W\d]\w*)
    | (?P<slip>===|!==|=<|=>|<>|<=>|=(?!=)|!(?!=)|&&?|\|\|?|\*\*|\.\.\.|\.?[0-9][\w.]*)
    | (?P<symbol>\.\.|[=!<>]=|[-<>+*/(),\[\]])
    """,
    re.VERBOSE,
)
_SLIPS = {
    "=": "write ==",
    "===": "write ==",
    "!": "write not",
    "&": "write and",
    "&&": "write and",
    "|": "write or",
    "||": "write or",
    "=<": "write <=",
    "≤": "write <=",
    "=>": "write >=",
    "≥": "write >=",
    "!==": "write !=",
    "<>": "write !=",
    "≠": "write !=",
    "\u00d7": "write *",
    "÷": "write /",
    "...": "write .. between the first and the last item",
    ":": "write .. between the first and the last item of a range",
    "**": "there are no powers: write a * a",
    "^": "there are no powers: write a * a",
} | dict.fromkeys("\u2212\u2013", "write -")
_SLIPS |= dict.fromkeys("“”„«»\u2018\u2019", "write straight quotes: ' or \"")
WORDS_FOR_MISSING = {"missing", "null", "none", "na", "nan", "empty", "blank"}


class ExpressionError(ValueError):
    """A text is no expression of the language, or does not fit the types of the items.

    Attributes:
        message: what is wrong.
        remedy: what to do about it.
        position: the character it begins at, from 0.
    """

    def __init__(self, message: str, remedy: str, position: int) -> None:
        super().__init__(message, remedy, position)
        self.message, self.remedy, self.position = message, remedy, position

    def __str__(self) -> str:
        return f"column {self.position + 1}: {self.message}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign or a literal of an expression."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The character behind it."""
        return self.start + len(self.text)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text without its blanks, one of kind "end" behind them.

    Raises:
        ExpressionError: a character or a word that is not of the language.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text):,} characters, and {MAX_CHARACTERS:,} are allowed"
        raise ExpressionError(message, "make several of it", MAX_CHARACTERS)
    for position, character in enumerate(text):
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n":
            raise ExpressionError(f"a character (U+{ord(character):04X}) that no text has", "delete it", position)
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        token = Token((match and match.lastgroup) or "", match[0] if match else text[position], position)
        if token.kind in {"", "slip"}:
            raise _slip(token)
        if token.kind == "word" and token.text not in KEYWORDS and token.text.lower() in KEYWORDS:
            raise ExpressionError(f"{token.text} in capitals", f"write {token.text.lower()}", position)
        if token.kind == "number" and math.isinf(float(token.text)):
            raise ExpressionError(f"{cut(token.text)} is too large a number", "write a smaller one", position)
        found.extend([] if token.kind == "blank" else [token])
        position = token.end
    return [*found, Token("end", "", len(text))]


def _slip(token: Token) -> ExpressionError:
    shown = cut(token.text)
    if token.text in {"'", '"'}:
        remedy = f"close it; {shown} within the text is written twice: {shown}it{shown * 2}s{shown}"
        return ExpressionError("the quote that opens here is never closed", remedy, token.start)
    if not shown.isprintable() or shown.isspace():
        what = f"a character (U+{ord(token.text):04X}) that cannot be seen stands here"
        return ExpressionError(what, "delete it, and type a blank in its place", token.start)
    if any(c in "0123456789" for c in token.text):
        remedy = "write digits with a point between them: 0.5; the name of an item begins with a letter"
        return ExpressionError(f"{shown} is neither a number nor a name", remedy, token.start)
    remedy = _SLIPS.get(token.text, "delete it, or put it in quotes if it belongs to a text")
    return ExpressionError(f"{shown} is not part of the language", remedy, token.start)


def cut(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def literal_of(token: Token) -> tuple[Type | None, Any]:
    """The type and value of a literal; None for all else."""
    if token.kind == "number":
        return "number", float(token.text)
    if token.kind == "text":
        quote = token.text[0]
        return "text", token.text[1:-1].replace(quote * 2, quote)
    if token.text in {"true", "false"}:
        return "boolean", token.text == "true"
    return None, None
