"""A book that is said in batches, without the words of either wire.

Rules
  1. It keeps its own copy as it was last said: a snapshot fits the updates that follow it.
  2. A batch states each level that changed once, in the order of the last changes, with its lots now; without a change
     there is none.
"""

from __future__ import annotations

from bethna.twins.coinbase.speech import payload
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Level, Market

ALL_LEVELS = 1_000_000
Changed = tuple[bool, int, int, int]
"""(bid, price, lots, when): ticks, lots (0 removes the level), ns UTC of the venue's clock."""


class GatheredBook(Publisher):
    """One product's book; a wire says the words."""

    def __init__(self, market: Market) -> None:
        bids, asks = market.depth(ALL_LEVELS)
        self._bids, self._asks = dict(bids), dict(asks)
        self._said = self._heard = market.update_id
        self._changed: dict[tuple[bool, int], tuple[int, int]] = {}

    def snapshot(self, bids: list[Level], asks: list[Level], now: int) -> bytes:
        """The frame of a whole book, best first."""
        raise NotImplementedError

    def update(self, changes: list[Changed], now: int) -> bytes:
        """The frame of a batch."""
        raise NotImplementedError

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Gather."""
        changed = self._changed
        for change in step.changes:
            key = (change.bid, change.price)
            changed.pop(key, None)
            changed[key] = change.quantity, step.ts
        self._heard = step.changes[-1].update_id
        return []

    def flush(self, now: int) -> list[bytes]:
        """Say what has gathered (rule 2)."""
        if not self._changed:
            return []
        changes = [(bid, price, lots, ts) for (bid, price), (lots, ts) in self._changed.items()]
        for bid, price, lots, _ in changes:
            side = self._bids if bid else self._asks
            if lots:
                side[price] = lots
            else:
                side.pop(price, None)  # a level that came and went within one batch
        first, self._said = self._said + 1, self._heard
        self._changed.clear()
        return [payload(self.update(changes, now), first, self._said)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """The whole book (rule 1)."""
        update_id = self._said
        bids, asks = sorted(self._bids.items(), reverse=True), sorted(self._asks.items())
        if past is not None:
            update_id, bids, asks = past.depth(ALL_LEVELS)
        return [payload(self.snapshot(bids, asks, now), update_id)]
