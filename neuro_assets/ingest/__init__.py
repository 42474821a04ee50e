"""From a landed file to raw rows: listing, identifying, deciding, loading, accounting. No Dagster."""
