"""The Google Health API v4: which data types are read, what a page must look like, and the rows it becomes."""
