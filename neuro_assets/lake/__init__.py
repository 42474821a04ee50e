"""The DuckLake: connection, write transaction, IO manager, maintenance. What a table holds is in streams/."""
