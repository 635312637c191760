"""The order book of one instrument: absolute levels, kept exactly as deep as the venue certified.

It applies what it is given; whether deltas join is the business of `booksync`.

A snapshot of `limit` levels certifies only its own price range: what lies beyond was never told, and a delta that
touches a level out there tells of that level alone. Such levels are kept, since the market may move there, but they are
not shown. A side that the snapshot exhausted (fewer levels than the limit) is certified to infinity; and a quote of the
venue that agrees with the book widens the range to itself, for it says that nothing better exists.
"""

from __future__ import annotations

from heapq import nlargest, nsmallest
from math import inf

from bethna.core.errors import CrossedBook
from bethna.core.market import BookSnapshot, Level


class OrderBook:
    """Two sides of price -> quantity. `update_id` is the last applied id.

    Reading sorts, applying does not: a book is changed ten times more often than it is looked at.
    """

    __slots__ = ("_ask_ceiling", "_best", "_bid_floor", "asks", "bids", "update_id")

    def __init__(self, snapshot: BookSnapshot) -> None:
        self.bids: dict[float, float] = {price: quantity for price, quantity in snapshot.bids if quantity}
        self.asks: dict[float, float] = {price: quantity for price, quantity in snapshot.asks if quantity}
        full_bids = len(snapshot.bids) < snapshot.limit
        full_asks = len(snapshot.asks) < snapshot.limit
        self._bid_floor = -inf if full_bids else min(self.bids, default=-inf)
        self._ask_ceiling = inf if full_asks else max(self.asks, default=inf)
        self.update_id = snapshot.last_id
        self._best: tuple[Level | None, Level | None] | None = None

    def apply(self, bids: list[Level], asks: list[Level], update_id: int) -> None:
        """Set absolute quantities; 0 removes, and removing what is not there is normal."""
        side = self.bids
        for price, quantity in bids:
            if quantity:
                side[price] = quantity
            elif price in side:
                del side[price]
        side = self.asks
        for price, quantity in asks:
            if quantity:
                side[price] = quantity
            elif price in side:
                del side[price]
        self.update_id = update_id
        self._best = None

    def best(self) -> tuple[Level | None, Level | None]:
        """Best bid and best ask, None for an empty side.

        Raises:
            CrossedBook: the best bid is at or above the best ask, which no order of true deltas can give.
        """
        if self._best is None:
            bid = max(self.bids, default=None)
            ask = min(self.asks, default=None)
            if bid is not None and ask is not None and bid >= ask:
                raise CrossedBook(f"expected bid below ask, found bid {bid} and ask {ask}")
            self._best = (
                None if bid is None else (bid, self.bids[bid]),
                None if ask is None else (ask, self.asks[ask]),
            )
        return self._best

    def confirm(self, bid: float, ask: float) -> None:
        """The venue itself says that these are the best prices: everything better is known to be empty."""
        self._bid_floor = min(self._bid_floor, bid)
        self._ask_ceiling = max(self._ask_ceiling, ask)

    def certifies(self, bid: float, ask: float) -> bool:
        """Whether both prices lie in the certified range."""
        return bid >= self._bid_floor and ask <= self._ask_ceiling

    def top(self, depth: int) -> tuple[list[Level], list[Level]]:
        """The `depth` best certified levels of each side, best first; nothing when the best is not certified.

        Raises:
            CrossedBook: as `best`.
        """
        self.best()
        bids, asks = self.bids, self.asks
        return (
            [(price, bids[price]) for price in nlargest(depth, bids) if price >= self._bid_floor],
            [(price, asks[price]) for price in nsmallest(depth, asks) if price <= self._ask_ceiling],
        )

    @property
    def certified_depth(self) -> int:
        """Levels of the shorter side that are certified now."""
        floor, ceiling = self._bid_floor, self._ask_ceiling
        return min(sum(price >= floor for price in self.bids), sum(price <= ceiling for price in self.asks))

    @property
    def known_depth(self) -> int:
        """Levels of the shorter side, certified or not."""
        return min(len(self.bids), len(self.asks))

    def worn(self, levels: int) -> bool:
        """A side has fewer certified levels than `levels`, and a deeper snapshot could tell of more."""
        floor, ceiling = self._bid_floor, self._ask_ceiling
        return (floor > -inf and sum(price >= floor for price in self.bids) < levels) or (
            ceiling < inf and sum(price <= ceiling for price in self.asks) < levels
        )

    def levels(self) -> tuple[list[Level], list[Level]]:
        """All known levels, best first; for hashing and comparing."""
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
