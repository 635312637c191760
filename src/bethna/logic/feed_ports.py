"""What one feed is told and where its facts and wants go: its settings, its channels and its ports; no behaviour.

The machine itself is in `feed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from bethna.core.coverage import Gap, Provenance
from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade
from bethna.core.status import BookStatus, GapFound, GapMarked, Healed

TradeStreamItem = Trade | GapFound | Healed | GapMarked
BookStreamItem = BookDelta | BookSnapshot | BookStatus


BookStyle = Literal["numbered", "chained", "pushed"]
"""How a venue's book updates follow each other: by ids without holes, by naming the one before, or by order alone."""


class FeedSettings(Struct, frozen=True):
    """What a feed may keep and how long it waits.

    Attributes:
        patience_ns: how long a gap may wait for healing. max_held_trades, max_held_deltas: how many wait meanwhile.
        kept_trades: newest trades that can be read back. quantity_scale: lots per unit of quantity.
        books: whether a book is kept at all.
        provenance: what every certificate says of where the data comes from; `synthetic` for a simulated market.
    """

    patience_ns: int = 10_000_000_000
    max_held_trades: int = 20_000
    max_held_deltas: int = 10_000
    kept_trades: int = 1_000
    quantity_scale: int = 100_000_000
    books: bool = True
    provenance: Provenance = Provenance.LIVE


class FeedPorts(Protocol):
    """Where one feed's facts and wants go."""

    @property
    def trade(self) -> Callable[[TradeStreamItem], None]:
        """Publish on the trades channel."""
        ...

    @property
    def book(self) -> Callable[[BookStreamItem], None]:
        """Publish on the book channel."""
        ...

    @property
    def quote(self) -> Callable[[Quote], None]:
        """Publish on the quotes channel."""
        ...

    @property
    def ticker(self) -> Callable[[Ticker], None]:
        """Publish on the tickers channel."""
        ...

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """A book snapshot is needed; repeated until one is applied."""
        ...

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """These trades are missing, and others wait for them."""
        ...

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """These trades are missing and nothing waits any more; history may have them yet."""
        ...


class Wants(Protocol):
    """Who fetches what a feed misses."""

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """A book snapshot; asked again until one is applied."""
        ...

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Missing trades by id, for which others wait."""
        ...

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Missing trades by id, for which nothing waits any more."""
        ...


class NoWants:
    """Nobody fetches: on a tape everything that was fetched stands in the tape itself."""

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """The tape brings it, or nobody."""

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """The tape brings them, or nobody."""

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Likewise."""
