"""Bars of one instrument and interval that are known already, so that nobody is asked twice; it asks nobody itself.

Rules
  1. A closed bar is kept for good. One that is open is not: it changes with every trade.
  2. An unknown bar is kept for RETRY_NS: its source was asked a moment ago, and later it may tell.
  3. A bar that is told again with other figures takes the place of the first, with the next revision. A known bar never
     gives way to an unknown one.
  4. Of more than `most` bars the oldest are let go.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterable, Iterator

from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.intervals import Interval
from bethna.logic.bars import opens

RETRY_NS = 60 * NS_PER_S
MOST_BARS = 200_000


class KeptBars:
    """Of one instrument and interval.

    Attributes:
        revised: bars whose figures were replaced by others.
    """

    def __init__(self, interval: Interval, *, most: int = MOST_BARS) -> None:
        self.revised = 0
        self._interval = interval
        self._most = most
        self._bars: dict[int, Bar] = {}
        self._times: list[int] = []
        self._asked: dict[int, int] = {}

    def put(self, bars: Iterable[Bar], now: int) -> list[Bar]:
        """Bars that a source told; the closed ones as they are known by now. `now`: monotonic ns."""
        stand = [self._put(bar, now) for bar in bars if bar.closed]
        surplus = len(self._times) - self._most
        if surplus > 0:  # rule 4
            for at in self._times[:surplus]:
                del self._bars[at]
                self._asked.pop(at, None)
            del self._times[:surplus]
        return stand

    def _put(self, bar: Bar, now: int) -> Bar:
        at = bar.open_time
        before = self._bars.get(at)
        nothing_known = before is None or before.kind is BarKind.UNKNOWN
        if bar.kind is BarKind.UNKNOWN:
            if before is not None and not nothing_known:
                return before
            self._asked[at] = now
        else:
            self._asked.pop(at, None)
            if before is not None and not nothing_known:
                if _figures(before) == _figures(bar):
                    return before
                self.revised += 1  # rule 3
                bar = replace(bar, revision=before.revision + 1)
        self._keep(bar)
        return bar

    def within(self, start: int, end: int) -> list[Bar]:
        """Those that open in [start, end), ascending; not all of them need to be there."""
        low, high = bisect_left(self._times, start), bisect_left(self._times, end)
        return [self._bars[at] for at in self._times[low:high]]

    def before(self, at: int) -> Bar | None:
        """The bar that ends at `at`, None where it is not known."""
        bar = self._bars.get(self._interval.earlier(at))
        return None if bar is None or bar.kind is BarKind.UNKNOWN else bar

    def settled(self, start: int, end: int, now: int) -> list[Bar]:
        """Those of them for which nobody needs to be asked (rule 2), ascending. `now`: monotonic ns."""
        return [bar for bar in self.within(start, end) if self._is_settled(bar.open_time, now)]

    def _is_settled(self, at: int, now: int) -> bool:
        asked = self._asked.get(at)
        return asked is None or now - asked < RETRY_NS

    def _keep(self, bar: Bar) -> None:
        if bar.open_time not in self._bars:
            insort(self._times, bar.open_time)
        self._bars[bar.open_time] = bar


def holes(interval: Interval, known: Container[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of [start, end) whose openings are not among the known ones, ascending, each from an opening on; ns UTC."""
    begun: int | None = None
    for at in opens(interval, start, end):
        if at in known:
            if begun is not None:
                yield begun, at
            begun = None
        elif begun is None:
            begun = at
    if begun is not None:
        yield begun, end


def _figures(bar: Bar) -> tuple[object, ...]:
    return (bar.kind, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
