"""Pure functions that turn arrays into study measures. No file access, no database, no Dagster in here."""
