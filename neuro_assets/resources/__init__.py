"""Dagster resources: the home with its lake and protocol, and dbt."""
