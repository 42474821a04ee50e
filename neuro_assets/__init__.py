"""neuro_assets: a Dagster asset-graph data platform for wearable and behavioural studies."""

__version__ = "0.1.0"
