"""Creating the lake's tables from their declarations. Which tables there are is decided by the caller."""

from collections.abc import Iterable

from neuro_assets.lake.lake import ALIAS, Connection
from neuro_assets.lake.layout import check_layout, record_layout
from neuro_assets.streams.accounts import LAKE_LAYOUT
from neuro_assets.streams.model import Stream, Table


def create_table(connection: Connection, table: Table) -> None:
    """Create the table (partitioned and sorted as declared) unless it is there; add nothing to one that is."""
    columns = ", ".join(f"{c.name} {_stored_type(c.type)}" for c in table.columns)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table.qualified} ({columns})")
    if table.partition_by:
        connection.execute(f"ALTER TABLE {table.qualified} SET PARTITIONED BY ({table.partition_by})")
    if table.is_kept_sorted:
        order = ", ".join(f"{column} ASC" for column in table.sort_by)
        connection.execute(f"ALTER TABLE {table.qualified} SET SORTED BY ({order})")


def ensure_tables(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """Create what is missing of `tables`, with schemas and of-record views; returns what was made.

    Raises:
        LakeLayoutError: the lake was made by an older or a newer version of the program.
        TypeError: a table in the lake lacks a declared column or has it in another type.
    """
    present = existing_columns(connection)
    check_layout(connection, present)
    made: list[str] = []
    connection.execute(f"USE {ALIAS}")  # a schema without a catalog is made where names are looked for first
    for table in tables:
        if table.qualified in present:
            _compare(table, present[table.qualified] | _grown(connection, table, present[table.qualified]))
            continue
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
        create_table(connection, table)
        if isinstance(table, Stream) and table.has_of_record:
            connection.execute(of_record_view(table))
        made.append(table.qualified)
    if LAKE_LAYOUT.qualified in made:
        record_layout(connection)
        # Its encodings of rising numbers and times make the files of samples three times smaller.
        connection.execute(f"CALL {ALIAS}.set_option('parquet_version', '2')")
    return made


def missing_tables(connection: Connection, tables: Iterable[Table]) -> list[Table]:
    """Those of `tables` the lake does not have, or, where they may grow, not all columns of."""
    present = existing_columns(connection)
    return [
        t
        for t in tables
        if t.qualified not in present or (t.may_grow and not present[t.qualified].keys() >= set(t.column_names))
    ]


def existing_columns(connection: Connection) -> dict[str, dict[str, str]]:
    """`schema.table` -> column -> type, for every table and view of the lake."""
    rows = connection.execute(
        "SELECT table_schema || '.' || table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_catalog = ?",
        [ALIAS],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        found.setdefault(table, {})[column] = data_type
    return found


def of_record_view(stream: Stream) -> str:
    """DDL of `<stream>_of_record`: each participant-hour once, at the finest complete resolution.

    Interval rows are complete when they fill the hour; readings at an instant have no such measure, and the
    finest resolution present is taken.
    """
    filled = "count(*) * period_s >= 3600" if stream.sampling == "interval" else "true"
    return f"""
        CREATE OR REPLACE VIEW {stream.qualified}_of_record AS
        WITH hours AS (
            SELECT participant_id, day, date_trunc('hour', local_ts) AS hour, fold, period_s,
                   {filled} AS is_complete, count(*) * period_s AS covered_s
            FROM {stream.qualified}
            GROUP BY participant_id, day, hour, fold, period_s
        ), chosen AS (
            SELECT participant_id, day, hour, fold,
                   arg_min(period_s, (NOT is_complete, CASE WHEN is_complete THEN 0 ELSE -covered_s END, period_s))
                       AS period_s
            FROM hours
            GROUP BY participant_id, day, hour, fold
        )
        SELECT s.*
        FROM {stream.qualified} s
        JOIN chosen c
          ON s.participant_id = c.participant_id AND s.day = c.day
         AND date_trunc('hour', s.local_ts) = c.hour AND s.fold = c.fold AND s.period_s = c.period_s
    """


def _stored_type(name: str) -> str:
    return "TIMESTAMP WITH TIME ZONE" if name == "TIMESTAMPTZ" else name


def _grown(connection: Connection, table: Table, present: dict[str, str]) -> dict[str, str]:
    """Add the columns that a table which may grow has not got yet; column -> type of those."""
    missing = [c for c in table.columns if c.name not in present and c.nullable] if table.may_grow else []
    for column in missing:
        connection.execute(f"ALTER TABLE {table.qualified} ADD COLUMN {column.name} {_stored_type(column.type)}")
    return {c.name: _stored_type(c.type) for c in missing}


def _compare(table: Table, present: dict[str, str]) -> None:
    for column in table.columns:
        found = present.get(column.name)
        if found != _stored_type(column.type):
            raise TypeError(
                f"{table.qualified}.{column.name} is {found or 'missing'} in this lake but declared as"
                f" {_stored_type(column.type)}: the lake was made by another version of neuro_assets"
            )
