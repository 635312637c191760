"""A desk under fifty thousand ticks a second and a hundred pages: its cost and its numbers' age (`make fanout`)."""
