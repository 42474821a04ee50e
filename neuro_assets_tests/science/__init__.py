"""Tests of `neuro_assets.science`: numbers checked by hand, from a paper, or by a second computation."""
