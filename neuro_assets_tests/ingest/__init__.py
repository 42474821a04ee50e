"""Tests of neuro_assets.ingest."""
