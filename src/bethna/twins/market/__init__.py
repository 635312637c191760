"""The market that a twin shows: seeded prices, order books, trades and candles; it speaks no venue's language."""
