"""What study.yaml may say of models: what is predicted, from what, how that is judged, when it is learned anew.

How a feature is called is in study_references.py; which features there are is not known here.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from neuro_assets.study_references import NAME, SURVEY, WILDCARD, Reference, is_listed_as, near, parse_reference

BUILT_IN = Path(__file__).parent / "models" / "builtin"
PERSON = "person"
PARTICIPANT = "participant"
_POSITIVE = (
    "positive_at_least",
    "positive_at_most",
    "positive_above_own_median",
    "positive_below_own_median",
)
_SCHEMAS = ("features", "baselines", "staging")
# What a version learns does not depend on these.
_BESIDE_LEARNING = {"use", "title", "margin", "retraining"}
# Tables of the schema `models`, in which each model is an asset.
RESERVED = ("registry", "evaluation", "sample", "leak", "prediction", "watch", "drift")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Outcome(_Model):
    """The number that is predicted: a score or an item of an instrument, or a column of a table."""

    instrument: str | None = Field(default=None, description="Instrument whose score or item it is.")
    score: str | None = Field(default=None, description="A score of the instrument.")
    item: str | None = Field(default=None, description="An item of the instrument, instead of a score.")
    table: str | None = Field(
        default=None, description="Instead of an instrument a table with participant_id and day: features.sleep."
    )
    column: str | None = Field(default=None, description="Its column.")
    where: dict[str, str | int | bool] = Field(
        default_factory=dict, description="Which of the table's rows, such as {segment: evening}."
    )
    of_day: Literal["last", "first", "mean"] = Field(
        default="last", description="Which of several answers of a day counts; mean: all of them."
    )

    @model_validator(mode="after")
    def _is_one_number(self) -> Self:
        of_instrument = (self.score is None) != (self.item is None)
        if self.instrument and of_instrument and not (self.table or self.column or self.where):
            return self
        if self.table and self.column and not (self.instrument or self.score or self.item):
            if self.table.split(".")[0] not in _SCHEMAS or self.table.count(".") != 1:
                raise ValueError(f"table: '{self.table}' is none of {', '.join(f'{s}.<table>' for s in _SCHEMAS)}")
            return self
        raise ValueError(
            "write `instrument` with either `score` or `item`, or `table` with `column`, and nothing of the other"
        )

    def __str__(self) -> str:
        if self.instrument:
            return f"{SURVEY}.{self.instrument}.{self.score or self.item}"
        rows = ", ".join(f"{key} = {value}" for key, value in self.where.items())
        return f"{self.table}.{self.column}" + (f" where {rows}" if rows else "")


class Summary(_Model):
    """What a person's days are summarised to, where there is one row a person."""

    over_days: int = Field(
        ge=1, le=365, description="So many days are summarised, the last one `horizon_days` before the outcome's day."
    )
    statistics: tuple[Literal["mean", "sd"], ...] = Field(
        default=("mean",), min_length=1, description="Of features by day. Of spans and answers the last is taken."
    )
    least_days: int | None = Field(
        default=None, ge=1, description="Days with a value without which there is none; by default three sevenths."
    )
    answer: Literal["first", "last"] = Field(
        default="last", description="Which of a person's outcomes is predicted; a new answer changes the last."
    )

    @model_validator(mode="after")
    def _days_are_there(self) -> Self:
        if self.least_days is not None and self.least_days > self.over_days:
            raise ValueError(f"least_days: there are {self.over_days} days in `over_days`, not {self.least_days}")
        return self

    @property
    def least(self) -> int:
        """Days with a value that a summary needs: three sevenths of them, as trailing spans do."""
        return self.least_days or -(-3 * self.over_days // 7)


class Retraining(_Model):
    """When a model learns anew, beside schedule and wish."""

    new_labels: int = Field(default=50, ge=1, description="So many samples with an outcome came since it learned.")
    least_auc: float | None = Field(
        default=None, ge=0, le=1, description="Its AUC on people it had not seen fell below; left out: no such rule."
    )
    psi: float = Field(default=0.25, gt=0, description="From this stability index on a feature counts as drifted.")
    drifted_features: int = Field(default=1, ge=1, description="So many features drifted.")
    calibration: float = Field(
        default=0.1, gt=0, le=1, description="Outcomes differ so much from what was predicted, beyond chance."
    )
    every_days: int | None = Field(
        default=None, ge=1, description="The last version learned so many days ago; left out: age is no reason."
    )


class ModelDeclaration(_Model):
    """A model of the study: what is predicted, from what, and how that is judged."""

    # Editors ask for what a built-in declaration has already otherwise.
    model_config = ConfigDict(
        json_schema_extra={"required": [], "anyOf": [{"required": ["use"]}, {"required": ["outcome", "features"]}]}
    )

    use: str | None = Field(
        default=None,
        description="A built-in declaration; what is said beside it takes the place of its fields, and adds to its"
        " leak list.",
    )
    title: str = Field(default="", description="What reports call it.")
    outcome: Outcome
    positive_at_least: float | None = Field(default=None, description="Positive from this number on.")
    positive_at_most: float | None = Field(default=None, description="Positive up to this number.")
    positive_above_own_median: bool = Field(
        default=False, description="Positive above the median of the person's outcomes of earlier days."
    )
    positive_below_own_median: bool = Field(default=False, description="Positive below it.")
    least_earlier: int = Field(default=5, ge=3, description="Earlier outcomes that an own median needs.")
    unit: Literal["participant_day", "participant"] = Field(
        default="participant_day", description="What a row is: a person's day with an outcome, or a person."
    )
    summary: Summary | None = Field(default=None, description="Goes with `unit: participant`.")
    features: tuple[str, ...] = Field(
        min_length=1,
        description="References: steps.total, steps.total[evening], steps.total:7d.mean, sleep_regularity.onset_sd_min"
        ":14d, circadian(heart_rate).l5:14d, survey.phq9.total, steps.*, steps.*:7d.mean.",
    )
    horizon_days: int = Field(
        default=1,
        ge=0,
        le=365,
        description="So many days before the outcome's day is the last one that features are from. 0: the same day,"
        " which is an association and no prediction.",
    )
    association: bool = Field(
        default=False, description="true: with `horizon_days: 0`, features may have come after the outcome."
    )
    same_morning_sleep: bool = Field(
        default=False,
        description="Features of the main sleep are of the night that ended on the outcome's day, before the answer.",
    )
    leak_list: tuple[str, ...] = Field(
        default=(),
        description="References, or names of columns, that are never features. One without a part of the day or a span"
        " stands for all of them.",
    )
    group_by: str = Field(
        default=PERSON,
        description="What is never split between learning and testing: person, or the answer to an item, such as"
        " survey.household.village.",
    )
    split: Literal["grouped", "forward"] = Field(
        default="grouped", description="grouped: people are held out; forward: later days are, from each cut on."
    )
    n_folds: int = Field(default=5, ge=2, le=20, description="Of a grouped split.")
    cuts: tuple[date, ...] = Field(default=(), description="First days that are predicted, of a split forward.")
    gap_days: int | None = Field(
        default=None, ge=0, description="Days before a cut that are not learned from; by default `horizon_days`."
    )
    pipelines: tuple[Literal["logistic", "boosting"], ...] = Field(
        default=("logistic", "boosting"), min_length=1, description="What is compared with the baselines."
    )
    margin: float = Field(
        default=0.02, ge=0, le=0.5, description="By so much AUC a challenger has to be better than the champion."
    )
    retraining: Retraining = Retraining()
    seed: int = Field(default=0, ge=0, description="Of all chance.")

    @model_validator(mode="before")
    @classmethod
    def _with_built_in(cls, given: Any) -> Any:
        return _merged(given) if isinstance(given, dict) and isinstance(given.get("use"), str) else given

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if told := [*_class_told(self), *_time_told(self), *_features_told(self), *_split_told(self)]:
            raise ValueError("; ".join(told))
        return self

    @property
    def references(self) -> tuple[Reference, ...]:
        """The features that are asked for, as they are written."""
        return tuple(parse_reference(text) for text in self.features)

    @property
    def is_by_own_median(self) -> bool:
        """Whether the outcome is judged by the person's earlier ones."""
        return self.positive_above_own_median or self.positive_below_own_median

    @property
    def gap(self) -> int:
        """Days before a cut that are not learned from."""
        return self.horizon_days if self.gap_days is None else self.gap_days

    @property
    def rule(self) -> str:
        """What is positive, in words."""
        if self.positive_at_least is not None:
            return f"{self.outcome} is {self.positive_at_least:g} or more"
        if self.positive_at_most is not None:
            return f"{self.outcome} is {self.positive_at_most:g} or less"
        side = "above" if self.positive_above_own_median else "below"
        return f"{self.outcome} is {side} the median of the person's own earlier ones, {self.least_earlier} at least"

    @property
    def learning(self) -> dict[str, Any]:
        """What a version learns by; two declarations with the same learn the same from the same lake."""
        return self.model_dump(mode="json", exclude=_BESIDE_LEARNING)

    @property
    def question(self) -> dict[str, Any]:
        """What is predicted, of whom; two versions with the same can be compared."""
        asked = self.model_dump(mode="json", include={"outcome", *_POSITIVE, "least_earlier", "unit"})
        return asked | ({"answer": self.summary.answer} if self.summary else {})

    def is_listed(self, reference: Reference) -> bool:
        """Whether a feature is on the leak list."""
        return any(is_listed_as(entry, reference) for entry in self.leak_list)


def _is_free(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"'{name}' is a table of the schema `models`; choose another name")
    return name


Models = dict[Annotated[str, Field(pattern=NAME), AfterValidator(_is_free)], ModelDeclaration]


def built_in_names() -> tuple[str, ...]:
    """The declarations that come with the program."""
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.yaml")))


def _merged(given: dict[str, Any]) -> dict[str, Any]:
    """A built-in declaration with what is said beside `use`."""
    name = given["use"]
    if name not in built_in_names():
        raise ValueError(f"use: there is no built-in model '{name}'; {near(name, built_in_names())}")
    base = yaml.safe_load((BUILT_IN / f"{name}.yaml").read_text(encoding="utf-8"))
    if any(key in given for key in _POSITIVE):
        base = {key: value for key, value in base.items() if key not in _POSITIVE}
    own = given.get("leak_list") or ()
    return base | given | {"leak_list": [*dict.fromkeys((*base.get("leak_list", ()), *own))]}


def _class_told(model: ModelDeclaration) -> Iterator[str]:
    # A limit of 0 is one.
    said = [name for name in _POSITIVE if (value := getattr(model, name)) is not None and value is not False]
    if len(said) != 1:
        found = f"not {' and '.join(said)}" if said else "none is there"
        yield f"what is positive is said by one of {', '.join(_POSITIVE)}; {found}"
    if model.is_by_own_median and model.unit == PARTICIPANT:
        yield "a person's own median needs days: write `unit: participant_day`, or a number as limit"
    if model.unit == PARTICIPANT and model.summary is None:
        yield "`unit: participant` needs `summary: {over_days: 14}`: the days before the outcome that are summarised"
    if model.unit != PARTICIPANT and model.summary is not None:
        yield "`summary` goes with `unit: participant`; delete it, or say the unit"


def _time_told(model: ModelDeclaration) -> Iterator[str]:
    if model.horizon_days == 0 and not model.association:
        yield (
            "`horizon_days: 0` uses days that end after the outcome: write `association: true` if that is what is"
            " wanted, else 1 or more; for last night's sleep alone there is `same_morning_sleep: true`"
        )
    if model.horizon_days > 0 and model.association:
        yield "`association: true` goes with `horizon_days: 0`; delete one of the two"
    if not model.same_morning_sleep:
        return
    if model.horizon_days > 1 or model.unit == PARTICIPANT:
        yield "`same_morning_sleep` goes with `unit: participant_day` and `horizon_days: 1` (or 0); delete it"


def _features_told(model: ModelDeclaration) -> Iterator[str]:
    broken = False
    for field, entries in (("features", model.features), ("leak_list", model.leak_list)):
        for text in entries:
            if field == "leak_list" and re.fullmatch(NAME, text):
                continue
            try:
                parse_reference(text)
            except ValueError as error:
                broken = True
                yield f"{field}: {error}"
    if broken:
        return
    for text in sorted({text for text in model.features if model.features.count(text) > 1}):
        yield f"features: '{text}' is there twice; delete one"
    for reference in model.references:
        if reference.column != WILDCARD and model.is_listed(reference):
            yield f"features: '{reference}' is on the leak list; delete it in one of the two"
    nights = [r for r in model.references if r.family == "sleep" and r.window_days is None]
    if model.same_morning_sleep and not nights:
        yield "`same_morning_sleep` needs a feature of the night, such as sleep.efficiency; add one, or delete it"


def _split_told(model: ModelDeclaration) -> Iterator[str]:
    if model.split == "forward" and not model.cuts:
        yield "`split: forward` needs `cuts`: the first days that are predicted"
    if model.split == "grouped" and (model.cuts or model.gap_days is not None):
        yield "`cuts` and `gap_days` go with `split: forward`; delete them, or say the split"
    if model.gap_days is not None and model.gap_days < model.horizon_days:
        yield f"gap_days: at least the horizon, {model.horizon_days}: later outcomes are not known at the cut"
    if model.group_by == PERSON:
        return
    try:
        group = parse_reference(model.group_by)
    except ValueError:
        group = None
    if group is None or group.family != SURVEY or group.column == WILDCARD:
        yield (
            f"group_by: '{model.group_by}' is neither person nor an item such as survey.household.village; the"
            " participants file has no column of villages or sites"
        )
