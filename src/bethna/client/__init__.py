"""What a program holds of a desk: one shape per noun over a backend, in this process or behind an address."""
