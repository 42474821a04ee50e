"""A codebook as a source: how a file with one row a response becomes raw answers, one row an item."""

from typing import Any

from pydantic import Field, model_validator

from neuro_assets.sources.model import CLOCK_COLUMNS, FileSpec, Mapped, SourceColumn, SourceSpec
from neuro_assets.streams.model import Column, Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.surveys.model import Codebook

RESPONSES = "responses"


class ResponseFile(FileSpec):
    """A file with one row a response and a column an item."""

    codebook: Codebook = Field(exclude=True)

    @model_validator(mode="after")
    def _maps_onto_streams(self) -> "ResponseFile":
        """What the columns mean is said by the codebook."""
        return self

    @property
    def item_columns(self) -> dict[str, str]:
        """Column of the file -> item."""
        kept = self.codebook.kept_items
        return {vendor: c.name for vendor, c in self.columns.items() if c.name in kept}

    @property
    def required(self) -> frozenset[str]:
        """The items that every file has."""
        items = self.codebook.items
        return frozenset(n for n, item in self.item_columns.items() if not items[item].optional)

    def is_named_by(self, columns: list[str]) -> bool:
        """Whether the columns by themselves tell the instrument."""
        return not self.codebook.is_generic(columns)


class SurveySpec(SourceSpec):
    """The source that a codebook makes."""

    files: dict[str, ResponseFile]  # pyright: ignore[reportIncompatibleVariableOverride]
    codebook: Codebook = Field(exclude=True)

    def raw_table(self, kind: str) -> Table:
        """The raw table: every answer as the file gives it."""
        return answers_table(self.codebook, self.files[kind])


def answers_table(codebook: Codebook, spec: FileSpec) -> Table:
    """The raw answers of an instrument, one row an item of a response."""
    moment = () if spec.is_dated else (Column("local_ts", "TIMESTAMP", "Wall clock as written", nullable=True),)
    return Table(
        schema="raw",
        name=f"survey_{codebook.name}",
        columns=(
            Column("file_id", "VARCHAR", "sha256 of the file"),
            Column("row_number", "BIGINT", "Row of the file, the first data row being 1"),
            Column("source_participant_id", "VARCHAR", "Id as the file gives it", nullable=True),
            Column("day", "DATE", "Local day; null where the time could not be read", nullable=True),
            *moment,
            *(CLOCK_COLUMNS if spec.has_offsets else ()),
            Column("response_id", "VARCHAR", "Id of the response as the file gives it", nullable=True),
            Column("duration_s", "VARCHAR", "Seconds that answering took, as the file gives it", "s", nullable=True),
            Column("item", "VARCHAR", "Item of the codebook"),
            Column("answer", "VARCHAR", "What was answered, as written", nullable=True),
            Column("unreadable", "VARCHAR", "JSON of cells that are no such value, as written", nullable=True),
            Column("as_of", "TIMESTAMP", "How far this export had seen of the row's day", nullable=True),
        ),
        description=f"{codebook.title}: the answers as the files give them.",
        partition_by="day",
        sort_by=("source_participant_id",) if spec.is_dated else ("source_participant_id", "local_ts"),
    )


def source_of(codebook: Codebook) -> SurveySpec:
    """The source spec of a codebook."""
    own = ((codebook.response, "response_id"), (codebook.duration, "duration_s"))
    columns: dict[str, Any] = {
        told.column: SourceColumn(name=name, type="text", also=told.also, optional=True) for told, name in own
    }
    columns |= {
        name: SourceColumn(name=name, type="text", also=item.also, optional=item.optional)
        for name, item in codebook.kept_items.items()
    }
    spec = ResponseFile(
        name_hint=codebook.name,
        time=codebook.time,
        columns=columns,
        streams={SURVEY_RESPONSE.name: {c: Mapped(column=c) for c in SURVEY_RESPONSE.mapped}},
        codebook=codebook,
    )
    return SurveySpec(
        name=f"survey_{codebook.name}",
        version=codebook.version,
        title=codebook.title,
        identity=codebook.identity,
        date_order=codebook.date_order,
        files={RESPONSES: spec},
        codebook=codebook,
    )
