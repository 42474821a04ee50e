"""`neuro dev`: Dagster's webserver and daemon on this home."""

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from neuro_assets.cli.console import err
from neuro_assets.cli.context import open_home
from neuro_assets.settings import REPOSITORY


def dev(
    port: Annotated[int, typer.Option(help="Port of the web interface.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start the Dagster UI, the sensors and the schedules for this home."""
    job = open_home()
    import dagster as dg

    from neuro_assets.automation.runs import fail_orphans
    from neuro_assets.resources.dbt import ensure_manifest

    ensure_manifest()
    with dg.DagsterInstance.get() as instance:
        orphans = fail_orphans(instance)
    if orphans:
        err.print(f"{len(orphans)} runs of a killed process were marked as failed; what they left is caught up")
    err.print(f"home {job.settings.home}\ndrop files into {job.settings.landing}\nhttp://{host}:{port}")
    command = [
        sys.executable, "-m", "dagster", "dev", "-w", str(REPOSITORY / "workspace.yaml"),
        "--host", host, "--port", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=job.settings.home, env=os.environ)  # noqa: S603
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    raise typer.Exit(process.wait())
