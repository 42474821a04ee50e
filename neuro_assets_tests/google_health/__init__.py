"""Tests of the Google Health connector."""
