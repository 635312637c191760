"""The way through a venue's history of trades, page by page, into bars; it asks nobody itself.

It is for what a venue's own candles do not reach, where its trades go back for ever.

Rules
  1. A question asks for trades from an instant on, inclusive: that of the last trade that was told, so that two pages
     overlap in it. Ids that count on from page to page say that nothing lies between them.
  2. A bar is told when a trade after its end was, or the venue has no more: it is traded, or quiet where there was none
     between two trades that follow each other. What lies before the first trade that was told is unknown, `unheard`.
  3. Where ids leave some out, the bars from the trade before to the trade after are unknown, `missing`.
  4. A page that brings no trade that is new is the end: the venue has told all. What is younger than SETTLED_NS then is
     unknown, `unheard`.
  5. How much is left is told from the pace of what came, so that nobody begins what would take an hour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bethna.core.bars import Bar, BarKind
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, State
from bethna.core.market import Trade
from bethna.core.money import from_lots
from bethna.logic.bars import fill, unknown_bar
from bethna.logic.bulk_bars import aggregate, lots_of

SETTLED_NS = 30 * NS_PER_S


class TradePages:
    """One way through [start, end), of one interval.

    Args:
        like: an unknown bar of the series. source: the venue. page: trades that one answer holds at most.
        start, end: ns UTC, both openings; all of it is over.
        scale: lots per unit of quantity. now: the venue's time.
    """

    def __init__(
        self, like: Bar, source: str, span: tuple[int, int], page: int, scale: int, now: int
    ) -> None:
        self._like = like
        self._interval = like.interval
        self._source = source
        self._start, self._end = span
        self._page = page
        self._scale = scale
        self._now = now
        self._at = self._start
        self._since = self._start
        self._open: list[Trade] = []
        self._newest: Trade | None = None
        self._holes: list[tuple[int, int, str]] = []
        self._before: list[Bar] = []
        self._heard = 0

    def ask(self) -> int | None:
        """From which instant on, inclusive, ns UTC (rule 1); None when all is answered."""
        return self._since if self._at < self._end else None

    def left(self) -> int | None:
        """How many more pages there will be, by the pace of those that came (rule 5); None before the first."""
        if self._newest is None:
            return None
        passed = max(1, self._newest.ts_event - self._start)
        return max(0, self._end - self._newest.ts_event) * self._heard // passed // self._page + 1

    def answer(self, trades: Sequence[Trade]) -> list[Bar]:
        """Bars that are told now, ascending, one for each interval (rules 2 to 4).

        Args:
            trades: what came of the last question, ascending by id.
        """
        fresh = [each for each in trades if self._newest is None or each.trade_id > self._newest.trade_id]
        if not fresh:
            return self._finish()
        for each in fresh:
            if self._newest is None:
                self._holes.append((self._start, self._interval.open_time(each.ts_event), "unheard"))
            elif each.trade_id != self._newest.trade_id + 1:  # rule 3
                self._holes.append((self._newest.ts_event, each.ts_event + 1, "missing"))
            self._newest = each
        self._since = fresh[-1].ts_event
        self._heard += len(fresh)
        self._open += fresh
        return self._tell(min(self._interval.open_time(fresh[-1].ts_event), self._end))

    def give_up(self, reason: str) -> list[Bar]:
        """It goes no further: the rest is unknown, `reason`."""
        rest = fill([], self._like, self._at, self._end, skips_quiet=False, reason=reason)
        self._at = self._end
        return rest

    def _finish(self) -> list[Bar]:
        """Rule 4."""
        settled = self._interval.open_time(self._now - SETTLED_NS)
        told = self._tell(min(settled, self._end)) if self._newest is not None else []
        return [*told, *self.give_up("unheard")]

    def _tell(self, until: int) -> list[Bar]:
        """The bars up to `until`, an opening."""
        if until <= self._at:
            return []
        inside = [each for each in self._open if each.ts_event < until]
        self._open = [each for each in self._open if each.ts_event >= until]
        bars = fill([*self._before, *self._traded(inside)], self._like, self._at, until, skips_quiet=True)
        self._before = [bar for bar in bars if bar.close is not None][-1:]
        told = [self._unless_in_a_hole(bar) for bar in bars]
        self._holes = [hole for hole in self._holes if hole[1] > until]
        self._at = until
        return told

    def _traded(self, trades: Sequence[Trade]) -> list[Bar]:
        found = aggregate(
            np.array([each.ts_event for each in trades], np.int64),
            np.array([each.price for each in trades], np.float64),
            lots_of(np.array([each.quantity for each in trades], np.float64), self._scale),
            self._interval,
            np.array([each.count for each in trades], np.int64),
        )
        coverage = Coverage(self._like.coverage.provenance, State.COMPLETE, (), (self._source,), None)
        columns = (found.open_time, found.open, found.high, found.low, found.close, found.lots, found.trades)
        return [
            Bar(
                self._like.instrument, self._interval, at, BarKind.TRADED, opened, high, low, close,
                from_lots(lots, self._scale), count, True, self._source, coverage,
            )
            for at, opened, high, low, close, lots, count in zip(*(each.tolist() for each in columns), strict=True)
        ]  # fmt: skip

    def _unless_in_a_hole(self, bar: Bar) -> Bar:
        """Rule 3."""
        for begin, end, reason in self._holes:
            if begin < bar.close_time and end > bar.open_time:
                return unknown_bar(
                    bar.instrument, bar.interval, bar.open_time, reason, bar.coverage.provenance
                )
        return bar
