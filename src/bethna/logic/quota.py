"""What one process may still send: messages and connections in a sliding window. Request weight is `quota_ledger`'s.

It answers "how long must this wait" and keeps count; it never waits and never asks.

Rules
  1. A sliding window never holds more than `limit` takes in ANY stretch of its length, ends included. (A token bucket
     of the same rate lets nearly twice as many through in its first stretch.)
  2. What the venue closed stays closed until then.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Protocol

from bethna.core.clock import NS_PER_S


class Window(Protocol):
    """Who counts takes in a stretch of time: SlidingWindow, or one that many processes share. `now` is monotonic ns."""

    def wait(self, now: int) -> int:
        """Nanoseconds until the next take is allowed; 0 means now."""
        ...

    def take(self, now: int) -> None:
        """Count one; the caller has asked `wait` before."""
        ...

    def close_until(self, when: int) -> None:
        """Allow nothing before `when`."""
        ...


class SlidingWindow:
    """At most `limit` takes in any `window_ns` nanoseconds (rule 1). Time is monotonic; stepping back is ignored."""

    __slots__ = ("_closed_until", "_taken", "limit", "window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        if limit < 1 or window_ns < 0:
            raise ValueError(f"expected a limit of at least 1 and a window, found {limit} in {window_ns} ns")
        self.limit = limit
        self.window_ns = window_ns
        self._closed_until = 0
        self._taken: deque[int] = deque(maxlen=limit)

    @classmethod
    def per_second(cls, rate: float) -> SlidingWindow:
        """A window for `rate` takes a second; a rate below one becomes one take in a longer window."""
        if rate >= 1.0:
            return cls(int(rate), NS_PER_S)
        return cls(1, ceil(NS_PER_S / rate))

    def wait(self, now: int) -> int:
        """Nanoseconds until the next take is allowed; 0 means now."""
        closed = max(0, self._closed_until - now)
        taken = self._taken
        if len(taken) < self.limit:
            return closed
        return max(closed, taken[0] + self.window_ns + 1 - now)

    def close_until(self, when: int) -> None:
        """Allow nothing before `when`: the venue said so (rule 2)."""
        self._closed_until = max(self._closed_until, when)

    def take(self, now: int) -> None:
        """Count one; the caller has asked `wait` before."""
        taken = self._taken
        taken.append(max(now, taken[-1]) if taken else now)
