"""All markets of a venue in one order of time; it moves when it is told and asks nobody for the time or for dice.

Rules
  1. A world is a function of its seed, its listings and its pace: two of them tell the same story, shifted by their
     starts (taken up to a whole millisecond), however often and in whatever steps they are advanced.
  2. A symbol's story does not depend on which others are listed.
  3. Orders arrive `pace` times as often; fair values keep their own time.
  4. Listeners hear a step after it has happened, in the order in which they came; `now` is then its instant.
  5. With `past_days` markets have candles and trades from before the start (`past`); these hang on the start, too, and
     make nothing that happens afterwards another, but for the numbers that it is counted with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace

from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.catalogue import catalogue, traits_of
from bethna.twins.market.facts import Listing, Step
from bethna.twins.market.latent import Latent
from bethna.twins.market.market import Market
from bethna.twins.market.past import Before

Hear = Callable[[Market, Step], None]
GRID = -1  # in the place of a market's index: a new second of fair values


class World:
    """A venue's markets.

    Args:
        start: ns UTC. listings: None lists the whole catalogue. pace: how many times as often orders arrive.
        kept_trades: executions that each market can still show. past_days: whole days before the one of the start, 0:
            there was nothing before it.

    Attributes:
        markets: by symbol, in the order of the listings. now: ns UTC, how far it has come.
        past_start: ns UTC, since when anything is remembered.
        clock_offset_ns: what the venue's clock is ahead of the caller's from now on; it may be set at any time.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        listings: Sequence[Listing] | None = None,
        *,
        pace: float = 1.0,
        kept_trades: int = 20_000,
        past_days: int = 0,
    ) -> None:
        listed = catalogue() if listings is None else tuple(listings)
        if len({each.symbol for each in listed}) < len(listed):
            raise ValueError("a symbol is listed twice")
        assets = dict.fromkeys(name for each in listed for name in (each.base, each.quote))
        self.seed = seed
        self.start = start
        self.now = start
        self.pace = pace
        self.past_days = past_days
        self.clock_offset_ns = 0
        self._origin = -(-start // NS_PER_MS) * NS_PER_MS
        self._latent = Latent(seed, ((name, traits_of(name)) for name in assets))
        self._listeners: list[Hear] = []
        before = Before(seed, self._origin, past_days) if past_days > 0 else None
        self.past_start = start if before is None else before.span[0]
        self.markets = {
            each.symbol: Market(
                each, index, seed, self._latent, pace=pace, kept_trades=kept_trades, before=before
            )
            for index, each in enumerate(listed)
        }
        self._ordered = list(self.markets.values())
        # (ns since the origin, index): the grid sorts before every market of the same instant
        self._heap = [(market.wait_ns(), market.index) for market in self._ordered if market.listing.trading]
        self._heap.append((NS_PER_S, GRID))
        heapify(self._heap)

    def listen(self, hear: Hear) -> None:
        """Call `hear` with every market and step from now on."""
        self._listeners.append(hear)

    def rename(self, old: str, new: str) -> bool:
        """A market goes on under another symbol, in its place of the listing; False when it cannot."""
        if old not in self.markets or new in self.markets:
            return False
        market = self.markets[old]
        market.listing = replace(market.listing, symbol=new)
        listed = [(new if name == old else name, each) for name, each in self.markets.items()]
        self.markets.clear()
        self.markets.update(listed)
        return True

    def next_at(self) -> int:
        """When the next thing happens, ns UTC."""
        return self._origin + self._heap[0][0]

    def advance(self, until: int) -> None:
        """Let everything happen that happens in `(now, until]`, in order of time; `now` never goes back."""
        heap, ordered, origin = self._heap, self._ordered, self._origin
        end = until - origin
        while heap[0][0] <= end:
            at, index = heap[0]
            if index == GRID:
                self._latent.advance(at // NS_PER_S)
                heapreplace(heap, (at + NS_PER_S, GRID))
                continue
            self.now = now = origin + at
            market = ordered[index]
            step = market.act(at, now + self.clock_offset_ns)
            heapreplace(heap, (at + market.wait_ns(), index))
            for hear in self._listeners:
                hear(market, step)
        self.now = max(self.now, until)
