"""Tests of neuro_assets.checks."""
