"""Costs as ratios to a comparator of the same run; they print and fail nothing."""
