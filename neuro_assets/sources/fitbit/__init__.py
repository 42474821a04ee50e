"""Fitbit payloads as flat parts: answers of the earlier Web API, and files of Takeout exports. No lake, no landing."""
