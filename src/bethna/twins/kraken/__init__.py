"""A simulated Kraken spot venue, WebSocket v2 and public REST, written from its protocol alone; v1 is not spoken."""

from __future__ import annotations

from bethna.twins.kraken.limits import Rules
from bethna.twins.kraken.listings import listings
from bethna.twins.kraken.venue import KrakenTwin
from bethna.twins.kraken.words import WORDS
from bethna.twins.line.connection import Connection
from bethna.twins.line.seam import Answer

__all__ = ["WORDS", "Answer", "Connection", "KrakenTwin", "Rules", "listings"]
