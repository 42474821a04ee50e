"""The shape of a source spec (`sources/<vendor>.yaml`) and the raw tables that follow from it."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from neuro_assets.sources.mapped import Mapped, spelled_out
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.model import Column, ColumnType, Stream, Table

_IDENTIFIER = r"^[a-z][a-z0-9_]*$"
WHO = "source_participant_id"  # the id of a row's person, which a stream may be fed from as well
TAKEN = {"file_id", "row_number", "source_participant_id", "day", "local_ts", "unreadable", "as_of"}
CLOCK_COLUMNS = (
    Column("fold", "TINYINT", "1 where the clock shows local_ts for the second time", nullable=True),
    Column("utc_offset_min", "SMALLINT", "Offset of local_ts from UTC, where the file or a zone says it", "min",
           nullable=True),
    Column("tz_source", "VARCHAR", "Where the offset comes from", nullable=True),
)  # fmt: skip
TAKEN |= {c.name for c in CLOCK_COLUMNS}
_STORED: dict[str, ColumnType] = {"integer": "BIGINT", "number": "DOUBLE", "text": "VARCHAR"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(_Model):
    """Where a row says whose it is: a column, or the name of the file where one file is one person's."""

    column: str | None = None
    also: tuple[str, ...] = Field(default=(), description="Other names the column has in re-saved files.")
    file_name: str | None = Field(
        default=None, description="Regular expression with one group, searched in the file's name: the id."
    )
    pattern: str = Field(description="Regular expression the whole id must match; damaged ids do not.")
    example: str = Field(description="A made-up or public id, for messages.")

    @field_validator("pattern", "file_name")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"'{value}' is no regular expression ({error})") from None
        return value

    @model_validator(mode="after")
    def _says_where(self) -> "Identity":
        if (self.column is None) == (self.file_name is None):
            raise ValueError("say either 'column' or 'file_name', not both: where does a row say whose it is?")
        if self.file_name and re.compile(self.file_name).groups != 1:
            raise ValueError(f"'file_name' needs exactly one group in brackets, the id: '{self.file_name}'")
        if not re.fullmatch(self.pattern, self.example):
            raise ValueError(f"the example '{self.example}' does not match the pattern '{self.pattern}'")
        return self

    @property
    def shown(self) -> str:
        """The column's name, or what stands for it."""
        return self.column or "file name"


class TimeColumn(_Model):
    """Where a row says when: `date` a day, `midnight` a day written with 12:00:00 AM, `datetime` a moment."""

    column: str
    kind: Literal["date", "midnight", "datetime"]
    also: tuple[str, ...] = Field(default=(), description="Other names the column has in re-saved files.")
    format: str | None = Field(
        default=None, description="How it is written, in strptime's codes; left out, it is found out from all rows."
    )
    clock: Literal["local", "utc", "stated"] = Field(
        default="local",
        description="Whether it is the participant's wall clock, UTC, or a time that states its own zone (RFC 3339).",
    )
    offset: str | None = Field(
        default=None, description="Name of a column of this kind: minutes of the wall clock from UTC, where it has any."
    )
    fold: str | None = Field(
        default=None,
        description="Goes with `offset`: name of a column that is 1 where the clock shows a time once more, else 0.",
    )
    epoch: Literal["s", "ms", "us"] | None = Field(
        default=None, description="It counts seconds, milli- or microseconds since 1970 in UTC; goes with `clock: utc`."
    )
    days: dict[str, date] = Field(
        default_factory=dict,
        description="What stands in the column instead of a day -> the day: {'2013-2014': 2014-12-31}.",
    )

    @field_validator("format")
    @classmethod
    def _has_a_day(cls, value: str | None) -> str | None:
        if value is not None and not {"%d", "%j", "%-d"} & set(re.findall(r"%-?[A-Za-z]", value)):
            raise ValueError(f"'{value}' has no day: strptime's codes are wanted, such as '%d.%m.%Y %H:%M'")
        return value

    @model_validator(mode="after")
    def _days_are_of_days(self) -> "TimeColumn":
        if self.days and (self.kind != "date" or self.format):
            raise ValueError("'days' goes with 'kind: date' and without 'format'")
        if self.clock == "stated" and self.format:
            raise ValueError("'clock: stated' says how the times are written: leave 'format' out")
        if self.epoch and (self.kind != "datetime" or self.clock != "utc" or self.format or self.offset):
            raise ValueError("'epoch' goes with 'kind: datetime' and 'clock: utc', without 'format' and 'offset'")
        return self


