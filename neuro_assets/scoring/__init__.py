"""Scores and flags of survey responses in the lake."""
