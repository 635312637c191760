"""What a program holds of a desk: one shape per noun, in this process or behind an address; it makes no number."""
