"""One instrument's time by its venue's clock: what it is now, how far trades are known and proven, what is in doubt.

It joins the machines that each know a part (`frontier`, `leaps`, `absence`); it keeps no trades and reads no clock.

Rules
  1. The venue's time is its measured clock, or a newer time that it has told and that its clock can say. A time beyond
     that is kept with what told it and moves nothing here.
  2. A measured clock that goes back by less than `STEP_NS` was measured anew and stands until it is passed; by more, it
     was set back, and so is what is known.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.logic.absence import Absence
from bethna.logic.frontier import Frontier
from bethna.logic.leaps import Leaps

STEP_NS = 2 * NS_PER_S


class VenueTime:
    """One instrument's. Instants are ns UTC by the venue's clock, 0 where not known; `traded` is the newest trade's.

    Attributes:
        clock: the venue's clock as measured at the last tick.
    """

    __slots__ = ("_latest", "away", "clock", "frontier", "leaps")

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.leaps = Leaps()
        self.away = Absence()
        self.clock = 0
        self._latest = 0

    def tick(
        self, now: int, clock: int, limit_ns: int | None, heard: int, traded: int, *, whole: bool
    ) -> None:
        """Let time pass.

        Args:
            now: the desk's clock. clock: the venue's as measured, 0 before that.
            limit_ns: the most that the venue's clock can be ahead of the desk's, None where not measured.
            heard: the newest event of any kind. whole: no gap is open and no newer trade was named.
        """
        if clock and self.clock - clock > STEP_NS:  # rule 2
            self.clock = clock
            self.frontier.set_back(clock)
        self.clock = max(self.clock, clock)
        self._latest = 0 if limit_ns is None else max(self.clock, now + limit_ns)
        self.leaps.tick(limit_ns, self.clock)
        self.frontier.tick(heard, traded, self.clock, whole=whole)

    def believed(self, told: int) -> int:
        """A time that was told, or the clock where that cannot say it (rule 1)."""
        return self.clock if self._latest and told > self._latest else told

    def now(self, *told: int) -> int:
        """The venue's time as far as it is known (rule 1)."""
        return max(self.clock, *map(self.believed, told))

    def known_until(self, traded: int) -> int:
        """How far the trades are known."""
        return max(self.frontier.until, self.believed(traded))

    def proven_until(self, traded: int) -> int:
        """How far it is proven that none is missing; beyond, as far as they are known, they are unverified."""
        return max(self.frontier.proven, self.believed(traded))

    def judge(self, ts_event: int, ts_recv: int, before: int, reached: int) -> None:
        """A trade in the order of ids, unless it is of the second of one that was judged.

        Args:
            before: the time of the trade before it. reached: the newest time that any trade was told with.
        """
        self.leaps.judge(ts_event, ts_recv, max(before, self.frontier.until) or self.clock, reached)

    def gaps(self, reached: int, traded_at: int | None, now: int) -> list[Gap]:
        """What of the time is in doubt: leaps, and the absence of sockets.

        Args:
            reached: see `judge`. traded_at: when a trade last came, by the desk's clock. now: see `now`.
        """
        return [*self.leaps.gaps(self.clock, reached), *self.away.gaps(traded_at, now)]
