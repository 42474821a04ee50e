"""The types that columns of a table have in a Polars frame. Polars is imported where one is made."""

from typing import TYPE_CHECKING

from neuro_assets.streams.model import Column, Table

if TYPE_CHECKING:
    import polars as pl


def polars_type(column: Column) -> "pl.DataType | type[pl.DataType]":
    """The type of a column."""
    import polars as pl

    return {
        "VARCHAR": pl.String,
        "BOOLEAN": pl.Boolean,
        "TINYINT": pl.Int8,
        "SMALLINT": pl.Int16,
        "INTEGER": pl.Int32,
        "BIGINT": pl.Int64,
        "DOUBLE": pl.Float64,
        "DATE": pl.Date,
        "TIMESTAMP": pl.Datetime("us"),
        "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    }[column.type]


def schema_of(table: Table) -> "dict[str, pl.DataType | type[pl.DataType]]":
    """Column -> its type, in declared order."""
    return {c.name: polars_type(c) for c in table.columns}
