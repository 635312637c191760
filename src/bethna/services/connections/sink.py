"""Where the market data of a pool goes, and the marks that its sockets leave on the way.

Both are for the hot path: nothing here may wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    IndexPrice,
    InstrumentId,
    LastTrade,
    Quote,
    Ticker,
    Trade,
    Valuation,
    VenueCandle,
)
from bethna.core.status import StreamState
from bethna.core.wire import BookDoubt, MarketEvent

MARKET_KINDS: tuple[type, ...] = (
    Trade, Quote, BookDelta, BookSnapshot, VenueCandle, Ticker, LastTrade, IndexPrice, Valuation,
)  # fmt: skip


class FrameSink(Protocol):
    """Where market data goes. Called from the event loop, for every event: must not wait."""

    def apply(self, event: MarketEvent, conn: int = 0) -> object:
        """One market event from socket `conn`; during a rotation the same one comes from two sockets."""
        ...

    def doubt(self, doubt: BookDoubt) -> None:
        """What socket `doubt.epoch` said of a book is wrong, as the venue itself proves."""
        ...

    def connection_ended(self, conn: int, venue: str, now: int) -> None:
        """Socket `conn` is gone, whether or not another one carries its streams."""
        ...

    def stream_state(
        self, instrument: InstrumentId, state: StreamState, reason: str, now: int, *, connected: bool = True
    ) -> None:
        """How the instrument's streams are from now on: waiting, live, stale (also while reconnecting) or refused.

        `connected`: a socket carries them; what is stale on a socket is one silent stream, the others may flow.
        """
        ...

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        """Two of our own sockets carry these instruments from now on, or no longer do."""
        ...


class Mark:
    """One kind of event of one instrument on one socket.

    Attributes:
        at: receive time of the latest, ns UTC. count: how many came since the watchdog last looked.
    """

    __slots__ = ("at", "count")

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 1
