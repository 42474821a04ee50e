"""Where DuckDB finds its extensions: in the installed packages, else from DuckDB's own repository."""

import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import duckdb

# httpfs comes first: it brings the crypto module that writing encrypted files needs.
BASE = ("httpfs", "ducklake")
PACKAGES = {
    "httpfs": "duckdb_extension_httpfs",
    "ducklake": "duckdb_extension_ducklake",
    "sqlite": "duckdb_extension_sqlite_scanner",
    "postgres": "duckdb_extension_postgres_scanner",
}


# Files whose signature DuckDB has checked in this process: path, size, time of change.
_CHECKED: set[tuple[Path, int, int]] = set()


class ExtensionMissingError(RuntimeError):
    """A DuckDB extension is neither installed as a package nor downloadable."""


def are_checked(names: Iterable[str]) -> bool:
    """Whether DuckDB has checked the signatures of these packaged extensions in this process already.

    Checking hashes some 60 MB, which takes longer than everything else about a connection; a connection that may
    skip it (`allow_unsigned_extensions`) loads the same files as the first one, which may not.
    """
    paths = [packaged_path(name) for name in names]
    return all(path is not None and _seen(path) in _CHECKED for path in paths)


def _seen(path: Path) -> tuple[Path, int, int]:
    told = path.stat()
    return path, told.st_size, told.st_mtime_ns


def load_extensions(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Load extensions into a connection, from packages by path (DuckDB checks their signature).

    Raises:
        ExtensionMissingError: with the package to install.
    """
    for name in names:
        path = packaged_path(name)
        try:
            if path is None:
                connection.install_extension(name)
                connection.load_extension(name)
            else:
                connection.load_extension(str(path))
                _CHECKED.add(_seen(path))
        except duckdb.Error as error:
            raise ExtensionMissingError(
                f"DuckDB extension '{name}' cannot be loaded ({error}); install the package"
                f" {PACKAGES[name].replace('_', '-')}=={duckdb.__version__}"
            ) from error


@cache
def packaged_path(name: str) -> Path | None:
    """The extension file inside its installed package, for this DuckDB version; None if there is none."""
    spec = importlib.util.find_spec(PACKAGES[name])
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0]) / "extensions" / f"v{duckdb.__version__}"
    return next(root.glob("*.duckdb_extension"), None)
