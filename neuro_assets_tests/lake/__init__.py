"""Tests of neuro_assets.lake."""
