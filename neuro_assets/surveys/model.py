"""The shape of a codebook (`surveys/<instrument>.yaml`): what is asked, what answers mean, how they are scored."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from neuro_assets.sources.model import TAKEN, Identity, TimeColumn
from neuro_assets.sources.yaml_text import nearest
from neuro_assets.surveys.expression import KEYWORDS, Expression, ExpressionError, Type, parse
from neuro_assets.surveys.parts import (
    ANY_ID,
    NAME,
    Codes,
    Item,
    LongForm,
    MissingCodes,
    Outcome,
    OwnColumn,
    Part,
    Repeat,
    Rule,
    Schedule,
    Score,
    is_number,
    plain_code,
    plain_name,
)

_RANGE = re.compile(r"^([a-z][a-z0-9_]*)\.\.([a-z][a-z0-9_]*)$")
# Names under which any file could have any instrument's items: they do not tell which instrument it is.
_GENERIC = re.compile(r"(q|question|item|i|p|s|v|var|col|x)?_?\d+[a-z]?", re.IGNORECASE)
# Columns that answers and responses have in the lake whatever the instrument.
TAKEN_ITEMS = frozenset(
    TAKEN | {"participant_id", "ts", "version", "response_id", "duration_s", "item", "answer", "is_of_record"}
)


class Codebook(Part):
    """An instrument."""

    name: str = Field(pattern=NAME)
    version: int = Field(ge=1)
    title: str
    reference: str = Field(default="", description="Where instrument and scoring are published.")
    recall_days: int | None = Field(default=None, ge=1, description="Days that the questions look back over.")
    identity: Identity = Field(default=Identity(column="participant_id", pattern=ANY_ID, example="P001"))
    time: TimeColumn = Field(default=TimeColumn(column="answered_at", kind="datetime"))
    date_order: Literal["mdy", "dmy", "ymd"] = Field(default="ymd", description="Order in the untouched form.")
    decimal: Literal["point", "comma"] = Field(default="point", description="Decimal sign of numbers.")
    response: OwnColumn = OwnColumn(column="response_id")
    duration: OwnColumn = OwnColumn(column="duration_s")
    long: LongForm | None = Field(
        default=None, description="Its files have one row an answer; left out, they have one row a response."
    )
    fastest_s: float | None = Field(default=None, gt=0, description="Answered in less: too fast to have been read.")
    choices: dict[str, Codes] = Field(default_factory=dict)
    missing: MissingCodes = Field(default_factory=dict, description="What stands for a missing answer -> reason.")
    items: dict[Annotated[str, Field(pattern=NAME)], Item] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    scores: dict[Annotated[str, Field(pattern=NAME)], Score] = Field(default_factory=dict)
    outcomes: dict[Annotated[str, Field(pattern=NAME)], Outcome] = Field(default_factory=dict)
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
        if self.long:  # the items' names stand in rows
            own = {}
        seen = {plain_name(name): field for field, (column, also) in own.items() for name in (column or "", *also)}
        for name, item in self.items.items():
            if name in KEYWORDS:
                yield f"items.{name}: '{name}' is a word of expressions; choose another name"
            elif name in TAKEN_ITEMS:
                what = f"the lake has a '{name}' of its own for every answer"
                yield f"items.{name}: {what}; choose another name, and list the file's under `also`"
            for column in dict.fromkeys(plain_name(c) for c in (name, *item.also)):
                other = seen.setdefault(column, f"items.{name}")
                if other != f"items.{name}" and name not in TAKEN_ITEMS:
                    yield f"items.{name}: '{name}' and {other} have a column's name in common; give it to one of them"
        if self.name == "answers":
            yield "name: the lake has a raw.survey_answers of its own; choose another name, such as my_answers"
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
        elif self.clusters is not None and self.items[self.clusters].sensitive:
            yield f"clusters: {self._hidden(self.clusters)}; name another item, or leave `clusters` out"

    def _score_told(self, name: str, score: Score) -> Iterator[str]:
        items = self.items_of(name)
        for item in items:
            if self.items[item].sensitive:
                yield f"scores.{name}: {self._hidden(item)}; take it out"
            elif not self._is_numeric(item):
                remedy = "take it out, or give its choices numbers as codes"
                yield f"scores.{name}: '{item}' is no number and no choice of numbers; {remedy}"
        for item in sorted(set(score.reverse) - set(items)):
            yield f"scores.{name}: '{item}' is turned round but is none of its items; {_among(item, items)}"
        for item in [i for i in score.reverse if i in items and self.bounds_of(i) is None]:
            what = f"'{item}' has no smallest and largest value to be turned round in"
            yield f"scores.{name}: {what}; give it `min` and `max`"

    def _hidden(self, item: str) -> str:
        """Why nothing can be computed from an item's answers."""
        if self.items[item].sensitive == "encrypt":
            return f"the answers of '{item}' are encrypted (sensitive: encrypt)"
        return f"the answers of '{item}' never enter the lake (sensitive: drop)"

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
        numbers = [float(c) for c in self.codes_of(item) if is_number(c)]
        return (min(numbers), max(numbers)) if numbers else None

    def type_of(self, item: str) -> Type:
        """What an item's answer is in an expression: choices of numbers are numbers."""
        return "number" if self._is_numeric(item) else "text"

    def _is_numeric(self, item: str) -> bool:
        spec = self.items[item]
        return spec.type == "number" or (spec.type == "choice" and all(is_number(c) for c in self.codes_of(item)))

    @property
    def kept_items(self) -> dict[str, Item]:
        """The items that enter the lake."""
        return {name: item for name, item in self.items.items() if item.sensitive != "drop"}

    @property
    def encrypted_items(self) -> frozenset[str]:
        """Those of them whose answers are encrypted."""
        return frozenset(name for name, item in self.items.items() if item.sensitive == "encrypt")

    def names_of(self, item: str) -> frozenset[str]:
        """The names by which files may call an item, plainly."""
        return frozenset(plain_name(n) for n in (item, *self.items[item].also)) - {""}

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
        # Before what else may be wrong with it; and once more for items within ranges.
        self._refuse_encrypted(place, re.findall(r"[a-z]\w*", re.sub(r"'[^']*'|\"[^\"]*\"", "", text)))
        try:
            expression = parse(text, types or self.types)
        except ExpressionError as error:
            raise ValueError(f"{place}: {error.message}; {error.remedy}") from None
        self._refuse_encrypted(place, expression.names)
        if expression.type != wanted:
            word = {"boolean": "true or false", "number": "a number", "text": "a text"}[wanted]
            remedy = "compare it, as in a > 0" if wanted == "boolean" else "write if(a > 0, 1, 0)"
            raise ValueError(f"{place}: '{text}' does not give {word}; {remedy}")
        return expression

    def _refuse_encrypted(self, place: str, names: Iterable[str]) -> None:
        for item in sorted(self.encrypted_items.intersection(names)):
            raise ValueError(f"{place}: {self._hidden(item)}; leave it out")

    def fingerprint_body(self) -> dict[str, Any]:
        """What decides values that follow from answers."""
        unsaid = {"long"} if self.long is None else set()
        return self.model_dump(mode="json", exclude={"title", "reference", "schedule"} | unsaid)


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
