"""What is checked of a table after it was written; the rules themselves are declared with the streams."""
