"""Binance spot: its rules (`SPEC`) and its language (`BinanceCodec`); it speaks of no futures, orders or accounts."""

from bethna.venues.binance.codec import BinanceCodec
from bethna.venues.binance.spec import SPEC

__all__ = ["SPEC", "BinanceCodec"]
