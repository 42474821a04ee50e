"""Tests of neuro_assets.staging."""
