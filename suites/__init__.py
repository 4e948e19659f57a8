"""What is claimed: one hypothesis family a file, nothing but test functions."""
