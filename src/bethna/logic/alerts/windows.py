"""Figures of a moving window of trades: extremes and volume, O(1) a trade; it keeps no more than the window.

Rules
  1. The window of a trade at t is (t - length, t]. It ends at trades: between two of them nothing is said.
  2. A trade whose time lies before the newest seen counts at that newest time: the venue's order is that of its ids.
"""

from __future__ import annotations

from collections import deque

from bethna.core.alerts import Way


class Moves:
    """How far the last price is from the window's lowest (up) or highest (down) one, in percent, 0 or more."""

    __slots__ = ("_kept", "_length", "_up")

    def __init__(self, length_ns: int, way: Way) -> None:
        self._length = length_ns
        self._up = way is Way.UP
        self._kept: deque[tuple[int, float]] = deque()  # (ts, price): each is the extreme of what follows it

    def add(self, ts: int, price: float) -> float:
        """The figure at this trade."""
        kept, up = self._kept, self._up
        if kept:
            ts = max(ts, kept[-1][0])  # rule 2
        while kept and (kept[-1][1] >= price if up else kept[-1][1] <= price):
            kept.pop()
        kept.append((ts, price))
        while kept[0][0] <= ts - self._length:
            kept.popleft()
        extreme = kept[0][1]
        return (price / extreme - 1.0) * 100.0 if up else (1.0 - price / extreme) * 100.0


class Volume:
    """What was traded inside, summed in whole lots, so that nothing is left over when all has gone out.

    Args:
        scale: lots per unit of quantity.
    """

    __slots__ = ("_kept", "_length", "_scale", "_sum")

    def __init__(self, length_ns: int, scale: int) -> None:
        self._length = length_ns
        self._scale = scale
        self._kept: deque[tuple[int, int]] = deque()  # (ts, lots), one for each instant
        self._sum = 0

    def add(self, ts: int, quantity: float) -> float:
        """The figure at this trade, in the quantity's unit."""
        kept, lots = self._kept, round(quantity * self._scale)
        if kept:
            ts = max(ts, kept[-1][0])  # rule 2
        if kept and kept[-1][0] == ts:
            kept[-1] = (ts, kept[-1][1] + lots)
        else:
            kept.append((ts, lots))
        self._sum += lots
        while kept[0][0] <= ts - self._length:
            self._sum -= kept.popleft()[1]
        return self._sum / self._scale
