"""The `neuro` command: thin commands over the same functions that Dagster's steps call."""

from neuro_assets.cli.app import main

__all__ = ["main"]
