"""Tests of neuro_assets.cli."""