class SourceColumn(_Model):
    """A vendor column and the raw column it becomes."""

    name: str = Field(pattern=_IDENTIFIER)
    type: Literal["integer", "number", "text"]
    unit: str = ""
    also: tuple[str, ...] = Field(default=(), description="Other names the column has in re-saved files.")
    optional: bool = Field(default=False, description="The file may lack it even where a stream is fed from it.")
    values: tuple[str, ...] = Field(default=(), description="All that may stand there; anything else is no such value.")
    pattern: str | None = Field(
        default=None, description="Regular expression a whole text must match; another is no such value."
    )

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        """YAML reads an unquoted 1 as a number."""
        return [str(v) for v in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _says_once(self) -> "SourceColumn":
        if self.pattern is not None and (self.values or self.type != "text"):
            raise ValueError("'pattern' is for texts, and does not go with 'values'")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"'{self.pattern}' is no regular expression ({error})") from None
        if self.type != "text" and (odd := [v for v in self.values if not re.fullmatch(r"-?\d+(\.\d+)?", v)]):
            raise ValueError(f"'values' of a column of numbers are numbers, not '{odd[0]}'")
        return self

    @property
    def is_stated(self) -> bool:
        """The spec says what may stand there: a file whose column holds something else contradicts its header."""
        return bool(self.values) or self.pattern is not None


class Wide(_Model):
    """Columns that are one after the other in time: `prefix` and a two-digit number from 00 on."""

    prefix: str
    count: int = Field(default=60, ge=2, le=100)
    step_s: int = Field(default=60, ge=1, description="Seconds from one column to the next.")
    name: str = Field(pattern=_IDENTIFIER)
    type: Literal["integer", "number"]
    unit: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The vendor's column names."""
        return tuple(f"{self.prefix}{n:02d}" for n in range(self.count))


