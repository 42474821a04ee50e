"""Codebooks as sources: how a file of responses, or of single answers, becomes raw answers, one row an item."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field, model_validator

from neuro_assets.sources.model import (
    CLOCK_COLUMNS,
    FileSpec,
    Identity,
    Mapped,
    SourceColumn,
    SourceSpec,
    TimeColumn,
)
from neuro_assets.streams.model import Column, Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import ANY_ID, LongForm, OwnColumn, plain_name

RESPONSES = "responses"
ANSWERS = "answers"
# What a file with the answers of several instruments has its columns called.
INSTRUMENT = OwnColumn(column="instrument", also=("form", "questionnaire", "survey", "scale"))
LONG = LongForm(
    item=OwnColumn(column="item", also=("question", "field_name", "item_name", "variable")),
    answer=OwnColumn(column="answer", also=("response", "value", "response_value")),
)
_PEOPLE = ("participant", "subject_id", "user_id", "record_id", "study_id", "pid")
_MOMENTS = ("submitdate", "submitted_at", "completed_at", "end_date", "recorded_date", "timestamp")


class AnswersSpec(FileSpec):
    """A file of answers, of one instrument or of several."""

    codebooks: tuple[Codebook, ...] = Field(exclude=True)

    @model_validator(mode="after")
    def _maps_onto_streams(self) -> "AnswersSpec":
        """What the columns mean is said by the codebooks."""
        return self

    @property
    def is_of_answers(self) -> bool:
        """Each row of the raw table is one."""
        return True

    @property
    def hides(self) -> bool:
        """Some item is sensitive."""
        return any(item.sensitive for c in self.codebooks for item in c.items.values())


class WideFile(AnswersSpec):
    """A file with one row a response and a column an item."""

    @property
    def codebook(self) -> Codebook:
        """That of its instrument."""
        return self.codebooks[0]

    @property
    def item_columns(self) -> dict[str, str]:
        """Column of the file -> item."""
        kept = self.codebook.kept_items
        return {vendor: c.name for vendor, c in self.columns.items() if c.name in kept}

    @property
    def encrypted_questions(self) -> dict[tuple[str, ...], str]:
        """The items whose answers are encrypted."""
        return {(item,): f"{self.codebook.name}/{item}" for item in sorted(self.codebook.encrypted_items)}

    @property
    def required(self) -> frozenset[str]:
        """The items that every file has."""
        items = self.codebook.items
        return frozenset(n for n, item in self.item_columns.items() if not items[item].optional)

    def is_named_by(self, columns: list[str]) -> bool:
        """Whether the columns by themselves tell the instrument."""
        return not self.codebook.is_generic(columns)


class LongFile(AnswersSpec):
    """A file with one row an answer, which names its question; and its instrument, where it is not that of the file."""

    @property
    def names_instrument(self) -> bool:
        """Whether rows say of which instrument they are."""
        return any(c.name == "instrument" for c in self.columns.values())

    @property
    def question_columns(self) -> tuple[str, ...]:
        """Instrument and item, or the item alone."""
        return ("instrument", "item") if self.names_instrument else ("item",)

    @property
    def kept_questions(self) -> frozenset[tuple[str, ...]]:
        """The items that enter the lake, under all names that they have."""
        return self._named((c, item) for c in self.codebooks for item in c.kept_items)

    @property
    def dropped_questions(self) -> frozenset[tuple[str, ...]]:
        """The other items."""
        return self._named((c, item) for c in self.codebooks for item in c.items if item not in c.kept_items)

    @property
    def encrypted_questions(self) -> dict[tuple[str, ...], str]:
        """The items whose answers are encrypted, under all names that they have."""
        items = [(c, item) for c in self.codebooks for item in sorted(c.encrypted_items)]
        return {key: f"{c.name}/{item}" for c, item in items for key in self._named([(c, item)])}

    def _named(self, items: Iterable[tuple[Codebook, str]]) -> frozenset[tuple[str, ...]]:
        named = {(plain_name(c.name), name) for c, item in items for name in c.names_of(item)}
        return frozenset(named if self.names_instrument else {(name,) for _, name in named})

    @property
    def required(self) -> frozenset[str]:
        """All but what the program says of the response."""
        return frozenset(vendor for vendor, c in self.columns.items() if not c.optional)

    def is_named_by(self, columns: list[str]) -> bool:
        """Columns for question and answer do not tell the instrument."""
        return self.names_instrument


class SurveySpec(SourceSpec):
    """The source that a codebook makes, or that of answers of several."""

    files: dict[str, WideFile | LongFile]  # pyright: ignore[reportIncompatibleVariableOverride]

    def raw_table(self, kind: str) -> Table:
        """The raw table: every answer as the file gives it."""
        return _answers_table(self, self.files[kind])


def _answers_table(source: SourceSpec, spec: WideFile | LongFile) -> Table:
    moment = () if spec.is_dated else (Column("local_ts", "TIMESTAMP", "Wall clock as written", nullable=True),)
    is_long = isinstance(spec, LongFile)
    told = Column("instrument", "VARCHAR", "Instrument as the file names it", nullable=True)
    return Table(
        schema="raw",
        name=f"survey_{ANSWERS}" if is_long and spec.names_instrument else source.name,
        columns=(
            Column("file_id", "VARCHAR", "sha256 of the file"),
            Column("row_number", "BIGINT", "Row of the file, the first data row being 1"),
            Column("source_participant_id", "VARCHAR", "Id as the file gives it", nullable=True),
            Column("day", "DATE", "Local day; null where the time could not be read", nullable=True),
            *moment,
            *(CLOCK_COLUMNS if spec.has_offsets else ()),
            Column("response_id", "VARCHAR", "Id of the response as the file gives it", nullable=True),
            Column("duration_s", "VARCHAR", "Seconds that answering took, as the file gives it", "s", nullable=True),
            *([told] if is_long and spec.names_instrument else []),
            Column("item", "VARCHAR", "Item of the codebook" if not is_long else "Item as the file names it",
                   nullable=is_long),
            Column("answer", "VARCHAR", "What was answered, as written", nullable=True),
            Column("unreadable", "VARCHAR", "JSON of cells that are no such value, as written", nullable=True),
            Column("as_of", "TIMESTAMP", "How far this export had seen of the row's day", nullable=True),
        ),
        description=f"{source.title}: the answers as the files give them.",
        partition_by="day",
        sort_by=("source_participant_id",) if spec.is_dated else ("source_participant_id", "local_ts"),
    )  # fmt: skip


def source_of(codebook: Codebook) -> SurveySpec:
    """The source spec of a codebook."""
    own = _of_response(codebook.response, codebook.duration)
    if codebook.long:
        spec = LongFile(
            name_hint=codebook.name,
            time=codebook.time,
            columns=own | _of_answer(codebook.long),
            streams=_streams(),
            codebooks=(codebook,),
        )
    else:
        items = {
            name: SourceColumn(name=name, type="text", also=item.also, optional=item.optional)
            for name, item in codebook.kept_items.items()
        }
        spec = WideFile(
            name_hint=codebook.name,
            time=codebook.time,
            columns=own | items,
            streams=_streams(),
            codebooks=(codebook,),
        )
    return SurveySpec(
        name=f"survey_{codebook.name}",
        version=codebook.version,
        title=codebook.title,
        identity=codebook.identity,
        date_order=codebook.date_order,
        files={RESPONSES: spec},
    )


def source_of_answers(codebooks: Sequence[Codebook]) -> SurveySpec:
    """The source of files with one row an answer that name its instrument: of any of the codebooks."""
    instrument = SourceColumn(name="instrument", type="text", also=INSTRUMENT.also)
    spec = LongFile(
        name_hint=ANSWERS,
        time=TimeColumn(column="answered_at", kind="datetime", also=_MOMENTS),
        columns=_of_response(OwnColumn(column="response_id"), OwnColumn(column="duration_s"))
        | {INSTRUMENT.column: instrument}
        | _of_answer(LONG),
        streams=_streams(),
        codebooks=tuple(codebooks),
    )
    return SurveySpec(
        name="survey",
        version=1,
        title="Answers to several instruments",
        identity=Identity(column="participant_id", also=_PEOPLE, pattern=ANY_ID, example="P001"),
        date_order="ymd",
        files={ANSWERS: spec},
    )


def _of_response(response: OwnColumn, duration: OwnColumn) -> dict[str, SourceColumn]:
    own = ((response, "response_id"), (duration, "duration_s"))
    return {c.column: SourceColumn(name=name, type="text", also=c.also, optional=True) for c, name in own}


def _of_answer(long: LongForm) -> dict[str, SourceColumn]:
    own = ((long.item, "item"), (long.answer, "answer"))
    return {c.column: SourceColumn(name=name, type="text", also=c.also) for c, name in own}


def _streams() -> dict[str, Any]:
    return {SURVEY_RESPONSE.name: {c: Mapped(column=c) for c in SURVEY_RESPONSE.mapped}}
