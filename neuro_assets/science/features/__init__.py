"""Features: what each one is, and how it is computed. Where values come from, and where they go, belongs to others."""
