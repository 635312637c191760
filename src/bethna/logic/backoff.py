"""How long to wait before the next connection attempt; it neither waits nor connects.

Rules
  1. The ceiling doubles with every failure in a row, from `first_s` up to `max_s`.
  2. The delay is drawn evenly between nothing and the ceiling (full jitter), so that a thousand clients that lost one
     server do not come back together.
  3. A connection counts as good only after data has flowed over it for `stable_after_s`. A server that accepts and
     cuts therefore meets growing delays.
  4. The loss of a good connection is no failure; it starts the count over.
  5. Who was refused by name (not from here, no access) has lost no server, and comes back more calmly: the ceiling
     begins at REFUSED_S, and half of it is waited in any case.

Source: "Exponential Backoff And Jitter", Marc Brooker, AWS Architecture Blog, 2015 ("full jitter").
"""

from __future__ import annotations

from typing import Protocol

from bethna.core.clock import seconds

REFUSED_S = 5.0
_MAX_DOUBLINGS = 32


class Rng(Protocol):
    """Where dice come from above floor 2; `random.Random` is one."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


class Backoff:
    """Counts failures in a row and turns them into delays.

    Args:
        first_s, max_s: ceiling of the first delay and of all delays, seconds.
        stable_after_s: how long data must have flowed for a connection to count as good, seconds.

    Attributes:
        failures: attempts in a row that did not become good connections.
    """

    def __init__(self, first_s: float, max_s: float, stable_after_s: float, rng: Rng) -> None:
        self._figures = first_s, max_s, stable_after_s
        self._first_ns = seconds(first_s)
        self._max_ns = max(self._first_ns, seconds(max_s))
        self._stable_ns = seconds(stable_after_s)
        self._rng = rng
        self.failures = 0

    def another(self) -> Backoff:
        """One of the same figures that counts for itself."""
        return Backoff(*self._figures, self._rng)

    @property
    def ceiling_ns(self) -> int:
        """The longest that the next delay can be, nanoseconds (rule 1)."""
        return self._ceiling(self._first_ns)

    def _ceiling(self, first_ns: int) -> int:
        return min(self._max_ns, first_ns << min(max(0, self.failures - 1), _MAX_DOUBLINGS))

    def delay(self, flowed_ns: int, *, refused: bool = False) -> int:
        """Nanoseconds to wait after a connection over which data flowed for `flowed_ns` has ended.

        Args:
            refused: rule 5.
        """
        if flowed_ns >= self._stable_ns:
            self.failures = 0  # rules 3, 4
        else:
            self.failures += 1
        if refused:
            ceiling = self._ceiling(max(self._first_ns, seconds(REFUSED_S)))  # rule 5
            return int((1.0 + self._rng.random()) / 2 * ceiling)
        return int(self._rng.random() * self.ceiling_ns)  # rule 2

    def steady(self) -> None:
        """The connection has become a good one while it lives (rule 3)."""
        self.failures = 0
