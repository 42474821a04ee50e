"""The servers of the long proofs, one of each for a module."""

from collections.abc import Iterator

import pytest

from neuro_assets_tests.servers import Postgres, Store, object_store, postgres_server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server on a free port of loopback."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An S3 store on a free port of loopback, with a bucket and a user."""
    with object_store(tmp_path_factory.mktemp("store")) as server:
        yield server
