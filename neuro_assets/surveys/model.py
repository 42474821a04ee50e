"""The shape of a codebook (`surveys/<instrument>.yaml`): what is asked, what answers mean, how they are scored."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from neuro_assets.sources.model import TAKEN, Identity, TimeColumn
from neuro_assets.sources.yaml_text import nearest
from neuro_assets.surveys.expression import KEYWORDS, Expression, ExpressionError, Type, parse

MissingReason = Literal["refused", "do_not_know", "not_applicable", "not_answered", "not_asked"]
_NAME = r"^[a-z][a-z0-9_]*$"
_RANGE = re.compile(r"^([a-z][a-z0-9_]*)\.\.([a-z][a-z0-9_]*)$")
_ANY_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
# Names under which any file could have any instrument's items: they do not tell which instrument it is.
_GENERIC = re.compile(r"(q|question|item|i|p|s|v|var|col|x)?_?\d+[a-z]?", re.IGNORECASE)
# Columns that answers and responses have in the lake whatever the instrument.
TAKEN_ITEMS = frozenset(
    TAKEN | {"participant_id", "ts", "version", "response_id", "duration_s", "item", "answer", "is_of_record"}
)


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


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnColumn(_Model):
    """A column beside the items: the platform's id of a response, or the seconds that it took."""

    column: str
    also: tuple[str, ...] = Field(default=(), description="Other names the column has.")


class Item(_Model):
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
    sensitive: Literal["drop"] | None = Field(default=None, description="drop: the answer never enters the lake.")

    @model_validator(mode="after")
    def _of_one_type(self) -> "Item":
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


class Rule(_Model):
    """What answers of one response must agree in."""

    name: str = Field(pattern=_NAME)
    holds: str = Field(description="Expression that is true of a possible response.")
    text: str = Field(description="What is wrong where it does not hold.")
    then: Literal["flag", "exclude"] = Field(
        default="flag", description="exclude: a response that breaks it is not scored."
    )


class Score(_Model):
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


class Outcome(_Model):
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


class Schedule(_Model):
    """How often an answer is expected."""

    every_days: int = Field(ge=1, description="1: every day.")
    times_a_day: int = Field(default=1, ge=1, le=48)


class Repeat(_Model):
    """Which of several responses counts; all are kept."""

    within: Literal["moment", "day", "study"] = Field(
        default="moment", description="moment: every submission counts; day, study: one in that time."
    )
    keep: Literal["first", "last", "none"] = Field(
        default="last", description="none: where there are several, none counts until somebody has decided."
    )


