"""What was expected of each person, what is there, and why the rest is missing. No Dagster."""
