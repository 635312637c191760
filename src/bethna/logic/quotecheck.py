"""The cross-examination of book and quotes: two streams of one venue must tell the same best bid and ask.

A venue that numbers both with one counter (Binance: `u` of depth and of bookTicker) gives a free oracle: at an equal id
price and size of the rebuilt best levels must equal the quote's. It judges; it does not repair.

Rules
  1. Quotes are ordered by update id; one at or below the newest is a duplicate or late and is dropped.
  2. A quote at the book's id is checked at once; one beyond it is kept until the book gets there.
  3. When the book passes a kept quote's id without standing on it, that quote had no counterpart and is let go.
  4. Agreement widens what the book may show to the quoted prices. Disagreement outside the certified range proves
     nothing, since untold levels may lie there; inside it the book is wrong.
"""

from __future__ import annotations

from collections import deque

from bethna.core.coverage import Gap
from bethna.core.errors import CrossedBook
from bethna.core.market import Level, Quote
from bethna.logic.book import OrderBook

MAX_KEPT = 4096
KEPT_FAILURES = 10
Best = tuple[Level | None, Level | None]


class QuoteCheck:
    """Counts agreements and disagreements for one instrument; `failures` keeps the first few for a person."""

    def __init__(self) -> None:
        self.ok = 0
        self.failed = 0
        self.uncertain = 0
        self.quotes = 0
        self.duplicates = 0
        self.late = 0
        self.latest: Quote | None = None
        self.irregular: deque[Gap] = deque(maxlen=MAX_KEPT)
        self.failures: list[tuple[Quote, Best]] = []
        self._newest_id = -1
        self._kept: deque[Quote] = deque(maxlen=MAX_KEPT)

    def quote(self, quote: Quote, book: OrderBook | None) -> bool:
        """Take a quote while `book` stands (None: no trusted book); False when it was dropped."""
        update_id = quote.update_id
        if update_id is not None:
            if update_id <= self._newest_id:  # rule 1
                self._name(quote, update_id)
                return False
            self._newest_id = update_id
            if book is None or update_id > book.update_id:
                self._kept.append(quote)
            elif update_id == book.update_id:
                self._judge(quote, book)
        self.quotes += 1
        self.latest = quote
        return True

    def book_moved(self, book: OrderBook) -> None:
        """The book took one more update (rules 2 and 3)."""
        kept = self._kept
        book_id = book.update_id
        while kept:
            update_id = kept[0].update_id
            if update_id is None or update_id > book_id:
                return
            quote = kept.popleft()
            if update_id == book_id:
                self._judge(quote, book)

    def _name(self, quote: Quote, update_id: int) -> None:
        doubled = update_id == self._newest_id
        self.duplicates += doubled
        self.late += not doubled
        reason = "duplicate" if doubled else "reordered"
        self.irregular.append(
            Gap("quotes", update_id, update_id, quote.ts_recv, quote.ts_recv, reason, healed=True)
        )

    def _judge(self, quote: Quote, book: OrderBook) -> None:
        """Rule 4."""
        try:
            best = book.best()
        except CrossedBook:
            best = (None, None)
        if best == ((quote.bid, quote.bid_quantity), (quote.ask, quote.ask_quantity)):
            self.ok += 1
            book.confirm(quote.bid, quote.ask)
        elif not book.certifies(quote.bid, quote.ask):
            self.uncertain += 1
        else:
            self.failed += 1
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append((quote, best))
