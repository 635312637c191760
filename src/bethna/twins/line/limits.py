"""How much may be asked in which time: windows, pools and what is kept by address; it answers nothing.

Rules
  1. A window lets `limit` pass in any stretch of its length; what it refuses is not counted.
  2. A pool refills evenly up to its size; what costs more than there is takes nothing.
  3. At most `MAX_ADDRESSES` are remembered; beyond that the one that came first is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, ItemsView
from typing import Generic, TypeVar

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S

T = TypeVar("T")
MAX_ADDRESSES = 1000


class Rules(Struct, frozen=True):
    """What every venue has rules about; its own are added by inheritance, tests scale them. 0 is no such rule.

    Attributes:
        ping_every_s, pong_within_s, life_s: of a connection.
        subscribe_within_s: a connection that has not subscribed by then is closed.
        idle_s: one on which nothing was said and nothing heard for so long is closed, at most a quarter later.
        messages_per_s: inbound, pings and pongs included.
        delayed_frames: what may wait on one connection before it is cut. kept_losses: of each list of the ledger.
    """

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    life_s: float = 86_400.0
    subscribe_within_s: float = 0.0
    idle_s: float = 0.0
    messages_per_s: int = 5
    delayed_frames: int = 100_000
    kept_losses: int = 100_000


class Window:
    """At most `limit` in any `span_ns` (rule 1)."""

    __slots__ = ("_span_ns", "_taken", "limit")

    def __init__(self, limit: int, span_ns: int = NS_PER_S) -> None:
        self.limit = limit
        self._span_ns = span_ns
        self._taken: deque[int] = deque(maxlen=limit)

    def take(self, now: int) -> bool:
        """Count one; False when it is one too many."""
        taken = self._taken
        if len(taken) == self.limit and now - taken[0] < self._span_ns:
            return False
        taken.append(now)
        return True

    def free_at(self, now: int) -> int:
        """When the next may pass, ns; `now` when it may at once."""
        full = len(self._taken) == self.limit
        return max(now, self._taken[0] + self._span_ns) if full else now


class Pool:
    """Credits: `size` at most, `refill_per_s` more each second (rule 2)."""

    __slots__ = ("_left", "_refill_per_s", "_seen", "size")

    def __init__(self, size: float, refill_per_s: float) -> None:
        self.size = size
        self._refill_per_s = refill_per_s
        self._left = size
        self._seen: int | None = None

    def left(self, now: int) -> float:
        """What there is."""
        if self._seen is not None and now > self._seen:
            grown = self._left + (now - self._seen) * self._refill_per_s / NS_PER_S
            self._left = min(self.size, grown)
        self._seen = now if self._seen is None else max(now, self._seen)
        return self._left

    def take(self, cost: float, now: int) -> bool:
        """Pay; False when it cannot be paid."""
        if self.left(now) < cost:
            return False
        self._left -= cost
        return True


class Gates(Generic[T]):
    """Something for each address, made when it is first asked for (rule 3)."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._gates: dict[str, T] = {}

    def of(self, address: str) -> T:
        """This address's own."""
        gate = self._gates.get(address)
        if gate is None:
            if len(self._gates) >= MAX_ADDRESSES:
                del self._gates[next(iter(self._gates))]
            gate = self._gates[address] = self._make()
        return gate

    def items(self) -> ItemsView[str, T]:
        """Those that are remembered, in the order in which they came."""
        return self._gates.items()


def retry_after_s(until: int, now: int) -> int:
    """Whole seconds to wait, at least one."""
    return max(1, -((now - until) // NS_PER_S))


def venue_ms(ts: int) -> int:
    """An instant in whole milliseconds."""
    return ts // NS_PER_MS
