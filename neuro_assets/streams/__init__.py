"""What a dataset IS: columns, key, units, ranges. How a vendor's file becomes one lives in sources/."""
