"""Books as they were some time ago, for snapshots that are too old; they are kept only while a fault asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from bethna.core.clock import seconds
from bethna.twins.faults.facts import Fault
from bethna.twins.market.facts import Change, Step
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

MAX_STEPS = 1_000_000
"""Beyond that a book is younger than it should be."""
_ALL = 1_000_000


class DelayedBook:
    """One market's book of `delay_ns` ago, or of when this was made where that is younger."""

    def __init__(self, market: Market, delay_ns: int) -> None:
        bids, asks = market.depth(_ALL)
        self._delay_ns = delay_ns
        self._bids, self._asks = dict(bids), dict(asks)
        self._update_id = market.update_id
        self._later: deque[tuple[int, tuple[Change, ...]]] = deque()

    def hear(self, step: Step, now: int) -> None:
        """The market moved on."""
        self._later.append((now, step.changes))
        self.settle(now)

    def depth(self, limit: int) -> tuple[int, list[Level], list[Level]]:
        """The id of its last change, and the best `limit` levels of bids and asks, best first, in ticks and lots."""
        bids = sorted(self._bids.items(), reverse=True)[:limit]
        asks = sorted(self._asks.items())[:limit]
        return self._update_id, bids, asks

    def settle(self, now: int) -> None:
        """Go on to what was `delay_ns` before now, ns UTC of the caller's clock."""
        later = self._later
        while later and (later[0][0] <= now - self._delay_ns or len(later) > MAX_STEPS):
            for change in later.popleft()[1]:
                side = self._bids if change.bid else self._asks
                if change.quantity:
                    side[change.price] = change.quantity
                else:
                    side.pop(change.price, None)
                self._update_id = change.update_id


class DelayedBooks:
    """The delayed books that active and coming `stale_snapshot` faults need."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books: dict[str, dict[Fault, DelayedBook]] = {}

    def keep(self, faults: Iterable[Fault]) -> None:
        """Keep the books of these faults and no others."""
        kept: dict[str, dict[Fault, DelayedBook]] = {}
        for fault in faults:
            for symbol in (fault.symbol,) if fault.symbol else tuple(self._world.markets):
                market = self._world.markets.get(symbol)
                if market is not None:
                    book = self._books.get(symbol, {}).get(fault)
                    kept.setdefault(symbol, {})[fault] = book or DelayedBook(market, seconds(fault.delay_s))
        self._books = kept

    def hear(self, symbol: str, step: Step, now: int) -> None:
        """A market moved on."""
        for book in self._books.get(symbol, {}).values():
            book.hear(step, now)

    def find(self, fault: Fault, symbol: str, now: int) -> DelayedBook | None:
        """The book for a fault that struck now, ns UTC of the caller's clock."""
        book = self._books.get(symbol, {}).get(fault)
        if book is not None:
            book.settle(now)
        return book

    def __bool__(self) -> bool:
        return bool(self._books)
