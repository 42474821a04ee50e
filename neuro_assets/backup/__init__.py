"""A study in one folder from which it can be made again: taking a backup, checking it, restoring it."""
