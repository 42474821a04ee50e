"""Writing a table of analytics as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.model import Table


def frame_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows with the columns and types of a table, in its order; NaN is null."""
    return pl.DataFrame(list(rows), schema=schema_of(table)).fill_nan(None).sort(table.sort_by)


def ensure_table(connection: Connection, job: Ingest, table: Table) -> None:
    """Make the table if it is not there."""
    if missing_tables(connection, [table]):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, [table])


def write_table(connection: Connection, job: Ingest, table: Table, found: pl.DataFrame) -> None:
    """Put the rows in the place of those that are there."""
    with job.lake.transaction(connection, [table.qualified]):
        replace_rows(connection, table, found)
