"""The shape of a source spec (`sources/<vendor>.yaml`) and the raw tables that follow from it."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.model import Column, ColumnType, Table

_IDENTIFIER = r"^[a-z][a-z0-9_]*$"
_TAKEN = {"file_id", "row_number", "source_participant_id", "day", "local_ts", "unreadable", "as_of"}
_STORED: dict[str, ColumnType] = {"integer": "BIGINT", "number": "DOUBLE", "text": "VARCHAR"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(_Model):
    """Where a row says whose it is."""

    column: str
    pattern: str = Field(description="Regular expression the whole id must match; damaged ids do not.")
    example: str = Field(description="A made-up or public id, for messages.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"'{value}' is no regular expression ({error})") from None
        return value


class TimeColumn(_Model):
    """Where a row says when: `date` a day, `midnight` a day written with 12:00:00 AM, `datetime` a moment."""

    column: str
    kind: Literal["date", "midnight", "datetime"]


class SourceColumn(_Model):
    """A vendor column and the raw column it becomes."""

    name: str = Field(pattern=_IDENTIFIER)
    type: Literal["integer", "number", "text"]
    unit: str = ""


class FileSpec(_Model):
    """One kind of file of a source."""

    name_hint: str
    time: TimeColumn
    period_s: int | None = Field(default=None, ge=1, le=86_400)
    columns: dict[str, SourceColumn]
    streams: dict[str, dict[str, str]] = Field(description="stream -> stream column -> raw column")

    @model_validator(mode="after")
    def _maps_onto_streams(self) -> "FileSpec":
        raw = {c.name for c in self.columns.values()}
        names = [c.name for c in self.columns.values()]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"several columns would become {', '.join(twice)}")
        if taken := sorted(raw & _TAKEN):
            raise ValueError(f"every raw table has a column of its own called {', '.join(taken)}; choose another name")
        known = {s.name: s for s in STREAMS}
        for name, mapping in self.streams.items():
            if name not in known:
                raise ValueError(f"unknown stream '{name}'; known: {', '.join(known)}")
            target = known[name]
            if set(mapping) != set(target.values):
                raise ValueError(f"stream '{name}' needs exactly the columns {', '.join(target.values)}")
            if unknown := set(mapping.values()) - raw:
                raise ValueError(f"stream '{name}' is mapped from undeclared columns: {', '.join(sorted(unknown))}")
            if target.is_sample and (self.period_s is None or self.time.kind != "datetime"):
                raise ValueError(f"stream '{name}' holds samples: it needs period_s and a datetime column")
            if not target.is_sample and self.time.kind == "datetime":
                raise ValueError(f"stream '{name}' has one row a day: its time must be a date")
        return self

    @property
    def is_dated(self) -> bool:
        """True where a row stands for a whole local day."""
        return self.time.kind != "datetime"


class SourceSpec(_Model):
    """A vendor: its identity column, its dates and its kinds of files."""

    name: str = Field(pattern=_IDENTIFIER)
    version: int = Field(ge=1)
    title: str
    identity: Identity
    date_order: Literal["mdy", "dmy", "ymd"] = Field(description="Order in the vendor's untouched form.")
    files: dict[Annotated[str, Field(pattern=_IDENTIFIER)], FileSpec]

    def header_of(self, kind: str) -> frozenset[str]:
        """The columns of a kind of file in its untouched form."""
        spec = self.files[kind]
        return frozenset({self.identity.column, spec.time.column, *spec.columns})

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
                *(
                    Column(c.name, _STORED[c.type], f"{vendor}", c.unit, nullable=True)
                    for vendor, c in spec.columns.items()
                ),
                Column("unreadable", "VARCHAR", "JSON of cells that are no such value, as written", nullable=True),
                Column("as_of", "TIMESTAMP", "How far this export had seen of the row's day", nullable=True),
            ),
            description=f"{self.title}, {spec.name_hint}: the rows as the files give them.",
            partition_by="day",
            sort_by=("source_participant_id",) if spec.is_dated else ("source_participant_id", "local_ts"),
        )