class FileSpec(_Model):
    """One kind of file of a source."""

    name_hint: str
    time: TimeColumn
    period_s: int | None = Field(default=None, ge=1, le=86_400)
    period: str | None = Field(
        default=None,
        description="Name of a column of this kind: the seconds a row stands for, where rows differ in it.",
    )
    columns: dict[str, SourceColumn] = Field(default_factory=dict)
    claim: str | None = Field(
        default=None,
        description="Name of a column of this kind: the number under which `ops.pull_claims` has what the row belongs"
        " to. Rows of such a kind come with pulls alone.",
    )
    seen: str | None = Field(
        default=None,
        description="Name of a column of this kind: how far the source itself had seen when it gave the row, as a wall"
        " clock; left out, it is the last time in the file.",
    )
    drop: tuple[str, ...] = Field(default=(), description="Columns of the file whose content never enters the lake.")
    exact: bool = Field(
        default=False,
        description="A file without one of the columns, or with another than these and `drop`, is of another kind.",
    )
    wide: Wide | None = None
    streams: dict[str, dict[str, Mapped]] = Field(min_length=1, description="stream -> stream column -> raw column")

    @field_validator("streams", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`value: steps` is short for `value: {column: steps}`."""
        if not isinstance(value, dict):
            return value
        return {stream: spelled_out(mapping) for stream, mapping in value.items()}

    @model_validator(mode="after")
    def _columns_are_told_apart(self) -> "FileSpec":
        names = list(self.raw_columns)
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"several columns would become {', '.join(twice)}")
        if taken := sorted(set(names) & TAKEN):
            raise ValueError(f"every raw table has a column of its own called {', '.join(taken)}; choose another name")
        if self.wide and self.time.kind != "datetime":
            raise ValueError("'wide' columns follow each other in time: the time must be a datetime")
        kept = {n for name, c in self.columns.items() for n in (name, *c.also)} | {self.time.column, *self.time.also}
        if both := sorted(kept & set(self.drop)):
            raise ValueError(f"'{both[0]}' is both kept and under 'drop': it cannot be both")
        return self

    @model_validator(mode="after")
    def _period_is_told_once(self) -> "FileSpec":
        if self.period and self.period_s:
            raise ValueError("'period' and 'period_s' say the same: leave one of them out")
        if self.period and self.period not in {c.name for c in self.columns.values() if c.type == "integer"}:
            raise ValueError(f"'period' is '{self.period}', which is no column of whole numbers of this kind")
        return self

    @model_validator(mode="after")
    def _clock_is_told(self) -> "FileSpec":
        time = self.time
        if self.has_offsets and time.kind != "datetime":
            raise ValueError("a day has no 'clock' and no 'offset': the time must be a datetime")
        if self.has_offsets and self.wide:
            raise ValueError("'wide' columns are read on the wall clock: leave 'clock' and 'offset' out")
        if time.offset and time.clock != "local":
            raise ValueError("'offset' belongs to a wall clock: leave out either 'clock' or 'offset'")
        if time.offset and time.offset not in {c.name for c in self.columns.values() if c.type == "integer"}:
            raise ValueError(f"'offset' is '{time.offset}', which is no column of whole numbers of this kind")
        return self

    @model_validator(mode="after")
    def _named_columns_are_there(self) -> "FileSpec":
        types = {c.name: c.type for c in self.columns.values()}
        for field, name, wanted in (
            ("fold", self.time.fold, "integer"),
            ("claim", self.claim, "integer"),
            ("seen", self.seen, "text"),
        ):
            if name is not None and types.get(name) != wanted:
                raise ValueError(f"'{field}' is '{name}', which is no {wanted} column of this kind")
        if self.time.fold and not self.time.offset:
            raise ValueError("'fold' tells apart what 'offset' places: give both, or neither")
        return self

    @model_validator(mode="after")
    def _maps_onto_streams(self) -> "FileSpec":
        known = {s.name: s for s in STREAMS}
        for name, mapping in self.streams.items():
            if name not in known:
                raise ValueError(f"unknown stream '{name}'; known: {', '.join(known)}")
            self._fits(known[name], mapping)
        return self

    def _fits(self, target: Stream, mapping: dict[str, Mapped]) -> None:
        wanted, needed = set(target.mapped), set(target.required)
        if not needed <= set(mapping) <= wanted:
            left = f"; may be left out: {', '.join(sorted(wanted - needed))}" if wanted - needed else ""
            raise ValueError(f"stream '{target.name}' needs exactly the columns {', '.join(target.mapped)}{left}")
        if unknown := {c for m in mapping.values() for c in m.columns} - {*self.raw_columns, WHO}:
            raise ValueError(f"stream '{target.name}' is mapped from undeclared columns: {', '.join(sorted(unknown))}")
        for column in (c for c in target.columns if c.name in mapping):
            mapping[column.name].fits(column)
        if target.has_period and ((self.period_s or self.period) is None or self.time.kind != "datetime"):
            raise ValueError(f"stream '{target.name}' holds samples: it needs period_s and a datetime column")
        if target.is_sample and self.time.kind != "datetime":
            raise ValueError(f"stream '{target.name}' has moments: its time must be a datetime")
        if not target.is_sample and self.time.kind == "datetime":
            raise ValueError(f"stream '{target.name}' has one row a day: its time must be a date")

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """Names of the raw table's own columns."""
        return (*(c.name for c in self.columns.values()), *((self.wide.name,) if self.wide else ()))

    @property
    def is_of_answers(self) -> bool:
        """True where a row of the raw table is one answer of a survey."""
        return False

    @property
    def item_columns(self) -> dict[str, str]:
        """Columns that become rows of one item each -> item; a survey with one row a response has them."""
        return {}

    @property
    def question_columns(self) -> tuple[str, ...]:
        """Raw columns that name the question of a row; a survey with one row an answer has them."""
        return ()

    @property
    def kept_questions(self) -> frozenset[tuple[str, ...]]:
        """What stands in them, plainly, where the answer may enter the lake."""
        return frozenset()

    @property
    def dropped_questions(self) -> frozenset[tuple[str, ...]]:
        """What stands in them, plainly, where not even the row may."""
        return frozenset()

    @property
    def encrypted_questions(self) -> dict[tuple[str, ...], str]:
        """What stands in them, or the item of a column -> `instrument/item`, where the answer is to be encrypted."""
        return {}

    @property
    def hides(self) -> bool:
        """True where files have what nobody may see: texts that stand where they do not belong are not repeated."""
        return bool(self.drop)

    def is_named_by(self, columns: list[str]) -> bool:
        """Whether columns of these names tell the kind of file; those of answers need not do."""
        return True

    @property
    def required(self) -> frozenset[str]:
        """Vendor columns without which no stream can be fed: a file that lacks one is of another kind."""
        fed = {c for mapping in self.streams.values() for m in mapping.values() for c in m.columns}
        named = {n for n, c in self.columns.items() if (self.exact or c.name in fed) and not c.optional}
        return frozenset(named | set(self.wide.columns if self.wide else ()))

    @property
    def is_dated(self) -> bool:
        """True where a row stands for a whole local day."""
        return self.time.kind != "datetime"

    @property
    def has_offsets(self) -> bool:
        """True where a raw row says its own offset from UTC."""
        return self.time.clock != "local" or self.time.offset is not None

    @property
    def is_judged_by_row(self) -> bool:
        """True where rows do not hang together: one that cannot be read says nothing against the others."""
        return self.time.clock == "stated"


class SourceSpec(_Model):
    """A vendor: its identity column, its dates and its kinds of files."""

    name: str = Field(pattern=_IDENTIFIER)
    version: int = Field(ge=1)
    title: str
    identity: Identity
    date_order: Literal["mdy", "dmy", "ymd"] = Field(description="Order in the vendor's untouched form.")
    decimal: Literal["point", "comma"] | None = Field(
        default=None, description="Decimal sign; left out, it is found out from all rows."
    )
    recognised_by: Literal["columns", "name"] = Field(
        default="columns", description="name: only files called `source.kind.csv`, or said to be of a kind, are of it."
    )
    files: dict[Annotated[str, Field(pattern=_IDENTIFIER)], FileSpec]

    def header_of(self, kind: str) -> frozenset[str]:
        """The columns of a kind of file in its untouched form."""
        spec = self.files[kind]
        identity = {self.identity.column} if self.identity.column else set()
        wide = spec.wide.columns if spec.wide else ()
        return frozenset({*identity, spec.time.column, *spec.columns, *spec.drop, *wide})

    def raw_table(self, kind: str) -> Table:
        """The raw table of a kind of file: what the file said, typed, with its origin."""
        spec = self.files[kind]
        moment = () if spec.is_dated else (Column("local_ts", "TIMESTAMP", "Wall clock as written", nullable=True),)
        return Table(
            schema="raw",
            name=f"{self.name}_{kind}",
            columns=(
                Column("file_id", "VARCHAR", "sha256 of the file"),
                Column("row_number", "BIGINT", "Row of the file, the first data row being 1"),
                Column("source_participant_id", "VARCHAR", "Id as the file gives it", nullable=True),
                Column("day", "DATE", "Local day; null where the time could not be read", nullable=True),
                *moment,
                *(CLOCK_COLUMNS if spec.has_offsets else ()),
                *(
                    Column(c.name, _STORED[c.type], f"{vendor}", c.unit, nullable=True)
                    for vendor, c in spec.columns.items()
                ),
                *_wide_column(spec.wide),
                Column("unreadable", "VARCHAR", "JSON of cells that are no such value, as written", nullable=True),
                Column("as_of", "TIMESTAMP", "How far this export had seen of the row's day", nullable=True),
            ),
            description=f"{self.title}, {spec.name_hint}: the rows as the files give them.",
            partition_by="day",
            sort_by=("source_participant_id",) if spec.is_dated else ("source_participant_id", "local_ts"),
        )


def _wide_column(wide: Wide | None) -> tuple[Column, ...]:
    if wide is None:
        return ()
    told = f"{wide.columns[0]} ... {wide.columns[-1]}, one row each"
    return (Column(wide.name, _STORED[wide.type], told, wide.unit, nullable=True),)
