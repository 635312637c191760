"""Binance's spot market data as a local venue, written from the protocol sheet; no code of what it tests is here."""

from __future__ import annotations

from bethna.twins.binance.connection import Connection
from bethna.twins.binance.limits import Rules
from bethna.twins.binance.venue import BinanceTwin
from bethna.twins.line.ledger import Damage, Ledger
from bethna.twins.line.seam import Answer, Wire

__all__ = ["Answer", "BinanceTwin", "Connection", "Damage", "Ledger", "Rules", "Wire"]
