"""Kraken spot: its rules (`SPEC`), its language (`KrakenCodec`), and the older one, only read (`KrakenV1Codec`)."""

from bethna.venues.kraken.codec import KrakenCodec
from bethna.venues.kraken.spec import SPEC
from bethna.venues.kraken.v1 import KrakenV1Codec

__all__ = ["SPEC", "KrakenCodec", "KrakenV1Codec"]
