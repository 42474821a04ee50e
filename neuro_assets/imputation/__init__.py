"""Filling gaps of the lake's series: what is read, what is learned, and the rows that are written."""
