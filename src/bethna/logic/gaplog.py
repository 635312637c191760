"""The book of losses of one id-numbered stream: what is missing, what came late, what came twice.

It only keeps the record; holding and releasing is the business of `trades` and `book`.

Rules
  1. A hole is a closed range of ids that was passed over. It stays open until every id of it was found.
  2. What is found shrinks the hole; the record keeps the original range and says how it was filled.
  3. What lies in no hole and was seen before is a duplicate; it is named too.
  4. The record is bounded: beyond MAX_RECORDS the oldest settled records are counted and dropped, never open holes
     before settled ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bethna.core.coverage import Gap

MAX_RECORDS = 10_000


class Hole:
    """One passed-over range of ids, inclusive, and the parts of it that are still missing."""

    __slots__ = ("end", "first", "last", "missing", "reason", "reordered", "start")

    def __init__(self, first: int, last: int, start: int | None, end: int | None, reason: str) -> None:
        self.first = first
        self.last = last
        self.start = start
        self.end = end
        self.reason = reason
        self.reordered = False
        self.missing: list[tuple[int, int]] = [(first, last)]

    def take(self, first: int, last: int) -> bool:
        """Remove [first, last] from what is missing; True when any part of it was missing (rule 2)."""
        left: list[tuple[int, int]] = []
        taken = False
        for low, high in self.missing:
            if last < low or first > high:
                left.append((low, high))
                continue
            taken = True
            if low < first:
                left.append((low, first - 1))
            if high > last:
                left.append((last + 1, high))
        self.missing = left
        return taken

    def gap(self, stream: str) -> Gap:
        """The fact to publish: the original range, or what is left of it while it is open."""
        healed = not self.missing
        first, last = (self.first, self.last) if healed else (self.missing[0][0], self.missing[-1][1])
        return Gap(stream, first, last, self.start, self.end, self.reason, healed)


class GapLog:
    """Holes and duplicates of one stream, bounded and in order of discovery."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.holes: deque[Hole] = deque()
        self.doubles: deque[Gap] = deque()
        self.found = 0
        self.duplicates = 0
        self.overlaps = 0
        self.forgotten = 0

    def open(
        self, first: int, last: int, start: int | None, end: int | None, reason: str = "missing"
    ) -> Hole:
        """Record a passed-over range (rule 1)."""
        hole = Hole(first, last, start, end, reason)
        self.holes.append(hole)
        self.found += 1
        self._bound()
        return hole

    def drop(self, hole: Hole) -> None:
        """Forget a hole that turned out to be none."""
        self.holes.remove(hole)
        self.found -= 1

    def take(self, first: int, last: int, *, reason: str) -> Hole | None:
        """Fill [first, last] if it lies in an open hole and return that hole (rule 2), else None."""
        for hole in reversed(self.holes):
            if hole.missing and first <= hole.last and last >= hole.first and hole.take(first, last):
                hole.reason = reason
                hole.reordered = hole.reordered or reason == "reordered"
                return hole
        return None

    def double(self, first: int, last: int, ts_event: int | None, *, overlap: bool = False) -> None:
        """Name a duplicate (rule 3); an overlap of two of our own sockets is expected and only counted."""
        if overlap:
            self.overlaps += 1
            return
        self.duplicates += 1
        self.doubles.append(Gap(self.stream, first, last, ts_event, ts_event, "duplicate", healed=True))
        if len(self.doubles) > MAX_RECORDS:
            self.doubles.popleft()
            self.forgotten += 1

    @property
    def open_holes(self) -> int:
        """Holes of which something is still missing."""
        return sum(1 for hole in self.holes if hole.missing)

    def gaps(self) -> Iterator[Gap]:
        """Every hole as a fact, in order of discovery."""
        return (hole.gap(self.stream) for hole in self.holes)

    def _bound(self) -> None:
        if len(self.holes) <= MAX_RECORDS:
            return
        settled = next((hole for hole in self.holes if not hole.missing), self.holes[0])
        self.holes.remove(settled)
        self.forgotten += 1
