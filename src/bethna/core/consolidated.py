"""Consolidated facts: one price and one book of a pair across venues, with who is in them and who is not, and why.

They are made by `logic.best_price` and `logic.best_book`, and judge nothing by themselves. Prices are in the quote
currency of the pair, quantities in base units, both floats; instants integer nanoseconds UTC.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bethna.core.coverage import Coverage
from bethna.core.market import InstrumentId

OutReason = Literal[
    "waiting", "stale", "refused", "halted", "untrusted", "no book", "empty", "crossed", "no live rate", "far"
]
"""Why a venue takes no part in a consolidated price."""


class AppliedRate(Struct, frozen=True, gc=False):
    """What a unit of one currency fetches and costs in another one: a consolidated price that prices are converted by.

    Attributes:
        pair: as it is quoted, `USDT-USD`; `USD-USDT` where only the inverse has a live price.
        bid, ask: what a unit fetches and what it costs, in the currency that is converted to; bid <= ask.
        bid_at, ask_at: at whose quotes. ts_recv: of the oldest venue that makes the rate.
    """

    pair: str
    bid: float
    ask: float
    bid_at: InstrumentId
    ask_at: InstrumentId
    ts_recv: int | None
    coverage: Coverage


class VenueQuote(Struct, frozen=True, gc=False):
    """One venue's best bid and ask, as they stand in a consolidated price.

    Attributes:
        bid, ask: in the currency of the consolidated price; None where nothing is known, or no rate converts it.
        own_bid, own_ask: as the venue says them, in its own quote currency.
        ts_event, ts_recv: of the book or quote they are read from.
        out: why it takes no part, None when it is in; `why` is the same for a person.
        rate: what it was converted by, None where its currency is that of the price.
    """

    instrument: InstrumentId
    bid: float | None
    bid_quantity: float | None
    ask: float | None
    ask_quantity: float | None
    own_bid: float | None
    own_ask: float | None
    ts_event: int | None
    ts_recv: int | None
    coverage: Coverage
    out: OutReason | None = None
    why: str = ""
    rate: AppliedRate | None = None


class BestPrice(Struct, frozen=True, gc=False):
    """The consolidated best bid and offer of a pair: the highest bid and lowest ask of the venues that are in.

    Attributes:
        convert: currencies whose pairs take part, converted; of no other currency anything does.
        bid, ask: None when no venue is in.
        bid_quantity: of the venue that has the best, `bid_total` of all that are in at exactly that price.
        bid_at, ask_at: whose prices these are.
        crossed_by: whose bid is above whose ask, when one venue pays more than another one asks.
        venues: everybody who was looked at, in the order of following.
        ts_recv: of the oldest that is in.
    """

    base: str
    quote: str
    convert: tuple[str, ...]
    bid: float | None
    bid_quantity: float | None
    bid_total: float | None
    bid_at: InstrumentId | None
    ask: float | None
    ask_quantity: float | None
    ask_total: float | None
    ask_at: InstrumentId | None
    crossed_by: tuple[InstrumentId, InstrumentId] | None
    venues: tuple[VenueQuote, ...]
    ts_recv: int | None
    coverage: Coverage

    @property
    def symbol(self) -> str:
        """`BTC-USD`."""
        return f"{self.base}-{self.quote}"


MergedLevel = tuple[float, float, dict[str, float]]
"""(price, quantity of all, quantity by venue)."""


class ConsolidatedBook(Struct, frozen=True, gc=False):
    """The books of the venues that are in, merged by price, best first; never deeper than each of them certifies.

    Attributes:
        certified_depth: levels of the shorter side; fewer than were asked for where a book ends before.
        bids_end_at, asks_end_at: whose book ends first, None where that side was not cut short by any.
        crossed_by, venues, ts_recv: as of BestPrice.
    """

    base: str
    quote: str
    bids: list[MergedLevel]
    asks: list[MergedLevel]
    certified_depth: int
    bids_end_at: InstrumentId | None
    asks_end_at: InstrumentId | None
    crossed_by: tuple[InstrumentId, InstrumentId] | None
    venues: tuple[VenueQuote, ...]
    ts_recv: int | None
    coverage: Coverage

    @property
    def symbol(self) -> str:
        """`BTC-USD`."""
        return f"{self.base}-{self.quote}"
