"""dbt-duckdb plugin: makes dbt's connection ready for the lake, the way our own connections are."""

import json
import os

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from neuro_assets.lake.extensions import BASE, load_extensions
from neuro_assets.lake.lake import PASSWORD_VARIABLE, prepare_connection

# Whom others overtake for some five seconds is built again while they wait (assets/baselines.py), sooner than starve.
_COMMIT_RETRIES = {"ducklake_max_retry_count": 15, "ducklake_retry_wait_ms": 100, "ducklake_retry_backoff": 1.2}


class Plugin(BasePlugin):
    """Named by profiles.yml as `neuro_assets.lake.dbt_plugin`."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load the extensions of both catalogs and open the data files before dbt attaches the lake."""
        load_extensions(conn, (*BASE, "sqlite", "postgres"))
        options = json.loads(os.environ.get("LAKE_OPTIONS", "{}"))
        prepare_connection(conn, options.get("DATA_PATH", ""), os.environ.get(PASSWORD_VARIABLE))
        for name, value in _COMMIT_RETRIES.items():
            conn.execute(f"SET {name} = {value}")
