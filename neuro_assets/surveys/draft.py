"""What the answers in a column may be: choices, an amount or free text, and which of them stand for no answer.

Cells in, guesses for a draft of a codebook out. Free text is never copied: words are, if several people gave them or if
they belong to a usual scale. How a file is looked at and the draft is written is in ingest/survey_draft.py.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

from neuro_assets.sources.yaml_text import quoted, scalar
from neuro_assets.surveys.parts import plain_code

_AMOUNT = re.compile(
    r"(^|_)(min|mins|minutes|h|hours|hrs|s|seconds|days|weeks|months|years|kg|cm|m|km|age|weight|height|bmi|count"
    r"|number|num|times|how_many|cups|glasses|units|steps|kcal|eur|usd|mmhg|bpm)(_|$)"
)
_MISSING_WORDS = {
    "refused": "refused", "refuse": "refused", "prefer not to say": "refused", "prefer not to answer": "refused",
    "don't know": "do_not_know", "dont know": "do_not_know", "do not know": "do_not_know", "dk": "do_not_know",
    "unknown": "do_not_know", "n/a": "not_applicable", "na": "not_applicable", "not applicable": "not_applicable",
    "no answer": "not_answered", "not answered": "not_answered", "missing": "not_answered", ".": "not_answered",
    "-": "not_answered", "skipped": "not_asked", "skip": "not_asked", "not asked": "not_asked",
}  # fmt: skip
_MISSING_NUMBERS = {
    **dict.fromkeys((7, 77, 97, 777, 997, -7), "refused"),
    **dict.fromkeys((8, 88, 98, 888, 998, -8), "do_not_know"),
    **dict.fromkeys((9, 99, 999, 9999, -1, -9, -99, -999), "not_answered"),
}
# Words of answer scales in their order. They are nobody's own words, so one person's answer is enough to copy them.
_SCALES = (
    ("no", "yes"),
    ("false", "true"),
    ("unchecked", "checked"),
    ("never", "almost never", "rarely", "seldom", "occasionally", "sometimes", "fairly often", "often", "very often",
     "usually", "almost always", "always"),
    ("not at all", "a little", "slightly", "somewhat", "moderately", "quite a bit", "quite", "very", "very much",
     "extremely"),
    ("strongly disagree", "disagree", "somewhat disagree", "neither", "neither agree nor disagree", "neutral",
     "somewhat agree", "agree", "strongly agree"),
    ("none", "mild", "moderate", "severe", "very severe"),
    ("very bad", "bad", "poor", "fair", "good", "very good", "excellent"),
    ("low", "medium", "high"),
    ("male", "female", "other", "diverse"),
)  # fmt: skip
_USUAL = frozenset(w for scale in _SCALES for w in scale)
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)")
_CODE = re.compile(r"-?(0|[1-9]\d*)")
_NAMED = re.compile(r"(Dr|Prof|Mr|Mrs|Ms|Herr|Frau)\b\.?|[A-Z][a-z'\u2019-]+(,? [A-Z][\w'\u2019.-]*)+")
# Columns whose words name other people.
_SOMEBODY = re.compile(
    r"(^|_)(therapist|clinician|nurse|interviewer|rater|coach|teacher|employer|school|who|whom|partner|spouse|friend)(_|$)"
)
_MOST_CHOICES, _MOST_WORDS, _LONGEST_WORD = 11, 12, 40
_NUMBERS_SHARE, _LONG_NUMBER = 0.9, 6
Missing = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Question:
    """What an item seems to be.

    Attributes:
        name: of the item.
        type: number, choice or text.
        answers: numbers or words that are answers, missing ones left out; empty for text.
        missing: what may stand for a missing answer -> reason, how often.
        why: what the guess rests on.
        is_private: it seems to say who somebody is.
    """

    name: str
    type: str
    why: str
    answers: tuple[str, ...] = ()
    missing: Missing = ()
    is_private: bool = False

    @property
    def numbers(self) -> list[int]:
        """Codes as numbers; empty where they are words."""
        return sorted(int(a) for a in self.answers) if all(_CODE.fullmatch(a) for a in self.answers) else []


def question_of(name: str, column: str, given: Sequence[tuple[str, str]], decimal: str) -> Question:
    """What a column of answers seems to be.

    Args:
        name: of the item.
        column: its name in the file, in lower case and with _ between its words.
        given: (person, cell), without blank ones.
        decimal: point or comma.
    """
    absent = Counter(c.strip().lower() for _, c in given if c.strip().lower() in _MISSING_WORDS)
    missing = tuple((plain_code(word), _MISSING_WORDS[word], n) for word, n in absent.items())
    given = [(who, c) for who, c in given if c.strip().lower() not in absent]
    read = [number_of(c, decimal) for _, c in given]
    numbers = [n for n in read if n is not None]
    if numbers and len(numbers) >= _NUMBERS_SHARE * len(read):
        return _of_numbers(name, column, numbers, len(read) - len(numbers), missing)
    return _of_words(name, column, given, missing)


def number_of(text: str, decimal: str) -> float | None:
    """A cell as the number that staging makes of it; with a leading zero it is a code."""
    if not _NUMBER.fullmatch(text) or re.match(r"[-+]?0\d", text):
        return None
    text = text.replace(",", ".") if decimal == "comma" else text
    return None if "," in text else float(text)


def _of_numbers(name: str, column: str, numbers: list[float], strays: int, missing: Missing) -> Question:
    if any(abs(n) >= 10**_LONG_NUMBER for n in numbers):
        return Question(name, "text", "numbers too long to be amounts: none is copied.")
    suspected, counts = suspected_codes(numbers), Counter(numbers)
    missing = (*missing, *((str(code), _MISSING_NUMBERS[code], counts[code]) for code in suspected))
    numbers = [n for n in numbers if n not in suspected]
    told = f", and {strays} that are no numbers and will be kept out" if strays else ""
    if all(n == int(n) for n in numbers) and not _AMOUNT.search(column):
        distinct = sorted({int(n) for n in numbers})
        if distinct[0] >= 0 and distinct[-1] < _MOST_CHOICES:
            why = f"{', '.join(map(str, distinct))} seen{told}. What does each mean? Or is it an amount (type: number)?"
            return Question(name, "choice", why, tuple(map(str, distinct)), missing)
    why = f"{min(numbers):g} to {max(numbers):g} seen{told}. What else can be answered?"
    return Question(name, "number", why, (str(floor(min(numbers))), str(ceil(max(numbers)))), missing)


def _of_words(name: str, column: str, given: Sequence[tuple[str, str]], missing: Missing) -> Question:
    """Words that are an answer's name, or texts: nothing is copied that might be somebody's own words."""
    said: dict[str, set[str]] = {}
    for who, cell in given:
        said.setdefault(cell.strip().lower(), set()).add(who)
    own = [w for w, people in said.items() if w not in _USUAL and len(people) < 2]
    titled = [c for _, c in given if c.strip().lower() not in _USUAL and _NAMED.match(c)]
    is_short = len(said) <= _MOST_WORDS and all(len(w) <= _LONGEST_WORD for w in said)
    if not said:
        return Question(name, "text", "nothing but missing answers in this file.", missing=missing)
    names_somebody = bool(_SOMEBODY.search(column)) and not said.keys() <= _USUAL
    if own or titled or names_somebody or not is_short or len(given) < 2 * len(said) - len(_USUAL & said.keys()):
        why = "free text: nothing of it is copied."
        if is_short and not names_somebody and len(said) - len(own) > 1 and len(own) < len(given) / 10:
            count = "1 answer that only one person gave" if len(own) == 1 else f"{len(own)} answers of one person each"
            why = f"few answers, but {count}: they may be free text. If it is a choice, write its choices."
        return Question(name, "text", why)
    return Question(
        name, "choice", f"{len(said)} word{'' if len(said) == 1 else 's'} seen.", tuple(_in_order(said)), missing
    )


def _in_order(words: Iterable[str]) -> list[str]:
    """Words of a known scale in its order, else in that of the alphabet."""
    found = sorted(words)
    scale = next((s for s in _SCALES if set(found) <= set(s)), ())
    return [w for w in scale if w in found] or found


def suspected_codes(numbers: Sequence[float]) -> list[int]:
    """Numbers that usually stand for a missing answer and lie away from all others.

    A single digit lies away if the others follow each other without a gap and end two or more below it; a longer code
    if it is further from the others than any two of them from each other; a negative one if nothing else is negative.
    """
    values = sorted(set(numbers))
    usual = [v for v in values if v in _MISSING_NUMBERS]
    rest = [v for v in values if v not in usual]
    found: list[int] = []
    for code in sorted((int(v) for v in usual), key=lambda v: (v < 0, v)):
        if not rest or (code >= 0 and code < max(rest)):
            rest.append(code)
            continue
        others = sorted(rest)
        gaps = [b - a for a, b in pairwise(others)]
        if code < 0:
            is_away = not any(v < 0 for v in rest)
        elif code < 10:
            is_away = all(g == 1 for g in gaps) and len(others) > 1 and code - others[-1] >= 2
        else:
            is_away = code - others[-1] > max([10, *gaps])
        (found if is_away else rest).append(code)
    return sorted(found)


def shared_scales(questions: Iterable[Question]) -> dict[str, list[Question]]:
    """Choices by the scale they are of: one of words, or of numbers under names that begin alike."""
    choices = [q for q in questions if q.type == "choice"]
    found: dict[str, list[Question]] = {}
    for question in choices:
        found.setdefault(scale_of(question, choices)[0], []).append(question)
    return found


def scale_of(question: Question, choices: Sequence[Question]) -> tuple[str, list[str]]:
    """The name of a choice's scale, and its answers: those of all items that are called alike."""
    stem = question.name.rstrip("0123456789")
    alike = [c for c in choices if c.name.rstrip("0123456789") == stem] if stem != question.name else [question]
    if question.numbers:
        numbers = [n for c in alike for n in c.numbers]
        low, high = min(numbers), max(numbers)
        return f"scale_{low}_{high}", [str(n) for n in range(low, high + 1)]
    alike = [c for c in choices if not c.numbers and set(c.answers) & set(question.answers)]
    scale = next((s for s in _SCALES if set(question.answers) <= set(s)), None)
    if scale is not None and len(scale) == 2:
        alike = [question, Question(question.name, "choice", "", scale)]
    words = _in_order({w for c in alike for w in c.answers if scale is None or w in scale})
    return re.sub(r"[^a-z0-9]+", "_", f"of_{words[0]}_to_{words[-1]}").strip("_"), words


def codes_text(answers: Sequence[str]) -> str:
    """Codes and labels; words of a known scale get numbers in its order, so that they can be scored."""
    if all(_CODE.fullmatch(a) for a in answers):
        return "{" + ", ".join(f"{a}: {quoted(a)}" for a in answers) + "}"
    if any(set(answers) <= set(scale) for scale in _SCALES):
        return "{" + ", ".join(f"{n}: {scalar(word)}" for n, word in enumerate(answers)) + "}"
    return "{" + ", ".join(f"{scalar(plain_code(word))}: {scalar(word)}" for word in answers) + "}"


def code_text(code: str) -> str:
    """A code as YAML writes it: numbers plain, words in quotes."""
    return code if _CODE.fullmatch(code) else quoted(code)
