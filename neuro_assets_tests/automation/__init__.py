"""Tests of neuro_assets.automation."""
