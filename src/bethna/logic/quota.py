"""What we may still ask of a venue: messages and connections in a sliding window, REST weight in a calendar minute.

It answers "how long must this wait" and keeps count; it never waits and never asks.

Rules
  1. A sliding window never holds more than `limit` takes in ANY stretch of its length, ends included. (A token bucket
     of the same rate lets nearly twice as many through in its first stretch.)
  2. Weight is counted per calendar minute of the venue's clock; a new minute starts at nothing.
  3. What the venue says it has counted wins when it is more than we counted: others may use the same address.
  4. We spend at most `share` of the limit, so that two desks behind one address do not ban each other. A request
     heavier than that may still go when nothing else was spent in this minute.
  5. 429 and 418 stop everything until the venue's Retry-After has passed; without that figure a 429 costs a minute and
     a 418 two, which are the venue's own shortest. A stop is never shortened by a later, shorter one.
  6. A weight that was taken in the minute before does not count, even when its answer arrives in the next one.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from bethna.core.clock import NS_PER_S, seconds

MINUTE_NS = 60 * NS_PER_S
_STOP_S = 60.0
_BAN_S = 120.0


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
        """Allow nothing before `when`: the venue said so (rule 5)."""
        self._closed_until = max(self._closed_until, when)

    def take(self, now: int) -> None:
        """Count one; the caller has asked `wait` before."""
        taken = self._taken
        taken.append(max(now, taken[-1]) if taken else now)


class WeightKeeper:
    """REST request weight of one venue and address. `now` is ns UTC, by the venue's clock as far as it is known.

    Attributes:
        limit: weight a minute, the venue's own figure once it is known.
        stopped_until: ns UTC, 0 when nothing is stopped. banned: the stop was a 418.
    """

    def __init__(self, limit: int, *, share: float = 0.8) -> None:
        self.limit = limit
        self.stopped_until = 0
        self.banned = False
        self._share = share
        self._minute = -1
        self._used = 0

    def used(self, now: int) -> int:
        """Weight spent in the current minute (rule 2)."""
        return self._used if now // MINUTE_NS <= self._minute else 0

    def wait(self, weight: int, now: int) -> int:
        """Nanoseconds until a request of `weight` may go; 0 means now."""
        if now < self.stopped_until:
            return self.stopped_until - now  # rule 5
        used = self.used(now)
        if used == 0 or used + weight <= self.limit * self._share:  # rule 4
            return 0
        return max(1, (self._minute + 1) * MINUTE_NS - now)

    def take(self, weight: int, now: int) -> None:
        """Count a request that goes out now."""
        self._roll(now)
        self._used += weight

    def learn_used(self, used: int, sent: int) -> None:
        """The venue's own count, from the answer to a request that went out at `sent` (rules 3, 6)."""
        if sent // MINUTE_NS >= self._minute:
            self._roll(sent)
            self._used = max(self._used, used)

    def learn_limit(self, weight_per_minute: int) -> None:
        """The venue's own limit."""
        if weight_per_minute > 0:
            self.limit = weight_per_minute

    def stop(self, now: int, retry_after_s: float | None, *, banned: bool) -> float:
        """The venue said 429, or 418 (`banned`); seconds until anything may go again (rule 5)."""
        if retry_after_s is None:
            retry_after_s = _BAN_S if banned else _STOP_S
        until = now + seconds(retry_after_s)
        if until >= self.stopped_until:
            self.stopped_until = until
            self.banned = banned
        return (self.stopped_until - now) / NS_PER_S

    def _roll(self, now: int) -> None:
        minute = now // MINUTE_NS
        if minute > self._minute:
            self._minute = minute
            self._used = 0
