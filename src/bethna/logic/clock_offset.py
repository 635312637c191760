"""How far the venue's clock is from the host's, venue minus host; it reads neither.

Two methods, and the answer says which one it stands on:

`rest`    A request for the venue's time, as NTP does it: the venue's answer was given somewhere between sending and
          receiving, so offset = server - middle, wrong by at most half the round trip. The sample with the shortest
          round trip wins.
`events`  The venue's stamps on stream events minus our receive time: the median of many. It is too low by the time
          that events travel, so it only speaks where there is no `rest`.

Rules
  1. A round trip that is negative (the host's clock was stepped meanwhile) gives no sample.
  2. Samples of `rest` older than `MAX_AGE_NS` are forgotten.
  3. A new `rest` sample that contradicts an old one by more than both can be wrong shows that a clock was stepped; the
     older one is dropped.
  4. When the two methods differ by more than `SUSPECT_NS`, `suspect` asks for a new measurement; a stepped clock and
     late data look alike until then.
  5. The median of `events` is counted anew every RECOUNT_EVENTS samples: clocks drift slowly, sorting is not free.
  6. A `rest` sample that can be wrong by more than FINE_NS (a long way, a venue that says whole seconds) only bounds
     the offset: within its bounds the events speak.
  7. The most that the venue's clock can be ahead: the offset with what it can be wrong by, and PLAUSIBLE_NS for what
     the venue's own machines differ by and for drift until the next measurement. Where only events speak it is
     EVENTS_PLAUSIBLE_NS beyond them: they are too low by as much as they came late.
  8. Who sees times beyond that doubts the measurement, and so does a host's clock that was set: measure again. What the
     host's clock was set back by, its monotonic clock has told: the samples follow, they are not wrong.

Source of the bound: RFC 5905, section 8 (on-wire protocol): |error| <= round trip / 2.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Literal

from msgspec import Struct

from bethna.core.clock import NS_PER_S

Method = Literal["rest", "events"]

MAX_AGE_NS = 1800 * NS_PER_S
SUSPECT_NS = 2 * NS_PER_S
FINE_NS = NS_PER_S // 10
PLAUSIBLE_NS = 2 * NS_PER_S
EVENTS_PLAUSIBLE_NS = 60 * NS_PER_S
KEPT_REST = 16
KEPT_EVENTS = 255
MIN_EVENTS = 5
RECOUNT_EVENTS = 16


class RestSample(Struct, frozen=True, gc=False):
    """One answered question for the time; `error_ns` bounds how wrong `offset_ns` can be, `taken` is monotonic ns."""

    offset_ns: int
    error_ns: int
    taken: int


class ClockOffset:
    """The offset of one venue. Wall times are ns UTC by the clock that is named; `now` is monotonic ns."""

    def __init__(self) -> None:
        self._rest: deque[RestSample] = deque(maxlen=KEPT_REST)
        self._events: deque[int] = deque(maxlen=KEPT_EVENTS)
        self._new_events = 0
        self._median: int | None = None
        self._doubted = False

    def rest(self, sent: int, received: int, server: int, now: int, coarse_ns: int = 0) -> None:
        """The venue said `server`, cut off to multiples of `coarse_ns`, in answer to a question of these host times."""
        if received < sent:  # rule 1
            return
        middle, error = (sent + received) // 2, (received - sent + 1 + coarse_ns) // 2
        sample = RestSample(server + coarse_ns // 2 - middle, error, now)
        self._doubted = False
        kept = [old for old in self._rest if _agree(old, sample)]  # rule 3
        if len(kept) < len(self._rest):
            self._events.clear()  # they were measured against the old clock
            self._median = None
        self._rest.clear()
        self._rest.extend((*kept, sample))

    def event(self, ts_event: int, ts_recv: int) -> None:
        """One stream event; to be called now and then, not for each."""
        self._events.append(ts_event - ts_recv)
        self._new_events += 1

    def best(self, now: int) -> RestSample | None:
        """The `rest` sample to believe, None without a fresh one (rule 2)."""
        fresh = (sample for sample in self._rest if now - sample.taken <= MAX_AGE_NS)
        return min(fresh, key=lambda sample: (sample.error_ns, -sample.taken), default=None)

    def measured(self, now: int) -> tuple[int, Method] | None:
        """The offset in nanoseconds and how it was measured; None before any sample."""
        best, by_events = self.best(now), self._by_events()
        if best is None:
            return None if by_events is None else (by_events, "events")
        if by_events is None or best.error_ns <= FINE_NS:
            return best.offset_ns, "rest"
        lowest, highest = best.offset_ns - best.error_ns, best.offset_ns + best.error_ns  # rule 6
        return min(max(by_events, lowest), highest), "events" if lowest <= by_events <= highest else "rest"

    def offset_ns(self, now: int) -> int | None:
        """Venue minus host, nanoseconds; None before any sample."""
        measured = self.measured(now)
        return None if measured is None else measured[0]

    def limit_ns(self, now: int) -> int | None:
        """The most that a time of the venue can be after its reception (rule 7); None before any sample."""
        best, by_events = self.best(now), self._by_events()
        if best is not None:
            return best.offset_ns + best.error_ns + PLAUSIBLE_NS
        return None if by_events is None else by_events + EVENTS_PLAUSIBLE_NS

    def doubt(self) -> None:
        """Something contradicts the measurement (rule 8)."""
        self._doubted = True

    def host_set_back(self, by_ns: int) -> None:
        """The host's clock was set back (rule 8)."""
        for index, old in enumerate(self._rest):
            self._rest[index] = RestSample(old.offset_ns + by_ns, old.error_ns, old.taken)
        for index, offset in enumerate(self._events):
            self._events[index] = offset + by_ns
        self._median = None
        self._doubted = True

    def suspect(self, now: int) -> bool:
        """Something contradicts what was measured: measure again (rules 4 and 8)."""
        if self._doubted:
            return True
        best, by_events = self.best(now), self._by_events()
        if best is None or by_events is None:
            return False
        return abs(by_events - best.offset_ns) > SUSPECT_NS + best.error_ns

    def _by_events(self) -> int | None:
        """Rule 5: the median is counted anew when enough samples came since."""
        if len(self._events) < MIN_EVENTS:
            return None
        if self._median is None or self._new_events >= RECOUNT_EVENTS:
            self._new_events = 0
            self._median = round(median(self._events))
        return self._median


def _agree(old: RestSample, new: RestSample) -> bool:
    return abs(old.offset_ns - new.offset_ns) <= old.error_ns + new.error_ns
