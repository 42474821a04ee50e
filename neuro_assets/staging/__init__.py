"""From raw rows to canonical streams: identity, local time, gates, duplicates, holds. No Dagster."""
