"""Rollups of streams, and reading them at the resolution that fits a range."""
