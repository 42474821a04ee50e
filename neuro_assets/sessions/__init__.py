"""Episodes of use from staged events, day by day. What an episode is belongs to science."""
