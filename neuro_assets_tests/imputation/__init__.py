"""Tests of neuro_assets.imputation."""
