"""The book of losses of one id-numbered stream: what is missing, what came late, what came twice.

It only keeps the record; holding and releasing is the business of `trades` and `book`.

Rules
  1. A hole is a closed range of ids that was passed over. It stays open until every id of it was found.
  2. What is found shrinks the hole; the record keeps the original range. A hole is called reordered only when all of
     it came by itself: one part from elsewhere, or one that is still missing, and it was a loss.
     Counted as a loss is what is no reordering, counted as healed is a loss of which nothing is missing any more: what
     was lost, less what was healed, is what is still missing. A reordering is counted apart.
  3. What lies in no hole and was seen before is a duplicate; it is named too.
  4. The record is bounded: beyond MAX_RECORDS the oldest settled records are counted and dropped, never open holes
     before settled ones. The counts keep them.
  5. A frame whose ids lie more than MAX_JUMP from the stream's is astray: nothing is built on it until a second one
     agrees. When the stream goes on without it, it is named and let go: one corrupt id must not carry the stream away.
  6. When the venue counts anew, what was missing before is sealed: ids of the new count do not fill it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from msgspec.structs import replace

from bethna.core.coverage import Gap

MAX_RECORDS = 10_000
MAX_JUMP = 10_000
Frame = TypeVar("Frame")


class Hole:
    """One passed-over range of ids, inclusive, and the parts of it that are still missing."""

    __slots__ = ("end", "fetched", "first", "last", "missing", "reason", "sealed", "start")

    def __init__(self, first: int, last: int, start: int | None, end: int | None, reason: str) -> None:
        self.first = first
        self.last = last
        self.start = start
        self.end = end
        self.reason = reason
        self.fetched = False
        self.sealed = False
        self.missing: list[tuple[int, int]] = [(first, last)]

    def take(self, first: int, last: int, *, fetched: bool, at: int | None = None) -> bool:
        """Remove [first, last] from what is missing; True when any part of it was missing (rule 2).

        Args:
            fetched: it was brought from elsewhere, it did not come by itself.
            at: the venue's time of it, by which the time of what is still missing narrows.
        """
        low_edge, high_edge = (self.missing[0][0], self.missing[-1][1]) if self.missing else (0, 0)
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
        if taken and left and at is not None:
            if first <= low_edge:
                self.start = at if self.start is None else max(self.start, at)
            elif last >= high_edge:
                self.end = at if self.end is None else min(self.end, at)
        self.fetched = self.fetched or (taken and fetched)
        return taken

    @property
    def late(self) -> bool:
        """All of it came by itself: nothing was lost (rule 2)."""
        return not self.missing and not self.fetched

    def gap(self, stream: str) -> Gap:
        """The fact to publish: the original range, or what is left of it while it is open."""
        healed = not self.missing
        first, last = (self.first, self.last) if healed else (self.missing[0][0], self.missing[-1][1])
        reason = "reordered" if self.late else self.reason
        return Gap(stream, first, last, self.start, self.end, reason, healed)


class GapLog:
    """Holes and duplicates of one stream, bounded and in order of discovery.

    Attributes:
        found: holes, whatever became of them. numbered: the ids are the venue's, not our own count.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.numbered = True
        self.holes: deque[Hole] = deque()
        self.doubles: deque[Gap] = deque()
        self.found = 0
        self.duplicates = 0
        self.overlaps = 0
        self.strays = 0
        self.forgotten = 0
        self._forgotten_late = self._forgotten_healed = 0

    @property
    def reordered(self) -> int:
        """Holes of which all came by itself (rule 2)."""
        return self._forgotten_late + sum(hole.late for hole in self.holes)

    @property
    def lost(self) -> int:
        """Holes of which something did not come by itself, or not yet."""
        return self.found - self.reordered

    @property
    def healed(self) -> int:
        """Of the lost ones those of which nothing is missing any more."""
        return self._forgotten_healed + sum(not hole.missing and hole.fetched for hole in self.holes)

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

    def take(self, first: int, last: int, *, fetched: bool, at: int | None = None) -> Hole | None:
        """Fill [first, last] if it lies in an open hole and return that hole (rule 2), else None."""
        for hole in reversed(self.holes):
            if hole.sealed:
                break
            if first <= hole.last and last >= hole.first and hole.take(first, last, fetched=fetched, at=at):
                return hole
        return None

    def seal(self) -> None:
        """The venue counts anew (rule 6)."""
        for hole in self.holes:
            hole.sealed = True

    def missing(self, each: int) -> bool:
        """Whether this id lies in what is missing."""
        return any(
            low <= each <= high for hole in self.holes if not hole.sealed for low, high in hole.missing
        )

    def settle(self, last: int) -> None:
        """Whatever was missing up to `last` is told by something else (a snapshot)."""
        for hole in self.holes:
            if hole.missing:
                hole.take(hole.first, last, fetched=True)

    def double(self, first: int, last: int, ts_event: int | None, *, overlap: bool = False) -> None:
        """Name a duplicate (rule 3); an overlap of two of our own sockets is expected and only counted."""
        if overlap:
            self.overlaps += 1
            return
        self.duplicates += 1
        self._name(Gap(self.stream, first, last, ts_event, ts_event, "duplicate", healed=True))

    def stray(self, first: int, last: int, ts_event: int | None) -> None:
        """Name a frame that nothing agreed with (rule 5)."""
        self.strays += 1
        self._name(Gap(self.stream, first, last, ts_event, ts_event, "stray", healed=True))

    def gaps(self) -> Iterator[Gap]:
        """Every hole as a fact, in order of discovery."""
        return (self.fact(hole) for hole in self.holes)

    def losses(self) -> Iterator[Gap]:
        """The same without those that were only reordered (rule 2)."""
        return (self.fact(hole) for hole in self.holes if not hole.late)

    def fact(self, hole: Hole) -> Gap:
        """A hole as it is published: our own count of what a venue does not number is nobody's business."""
        gap = hole.gap(self.stream)
        return gap if self.numbered else replace(gap, first_id=None, last_id=None)

    def _name(self, gap: Gap) -> None:
        self.doubles.append(gap)
        if len(self.doubles) > MAX_RECORDS:
            self.doubles.popleft()
            self.forgotten += 1

    def _bound(self) -> None:
        if len(self.holes) <= MAX_RECORDS:
            return
        settled = next((hole for hole in self.holes if not hole.missing), self.holes[0])
        self.holes.remove(settled)
        self.forgotten += 1
        self._forgotten_late += settled.late
        self._forgotten_healed += not settled.missing and settled.fetched


