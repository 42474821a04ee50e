"""Frames in and out of the lake for assets small enough to be frames; bulk assets write by SQL themselves.

Built on dagster-duckdb's extension points. Against its stock manager: one transaction an output, insertion by name,
the declared schema (for an empty frame too), rows outside the partition refused, the connection always closed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import polars as pl
from dagster._core.storage.db_io_manager import DbClient, DbIOManager, DbTypeHandler, TableSlice
from dagster_duckdb import DuckDBIOManager
from dagster_duckdb.io_manager import DuckDbClient
from dagster_duckdb_pandas import DuckDBPandasTypeHandler
from pydantic import Field

from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.settings import load_settings
from neuro_assets.streams.catalogue import FRAME_TABLES
from neuro_assets.streams.model import Table


class OutsidePartitionError(ValueError):
    """A frame holds rows of days that the run was not asked for."""


class UndeclaredTableError(TypeError):
    """An asset writes a frame to a table nobody declared, or with other columns than declared."""


class LakeDbClient(DbClient[Connection]):
    """dagster-duckdb's client on the lake: writes inside one locked transaction, reads without a lock."""

    def __init__(self, lake: Lake, tables: Mapping[str, Table]) -> None:
        self._lake = lake
        self._tables = tables

    @contextmanager
    def connect(self, context: Any, table_slice: TableSlice) -> Iterator[Connection]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A transaction over the table for an output, a read-only connection for an input."""
        if isinstance(context, dg.InputContext):
            with self._lake.connect(read_only=True) as connection:
                yield connection
            return
        name = f"{table_slice.schema}.{table_slice.table}"
        with self._lake.connect() as connection, self._lake.transaction(connection, [name]):
            yield connection

    def ensure_schema_exists(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: dg.OutputContext, table_slice: TableSlice, connection: Connection
    ) -> None:
        """Create the declared table when it is missing."""
        ensure_tables(connection, [declared(self._tables, table_slice)])

    @staticmethod
    def delete_table_slice(context: dg.OutputContext, table_slice: TableSlice, connection: Connection) -> None:
        """Make room for the days, or the whole table, that are about to be written."""
        DuckDbClient.delete_table_slice(context, table_slice, connection)

    @staticmethod
    def get_select_statement(table_slice: TableSlice) -> str:
        """The query that reads a slice."""
        return DuckDbClient.get_select_statement(table_slice)


def declared(tables: Mapping[str, Table], table_slice: TableSlice) -> Table:
    """The declaration behind a slice.

    Raises:
        UndeclaredTableError: there is none; a schema guessed from a frame is wrong for an empty or all-null one.
    """
    name = f"{table_slice.schema}.{table_slice.table}"
    if name not in tables:
        raise UndeclaredTableError(f"{name} is not declared; add it to FRAME_TABLES in streams/catalogue.py")
    return tables[name]


def write_frame(
    context: dg.OutputContext, table: Table, frame: Any, rows: int, connection: Connection
) -> Mapping[str, Any]:
    """Insert a frame (pandas, or Arrow) by name, in declared types and order.

    Raises:
        UndeclaredTableError: the frame has other columns than declared.
        OutsidePartitionError: it has rows of days that were not asked for.
    """
    connection.register("frame_out", frame)
    try:
        _refuse_strange_columns(connection, table)
        _refuse_strange_days(context, connection, table)
        columns = ", ".join(f"CAST({c.name} AS {c.type}) AS {c.name}" for c in table.columns)
        order = f" ORDER BY {', '.join(table.sort_by)}" if table.sort_by else ""
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT {columns} FROM frame_out{order}")
    finally:
        connection.unregister("frame_out")
    name = "dagster/partition_row_count" if context.has_asset_partitions else "dagster/row_count"
    return {name: rows}


def _refuse_strange_columns(connection: Connection, table: Table) -> None:
    given = {row[0] for row in connection.execute("DESCRIBE frame_out").fetchall()}
    expected = set(table.column_names)
    if given != expected:
        raise UndeclaredTableError(
            f"{table.qualified}: the frame's columns are not the declared ones"
            f" (missing: {sorted(expected - given)}, unknown: {sorted(given - expected)})"
        )


def _refuse_strange_days(context: dg.OutputContext, connection: Connection, table: Table) -> None:
    if not table.partition_by or not context.has_asset_partitions:
        return
    keys = context.asset_partition_key_range
    start, end = date.fromisoformat(keys.start), date.fromisoformat(keys.end)
    column = table.partition_by
    row = connection.execute(
        f"SELECT count(*), min({column}), max({column}) FROM frame_out"
        f" WHERE CAST({column} AS DATE) NOT BETWEEN ? AND ? OR {column} IS NULL",
        [start, end],
    ).fetchone()
    if row and row[0]:
        raise OutsidePartitionError(
            f"{table.qualified}: {row[0]} rows lie outside {start}..{end} (from {row[1]} to {row[2]})"
        )


class LakePandasTypeHandler(DuckDBPandasTypeHandler):
    """pandas frames; reading is the stock handler's."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def handle_output(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pd.DataFrame, connection: Connection
    ) -> Mapping[str, Any]:
        """Write the frame as the table's slice."""
        return write_frame(context, declared(self._tables, table_slice), obj, len(obj), connection)


class LakePolarsTypeHandler(DbTypeHandler[pl.DataFrame]):
    """polars frames."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pl.DataFrame, connection: Connection
    ) -> Mapping[str, Any]:
        """Write the frame as the table's slice."""
        return write_frame(context, declared(self._tables, table_slice), obj.to_arrow(), obj.height, connection)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Connection) -> pl.DataFrame:
        """Read the slice an input asks for."""
        return connection.execute(DuckDbClient.get_select_statement(table_slice)).pl()

    @property
    def supported_types(self) -> Sequence[type[object]]:
        """polars.DataFrame."""
        return [pl.DataFrame]


class LakeIOManager(DuckDBIOManager):
    """The lake as Dagster's IO manager for pandas and polars frames; a subclass may declare more `tables`."""

    database: str = Field(default="lake", description="Alias under which the lake is attached.")
    home: str = Field(description="NEURO_HOME")

    @staticmethod
    def tables() -> Mapping[str, Table]:
        """The declared tables by `schema.name`."""
        return {t.qualified: t for t in FRAME_TABLES}

    @classmethod
    def type_handlers(cls) -> Sequence[DbTypeHandler]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Pandas and polars."""
        return [LakePandasTypeHandler(cls.tables()), LakePolarsTypeHandler(cls.tables())]

    @staticmethod
    def default_load_type() -> type | None:
        """What an input without annotation is read as."""
        return pd.DataFrame

    def create_io_manager(self, context: Any) -> DbIOManager:
        """The manager of one run."""
        settings = load_settings().model_copy(update={"home": Path(self.home)})
        return DbIOManager(
            db_client=LakeDbClient(Lake.from_settings(settings), self.tables()),
            database=self.database,
            type_handlers=self.type_handlers(),
            default_load_type=self.default_load_type(),
            io_manager_name="LakeIOManager",
        )
