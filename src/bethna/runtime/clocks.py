"""The clocks that tell the rest of the house the time, and the sampler of how late the event loop runs."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S, Clock


class SystemClock:
    """The host's clocks. Wall time may jump when the host is corrected; monotonic time does not."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary start."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is told: a tape's time, a test's time."""

    __slots__ = ("_monotonic_ns", "_now_ns")

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC, as last told."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds by which it was moved forward so far."""
        return self._monotonic_ns

    def advance_to(self, now_ns: int) -> None:
        """Set the time. Going back (a tape that starts over) moves wall time only, never the monotonic one."""
        if now_ns > self._now_ns:
            self._monotonic_ns += now_ns - self._now_ns
        self._now_ns = now_ns

    def advance(self, ns: int) -> None:
        """Move forward by `ns`."""
        self.advance_to(self._now_ns + ns)


LAG_BUCKETS_NS = tuple(ms * NS_PER_MS for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000))


class LagStatistics(Struct, frozen=True, gc=False):
    """How late the loop ran: the latest sample, the worst, and a histogram.

    Attributes:
        counts: samples per bucket of LAG_BUCKETS_NS (upper bounds, inclusive), and a last one for everything above.
    """

    last_ns: int
    peak_ns: int
    total_ns: int
    samples: int
    counts: tuple[int, ...]


class LoopLag:
    """Asks to be woken every `interval_s` and notes how late that was: time the loop spent in somebody's callback."""

    def __init__(self, clock: Clock, interval_s: float = 0.25) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._last_ns = 0
        self._peak_ns = 0
        self._total_ns = 0
        self._counts = [0] * (len(LAG_BUCKETS_NS) + 1)

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            asked = self._clock.monotonic_ns()
            await asyncio.sleep(self._interval_s)
            self.note(self._clock.monotonic_ns() - asked - round(self._interval_s * NS_PER_S))

    def note(self, late_ns: int) -> None:
        """Count one sample; waking early counts as not late."""
        late_ns = max(0, late_ns)
        self._last_ns = late_ns
        self._peak_ns = max(self._peak_ns, late_ns)
        self._total_ns += late_ns
        self._counts[bisect_left(LAG_BUCKETS_NS, late_ns)] += 1

    def statistics(self) -> LagStatistics:
        """The numbers since start."""
        return LagStatistics(
            self._last_ns, self._peak_ns, self._total_ns, sum(self._counts), tuple(self._counts)
        )
