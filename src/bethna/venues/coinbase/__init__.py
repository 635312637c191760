"""Coinbase: its rules and its two languages, Exchange (the usual one) and Advanced Trade; it speaks of no orders."""

from bethna.venues.coinbase.advanced import AdvancedCodec
from bethna.venues.coinbase.exchange import ExchangeCodec
from bethna.venues.coinbase.spec import ADVANCED_SPEC, SPEC

__all__ = ["ADVANCED_SPEC", "SPEC", "AdvancedCodec", "ExchangeCodec"]
