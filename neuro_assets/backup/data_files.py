"""The lake's data files, in a folder or in an object store: list, read and write, and nothing else."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from neuro_assets.backup.copying import pieces, write_new
from neuro_assets.lake.errors import lake_error
from neuro_assets.lake.extensions import BASE, load_extensions
from neuro_assets.lake.lake import Connection, prepare_connection


class DataFiles(Protocol):
    """Files by their path below the data path, with `/`."""

    def sizes(self) -> dict[str, int]:
        """Every file that is there -> its size in bytes."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """The content, in pieces.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def write(self, path: str, content: Iterable[bytes]) -> None:
        """Make a file that is not there."""
        ...


@dataclass(frozen=True)
class FolderFiles:
    """Data files in a folder."""

    root: Path

    def sizes(self) -> dict[str, int]:
        """Every file that is there -> its size in bytes."""
        found = (p for p in self.root.rglob("*") if p.is_file()) if self.root.is_dir() else ()
        return {p.relative_to(self.root).as_posix(): p.stat().st_size for p in found}

    def read(self, path: str) -> Iterator[bytes]:
        """The content, in pieces."""
        return pieces(self.root / path)

    def write(self, path: str, content: Iterable[bytes]) -> None:
        """Make a file that is not there."""
        write_new(self.root / path, content)


@dataclass(frozen=True)
class StoreFiles:
    """Data files wherever DuckDB reaches them, through a connection that may reach them.

    A file goes through memory as a whole: DuckLake writes none above some hundred megabytes.
    """

    connection: Connection
    root: str

    def sizes(self) -> dict[str, int]:
        """Every file that is there -> its size in bytes."""
        start = f"{self.root.rstrip('/')}/"
        try:
            rows = self.connection.execute("SELECT filename, size FROM read_blob(?)", [f"{start}**"]).fetchall()
        except duckdb.IOException as error:
            if "No files found" in str(error):
                return {}
            raise
        return {name.removeprefix(start): int(size) for name, size in rows}

    def read(self, path: str) -> Iterator[bytes]:
        """The content, as one piece."""
        place = f"{self.root.rstrip('/')}/{path}"
        try:
            row = self.connection.execute("SELECT content FROM read_blob(?)", [place]).fetchone()
        except duckdb.IOException as error:
            if "No files found" in str(error) or getattr(error, "status_code", None) == 404:
                raise FileNotFoundError(place) from None
            raise
        if row is None:
            raise FileNotFoundError(place)
        yield row[0]

    def write(self, path: str, content: Iterable[bytes]) -> None:
        """Make a file that is not there."""
        import pyarrow as pa

        place = f"{self.root.rstrip('/')}/{path}"
        blob = pa.table({"content": pa.array([b"".join(content)], pa.large_binary())})
        self.connection.register("neuro_blob", blob)
        try:
            self.connection.execute("COPY (SELECT content FROM neuro_blob) TO ? (FORMAT blob)", [place])
        finally:
            self.connection.unregister("neuro_blob")


@contextmanager
def data_files(data_path: str) -> Iterator[DataFiles]:
    """The data files at a data path; nothing needs to be there yet.

    Raises:
        LakeError: the credentials of the object store are missing, or it was lost or refused.
    """
    if "://" not in data_path:
        yield FolderFiles(Path(data_path))
        return
    with duckdb.connect(":memory:") as connection:
        load_extensions(connection, BASE)
        prepare_connection(connection, data_path, None)
        try:
            yield StoreFiles(connection, data_path)
        except duckdb.Error as error:
            if told := lake_error(error):
                raise told from error
            raise
