"""Tests of neuro_assets.assets."""
