"""A reader that plans files without any lake."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import Sources
from neuro_assets_tests.ingest.one_file import Reader


@pytest.fixture(scope="session")
def memory() -> Iterator[Connection]:
    """A DuckDB without any lake: what a file says can be read on it."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def reader(memory: Connection, tmp_path: Path, vendor_sources: Sources) -> Reader:
    """Plans files and reads their rows, without loading them."""
    return Reader(memory, tmp_path, vendor_sources)
