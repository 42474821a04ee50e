"""`make bench`: what things cost, as ratios to comparators of the same run; written to docs/benchmarks.md."""
