"""What was computed of days that the study no longer covers leaves the lake, as if it had never covered them."""

from collections.abc import Iterable
from datetime import date, datetime

from neuro_assets.ingest import outbox
from neuro_assets.lake.lake import ALIAS, Connection, Lake
from neuro_assets.sources.load import Sources
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.study import Window

# Whatever is computed by day; what files said of these days stays in `raw`, and in `ops.quarantine` as outside_window.
_COMPUTED = ("staging", "baselines", "coverage", "imputed", "features")


def forget_outside(connection: Connection, lake: Lake, sources: Sources, window: Window, at: datetime) -> list[str]:
    """Delete the rows of days outside the window, and touch a day beside them of each stream that had any.

    Tables about people, not days, follow when that day is computed again.

    Args:
        connection: to the lake, outside of a transaction.
        lake: for the transaction.
        sources: whose raw tables feed the streams.
        window: with its end written out.
        at: the moment of the change.

    Returns:
        The tables that had such rows.
    """
    outside = f"day NOT BETWEEN DATE '{window.start}' AND DATE '{window.end}'"
    staged = "ops.staging_days", f"{outside}"
    judged = "ops.quarantine", f"{outside} AND table_name LIKE 'staging.%'"
    found = [(t, where) for t, where in (*((t, outside) for t in _tables(connection)), staged, judged)
             if connection.execute(f"SELECT 1 FROM {t} WHERE {where} LIMIT 1").fetchone()]  # fmt: skip
    if not found:
        return []
    names = [t for t, _ in found]
    with lake.transaction(connection, [*names, outbox.TABLE]):
        for table, where in found:
            connection.execute(f"DELETE FROM {table} WHERE {where}")
        for stream in (s for s in STREAMS if s.qualified in names):
            beside = connection.execute(f"SELECT max(day) FROM {stream.qualified}").fetchall()[0][0] or window.start
            _touch(connection, (k.raw_table.qualified for k in sources.feeding(stream.name)), beside, at)
    return names


def _tables(connection: Connection) -> list[str]:
    """Tables with a day that follow from raw rows; views follow by themselves."""
    rows = connection.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables t"
        " JOIN information_schema.columns c USING (table_catalog, table_schema, table_name)"
        " WHERE table_catalog = ? AND table_type = 'BASE TABLE' AND table_schema IN (SELECT unnest(?))"
        " AND c.column_name = 'day' AND c.data_type = 'DATE' ORDER BY ALL",
        [ALIAS, list(_COMPUTED)],
    ).fetchall()
    return [r[0] for r in rows]


def _touch(connection: Connection, raw_tables: Iterable[str], day: date, at: datetime) -> None:
    for table in raw_tables:
        outbox.put_days(connection, table, [day], "study_changed", at)
