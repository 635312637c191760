"""Venues to test and rehearse against; they share no code with the product but `core`."""
