"""The layout of the lake's own tables, by number: what a lake has, and whether this program can work on it.

How a lake gets from one layout to the next is in migrations.py.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from neuro_assets import __version__
from neuro_assets.lake.lake import Connection, LakeError
from neuro_assets.streams.accounts import LAKE_LAYOUT

LAYOUT = 2
_MANIFEST = "ops.landing_files"

Present = Mapping[str, Collection[str]]


class LakeLayoutError(LakeError):
    """The lake was made by another version of the program."""


def layout_of(connection: Connection, present: Present) -> int | None:
    """The layout of the lake; None where none of the program's tables is there yet.

    Lakes made before layouts were recorded are told by their columns.

    Args:
        connection: an open lake.
        present: `schema.table` -> its columns, as `ddl.existing_columns` gives them.
    """
    if LAKE_LAYOUT.qualified in present:
        row = connection.execute(f"SELECT max(layout) FROM {LAKE_LAYOUT.qualified}").fetchone()
        if row and row[0] is not None:
            return int(row[0])
    if _MANIFEST not in present:
        return None
    return 2 if "reading" in present[_MANIFEST] else 1


def check_layout(connection: Connection, present: Present) -> None:
    """Nothing, where this program knows the lake's layout or the lake has no tables yet.

    Raises:
        LakeLayoutError: with what to do.
    """
    found = layout_of(connection, present)
    if found is None or found == LAYOUT:
        return
    if found < LAYOUT:
        raise LakeLayoutError(
            f"this lake has layout {found} and this version of neuro_assets ({__version__}) works on layout {LAYOUT}:"
            " `neuro migrate` brings it there; `neuro migrate --backup FOLDER` makes a backup first"
        )
    raise LakeLayoutError(newer_than_program(f"this lake has layout {found}"))


def newer_than_program(what: str) -> str:
    """The sentence for something that a newer version of the program made."""
    return (
        f"{what}: it was made by a newer version of neuro_assets than this one ({__version__}, layout {LAYOUT});"
        " install that version"
    )


def record_layout(connection: Connection, layout: int = LAYOUT) -> None:
    """Write down the layout that the lake now has, inside the caller's transaction."""
    connection.execute(
        f"INSERT INTO {LAKE_LAYOUT.qualified} (layout, program, made_at) VALUES (?, ?, ?)",
        [layout, __version__, datetime.now(UTC)],
    )