class Codebook(_Model):
    """An instrument."""

    name: str = Field(pattern=_NAME)
    version: int = Field(ge=1)
    title: str
    reference: str = Field(default="", description="Where instrument and scoring are published.")
    recall_days: int | None = Field(default=None, ge=1, description="Days that the questions look back over.")
    identity: Identity = Field(default=Identity(column="participant_id", pattern=_ANY_ID, example="P001"))
    time: TimeColumn = Field(default=TimeColumn(column="answered_at", kind="datetime"))
    date_order: Literal["mdy", "dmy", "ymd"] = Field(default="ymd", description="Order in the untouched form.")
    decimal: Literal["point", "comma"] = Field(default="point", description="Decimal sign of numbers.")
    response: OwnColumn = OwnColumn(column="response_id")
    duration: OwnColumn = OwnColumn(column="duration_s")
    fastest_s: float | None = Field(default=None, gt=0, description="Answered in less: too fast to have been read.")
    choices: dict[str, Codes] = Field(default_factory=dict)
    missing: MissingCodes = Field(default_factory=dict, description="What stands for a missing answer -> reason.")
    items: dict[Annotated[str, Field(pattern=_NAME)], Item] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    scores: dict[Annotated[str, Field(pattern=_NAME)], Score] = Field(default_factory=dict)
    outcomes: dict[Annotated[str, Field(pattern=_NAME)], Outcome] = Field(default_factory=dict)
    schedule: Schedule | None = None
    repeat: Repeat = Repeat()
    clusters: str | None = Field(default=None, description="Item that names the village, school or site of a response.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Codebook":
        """Everything that does not fit together at once, each beginning with the field that it is about."""
        told = list(self._choices_told())
        if not told:  # else nobody knows which items are numbers
            told += [*self._scores_told(), *self._expressions_told()]
        if told := [*self._names_told(), *told]:
            raise ValueError("\n".join(told))
        return self

    def _names_told(self) -> Iterator[str]:
        """Names that mean two things: in expressions, in the lake or in a file."""
        own = {"identity": (self.identity.column, self.identity.also), "time": (self.time.column, self.time.also)}
        own |= {"response": (self.response.column, self.response.also)}
        own |= {"duration": (self.duration.column, self.duration.also)}
        seen = {_plain(name): field for field, (column, also) in own.items() for name in (column or "", *also)}
        for name, item in self.items.items():
            if name in KEYWORDS:
                yield f"items.{name}: '{name}' is a word of expressions; choose another name"
            elif name in TAKEN_ITEMS:
                what = f"the lake has a '{name}' of its own for every answer"
                yield f"items.{name}: {what}; choose another name, and list the file's under `also`"
            for column in dict.fromkeys(_plain(c) for c in (name, *item.also)):
                other = seen.setdefault(column, f"items.{name}")
                if other != f"items.{name}" and name not in TAKEN_ITEMS:
                    yield f"items.{name}: '{name}' and {other} have a column's name in common; give it to one of them"
        names = [r.name for r in self.rules]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"rules.{name}: two rules have the name '{name}'; choose another name for one of them"

    def _choices_told(self) -> Iterator[str]:
        for name, item in self.items.items():
            if isinstance(item.choices, str) and item.choices not in self.choices:
                known = ", ".join(self.choices)
                remedy = f"there are: {known}" if known else "declare them under `choices`"
                yield f"items.{name}.choices: there are no choices named '{item.choices}'; {remedy}"
                continue
            codes = self.codes_of(name)
            for code in sorted(set(codes) & set(item.missing)):
                what = f"the code {code} is a choice and stands for a missing answer"
                yield f"items.{name}: {what}; delete it in one of the two"
            labels = [plain_code(label) for label in codes.values()]
            for label in sorted({label for label in labels if labels.count(label) > 1}):
                yield f"items.{name}: two choices have the label '{label}'; give each a label of its own"
            for code in [c for c, v in codes.items() if plain_code(v) in codes and plain_code(v) != c]:
                yield f"items.{name}: the label of code {code} is the code of another choice; choose another label"

    def _scores_told(self) -> Iterator[str]:
        for name, score in self.scores.items():
            if name in self.items:
                yield f"scores.{name}: there is an item of that name; choose another name, such as {name}_score"
            yield from _told(lambda name=name, score=score: self._score_told(name, score))
        for name, outcome in self.outcomes.items():
            for other in [s for s in (outcome.score,) if s not in self.scores]:
                yield f"outcomes.{name}: there is no score '{other}'; {_among(other, self.scores)}"
            known = [*self.items, *self.scores]
            for other in [x for x in outcome.leaks if x not in known]:
                yield f"outcomes.{name}.leaks: there is no item and no score '{other}'; {_among(other, known)}"
        if self.clusters is not None and self.clusters not in self.items:
            yield f"clusters: there is no item '{self.clusters}'; {_among(self.clusters, self.items)}"

    def _score_told(self, name: str, score: Score) -> Iterator[str]:
        items = self.items_of(name)
        for item in items:
            if self.items[item].sensitive:
                yield f"scores.{name}: the answers of '{item}' never enter the lake (sensitive: drop); take it out"
            elif not self._is_numeric(item):
                remedy = "take it out, or give its choices numbers as codes"
                yield f"scores.{name}: '{item}' is no number and no choice of numbers; {remedy}"
        for item in sorted(set(score.reverse) - set(items)):
            yield f"scores.{name}: '{item}' is turned round but is none of its items; {_among(item, items)}"
        for item in [i for i in score.reverse if i in items and self.bounds_of(i) is None]:
            what = f"'{item}' has no smallest and largest value to be turned round in"
            yield f"scores.{name}: {what}; give it `min` and `max`"

    def _expressions_told(self) -> Iterator[str]:
        for told in (lambda: self.conditions, lambda: self.rule_expressions, lambda: self.formulas):
            yield from _told(told)

    # -- items -------------------------------------------------------------------------------------------------

    def codes_of(self, item: str) -> dict[str, str]:
        """Code -> label of a choice; empty for numbers and texts."""
        choices = self.items[item].choices
        if isinstance(choices, str):
            return self.choices[choices]
        return choices or {}

    def missing_of(self, item: str) -> dict[str, str]:
        """What stands for a missing answer -> reason; what is a choice of this item is none."""
        own, codes = self.items[item].missing, self.codes_of(item)
        return {code: reason for code, reason in self.missing.items() if code not in codes} | own

    def bounds_of(self, item: str) -> tuple[float, float] | None:
        """Smallest and largest value, where both are known."""
        spec = self.items[item]
        if spec.type == "number":
            return None if spec.min is None or spec.max is None else (spec.min, spec.max)
        numbers = [float(c) for c in self.codes_of(item) if _is_number(c)]
        return (min(numbers), max(numbers)) if numbers else None

    def type_of(self, item: str) -> Type:
        """What an item's answer is in an expression: choices of numbers are numbers."""
        return "number" if self._is_numeric(item) else "text"

    def _is_numeric(self, item: str) -> bool:
        spec = self.items[item]
        return spec.type == "number" or (spec.type == "choice" and all(_is_number(c) for c in self.codes_of(item)))

    @property
    def kept_items(self) -> dict[str, Item]:
        """The items that enter the lake."""
        return {name: item for name, item in self.items.items() if item.sensitive is None}

    @property
    def types(self) -> dict[str, Type]:
        """Item -> what it is in an expression."""
        return {name: self.type_of(name) for name in self.kept_items}

    def is_generic(self, columns: Iterable[str]) -> bool:
        """Whether columns are called so that they could be any instrument's."""
        return all(_GENERIC.fullmatch(c) for c in columns)

    # -- scores ------------------------------------------------------------------------------------------------

    def items_of(self, score: str) -> tuple[str, ...]:
        """The items of a score, ranges spelt out.

        Raises:
            ValueError: naming an item that is not there.
        """
        names, order = [], list(self.items)
        for entry in self.scores[score].items:
            ends = _RANGE.fullmatch(entry)
            wanted = list(ends.groups()) if ends else [entry]
            for name in wanted:
                if name not in self.items:
                    raise ValueError(f"scores.{score}: there is no item '{name}'; {_among(name, self.items)}")
            between = order[order.index(wanted[0]) : order.index(wanted[-1]) + 1]
            if not between:
                raise ValueError(
                    f"scores.{score}: {wanted[-1]} stands before {wanted[0]}; write {wanted[-1]}..{wanted[0]}"
                )
            names += between
        return tuple(dict.fromkeys(names))

    def leaks_of(self, outcome: str) -> tuple[str, ...]:
        """Items and scores that give an outcome away: what its score is made of, and all that is made of the same."""
        told = self.outcomes[outcome]
        parts = self.parts_of(told.score)
        others = [s for s in self.scores if s == told.score or parts & self.parts_of(s)]
        return tuple(dict.fromkeys((*(i for i in self.items if i in parts), *others, *told.leaks)))

    def parts_of(self, score: str) -> set[str]:
        """The items that a score is made of, those of scores in its formula among them."""
        spec = self.scores[score]
        if spec.method != "formula":
            return set(self.items_of(score))
        names = self.formulas[score].names
        return {n for n in names if n in self.items}.union(*(self.parts_of(n) for n in names if n in self.scores))

    # -- expressions -------------------------------------------------------------------------------------------

    @cached_property
    def conditions(self) -> dict[str, Expression]:
        """Item -> who is asked."""
        asked = {n: i.asked_if for n, i in self.kept_items.items() if i.asked_if is not None}
        return _all(
            {
                n: lambda n=n, text=text: self._parsed(f"items.{n}.asked_if", text, "boolean")
                for n, text in asked.items()
            }
        )

    @cached_property
    def rule_expressions(self) -> dict[str, Expression]:
        """Rule -> what holds."""
        return _all({r.name: lambda r=r: self._parsed(f"rules.{r.name}.holds", r.holds, "boolean") for r in self.rules})

    @cached_property
    def formulas(self) -> dict[str, Expression]:
        """Score -> its formula, which may use the scores declared before it."""
        wanted: dict[str, Callable[[], Expression]] = {}
        types = dict(self.types)
        for name, score in self.scores.items():
            if score.formula is not None:
                place, text, known = f"scores.{name}.formula", score.formula, dict(types)
                wanted[name] = lambda place=place, text=text, known=known: self._parsed(place, text, "number", known)
            types[name] = "number"
        return _all(wanted)

    def _parsed(self, place: str, text: str, wanted: Type, types: Mapping[str, Type] | None = None) -> Expression:
        try:
            expression = parse(text, types or self.types)
        except ExpressionError as error:
            raise ValueError(f"{place}: {error.message}; {error.remedy}") from None
        if expression.type != wanted:
            word = {"boolean": "true or false", "number": "a number", "text": "a text"}[wanted]
            remedy = "compare it, as in a > 0" if wanted == "boolean" else "write if(a > 0, 1, 0)"
            raise ValueError(f"{place}: '{text}' does not give {word}; {remedy}")
        return expression

    def fingerprint_body(self) -> dict[str, Any]:
        """What decides values that follow from answers."""
        return self.model_dump(mode="json", exclude={"title", "reference", "schedule"})


def _is_number(code: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", code) is not None


def _plain(column: str) -> str:
    """A column's name as files are searched for it."""
    return re.sub(r"[^a-z0-9]+", "", column.casefold())


def _among(name: str, known: Iterable[str]) -> str:
    near = nearest(name, list(known))
    return f"did you mean '{near}'?" if near else f"there are: {', '.join(known)}"


def _told(ask: Callable[[], object]) -> Iterator[str]:
    """What asking tells is wrong."""
    try:
        found = ask()
        if isinstance(found, Iterator):
            yield from found
    except ValueError as error:
        yield from str(error).splitlines()


def _all(wanted: Mapping[str, Callable[[], Expression]]) -> dict[str, Expression]:
    """All expressions, or all that is wrong with them."""
    told = [line for ask in wanted.values() for line in _told(ask)]
    if told:
        raise ValueError("\n".join(told))
    return {name: ask() for name, ask in wanted.items()}
