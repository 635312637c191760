"""Facts as a program holds them: a trade with its certificate, a book with its best prices; nothing is fetched here."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bethna.core.coverage import Coverage
from bethna.core.market import BookView, InstrumentId, Side, Trade


class DeskChangedWarning(UserWarning):
    """Plain calls are answered by another desk than before, maybe on another market."""


class SimulatedMarketWarning(UserWarning):
    """The market is simulated: no price was ever traded."""


class CertifiedTrade(Struct, frozen=True, gc=False):
    """One public execution, and how complete the stream is up to it.

    Attributes:
        price, quantity: in quote currency and in `Instrument.quantity_unit`. side: the taker's.
        count: executions inside.
        ts_event, ts_recv: ns UTC, by the venue's clock and by ours.
    """

    instrument: InstrumentId
    price: float
    quantity: float
    side: Side
    trade_id: int
    ts_event: int
    ts_recv: int
    count: int
    coverage: Coverage


def certified(trade: Trade, coverage: Coverage) -> CertifiedTrade:
    """A trade under a certificate."""
    return CertifiedTrade(
        trade.instrument, trade.price, trade.quantity, trade.side, trade.trade_id,
        trade.ts_event, trade.ts_recv, trade.count, coverage,
    )  # fmt: skip


class Book(BookView, frozen=True, gc=False):
    """The top of a book as `BookView` has it; its prices are None where a side shows no level."""

    @property
    def best_bid(self) -> float | None:
        """The highest price that somebody pays."""
        return self.bids[0][0] if self.bids else None

    @property
    def best_ask(self) -> float | None:
        """The lowest price that somebody asks."""
        return self.asks[0][0] if self.asks else None

    @property
    def mid(self) -> float | None:
        """Half way between the best prices."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0][0] + self.asks[0][0]) / 2

    @property
    def spread(self) -> float | None:
        """Best ask less best bid."""
        if not self.bids or not self.asks:
            return None
        return self.asks[0][0] - self.bids[0][0]


def book_of(view: BookView) -> Book:
    """A view of the desk as a book."""
    return Book(
        view.instrument, view.bids, view.asks, view.update_id, view.trust, view.certified_depth,
        view.ts_event, view.ts_recv, view.coverage,
    )  # fmt: skip


class BookLevel(Struct, frozen=True, gc=False):
    """One level of a book: `level` 1 is the best of its side."""

    side: Literal["bid", "ask"]
    level: int
    price: float
    quantity: float


def levels_of(book: BookView) -> list[BookLevel]:
    """Bids, best first, then asks, best first."""
    bids = [BookLevel("bid", level, *pair) for level, pair in enumerate(book.bids, 1)]
    asks = [BookLevel("ask", level, *pair) for level, pair in enumerate(book.asks, 1)]
    return bids + asks
