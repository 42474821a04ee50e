"""Tests of `neuro_assets.surveys`."""
