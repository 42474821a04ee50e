"""Tests of neuro_assets.streams."""
