"""The cross-examination of book and quotes: two streams of one venue must tell the same best bid and ask.

A venue that numbers both with one counter (Binance: `u` of depth and of bookTicker) gives a free oracle: at an equal id
price and size of the rebuilt best levels must equal the quote's. It judges; it does not repair.

Rules
  1. Quotes are ordered by update id; one at or below the newest is a duplicate or late and is dropped. But two
     that ascend, more than MAX_LAG ids below the newest, say that the newest was no id of this stream: it is forgotten.
     While two of our own sockets overlap, what the second one says again is expected and only counted.
  2. A quote at the book's id is checked at once; one beyond it is kept until the book gets there.
  3. When the book passes a kept quote's id without standing on it, that quote had no counterpart and is let go.
  4. Agreement widens what the book may show to the quoted prices. A book is wrong that is crossed, that has a level
     better than the quoted best, another quantity at its price, or no level there though the price is certified. A
     quoted price beyond the certified range that the book does not know proves nothing: it may never have been told.
  5. A quote that waits longer than BEHIND_NS says that the updates up to it do not come: the book is behind. Where none
     has come since it was last behind, MUTE_NS are enough.
"""

from __future__ import annotations

from collections import deque
from math import inf

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.errors import CrossedBook
from bethna.core.market import Level, Quote
from bethna.logic.book import OrderBook

MAX_KEPT = 4096
KEPT_FAILURES = 10
MAX_LAG = 1_000_000
BEHIND_NS = 5 * NS_PER_S
MUTE_NS = NS_PER_S
Best = tuple[Level | None, Level | None]


class QuoteCheck:
    """Counts agreements and disagreements for one instrument; `failures` keeps the first few for a person.

    Attributes:
        waits: quotes beyond the book's id (rule 2); while there is none, a book that moved needs no look.
    """

    def __init__(self) -> None:
        self.ok = 0
        self.failed = 0
        self.uncertain = 0
        self.quotes = 0
        self.duplicates = 0
        self.late = 0
        self.overlaps = 0
        self.overlapping = False
        self.latest: Quote | None = None
        self.irregular: deque[Gap] = deque(maxlen=MAX_KEPT)
        self.failures: list[tuple[Quote, Best]] = []
        self._newest_id = -1
        self._below_id = -1
        self.waits: deque[Quote] = deque(maxlen=MAX_KEPT)

    def quote(self, quote: Quote, book: OrderBook | None) -> bool:
        """Take a quote while `book` stands (None: no trusted book); False when it was dropped."""
        update_id = quote.update_id
        if update_id is not None:
            if update_id <= self._newest_id and not self._begins_anew(update_id):  # rule 1
                self._name(quote, update_id)
                return False
            self._newest_id = update_id
            if book is None or update_id > book.update_id:
                self.waits.append(quote)
            elif update_id == book.update_id:
                self._judge(quote, book)
        self.quotes += 1
        self.latest = quote
        return True

    def book_moved(self, book: OrderBook) -> None:
        """The book took one more update (rules 2 and 3)."""
        kept = self.waits
        book_id = book.update_id
        while kept:
            update_id = kept[0].update_id
            if update_id is None or update_id > book_id:
                return
            quote = kept.popleft()
            if update_id == book_id:
                self._judge(quote, book)

    def behind(self, now: int, *, mute: bool) -> int | None:
        """The update id that the venue quoted and the book does not come to (rule 5), None while it does.

        `now` is on the clock of `ts_recv`. `mute`: no update has come since the book was last behind.
        """
        if not self.waits or now - self.waits[0].ts_recv <= (MUTE_NS if mute else BEHIND_NS):
            return None
        return self.waits[0].update_id

    def _begins_anew(self, update_id: int) -> bool:
        """Rule 1, second half."""
        if self._newest_id - update_id <= MAX_LAG:
            return False
        before, self._below_id = self._below_id, update_id
        if not 0 <= before < update_id:
            return False
        self._below_id = -1
        self.waits.clear()
        return True

    def _name(self, quote: Quote, update_id: int) -> None:
        if self.overlapping:
            self.overlaps += 1
            return
        doubled = update_id == self._newest_id
        self.duplicates += doubled
        self.late += not doubled
        reason = "duplicate" if doubled else "reordered"
        self.irregular.append(
            Gap("quotes", update_id, update_id, quote.ts_recv, quote.ts_recv, reason, healed=True)
        )

    def _judge(self, quote: Quote, book: OrderBook) -> None:
        """Rule 4."""
        told_bid, told_ask = (quote.bid, quote.bid_quantity), (quote.ask, quote.ask_quantity)
        try:
            bid, ask = book.best()
            wrong = _contradicts(bid, told_bid, 1, certified=book.certifies(quote.bid, -inf)) or _contradicts(
                ask, told_ask, -1, certified=book.certifies(inf, quote.ask)
            )
        except CrossedBook:
            bid, ask, wrong = None, None, True
        if (bid, ask) == (told_bid, told_ask):
            self.ok += 1
            book.confirm(quote.bid, quote.ask)
        elif not wrong:
            self.uncertain += 1
        else:
            self.failed += 1
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append((quote, (bid, ask)))


def _contradicts(best: Level | None, told: Level, better: int, *, certified: bool) -> bool:
    """Whether a side's best level cannot be when `told` is; `better` is 1 where higher prices are better, else -1."""
    if best is None or (told[0] - best[0]) * better > 0:  # the quoted level is not there
        return certified
    return best != told
