"""Tests of neuro_assets.backup."""
