"""Reading the lake that lies in a backup, with the backup's own catalog and data files. Nothing of it is changed."""

from pathlib import Path

from neuro_assets.lake.catalog_copy import CopiedLake
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.layout import layout_of


def _lake(catalog: Path, data: Path) -> CopiedLake:
    return CopiedLake(f"sqlite:{catalog}", str(data), encrypted=False)


def layout_of_copy(catalog: Path, data: Path) -> int:
    """The layout of the copied lake's tables; 0 where it has none of the program's."""
    with _lake(catalog, data).connect(read_only=True) as connection:
        return layout_of(connection, existing_columns(connection)) or 0


def count_rows(catalog: Path, data: Path) -> dict[str, int]:
    """`schema.table` -> rows, every one of which is decrypted and read.

    Raises:
        LakeError: the catalog cannot be opened.
        duckdb.Error: a file cannot be read, or does not fit its key.
    """
    with _lake(catalog, data).connect(read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_catalog = 'lake' AND table_type = 'BASE TABLE' ORDER BY 1"
        ).fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {_quoted(name)} t").fetchone()
            counts[name] = int(row[0]) if row else 0
        return counts


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
