"""Which of a venue's hosts to try next; it connects to none.

Rules
  1. The first host that is not being avoided, in the venue's order of preference.
  2. A host that says `not from here` is avoided for `blocked_ns`.
  3. A host that could not be reached `TRIES` times in a row is avoided for a while that doubles, up to `LONGEST_NS`.
  4. When every host is avoided, the one whose time is up first: attempts go on and wrap around.
  5. A host that worked is trusted again at once. A better one is tried again when its time is up and a connection is
     made anyway; nobody is cut for it.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S

TRIES = 2
FIRST_NS = 60 * NS_PER_S
LONGEST_NS = 1800 * NS_PER_S


class HostChoice:
    """The standing of `count` hosts, named by their index. `now` is monotonic nanoseconds."""

    def __init__(self, count: int, blocked_ns: int) -> None:
        if count < 1:
            raise ValueError("expected at least one host, found none")
        self._blocked_ns = blocked_ns
        self._avoided_until = [0] * count
        self._failures = [0] * count

    def choose(self, now: int) -> int:
        """The index of the host to try now (rules 1, 4)."""
        for index, until in enumerate(self._avoided_until):
            if until <= now:
                return index
        return min(range(len(self._avoided_until)), key=self._avoided_until.__getitem__)

    def is_avoided(self, index: int, now: int) -> bool:
        """Whether a host is only tried for want of a better one."""
        return self._avoided_until[index] > now

    def blocked(self, index: int, now: int) -> None:
        """The host answered `not from here` (rule 2)."""
        self._avoided_until[index] = now + self._blocked_ns

    def failed(self, index: int, now: int) -> None:
        """The host could not be reached, or did not serve (rule 3)."""
        self._failures[index] += 1
        rounds, left = divmod(self._failures[index], TRIES)
        if not left:
            pause = min(LONGEST_NS, FIRST_NS << min(rounds - 1, 16))
            self._avoided_until[index] = max(self._avoided_until[index], now + pause)

    def worked(self, index: int) -> None:
        """The host serves us (rule 5)."""
        self._failures[index] = 0
        self._avoided_until[index] = 0
