"""Tests of neuro_assets.sources."""
