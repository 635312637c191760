"""Levels in sorted order, so that a figure that reaches none costs the same with ten and with 100,000 of them.

Rules
  1. `up` is the lowest level that wakes somebody when a figure is above it, `down` the highest when it is below. In
     between nobody needs to be asked.
  2. Who wakes is taken out and puts itself in anew.
  3. What was taken back stays in the heaps until it comes up, or until it is more than what is awaited.
"""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from math import inf
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)
_FEW = 64


class Levels(Generic[Who]):
    """Who waits for what of one figure.

    Attributes:
        up, down: see rule 1; infinite where nobody waits.
    """

    __slots__ = ("_down", "_number", "_stale", "_up", "_waiting", "down", "up")

    def __init__(self) -> None:
        self.up, self.down = inf, -inf
        # Heaps of (level, number of the wait, who); levels of `_down` are negative, so that the highest comes first.
        self._up: list[tuple[float, int, Who]] = []
        self._down: list[tuple[float, int, Who]] = []
        self._waiting: dict[Who, int] = {}
        self._number = 0
        self._stale = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, who: Who, up: float, down: float) -> None:
        """Wake it once when a figure is above `up` or below `down`: `inf` and `-inf` are never."""
        if who in self._waiting:
            self.take(who)
        self._number += 1
        self._waiting[who] = self._number
        if up < inf:
            heappush(self._up, (up, self._number, who))
            if up < self.up:
                self.up = up
        if down > -inf:
            heappush(self._down, (-down, self._number, who))
            if down > self.down:
                self.down = down

    def take(self, who: Who) -> None:
        """It waits no longer; fine if it does not."""
        if self._waiting.pop(who, None) is not None:
            self._stale += 2
            if self._stale > _FEW + 2 * len(self._waiting):
                self._sweep()

    def wake(self, value: float) -> list[Who]:
        """Who is to be asked about this figure, in no order (rule 2)."""
        woken: list[Who] = []
        while self._up and (self._up[0][0] < value or self._is_stale(self._up[0])):
            self._pop(self._up, woken)
        while self._down and (-self._down[0][0] > value or self._is_stale(self._down[0])):
            self._pop(self._down, woken)
        self._look()
        return woken

    def _pop(self, heap: list[tuple[float, int, Who]], woken: list[Who]) -> None:
        entry = heappop(heap)
        if self._is_stale(entry):
            self._stale = max(0, self._stale - 1)
            return
        del self._waiting[entry[2]]
        self._stale += 1  # its other level
        woken.append(entry[2])

    def _is_stale(self, entry: tuple[float, int, Who]) -> bool:
        return self._waiting.get(entry[2]) != entry[1]

    def _sweep(self) -> None:
        """Rule 3."""
        for heap in (self._up, self._down):
            heap[:] = [entry for entry in heap if not self._is_stale(entry)]
            heapify(heap)
        self._stale = 0
        self._look()

    def _look(self) -> None:
        self.up = self._up[0][0] if self._up else inf
        self.down = -self._down[0][0] if self._down else -inf
