"""Tests of `neuro_assets.science.features`: known answers of other programs, and slow second computations."""
