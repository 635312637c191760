"""Facts: frozen types and their own invariants, shared by every floor above.

No sockets, no clocks, no randomness and nothing but the standard library and msgspec.
"""
