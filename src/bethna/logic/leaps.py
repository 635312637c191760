"""Where a venue's times ran ahead of its clock: what was told with such times, and the time that nobody saw.

It is told what the venue's clock can say at most; it measures nothing and changes no trade's time.

Rules
  1. A trade is ahead when its time is later than its reception by more than `limit_ns`: the most that the venue's clock
     can be ahead of the desk's (`clock_offset`, rule 7). Before a clock is measured nothing is ahead.
  2. The first trade that is ahead opens a leap. From the last known instant on it is not known when trades happened:
     that is a gap, `clock_ahead`, which grows with the clock; and so are the times that were told meanwhile.
  3. When the clock, measured anew, can say such a time, it was set. Then the times are right from the leap on, and what
     lies between the last known instant and the leap is a gap, `clock_set`: by these times nobody has seen it.
  4. The next trade whose time lies between the last known instant and the leap shows that the times have returned. The
     gap ends with it; the span of the wrong times stays marked, also when the clock comes there.
  5. A clock that was set and whose times return may have been set back, or its data is old: until the measured clock
     has said which, all from the last known instant to the newest time is marked.
  6. The desk's own clock that was set back makes every time look ahead: such a leap is taken back.
  7. At most MOST_LEAPS are kept apart; of older ones one gap remains, from the first to the last of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from bethna.core.coverage import Gap

MOST_LEAPS = 50


class Leap:
    """One of them. `before`, `at`, `returned` and `reached` are the venue's times, ns UTC.

    Attributes:
        before: the last known instant. at: the first time that was ahead.
        excess_ns: how much later than its reception that was.
        was_set: the clock has said that time since (rule 3).
        returned: the time of the trade that ended it. reached: the end of the times that were told meanwhile.
        sure: the measured clock does not contradict the return (rule 5).
    """

    __slots__ = ("at", "before", "excess_ns", "reached", "returned", "sure", "was_set")

    def __init__(self, before: int, at: int, excess_ns: int) -> None:
        self.before = min(before, at)
        self.at = at
        self.excess_ns = excess_ns
        self.was_set = False
        self.returned: int | None = None
        self.reached = at
        self.sure = False

    @property
    def open(self) -> bool:
        """The times are ahead still, as far as is known."""
        return self.returned is None and not self.was_set

    def gaps(self, clock: int, reached: int) -> Iterator[Gap]:
        """What of the venue's time is in doubt; see `Leaps.gaps`."""
        if self.returned is None:
            if self.was_set:
                yield _gap(self.before, self.at, "clock_set")
                return
            yield _gap(self.before, max(self.before, clock))
            yield _gap(self.at, max(self.at, reached))
        elif self.sure:
            yield _gap(self.before, self.returned)
            yield _gap(self.at, self.reached)
        else:
            yield _gap(self.before, self.reached)


class Leaps:
    """One instrument's.

    Attributes:
        limit_ns: rule 1; None before the clock is measured.
    """

    __slots__ = ("_fresh", "_leaps", "_merged", "limit_ns")

    def __init__(self) -> None:
        self.limit_ns: int | None = None
        self._fresh: int | None = None
        self._leaps: deque[Leap] = deque()
        self._merged: Gap | None = None

    @property
    def current(self) -> Leap | None:
        """The one that is open, None while times are right."""
        leap = self._leaps[-1] if self._leaps else None
        return leap if leap is not None and leap.open else None

    @property
    def in_doubt(self) -> bool:
        """It is not known now when trades happen."""
        leap = self._leaps[-1] if self._leaps else None
        return leap is not None and (leap.open or (leap.returned is not None and not leap.sure))

    def excess_ns(self) -> int | None:
        """How much later than its reception a time was, since this was asked last; None while all were right."""
        fresh, self._fresh = self._fresh, None
        return fresh if self.current is None else self.current.excess_ns

    def judge(self, ts_event: int, ts_recv: int, before: int, reached: int) -> None:
        """A trade in the order of ids.

        Args:
            before: up to where trades were known without it. reached: the newest time that any trade was told with.
        """
        leap = self._leaps[-1] if self._leaps else None
        if self.limit_ns is not None and ts_event - ts_recv > self.limit_ns:
            if leap is not None and leap.open:
                leap.at = min(leap.at, ts_event)
                leap.before = min(leap.before, leap.at)
            else:
                self._open(Leap(before, ts_event, ts_event - ts_recv))
        elif leap is not None and leap.returned is None and leap.before <= ts_event < leap.at:  # rule 4
            leap.returned, leap.reached, leap.sure = ts_event, max(leap.at, reached), not leap.was_set

    def tick(self, limit_ns: int | None, clock: int) -> None:
        """Let time pass. `clock`: the venue's as measured, ns UTC; 0 before that."""
        self.limit_ns = limit_ns
        leap = self._leaps[-1] if self._leaps else None
        if leap is None or limit_ns is None:
            return
        if leap.open and leap.excess_ns <= limit_ns:  # rule 3
            leap.was_set = True
        elif leap.returned is not None and clock < leap.at:  # rule 5
            leap.sure = True

    def host_set_back(self, by_ns: int) -> None:
        """The desk's own clock was set back (rule 6)."""
        leap = self.current
        if leap is None or self.limit_ns is None:
            return
        leap.excess_ns -= by_ns
        if leap.excess_ns <= self.limit_ns:
            self._leaps.pop()
            self._fresh = None

    def gaps(self, clock: int, reached: int) -> list[Gap]:
        """What of the venue's time is in doubt.

        Args:
            clock: the venue's as measured. reached: the newest time that any trade was told with.
        """
        merged = [] if self._merged is None else [self._merged]
        return [*merged, *(gap for leap in self._leaps for gap in leap.gaps(clock, reached))]

    def _open(self, leap: Leap) -> None:
        self._fresh = leap.excess_ns
        self._leaps.append(leap)
        if len(self._leaps) > MOST_LEAPS:  # rule 7
            old = [*self._leaps.popleft().gaps(0, 0), *([] if self._merged is None else [self._merged])]
            starts, ends = [gap.start or 0 for gap in old], [gap.end or 0 for gap in old]
            self._merged = _gap(min(starts), max(ends))


def _gap(start: int, end: int, reason: str = "clock_ahead") -> Gap:
    return Gap("trades", None, None, start, end, reason)
