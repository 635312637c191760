"""The way through a venue's history of candles, page by page, into bars without a hole; it asks nobody itself.

Rules
  1. Each question begins at the first interval that was not answered yet and goes over as many as a page holds.
  2. An answer speaks for the intervals that were asked for, and for those up to its last candle: a venue that has
     nothing for some goes on with the next. What it has no candle for is filled as its rules say (`logic/bars`), but
     for an interval that is not over: of that only the venue can tell.
  3. What opens before the first candle of a venue that keeps only the newest is too old for it: `too_old`.
  4. A venue that leaves out quiet intervals says nothing before its first candle, and nothing yet after its last one of
     what ended less than SETTLED_NS ago. Those stay unknown, `unheard`; the next question may tell.
  5. A candle that stands on no opening of our calendar is counted as a stray, one from before the question as repeated;
     neither is used. An answer with repeated ones is older than its question and speaks up to its last candle only;
     where it holds nothing else it is none, and is to be asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

from bethna.core.bars import Bar, BarKind, CandleRules
from bethna.core.clock import NS_PER_S
from bethna.core.market import VenueCandle
from bethna.logic.bars import fill, of_venue

SETTLED_NS = 30 * NS_PER_S


class CandlePages:
    """One way through [start, end), of one interval of the venue's.

    Args:
        like: an unknown bar of the series. source: the venue.
        start, end: ns UTC; `end` exclusive. now: the venue's time; what has not begun by then is not asked for.
        before: the newest known bar before `start`, for the close of quiet ones.

    Attributes:
        strays, repeated: candles of rule 5.
    """

    def __init__(
        self,
        rules: CandleRules,
        like: Bar,
        source: str,
        start: int,
        end: int,
        now: int,
        before: Bar | None = None,
    ) -> None:
        self.strays = 0
        self.repeated = 0
        self._rules = rules
        self._like = like
        self._interval = like.interval
        self._source = source
        self._now = now
        self._end = min(end, now)
        opened = self._interval.open_time(start)
        self._at = opened if opened == start else self._interval.close_time(opened)
        self._last = [] if before is None or before.close is None else [before]
        self._told = bool(self._last)

    def ask(self) -> tuple[int, int] | None:
        """From which opening on, and how many candles (rule 1); None when all is answered."""
        if self._at >= self._end:
            return None
        return self._at, min(self._rules.page, self._count(self._at, self._end))

    def answer(self, candles: Sequence[VenueCandle]) -> list[Bar] | None:
        """Bars of what is answered now, ascending, one for each interval; None when it is no answer (rule 5).

        Args:
            candles: what came of the last question, ascending.
        """
        asked = self.ask()
        if asked is None:
            return []
        start, count = asked
        repeated = self.repeated
        told = [
            of_venue(each, self._interval, self._source, self._like.coverage.provenance)
            for each in candles
            if self._is_usable(each, start)
        ]
        if not told and self.repeated > repeated:
            return None
        end = self._after(start, count)
        if told and self.repeated > repeated:
            end = told[-1].close_time
        elif told:
            end = max(end, told[-1].close_time)
        elif candles and not self._rules.skips_quiet:
            end = max(end, self._end)  # the next that it has lies beyond
        beyond = bool(candles) and all(each.open_time >= self._end for each in candles)
        filled = self._fill(told, start, end, beyond=beyond)
        self._at = end
        self._last = [bar for bar in filled if bar.close is not None][-1:] or self._last
        return filled

    def give_up(self, reason: str) -> list[Bar]:
        """The question cannot be answered: its intervals are unknown, `reason`, and the way goes on behind them."""
        asked = self.ask()
        if asked is None:
            return []
        start, count = asked
        self._at = self._after(start, count)
        self._last = []
        unknown = fill([], self._like, start, min(self._at, self._end), skips_quiet=False, reason=reason)
        return [bar for bar in unknown if bar.close_time <= self._now]

    def _fill(self, told: list[Bar], start: int, end: int, *, beyond: bool) -> list[Bar]:
        """Rules 2 to 4; `beyond`: all that was answered is younger than the span."""
        first, early = start, ""
        if told and not self._told:
            first = told[0].open_time
            early = (
                "unheard"
                if self._rules.skips_quiet
                else "too_old"
                if self._rules.newest
                else "not_in_history"
            )
        elif not self._told and self._rules.skips_quiet:
            first, early = end, "unheard"
        elif not self._told and self._rules.newest and beyond:
            first, early = end, "too_old"
        self._told = self._told or bool(told)
        before = fill([], self._like, start, first, skips_quiet=False, reason=early)
        rest = fill(
            [*self._last, *told], self._like, first, end, skips_quiet=self._rules.skips_quiet,
            reason="not_in_history",
        )  # fmt: skip
        known = {bar.open_time for bar in told}
        return [
            self._settled(bar, told)
            for bar in (*before, *rest)
            if bar.open_time < self._end and (bar.close_time <= self._now or bar.open_time in known)
        ]

    def _settled(self, bar: Bar, told: list[Bar]) -> Bar:
        """Rule 4: a quiet bar that nobody told and that ended just now is unknown."""
        if bar.kind is not BarKind.QUIET or not self._rules.skips_quiet:
            return bar
        if bar.close_time <= self._now - SETTLED_NS or (told and bar.open_time < told[-1].open_time):
            return bar
        return fill([], self._like, bar.open_time, bar.close_time, skips_quiet=False, reason="unheard")[0]

    def _is_usable(self, candle: VenueCandle, start: int) -> bool:
        """Rule 5."""
        if self._interval.open_time(candle.open_time) != candle.open_time:
            self.strays += 1
            return False
        if candle.open_time < start:
            self.repeated += 1
            return False
        return candle.open_time < self._end

    def _after(self, start: int, count: int) -> int:
        at = start
        for _ in range(count):
            at = self._interval.close_time(at)
        return at

    def _count(self, start: int, end: int) -> int:
        count, at = 0, start
        while at < end and count < self._rules.page:
            at = self._interval.close_time(at)
            count += 1
        return count
