"""Tests of models: splits, pipelines, metrics, leaks, drift and promotion."""
