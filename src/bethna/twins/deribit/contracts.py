"""What all instruments have in common: a name, a book, trades and a ticker as text; it knows no stream.

Rules
  1. `change_id` is `update * SPREAD_IDS + index`: it ascends, jumps, and is no other instrument's. For perpetuals
     `update` is the update id of the market model, so `change_id // SPREAD_IDS` finds a book in the truth. (The venue's
     count is one of all instruments together; a client sees of that only that it jumps.)
"""

from __future__ import annotations

from bethna.twins.deribit.deals import Deals
from bethna.twins.deribit.text import number
from bethna.twins.market.market import Level

SPREAD_IDS = 1000
ALL = 1_000_000


class Contract:
    """One instrument.

    Attributes:
        currency: `BTC`. kind: `future` or `option`. deals: its trades. index: see rule 1.
        live: it has not expired.
    """

    currency: str
    kind: str
    deals: Deals
    index: int
    live = True

    @property
    def name(self) -> str:
        """`BTC-PERPETUAL`"""
        raise NotImplementedError

    @property
    def update(self) -> int:
        """The number of the last change of its book."""
        raise NotImplementedError

    def depth(self, limit: int) -> tuple[list[Level], list[Level]]:
        """The best bids and asks, best first, in ticks and lots."""
        raise NotImplementedError

    def price(self, ticks: int) -> bytes:
        """A price as text."""
        raise NotImplementedError

    def amount(self, lots: int) -> bytes:
        """An amount as text."""
        raise NotImplementedError

    def ticker(self, now: int) -> bytes:
        """The ticker's fields without braces, by the venue's clock `now`."""
        raise NotImplementedError

    def facts(self) -> dict[str, object]:
        """As `public/get_instruments` states it."""
        raise NotImplementedError

    def change_id(self, update: int) -> int:
        """Rule 1."""
        return update * SPREAD_IDS + self.index

    def levels(self, levels: list[Level]) -> bytes:
        """`[30718.5,2290.0],[30718.0,3000.0]`"""
        return b",".join([b"[%b,%b]" % (self.price(ticks), self.amount(lots)) for ticks, lots in levels])

    def best(self) -> tuple[Level | None, Level | None]:
        """The best bid and the best ask."""
        bids, asks = self.depth(1)
        return (bids[0] if bids else None), (asks[0] if asks else None)

    def touch(self) -> bytes:
        """The ticker's best prices and amounts: what is missing is 0.0."""
        bid, ask = self.best()
        return b'"best_bid_price":%b,"best_bid_amount":%b,"best_ask_price":%b,"best_ask_amount":%b' % (
            self.price(bid[0]) if bid else number(0.0),
            self.amount(bid[1]) if bid else number(0.0),
            self.price(ask[0]) if ask else number(0.0),
            self.amount(ask[1]) if ask else number(0.0),
        )
