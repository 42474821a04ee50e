"""What instruments ask, what answers mean, and how they are scored."""
