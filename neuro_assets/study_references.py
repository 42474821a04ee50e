"""How study.yaml names features: what a reference says, and which others it stands for.

Which features there are does not belong here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

SURVEY = "survey"
WILDCARD = "*"
NAME = r"^[a-z][a-z0-9_]*$"
# More names than these nobody reads.
_MOST_TOLD = 40
_REFERENCE = re.compile(
    r"(?P<family>[a-z][a-z0-9_]*)"
    r"(?:\((?P<of>[^()\[\]]+)\))?"
    r"\.(?:(?P<instrument>[a-z][a-z0-9_]*)\.)?(?P<column>[a-z][a-z0-9_]*|\*)"
    r"(?:\[(?P<segment>[^()\[\]]+)\])?"
    r"(?::(?P<days>[0-9]{1,3})d(?:\.(?P<statistic>[a-z]+))?)?"
)
_EXAMPLES = (
    "write for example steps.total, steps.total[evening], steps.total:7d.mean, circadian(heart_rate).l5:14d,"
    " survey.phq9.total or steps.*"
)


@dataclass(frozen=True)
class Reference:
    """What a feature is called in study.yaml.

    Attributes:
        family: the table that it is in, or `survey`.
        column: of the family; of `survey` a score or an item; `*` for all.
        of: the stream or category in brackets, of `survey` the instrument.
        segment: part of the day.
        window_days: length of the trailing span.
        statistic: of the span.
    """

    family: str
    column: str
    of: str | None = None
    segment: str | None = None
    window_days: int | None = None
    statistic: str | None = None

    def __str__(self) -> str:
        if self.family == SURVEY:
            return f"{SURVEY}.{self.of}.{self.column}"
        of = f"({self.of})" if self.of else ""
        segment = f"[{self.segment}]" if self.segment else ""
        span = f":{self.window_days}d" if self.window_days else ""
        return f"{self.family}{of}.{self.column}{segment}{span}" + (f".{self.statistic}" if self.statistic else "")

    def stands_for(self, other: "Reference") -> bool:
        """Whether the other one is among what this one names; a part of the day, or a span, left out means any."""
        return (
            self.family == other.family
            and self.column in {WILDCARD, other.column}
            and all(
                own in {None, theirs}
                for own, theirs in (
                    (self.of, other.of),
                    (self.segment, other.segment),
                    (self.window_days, other.window_days),
                    (self.statistic, other.statistic),
                )
            )
        )


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> Reference:
    """What a reference says; whether there is such a feature is not looked at.

    Raises:
        ValueError: it is not written as references are.
    """
    found = _REFERENCE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"'{text}' does not name a feature; {_EXAMPLES}")
    family, of, instrument = found["family"], found["of"], found["instrument"]
    days = int(found["days"]) if found["days"] else None
    if family == SURVEY:
        if not instrument or of or found["segment"] or days:
            raise ValueError(f"'{text}': an answer is written survey.<instrument>.<score or item>")
        return Reference(SURVEY, found["column"], instrument)
    if instrument:
        raise ValueError(f"'{text}': only answers have three parts; {_EXAMPLES}")
    if days == 0:
        raise ValueError(f"'{text}': a span has at least one day")
    return Reference(family, found["column"], of, found["segment"], days, found["statistic"])


def is_listed_as(entry: str, reference: Reference) -> bool:
    """Whether an entry of a leak list, a reference or the bare name of a column, stands for a feature."""
    if re.fullmatch(NAME, entry):
        return reference.column == entry
    return parse_reference(entry).stands_for(reference)


def near(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    names = sorted(set(known))
    if found := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"did you mean '{found[0]}'?"
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return f"there are: {', '.join(names[:_MOST_TOLD]) or 'none'}{more}"
