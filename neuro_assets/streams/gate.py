"""The row gate: a Pandera schema made from a stream's declaration, applied to values, row by row."""

import sys
from typing import TYPE_CHECKING

from neuro_assets.streams.frames import polars_type
from neuro_assets.streams.model import Column, Stream

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

FAILURE_COLUMNS = ("rid", "rule", "column_name", "value")


def pandera_schema(stream: Stream) -> "pa.DataFrameSchema":
    """The schema of a stream: types, nullability, ranges, allowed values and cross-column rules.

    A failed check carries the rule's name: `<column>_range`, `<column>_values`, `<column>_missing` or the name
    of a `Rule`.
    """
    import pandera.polars as pa

    checks = [_rule_check(rule.name, rule.holds()) for rule in stream.rules]
    return pa.DataFrameSchema(
        {c.name: _pandera_column(c) for c in stream.columns},
        checks=checks,
        name=stream.qualified,
        strict=False,
    )


def row_failures(stream: Stream, frame: "pl.DataFrame") -> "pl.DataFrame":
    """Rows of `frame` that break the stream's schema.

    Args:
        stream: the declaration.
        frame: an *eager* frame (Pandera checks a lazy one for its schema only, never its values) with the
            stream's columns, a `rid` column that identifies the row, and any column a rule needs besides.

    Returns:
        One line per row and broken rule: rid, rule, column_name, value (as text).
    """
    import pandera.polars as pa
    import polars as pl
    from pandera.config import ValidationDepth, config_context

    empty = pl.DataFrame(schema={"rid": pl.Int64, "rule": pl.String, "column_name": pl.String, "value": pl.String})
    if frame.is_empty():
        return empty
    schema = pandera_schema(stream)
    try:
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return _located(stream, frame, errors.failure_cases)
    return empty


def _located(stream: Stream, frame: "pl.DataFrame", cases: "pl.DataFrame") -> "pl.DataFrame":
    """Failure cases as (rid, rule, column_name, value), one line per row and column."""
    import polars as pl

    misfits = cases.filter(pl.col("index").is_null())
    if not misfits.is_empty():
        first = misfits.row(0, named=True)
        raise TypeError(
            f"{stream.qualified}: the frame does not have the declared shape"
            f" (column {first['column']}: {first['check']}, got {first['failure_case']})"
        )
    shown = {rule.name: rule.shown or rule.columns for rule in stream.rules}
    columns_of_rule = {name: ", ".join(columns) for name, columns in shown.items()}
    rid = frame.select("rid").with_row_index("index").cast({"index": pl.Int32})
    is_rule = pl.col("schema_context") == "DataFrameSchema"
    located = cases.join(rid, on="index", how="left").select(
        "rid",
        pl.when(pl.col("check") == "not_nullable")
        .then(pl.col("column") + "_missing")
        .otherwise(pl.col("check"))
        .alias("rule"),
        pl.when(is_rule)
        .then(pl.col("check").replace_strict(columns_of_rule, default=None))
        .otherwise(pl.col("column"))
        .alias("column_name"),
        pl.when(is_rule).then(None).otherwise(pl.col("failure_case").cast(pl.String)).alias("value"),
    )
    values = [_rule_values(frame, name, columns) for name, columns in shown.items()]
    if values:
        told = pl.concat(values)
        located = (
            located.join(told, on=["rid", "rule"], how="left")
            .with_columns(pl.coalesce("value", "told").alias("value"))
            .drop("told")
        )
    return located.unique(["rid", "column_name"], keep="first", maintain_order=True)


def _rule_values(frame: "pl.DataFrame", rule: str, columns: tuple[str, ...]) -> "pl.DataFrame":
    import polars as pl

    told = pl.concat_str([pl.col(c).cast(pl.String).fill_null("") for c in columns], separator=", ")
    return frame.select("rid", pl.lit(rule).alias("rule"), told.alias("told"))


def _pandera_column(column: Column) -> "pa.Column":
    import pandera.polars as pa

    checks = []
    if column.ge is not None or column.le is not None:
        # An open bound is the largest number, not infinity: that is no measurement.
        low = -sys.float_info.max if column.ge is None else column.ge
        high = sys.float_info.max if column.le is None else column.le
        checks.append(pa.Check(lambda d: _within(d, low, high), name=f"{column.name}_range"))
    if column.isin is not None:
        allowed = list(column.isin)
        checks.append(pa.Check(lambda d: _among(d, allowed), name=f"{column.name}_values"))
    return pa.Column(polars_type(column), checks, nullable=column.nullable)


def _within(data: "pa.PolarsData", low: float, high: float) -> "pl.LazyFrame":
    import polars as pl

    # NaN is not between anything; Pandera itself reports it, like null, as missing.
    return data.lazyframe.select(pl.col(data.key).is_between(low, high))


def _among(data: "pa.PolarsData", allowed: list[str]) -> "pl.LazyFrame":
    import polars as pl

    return data.lazyframe.select(pl.col(data.key).is_in(allowed))


def _rule_check(name: str, expression: "pl.Expr") -> "pa.Check":
    import pandera.polars as pa

    return pa.Check(lambda d: d.lazyframe.select(expression.fill_null(value=True)), name=name)
