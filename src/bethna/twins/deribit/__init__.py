"""The twin of Deribit: perpetuals on the market model and options of its own, in JSON-RPC over WebSocket and HTTP.

It is written from the venue's protocol alone and shares no code with the desk.
"""

from __future__ import annotations

from bethna.twins.deribit.connection import Connection
from bethna.twins.deribit.limits import Rules
from bethna.twins.deribit.venue import DeribitTwin

__all__ = ["Connection", "DeribitTwin", "Rules"]
