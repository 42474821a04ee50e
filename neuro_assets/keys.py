"""One name everywhere: `[schema, table]` is the Dagster asset key, the lake table and the asset's group."""

import dagster as dg

from neuro_assets.streams.model import Table

BASELINES = "baselines"


def key_of(table: Table) -> dg.AssetKey:
    """The asset key of a table."""
    return dg.AssetKey([table.schema, table.name])


def key_of_name(qualified: str) -> dg.AssetKey:
    """The asset key of `schema.table`."""
    return dg.AssetKey(qualified.split("."))


def table_name(key: dg.AssetKey) -> str:
    """`schema.table` of an asset key."""
    return ".".join(key.path)
