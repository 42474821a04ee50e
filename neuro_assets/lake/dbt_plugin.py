"""dbt-duckdb plugin: gives dbt's connection the lake's extensions, the way our own connections get them."""

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from neuro_assets.lake.extensions import BASE, load_extensions


class Plugin(BasePlugin):
    """Named by profiles.yml as `neuro_assets.lake.dbt_plugin`."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load the extensions of both catalogs before dbt attaches the lake."""
        load_extensions(conn, (*BASE, "sqlite", "postgres"))
