"""Coinbase Advanced Trade: the venue's second wire, with a count on each connection; no code of what it tests."""
