"""Metadata every table asset carries: schema, name, counts; plots where a person would rather look."""

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from neuro_assets.assets.conditions import on_touched_days
from neuro_assets.figures import open_frame, png_of
from neuro_assets.keys import key_of
from neuro_assets.staging.stage import StagedDay
from neuro_assets.streams.model import Stream, Table

if TYPE_CHECKING:
    import polars as pl

OWNERS = ["team:data-platform"]


def definition_metadata(table: Table) -> dict[str, Any]:
    """Column schema and table name, known before anything is materialised."""
    columns = [
        dg.TableColumn(
            c.name,
            c.type.lower(),
            description=f"{c.description}{f' [{c.unit}]' if c.unit else ''}",
            constraints=dg.TableColumnConstraints(nullable=c.nullable, other=_bounds(c)),
        )
        for c in table.columns
    ]
    found: dict[str, Any] = {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": table.qualified,
    }
    if table.partition_by:
        found["partition_expr"] = table.partition_by
    if isinstance(table, Stream):
        found["key"] = ", ".join(table.key)
    return found


def spec_of_days(table: Table, deps: Iterable[dg.AssetKey], partitions: dg.PartitionsDefinition) -> dg.AssetSpec:
    """A table that follows the days touched in what it depends on."""
    return dg.AssetSpec(
        key_of(table),
        deps=list(deps),
        group_name=table.schema,
        description=table.description,
        kinds={"ducklake"},
        owners=OWNERS,
        partitions_def=partitions,
        automation_condition=on_touched_days(),
        metadata=definition_metadata(table),
    )


def spec_of_all(table: Table, deps: Iterable[dg.AssetKey], told: str = "") -> dg.AssetSpec:
    """A table that is written whole whenever what it depends on is."""
    return dg.AssetSpec(
        key_of(table),
        deps=list(deps),
        group_name=table.schema,
        description=f"{table.description}{told}",
        kinds={"ducklake"},
        owners=OWNERS,
        automation_condition=on_touched_days(),
        metadata=definition_metadata(table),
    )


def results_of(
    checks: Iterable[dg.AssetCheckResult], metadata: Mapping[Table, Mapping[str, Any]]
) -> tuple[dg.MaterializeResult, ...]:
    """A result for each table, with the checks that are its own."""
    told = list(checks)
    return tuple(
        dg.MaterializeResult(
            asset_key=key_of(table),
            metadata=dict(facts),
            check_results=[c for c in told if c.asset_key == key_of(table)],
        )
        for table, facts in metadata.items()
    )


def _bounds(column: Any) -> list[str]:
    bounds = [] if column.ge is None else [f">= {column.ge:g}"]
    return bounds if column.le is None else [*bounds, f"<= {column.le:g}"]


def day_metadata(day: StagedDay) -> dict[str, Any]:
    """The account of one day, plotted by Dagster over the partitions."""
    return {
        "dagster/partition_row_count": day.rows_staged if day.status == "accepted" else 0,
        "participants": day.participants,
        "rows_in": day.rows_in,
        "rows_duplicate": day.rows_duplicate,
        "rows_superseded": day.rows_superseded,
        "rows_quarantined": day.rows_quarantined,
        "disagreements": day.disagreements,
        "is_held": day.status == "held",
    }


def log_line(event: str, **fields: Any) -> str:
    """One structured log line: JSON with a stable order, no values of participants."""
    return json.dumps(
        {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}, default=str
    )


def participants_plot(counts: Mapping[date, int], title: str) -> dg.MarkdownMetadataValue:
    """A bar a day: participants with data, as a small picture.

    Args:
        counts: day -> participants.
        title: what is shown.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 1.8), dpi=90)
    days = sorted(counts)
    axis.bar([d.toordinal() for d in days], [counts[d] for d in days], color="#4f8bc9", width=0.9)
    ticks = days[:: max(1, len(days) // 6)]
    axis.set_xticks([d.toordinal() for d in ticks], [d.isoformat() for d in ticks], fontsize=7)
    axis.set_ylabel("participants", fontsize=7)
    axis.tick_params(axis="y", labelsize=7)
    axis.set_title(title, fontsize=8, loc="left")
    open_frame(axis)
    return picture(png_of(figure), title)


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A picture within the metadata itself."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def markdown_table(frame: "pl.DataFrame") -> dg.MarkdownMetadataValue:
    """A small frame as a table to read."""
    lines = [frame.columns, ["---"] * frame.width, *frame.iter_rows()]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines))