class Astray(Generic[Frame]):
    """The one frame in doubt (rule 5). `frontier` is the id that the stream expects next.

    Attributes:
        since: receive time of the frame in doubt, None while there is none.
        ids: its first and last id.
    """

    __slots__ = ("_frame", "_frontier", "_log", "_ts_event", "ids", "since")

    def __init__(self, log: GapLog) -> None:
        self._log = log
        self._frame: Frame | None = None
        self._frontier = 0
        self._ts_event: int | None = None
        self.ids = (-1, -1)
        self.since: int | None = None

    def doubt(
        self, frame: Frame, ids: tuple[int, int], ts_event: int, ts_recv: int, frontier: int
    ) -> tuple[Frame, ...]:
        """Put `frame` in doubt; when it agrees with the one before, both are handed back in the order of their ids."""
        before, earlier = self._frame, self.ids
        if before is not None and abs(ids[0] - earlier[0]) <= MAX_JUMP:
            self._clear()
            return (before, frame) if earlier < ids else (frame, before)
        self.drop()
        self._frame, self.ids, self._ts_event = frame, ids, ts_event
        self._frontier, self.since = frontier, ts_recv
        return ()

    def expire(self, frontier: int) -> None:
        """Time has passed: when the stream went on without the frame in doubt, it is named and let go.

        While the stream is silent it stays: after a long break a slow instrument takes its time to agree.
        """
        if frontier != self._frontier:
            self.drop()

    def drop(self) -> None:
        """Name the frame in doubt, if there is one, and let it go."""
        if self._frame is not None:
            self._log.stray(*self.ids, self._ts_event)
            self._clear()

    def _clear(self) -> None:
        self._frame = self.since = None
        self.ids = (-1, -1)
