"""What the venue has to do later, in order of time and of one instant by rank; it does nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

Act = Callable[[int], None]
"""What is done, with its instant."""

FRAME, FLUSH, TIMER = 1, 2, 3
"""Ranks: frames that were held back, then what is pushed in steps of time, then pings and ends."""
NEVER = 2**63 - 1


class Agenda:
    """A heap of acts; `at` is the instant of the next, `NEVER` when there is none."""

    def __init__(self) -> None:
        self.at = NEVER
        self._heap: list[tuple[int, int, int, Act, object]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, at: int, rank: int, act: Act, owner: object = None) -> None:
        """Do something at an instant; an owner can drop all that is its own."""
        self._count += 1
        heappush(self._heap, (at, rank, self._count, act, owner))
        self.at = self._heap[0][0]

    def drop(self, owner: object) -> None:
        """Do nothing of this owner's any more."""
        self._heap = [entry for entry in self._heap if entry[4] is not owner]
        heapify(self._heap)
        self.at = self._heap[0][0] if self._heap else NEVER

    def do_next(self) -> None:
        """Take the next act and do it."""
        at, _, _, act, _ = heappop(self._heap)
        self.at = self._heap[0][0] if self._heap else NEVER
        act(at)
