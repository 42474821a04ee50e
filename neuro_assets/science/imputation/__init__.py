"""Filling gaps in regular series, many people at a time: pure functions, without lake or Dagster."""
