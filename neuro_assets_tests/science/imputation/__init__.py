"""Tests of `neuro_assets.science.imputation`: errors of published series, and numbers of a second computation."""
