"""Tests of `neuro_assets.simulate`: what the files hold, read back without the code that wrote them."""
