"""Touched days on their way to Dagster: written with the rows, removed once reported. Delivery is at least once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from neuro_assets.lake.lake import Connection, Lake

TABLE = "ops.outbox"


@dataclass(frozen=True)
class TouchedDay:
    """A day of a raw table that has something new."""

    raw_table: str
    day: date
    file_ids: tuple[str, ...]
    causes: tuple[str, ...]
    rows: int


def put_days(connection: Connection, raw_table: str, days: Iterable[date], cause: str, at: datetime) -> None:
    """Mark days as touched, inside the caller's transaction."""
    connection.execute(
        f"INSERT INTO {TABLE} SELECT ?, unnest(?::DATE[]), NULL, ?, ?", [raw_table, sorted(days), cause, at]
    )


def pending(connection: Connection) -> list[TouchedDay]:
    """Touched days not reported yet, day by day, with the rows the raw table now has for them.

    By day, not by table: whoever looks while they are being reported sees whole days and plans them together.
    """
    rows = connection.execute(
        f"""
        SELECT o.raw_table, o.day, o.file_id, o.cause,
               (SELECT coalesce(sum(d.rows), 0) FROM ops.landing_file_days d
                WHERE d.raw_table = o.raw_table AND d.day = o.day)
        FROM (SELECT DISTINCT raw_table, day, file_id, cause FROM {TABLE}) o
        ORDER BY ALL
        """
    ).fetchall()
    grouped: dict[tuple[str, date], list[tuple]] = defaultdict(list)
    for row in rows:
        grouped[row[0], row[1]].append(row)
    return [
        TouchedDay(
            table,
            day,
            tuple(sorted({r[2] for r in found if r[2]})),
            tuple(sorted({r[3] for r in found})),
            int(found[0][4]),
        )
        for (table, day), found in sorted(grouped.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def clear(lake: Lake, connection: Connection, reported: Iterable[TouchedDay], seen_until: datetime) -> None:
    """Remove what was reported; what was put after `seen_until` stays for the next report."""
    keys = [(t.raw_table, t.day) for t in reported]
    if not keys:
        return
    with lake.transaction(connection, [TABLE]):
        connection.execute(
            f"DELETE FROM {TABLE} WHERE created_at <= ? AND (raw_table, day) IN"
            " (SELECT unnest(?::VARCHAR[]), unnest(?::DATE[]))",
            [seen_until, [k[0] for k in keys], [k[1] for k in keys]],
        )
