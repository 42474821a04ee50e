"""What the features of a study say of its people. The statistics are in science; no Dagster."""
