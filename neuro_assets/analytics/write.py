"""Writing a table of analytics as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Table

_TYPES: dict[str, Any] = {
    "VARCHAR": pl.String,
    "DATE": pl.Date,
    "SMALLINT": pl.Int16,
    "INTEGER": pl.Int32,
    "DOUBLE": pl.Float64,
}


def frame_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows with the columns and types of a table, in its order; NaN is null."""
    schema = {c.name: _TYPES[c.type] for c in table.columns}
    return pl.DataFrame(list(rows), schema=schema).fill_nan(None).sort(table.sort_by)


def ensure_table(connection: Connection, job: Ingest, table: Table) -> None:
    """Make the table if it is not there."""
    if missing_tables(connection, [table]):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, [table])


def write_table(connection: Connection, job: Ingest, table: Table, found: pl.DataFrame) -> None:
    """Put the rows in the place of those that are there."""
    with job.lake.transaction(connection, [table.qualified]):
        connection.register("frame_analytics", found.to_arrow())
        connection.execute(f"DELETE FROM {table.qualified}")
        order = ", ".join(table.sort_by)
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_analytics ORDER BY {order}")
        connection.unregister("frame_analytics")
