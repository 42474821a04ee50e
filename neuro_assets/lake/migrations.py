"""From one layout of the lake to the next. Each step is one transaction, with the number of the layout it leads to.

A new step is a new entry of `MIGRATIONS` and a greater `layout.LAYOUT`. Tables that are new as a whole need none:
they are made from their declarations.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from neuro_assets import failpoints
from neuro_assets.lake.ddl import create_table, ensure_tables, existing_columns, missing_tables
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.lake.layout import LAYOUT, LakeLayoutError, layout_of, newer_than_program, record_layout
from neuro_assets.streams.accounts import LAKE_LAYOUT
from neuro_assets.streams.model import Table


@dataclass(frozen=True)
class Migration:
    """One step: the layout it leads to, what it does in words, and the statements."""

    layout: int
    told: str
    apply: Callable[[Connection], None]


def _how_files_were_read(connection: Connection) -> None:
    for column in ("rows_left_out BIGINT", "reading VARCHAR", "container_id VARCHAR"):
        connection.execute(f"ALTER TABLE ops.landing_files ADD COLUMN {column}")


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        2,
        "ops.landing_files says how a file was read (rows_left_out, reading) and what it was unpacked from"
        " (container_id); empty for the files that are there",
        _how_files_were_read,
    ),
)


def pending_migrations(lake: Lake) -> list[Migration]:
    """The steps that this lake has before it; none for one that has no tables yet.

    Raises:
        LakeLayoutError: the lake is newer than the program.
    """
    with lake.connect(read_only=True) as connection:
        return _pending(connection)


def _pending(connection: Connection) -> list[Migration]:
    found = layout_of(connection, existing_columns(connection))
    if found is not None and found > LAYOUT:
        raise LakeLayoutError(newer_than_program(f"this lake has layout {found}"))
    return [m for m in MIGRATIONS if found is not None and m.layout > found]


def migrate(lake: Lake, tables: Iterable[Table]) -> list[Migration]:
    """Bring the lake to the program's layout and make the tables that are new; returns the steps that were taken.

    Killed at any moment it leaves the layout before or after a step; a second call takes what is left.

    Args:
        lake: the lake.
        tables: every table that must be there.

    Raises:
        LakeLayoutError: the lake is newer than the program.
        LakeBusyError: another process was writing for too long.
    """
    taken: list[Migration] = []
    with lake.connect() as connection:
        while _pending(connection):
            with lake.transaction(connection, ["ddl"]):
                # Another process may have taken the step while this one waited for the lock.
                if steps := _pending(connection):
                    _take(connection, steps[0])
                    taken.append(steps[0])
        wanted = tuple(tables)
        if missing_tables(connection, wanted):
            with lake.transaction(connection, ["ddl"]):
                ensure_tables(connection, wanted)
    return taken


def _take(connection: Connection, step: Migration) -> None:
    step.apply(connection)
    create_table(connection, LAKE_LAYOUT)
    record_layout(connection, step.layout)
    failpoints.reach("migrate.step")
