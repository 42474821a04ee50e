"""The shape of a source spec (`sources/<vendor>.yaml`) and the raw tables that follow from it."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.model import Column, ColumnType, Stream, Table

_IDENTIFIER = r"^[a-z][a-z0-9_]*$"
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
        return self


class SourceColumn(_Model):
    """A vendor column and the raw column it becomes."""

    name: str = Field(pattern=_IDENTIFIER)
    type: Literal["integer", "number", "text"]
    unit: str = ""
    also: tuple[str, ...] = Field(default=(), description="Other names the column has in re-saved files.")
    optional: bool = Field(default=False, description="The file may lack it even where a stream is fed from it.")


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


class Mapped(_Model):
    """How a stream's column follows from a raw column: as it is, translated from codes, or scaled."""

    column: str
    codes: dict[str, str] | None = Field(default=None, description="What the file says -> what it means.")
    scale: float | None = Field(default=None, description="Factor from the file's unit to the stream's.")

    @field_validator("codes", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """YAML reads an unquoted true or 1 as what it means."""
        if not isinstance(value, dict):
            return value
        return {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}

    @model_validator(mode="after")
    def _one_way(self) -> "Mapped":
        if self.codes is not None and self.scale is not None:
            raise ValueError("'codes' and 'scale' do not go together")
        read = [code.strip().lower() for code in self.codes or {}]
        if twice := sorted({code for code in read if read.count(code) > 1}):
            raise ValueError(f"codes are read without regard to capitals: '{twice[0]}' is there twice")
        return self

    def fits(self, target: Column) -> None:
        """Refuse codes and scales that cannot give the stream's column.

        Raises:
            ValueError: naming what the column takes.
        """
        allowed = ("true", "false") if target.type == "BOOLEAN" else target.isin
        if allowed and self.codes and (wrong := sorted({v for v in self.codes.values() if v not in allowed})):
            raise ValueError(f"column '{target.name}' takes {', '.join(allowed)}, not '{wrong[0]}'")
        if self.scale is not None and target.type not in {"SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}:
            raise ValueError(f"column '{target.name}' is no number: it cannot be scaled")


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
    wide: Wide | None = None
    streams: dict[str, dict[str, Mapped]] = Field(min_length=1, description="stream -> stream column -> raw column")

    @field_validator("streams", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`value: steps` is short for `value: {column: steps}`."""
        if not isinstance(value, dict):
            return value
        return {
            stream: {k: {"column": v} if isinstance(v, str) else v for k, v in mapping.items()}
            if isinstance(mapping, dict)
            else mapping
            for stream, mapping in value.items()
        }

    @model_validator(mode="after")
    def _columns_are_told_apart(self) -> "FileSpec":
        names = list(self.raw_columns)
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"several columns would become {', '.join(twice)}")
        if taken := sorted(set(names) & TAKEN):
            raise ValueError(f"every raw table has a column of its own called {', '.join(taken)}; choose another name")
        if self.wide and self.time.kind != "datetime":
            raise ValueError("'wide' columns follow each other in time: the time must be a datetime")
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
        if unknown := {m.column for m in mapping.values()} - set(self.raw_columns):
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
    def item_columns(self) -> dict[str, str]:
        """Columns that become rows of one item each -> item; a survey has them."""
        return {}

    def is_named_by(self, columns: list[str]) -> bool:
        """Whether columns of these names tell the kind of file; those of answers need not do."""
        return True

    @property
    def required(self) -> frozenset[str]:
        """Vendor columns without which no stream can be fed: a file that lacks one is of another kind."""
        fed = {m.column for mapping in self.streams.values() for m in mapping.values()}
        named = {vendor for vendor, c in self.columns.items() if c.name in fed and not c.optional}
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
        return frozenset({*identity, spec.time.column, *spec.columns, *(spec.wide.columns if spec.wide else ())})

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
