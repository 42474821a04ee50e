"""What a codebook is made of: items, rules, scores, outcomes, and the columns of its files. None knows of another."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MissingReason = Literal["refused", "do_not_know", "not_applicable", "not_answered", "not_asked"]
NAME = r"^[a-z][a-z0-9_]*$"
ANY_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
# What programs write where there is nothing.
BLANKS = ("NA", "N/A", "NAN", "NULL", "NONE")


def plain_code(value: object) -> str:
    """A code as text: `1`, `1.0` and `'1'` are one code, capitals and blanks around it make no difference."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).strip().lower()
    return re.sub(r"^([-+]?\d+)\.0+$", r"\1", text).removeprefix("+")


def _codes(value: object) -> object:
    """YAML reads unquoted codes as numbers or truth values."""
    if not isinstance(value, Mapping):
        return value
    plain: dict[str, object] = {}
    for code in value:
        if (other := plain.setdefault(plain_code(code), code)) is not code:
            raise ValueError(f"the codes '{other}' and '{code}' are one and the same; leave one of them out")
    return {plain_code(k): _label(v) for k, v in value.items()}


def _label(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


Codes = Annotated[dict[str, str], BeforeValidator(_codes)]
MissingCodes = Annotated[dict[str, MissingReason], BeforeValidator(_codes)]


_CHOICES = "write for example `choices: {0: no, 1: yes}`"


class Part(BaseModel):
    """A block of a codebook; a field that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnColumn(Part):
    """A column beside the items: the platform's id of a response, or the seconds that it took."""

    column: str
    also: tuple[str, ...] = Field(default=(), description="Other names the column has.")


class Item(Part):
    """One question: what may be answered, and under which names files have it."""

    text: str = Field(description="What is asked about, in a few words.")
    type: Literal["choice", "number", "text"] = Field(default="choice", description="What an answer is.")
    choices: str | Codes | None = Field(
        default=None, description="Name of one of the codebook's `choices`, or the codes themselves: {0: no, 1: yes}."
    )
    min: float | None = Field(default=None, description="Smallest number that can be an answer.")
    max: float | None = Field(default=None, description="Largest number that can be an answer.")
    unit: str = ""
    also: tuple[str, ...] = Field(default=(), description="Other names of the column.")
    missing: MissingCodes = Field(
        default_factory=dict, description="What stands for a missing answer here -> reason; goes before the codebook's."
    )
    asked_if: str | None = Field(default=None, description="Expression: who is asked. Left out, everybody is.")
    optional: bool = Field(default=False, description="A file may lack the column.")
    sensitive: Literal["drop", "encrypt"] | None = Field(
        default=None,
        description="drop: the answer never enters the lake; encrypt: it does so encrypted, with the study's key.",
    )

    @model_validator(mode="after")
    def _of_one_type(self) -> "Item":
        if self.sensitive == "encrypt" and self.type != "text":
            what = "'sensitive: encrypt' goes with 'type: text', as codes and ranges cannot be checked once encrypted"
            raise ValueError(f"{what}; write `type: text` and leave out what does not belong to a text")
        if self.type == "choice" and self.choices is None:
            raise ValueError(f"an item needs 'choices', or 'type: number' or 'type: text'; {_CHOICES}")
        if self.choices is not None and not self.choices:
            raise ValueError(f"'choices' are empty; {_CHOICES}")
        if self.type != "choice" and self.choices is not None:
            raise ValueError(f"'choices' and 'type: {self.type}' do not go together; delete one of them")
        if self.type != "number" and (self.min, self.max) != (None, None):
            raise ValueError("'min' and 'max' belong to an item of 'type: number'; delete them, or say the type")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"'min' {self.min:g} is above 'max' {self.max:g}; change the two")
        return self


class Rule(Part):
    """What answers of one response must agree in."""

    name: str = Field(pattern=NAME)
    holds: str = Field(description="Expression that is true of a possible response.")
    text: str = Field(description="What is wrong where it does not hold.")
    then: Literal["flag", "exclude"] = Field(
        default="flag", description="exclude: a response that breaks it is not scored."
    )


class Score(Part):
    """A number that follows from the items of one response."""

    text: str = ""
    method: Literal["sum", "mean", "formula"] = "sum"
    items: tuple[str, ...] = Field(default=(), description="Items, or a range of them: [q1..q9].")
    reverse: tuple[str, ...] = Field(default=(), description="Items turned round within their scale.")
    formula: str | None = Field(default=None, description="Expression over items and scores above, for `formula`.")
    scale: float = Field(default=1, description="Factor on the result.")
    max_missing: int = Field(default=0, ge=0, description="Most items that may be missing; with more there is none.")
    prorate: bool = Field(default=False, description="Missing items take the mean of the others.")
    round: Literal["up", "nearest"] | None = Field(default=None, description="Whole numbers, where it was prorated.")
    bands: dict[float, str] = Field(default_factory=dict, description="From this score on -> what it is called.")
    bands_reference: str | None = None

    @model_validator(mode="after")
    def _of_one_method(self) -> "Score":
        if self.method == "formula" and self.formula is None:
            raise ValueError("'method: formula' needs a 'formula'; write for example `formula: a / b`")
        if self.method != "formula" and (self.formula is not None or not self.items):
            remedy = "write `items: [q1..q9]`, or `method: formula` beside the formula"
            raise ValueError(f"'method: {self.method}' needs 'items', and no 'formula'; {remedy}")
        if self.prorate and self.method != "sum":
            raise ValueError("'prorate' belongs to 'method: sum': a mean needs none; delete it")
        return self


class Outcome(Part):
    """What models may predict: a score at a threshold, and what would give it away."""

    score: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    text: str = ""
    leaks: tuple[str, ...] = Field(default=(), description="Further items and scores that give it away.")

    @model_validator(mode="after")
    def _has_a_threshold(self) -> "Outcome":
        if sum(t is not None for t in (self.at_least, self.at_most, self.above, self.below)) != 1:
            raise ValueError("an outcome has one of 'at_least', 'at_most', 'above' and 'below'; write one of them")
        return self


class LongForm(Part):
    """Files with one row an answer: the columns that name the question, and hold what was answered."""

    item: OwnColumn = OwnColumn(column="item")
    answer: OwnColumn = OwnColumn(column="answer")


class Schedule(Part):
    """How often an answer is expected."""

    every_days: int = Field(ge=1, description="1: every day.")
    times_a_day: int = Field(default=1, ge=1, le=48)


class Repeat(Part):
    """Which of several responses counts; all are kept."""

    within: Literal["moment", "day", "study"] = Field(
        default="moment", description="moment: every submission counts; day, study: one in that time."
    )
    keep: Literal["first", "last", "none"] = Field(
        default="last", description="none: where there are several, none counts until somebody has decided."
    )


def is_number(code: str) -> bool:
    """Whether a code is a number."""
    return re.fullmatch(r"-?\d+(\.\d+)?", code) is not None


def plain_name(name: str) -> str:
    """A name as files are searched for it: without case and everything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", name.casefold())


def plain_sql(text: str) -> str:
    """The same in SQL."""
    return f"regexp_replace(lower({text}), '[^a-z0-9]+', '', 'g')"
