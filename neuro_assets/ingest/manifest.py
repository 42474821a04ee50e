"""The manifest `ops.landing_files` and its companions: reading a file's line, writing it inside a load."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from neuro_assets.lake.lake import Connection


@dataclass(frozen=True)
class ManifestLine:
    """One distinct file, as `ops.landing_files` has it."""

    file_id: str
    original_name: str
    size_bytes: int
    status: str
    stored_path: str
    first_arrived_at: datetime
    loaded_at: datetime
    source: str | None = None
    file_kind: str | None = None
    raw_table: str | None = None
    spec_version: int | None = None
    rows: int | None = None
    rows_without_day: int | None = None
    rows_outside_window: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None
    date_order: str | None = None
    date_evidence: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    supersedes_at: datetime | None = None
    rows_left_out: int | None = None
    reading: str | None = None
    container_id: str | None = None


_COLUMNS = tuple(f.name for f in fields(ManifestLine))


def read_lines(connection: Connection, file_ids: Iterable[str] | None = None) -> dict[str, ManifestLine]:
    """Manifest lines by file id; all of them when no ids are given."""
    if file_ids is None:
        return _lines_where(connection, "true")
    return _lines_where(connection, "file_id IN (SELECT unnest(?))", list(file_ids))


def refused_lines(connection: Connection, reason_code: str) -> list[ManifestLine]:
    """The lines of files that are refused for one reason."""
    return list(_lines_where(connection, "status = 'rejected' AND reason_code = ?", reason_code).values())


def _lines_where(connection: Connection, test: str, *given: object) -> dict[str, ManifestLine]:
    sql = f"SELECT {', '.join(_COLUMNS)} FROM ops.landing_files WHERE {test}"
    rows = connection.execute(sql, list(given)).fetchall()
    return {row[0]: ManifestLine(**dict(zip(_COLUMNS, row, strict=True))) for row in rows}


def write_lines(connection: Connection, lines: Sequence[ManifestLine], replaced: Iterable[str]) -> None:
    """Write the lines of files, each once; `replaced` are the ids of those that have an earlier one."""
    if not lines:
        return
    if ids := list(replaced):
        connection.execute("DELETE FROM ops.landing_files WHERE file_id IN (SELECT unnest(?))", [ids])
    _insert(connection, "ops.landing_files", _COLUMNS, [tuple(getattr(li, c) for c in _COLUMNS) for li in lines])


def record_arrivals(connection: Connection, arrivals: Sequence[tuple[str, str, datetime, str]]) -> None:
    """Note that bytes came, under which names, when, and what became of them."""
    _insert(connection, "ops.landing_arrivals", ("file_id", "name", "arrived_at", "outcome"), arrivals)


def record_actions(connection: Connection, actions: Sequence[tuple[datetime, str, str, str, str]]) -> None:
    """Note what people decided: when, who, what, about which file, and its name."""
    _insert(connection, "ops.audit", ("decided_at", "actor", "action", "subject", "detail"), actions)


def _insert(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple]) -> None:
    """All rows in one statement: each statement that inserts makes a data file."""
    if rows:
        marks = ", ".join("(" + ", ".join("?" for _ in columns) + ")" for _ in rows)
        values = [value for row in rows for value in row]
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}", values)


def next_instant(connection: Connection, now: datetime) -> datetime:
    """`now`, or just after the last recorded instant should the clock have gone back.

    First arrivals decide ties, so they must keep the order in which files came.
    """
    row = connection.execute(
        "SELECT max(greatest(first_arrived_at, loaded_at, supersedes_at)) + INTERVAL 1 MICROSECOND"
        " FROM ops.landing_files"
    ).fetchone()
    last = row[0] if row else None
    return max(now, last) if last is not None else now
