"""Coinbase's market data as a local venue, written from the protocol sheet; no code of what it tests is here."""

from __future__ import annotations

from bethna.twins.coinbase.connection import Connection
from bethna.twins.coinbase.limits import Rules
from bethna.twins.coinbase.venue import CoinbaseTwin

__all__ = ["CoinbaseTwin", "Connection", "Rules"]
