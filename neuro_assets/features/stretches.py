"""Days side by side that are read and written together."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from neuro_assets.lake.lake import Connection, Lake, gather_by_day
from neuro_assets.streams.model import Table

_DAY = timedelta(days=1)


def days_from(first: date, last: date) -> list[date]:
    """The days from one to another, both included."""
    return [first + n * _DAY for n in range((last - first).days + 1)]


def stretches(days: Iterable[date], at_once: int) -> Iterator[list[date]]:
    """The days in order, those side by side together, so many at most."""
    found: list[date] = []
    for day in sorted(days):
        if found and (day - found[-1] > _DAY or len(found) == at_once):
            yield found
            found = []
        found.append(day)
    if found:
        yield found


def write_days(connection: Connection, lake: Lake, table: Table, days: Sequence[date], frame: pl.DataFrame) -> int:
    """Put rows in the place of those that a stretch of days has; nothing is done where there are none of either.

    Args:
        connection: to the lake.
        lake: for the transaction.
        table: of the rows.
        days: side by side.
        frame: the rows of these days, with the columns of the table.
    """
    bound = [days[0], days[-1]]
    gone = f"FROM {table.qualified} WHERE day BETWEEN ? AND ?"
    if frame.is_empty() and not connection.execute(f"SELECT 1 {gone} LIMIT 1", bound).fetchone():
        return 0
    with lake.transaction(connection, [table.qualified]):
        connection.execute(f"DELETE {gone}", bound)
        gather_by_day(connection, len(days))
        connection.register("frame_written", frame.fill_nan(None).sort(table.sort_by).to_arrow())
        connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_written")
        connection.unregister("frame_written")
    return frame.height
