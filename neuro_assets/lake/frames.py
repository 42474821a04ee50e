"""Rows of a frame into a table, in the order in which the table lies. The transaction around it is the caller's."""

from typing import TYPE_CHECKING

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.model import Table

if TYPE_CHECKING:
    import polars as pl

_NAME = "frame_inserted"


def insert_frame(connection: Connection, table: Table, frame: "pl.DataFrame") -> None:
    """Add the rows of a frame, by the names of its columns; nothing where it has none."""
    if frame.is_empty():
        return
    order = f" ORDER BY {', '.join(table.sort_by)}" if table.sort_by else ""
    connection.register(_NAME, frame.to_arrow())
    try:
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM {_NAME}{order}")
    finally:
        connection.unregister(_NAME)


def replace_rows(connection: Connection, table: Table, frame: "pl.DataFrame") -> None:
    """Put the rows of a frame in the place of all that the table has."""
    connection.execute(f"DELETE FROM {table.qualified}")
    insert_frame(connection, table, frame)
