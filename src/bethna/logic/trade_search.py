"""The way through a venue's history of trades from one id to another, page by page; it asks nobody itself.

Rules
  1. Pages are asked for from the first id that is not there yet. A venue whose history goes by time is told the time of
     a trade before it, less a margin, then that of the newest trade it gave.
  2. A page that begins before the ids shows that the venue goes by time: it is asked for whole pages from then on, and
     MOST_FRUITLESS in a row may bring nothing of them.
  3. A page that brings nothing newer ends the search: the venue has no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.market import Trade

PAGE = 1000
SINCE_MARGIN_NS = NS_PER_S
MOST_FRUITLESS = 20


class TradeQuestion(Struct, frozen=True):
    """What to ask: trades from an id on, at most `limit`. `since`: ns UTC by the venue's clock, where one is known."""

    first_id: int
    limit: int
    since: int | None


class TradeSearch:
    """One search.

    Args:
        first, last: ids, inclusive. start: when the trade before the first was, ns UTC; None where that is not known.
    """

    def __init__(self, first: int, last: int, start: int | None) -> None:
        self._first, self._last = first, last
        self._at = first
        self._since = None if start is None else max(0, start - SINCE_MARGIN_NS)
        self._newest = -1
        self._fruitless = 0
        self._by_time = False
        self._ended = False
        self._found = 0

    @property
    def is_whole(self) -> bool:
        """Whether history had all of them."""
        return self._found == self._last - self._first + 1

    def ask(self) -> TradeQuestion | None:
        """The next question, None when there is none."""
        if self._ended or self._at > self._last or self._fruitless >= MOST_FRUITLESS:
            return None
        limit = PAGE if self._by_time else min(PAGE, self._last - self._at + 1)
        return TradeQuestion(self._at, limit, self._since)

    def answer(self, trades: Sequence[Trade]) -> list[Trade]:
        """What came of it; those of it that are wanted and new, ascending."""
        ids = {trade.trade_id for trade in trades}
        if max(ids, default=-1) <= self._newest:
            self._ended = True  # rule 3
            return []
        wanted = {each.trade_id: each for each in trades if self._at <= each.trade_id <= self._last}
        self._found += len(wanted)
        self._newest, self._since = max((trade.trade_id, trade.ts_event) for trade in trades)
        self._by_time = self._by_time or min(ids) < self._at  # rule 2
        self._fruitless = self._fruitless + 1 if self._newest < self._at else 0
        self._at = max(self._at, self._newest + 1)
        return [wanted[number] for number in sorted(wanted)]
