"""The other ways of doing it that the heart-rate load is held against. Each reads the same file."""

import io
from pathlib import Path

import duckdb
import pandas as pd

FORM = "%m/%d/%Y %I:%M:%S %p"


def bare_duckdb(csv: Path, parquet: Path) -> None:
    """DuckDB alone: times parsed, rows sorted, Parquet written. Nothing is checked, recorded or transactional."""
    duckdb.sql(
        f"""
        COPY (
            SELECT "Id", strptime("Time", '%-m/%-d/%Y %-I:%M:%S %p') AS t, "Value"
            FROM read_csv('{csv}', columns = {{'Id': 'VARCHAR', 'Time': 'VARCHAR', 'Value': 'INTEGER'}}, header = true)
            ORDER BY "Id", t
        ) TO '{parquet}' (COMPRESSION zstd)
        """
    )


def _frame(csv: Path) -> pd.DataFrame:
    frame = pd.read_csv(csv, dtype={"Id": "str"})
    frame["Time"] = pd.to_datetime(frame["Time"], format=FORM)
    return frame


def pandas_and_stock_io_manager(csv: Path, database: Path) -> None:
    """What most pipelines do: pandas, Pandera, `drop_duplicates`, and dagster-duckdb's own I/O manager."""
    import dagster as dg
    import pandera.pandas as pa
    from dagster_duckdb_pandas import DuckDBPandasIOManager

    frame = _frame(csv)
    schema = pa.DataFrameSchema(
        {
            "Id": pa.Column(str),
            "Time": pa.Column("datetime64[ns]", coerce=True),
            "Value": pa.Column(int, pa.Check.between(25, 250)),
        }
    )
    frame = schema.validate(frame, lazy=True).drop_duplicates(["Id", "Time"])
    manager = DuckDBPandasIOManager(database=str(database), schema="staging").create_io_manager(
        dg.build_init_resource_context()
    )
    context = dg.build_output_context(
        asset_key=dg.AssetKey(["staging", "heart_rate"]),
        name="result",
        resource_config={"database": str(database), "connection_config": {}},
    )
    manager.handle_output(context, frame)


def pandas_to_postgres(csv: Path, dsn: str) -> None:
    """pandas, and COPY into a table of a PostgreSQL server."""
    import psycopg2

    frame = _frame(csv)
    text = io.StringIO()
    frame.to_csv(text, index=False, header=False)
    text.seek(0)
    session = psycopg2.connect(dsn)
    try:
        with session, session.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS heart_rate")
            cursor.execute("CREATE TABLE heart_rate (id text, ts timestamp, value integer)")
            cursor.copy_expert("COPY heart_rate FROM STDIN (FORMAT csv)", text)
    finally:
        session.close()
