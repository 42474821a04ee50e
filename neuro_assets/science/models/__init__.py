"""Models that are judged on people they have not seen: pure functions, without files, lake or Dagster."""
