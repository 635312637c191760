"""Where a twin is in time: from the host's clocks to instants that never go back, and how late; it waits for nothing.

Rules
  1. Time goes on with the monotonic clock from the wall time of now; what lies between the beginning and now (building
     a world takes a while) is caught up with.
  2. A wall clock that is more than `AHEAD_NS` ahead is followed: the host has slept, or its clock was set.
     One that was set back is not: what has happened has happened.
  3. The twin goes towards the present in strides of `STRIDE_NS` at most, so that its clients are served while it
     catches up; until it is there, its time is late.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_MS, NS_PER_S, Clock

AHEAD_NS = NS_PER_S
STRIDE_NS = 100 * NS_PER_MS


class Course:
    """Where a twin is in time.

    Args:
        start: ns UTC, where it begins.

    Attributes:
        reached: ns UTC, how far it has come. behind_ns: how far from the present that was.
        late_ns, worst_late_ns: how much later than due the last call came and, of all calls, the latest.
    """

    def __init__(self, clock: Clock, start: int) -> None:
        self._clock = clock
        self._offset = max(start, clock.now_ns()) - clock.monotonic_ns()
        self.start = start
        self.reached = start
        self.behind_ns = 0
        self.late_ns = 0
        self.worst_late_ns = 0

    def present(self) -> int:
        """The present, ns UTC (rules 1 and 2)."""
        now = self._clock.monotonic_ns() + self._offset
        ahead = self._clock.now_ns() - now
        if ahead > AHEAD_NS:
            self._offset += ahead
            now += ahead
        return now

    def stride(self, due: int) -> int:
        """Go towards the present, where something was to happen at `due`; how far it has come now (rule 3)."""
        present = self.present()
        self.reached = max(self.reached, min(present, self.reached + STRIDE_NS))
        self.behind_ns = max(0, present - self.reached)
        self.late_ns = max(0, present - due)
        self.worst_late_ns = max(self.worst_late_ns, self.late_ns)
        return self.reached

    def wait_s(self, until: int) -> float:
        """Seconds to wait for an instant of the twin; 0 while it has to catch up."""
        if self.behind_ns:
            return 0.0
        return max(0, until - self.present()) / NS_PER_S
