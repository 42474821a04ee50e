"""The asset graph: thin bodies that read, call a pure function or a SQL file, and return with metadata."""
