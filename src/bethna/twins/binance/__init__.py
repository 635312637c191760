"""Binance's spot market data as a local venue, written from the protocol sheet; no code of what it tests is here."""
