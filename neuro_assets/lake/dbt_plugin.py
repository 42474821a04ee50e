"""dbt-duckdb plugin: makes dbt's connection ready for the lake, the way our own connections are."""

import json
import os
import signal
import threading
import time

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from neuro_assets.lake.extensions import BASE, load_extensions
from neuro_assets.lake.lake import OWNER_VARIABLE, PASSWORD_VARIABLE, prepare_connection

_LOOK_EVERY_S = 0.1
# Whom others overtake for some five seconds is built again while they wait (assets/baselines.py), sooner than starve.
_COMMIT_RETRIES = {"ducklake_max_retry_count": 15, "ducklake_retry_wait_ms": 100, "ducklake_retry_backoff": 1.2}


class Plugin(BasePlugin):
    """Named by profiles.yml as `neuro_assets.lake.dbt_plugin`."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load the extensions of both catalogs and open the data files before dbt attaches the lake."""
        end_with_owner()
        load_extensions(conn, (*BASE, "sqlite", "postgres"))
        options = json.loads(os.environ.get("LAKE_OPTIONS", "{}"))
        prepare_connection(conn, options.get("DATA_PATH", ""), os.environ.get(PASSWORD_VARIABLE))
        for name, value in _COMMIT_RETRIES.items():
            conn.execute(f"SET {name} = {value}")


def end_with_owner() -> None:
    """Kill this process once the one that started it, and holds the lake's write lock for it, is no more.

    Else a dbt whose run was killed would go on writing beside whoever has the lock next.
    """
    owner = os.environ.get(OWNER_VARIABLE)
    if owner and os.getppid() == int(owner):
        threading.Thread(target=_watch, args=(int(owner),), daemon=True).start()


def _watch(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)
