"""The tests of neuro_assets; the folders mirror the package."""
