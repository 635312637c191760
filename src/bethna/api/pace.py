"""How often one address may ask: a bucket of permits for each, filled at an even pace; it refuses nothing itself.

Rules, cited by the code:

1. A bucket holds BURST_S seconds' worth of permits (one at least) and begins full; a request takes one.
2. Only what asks the desk counts: its API, its description, the handshake of its WebSocket. Files and /metrics do not.
"""

from __future__ import annotations

from math import ceil

from bethna.api.addresses import Table
from bethna.core.clock import NS_PER_S, Clock

BURST_S = 4.0
_COUNTED = ("/api/", "/schema", "/ws")


class _Bucket:
    """Permits as they were at an instant."""

    __slots__ = ("at_ns", "permits")

    def __init__(self, permits: float, at_ns: int) -> None:
        self.permits = permits
        self.at_ns = at_ns


class Pace:
    """The limit of a desk.

    Args:
        per_s: requests a second for each address; 0 is no limit.
        clock: of the host; its monotonic time is asked.
    """

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._most = max(1.0, per_s * BURST_S)
        self._buckets = Table(lambda: _Bucket(self._most, clock.monotonic_ns()))

    def wait_s(self, address: str, path: str) -> int:
        """0 when the request may come in, else whole seconds after which one may."""
        if not self._per_s or not path.startswith(_COUNTED):  # rule 2
            return 0
        now_ns, bucket = self._clock.monotonic_ns(), self._buckets.of(address)
        since_s = (now_ns - bucket.at_ns) / NS_PER_S
        bucket.permits = min(self._most, bucket.permits + since_s * self._per_s)
        bucket.at_ns = now_ns
        if bucket.permits < 1:
            return max(1, ceil((1 - bucket.permits) / self._per_s))
        bucket.permits -= 1
        return 0

    @property
    def addresses(self) -> int:
        """How many are remembered."""
        return len(self._buckets)
