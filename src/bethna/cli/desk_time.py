"""What time it is for a desk, so that an age is right on another machine and on a recording; it sets no clock.

1. A desk says its time with its health. What it said is a little old when it is read: of the last answers the one that
   was freshest counts, and the host's own clock carries it on.
2. The time of a recording is what was said last: it stands still in between.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from bethna.api.protocol import HealthAnswer
from bethna.core.clock import NS_PER_S, NS_PER_US, Clock
from bethna.runtime.clocks import SystemClock

ASK_EVERY_NS = NS_PER_S
REMEMBERED = 10


class Healthy(Protocol):
    """Who says how a desk is."""

    def health(self) -> HealthAnswer:
        """As GET /api/v1/health."""
        ...


class DeskTime:
    """The time of one desk."""

    def __init__(self, desk: Healthy, clock: Clock | None = None) -> None:
        self._desk = desk
        self._clock = clock or SystemClock()
        self._next_ns: int | None = None
        self._ahead: deque[int] = deque(maxlen=REMEMBERED)
        self._tape: int | None = None

    def now_ns(self) -> int:
        """ns UTC by the desk's clock."""
        now = self._clock.monotonic_ns()
        if self._next_ns is None or now >= self._next_ns:
            self._next_ns = now + ASK_EVERY_NS
            health = self._desk.health()
            said = health.now * NS_PER_US
            self._ahead.append(said - now)
            self._tape = said if health.source == "tape" else None
        return now + max(self._ahead) if self._tape is None else self._tape  # rules 1 and 2
