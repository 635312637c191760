"""The way through a venue's history of trades from one id to another, page by page; it asks nobody itself.

Rules
  1. Pages are asked for from the first id that is not there yet. A venue whose history goes by time is told the time of
     a trade before it, less a margin, then that of the newest trade it gave.
  2. A page that begins before the ids shows that the venue goes by time: it is asked for whole pages from then on, and
     MOST_FRUITLESS in a row may bring nothing of them.
  3. A page that brings nothing newer ends the search: the venue has no more.
  4. A venue that is asked by a span of time tells a page of it, the newest or the oldest of it. It is asked for its
     newest trades first; each page takes what it spans from one end of what is missing, and its own last trade there
     bounds the next span. A page that moves no bound ends the search.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.market import Trade

PAGE = 1000
SINCE_MARGIN_NS = NS_PER_S
MOST_FRUITLESS = 20


class TradeQuestion(Struct, frozen=True):
    """What to ask: trades from an id on, at most `limit`.

    Attributes:
        since, until: ns UTC by the venue's clock of trades around those that are wanted, where they are known.
    """

    first_id: int
    limit: int
    since: int | None
    until: int | None = None


class Search(ABC):
    """One search, of whichever way.

    Args:
        first, last: ids, inclusive. start: when the trade before the first was, ns UTC; None where that is not known.
    """

    def __init__(self, first: int, last: int, start: int | None) -> None:
        self._first, self._last = first, last
        self._since = None if start is None else max(0, start - SINCE_MARGIN_NS)
        self._fruitless = 0
        self._ended = False
        self._found = 0

    @property
    def is_whole(self) -> bool:
        """Whether history had all of them."""
        return self._found == self._last - self._first + 1

    @abstractmethod
    def ask(self) -> TradeQuestion | None:
        """The next question, None when there is none."""

    @abstractmethod
    def answer(self, trades: Sequence[Trade]) -> list[Trade]:
        """What came of it; those of it that are wanted and new, ascending."""


def search_for(first: int, last: int, start: int | None, *, by_span: bool) -> Search:
    """The way that a venue knows; see `Search` for the arguments, and rule 4 for `by_span`."""
    return SpanSearch(first, last, start) if by_span else TradeSearch(first, last, start)


class TradeSearch(Search):
    """From an id or a time on."""

    def __init__(self, first: int, last: int, start: int | None) -> None:
        super().__init__(first, last, start)
        self._at = first
        self._newest = -1
        self._by_time = False

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


class SpanSearch(Search):
    """By spans of time (rule 4)."""

    def __init__(self, first: int, last: int, start: int | None) -> None:
        super().__init__(first, last, start)
        self._missing = (first, last)
        self._until: int | None = None

    def ask(self) -> TradeQuestion | None:
        """The next question, None when there is none."""
        low, high = self._missing
        if self._ended or low > high or self._fruitless >= MOST_FRUITLESS:
            return None
        return TradeQuestion(low, PAGE, self._since, self._until)

    def answer(self, trades: Sequence[Trade]) -> list[Trade]:
        """What came of it; those of it that are wanted and new, ascending."""
        low, high = self._missing
        wanted = {each.trade_id: each for each in trades if low <= each.trade_id <= high}
        self._found += len(wanted)
        self._fruitless = 0 if wanted else self._fruitless + 1
        before = (self._missing, self._since, self._until)
        if trades:
            self._narrow(min(trades, key=_id), max(trades, key=_id))
        self._ended = before == (self._missing, self._since, self._until)
        return [wanted[number] for number in sorted(wanted)]

    def _narrow(self, oldest: Trade, newest: Trade) -> None:
        low, high = self._missing
        if oldest.trade_id <= low <= newest.trade_id:
            low = newest.trade_id + 1
        elif low <= oldest.trade_id <= high:
            high = oldest.trade_id - 1
        self._missing = (low, high)
        if newest.trade_id < low:
            self._since = newest.ts_event if self._since is None else max(self._since, newest.ts_event)
        if oldest.trade_id > high:
            self._until = oldest.ts_event if self._until is None else min(self._until, oldest.ts_event)


def _id(trade: Trade) -> int:
    return trade.trade_id
