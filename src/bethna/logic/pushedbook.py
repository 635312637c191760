"""Books of venues that push their snapshots: unnumbered updates get numbers that `booksync` knows; it keeps no book.

Such a venue says a snapshot on the socket when a book is subscribed, and changes after it, without ids: they follow
each other by the order of one connection. Whether one was lost, only the venue's own proof can tell (a checksum, a
count of all messages), and the codec that reads it raises a doubt.

Rules
  1. A snapshot begins the book of its connection. From then on that connection alone is heard: what an older one still
     says is the same once more, and is let go.
  2. Updates are numbered in the order in which they are heard. The count is the desk's own and goes on over snapshots
     and connections.
  3. An update without a snapshot of its connection before it has no book to change and is let go.
  4. When the heard connection ends, any other may begin the book anew. Until one does the book stands still.
  5. A doubt takes one number, of whatever it was that went missing. Its book stands still, and its connection is not
     heard, until there is another snapshot.
  6. A book that an update has crossed is doubted at once: changes came in another order than they were made, or one was
     lost. (Of 6,272 recorded changes of Coinbase none left its book crossed.)
  7. A first snapshot of a connection that has told changes before it may be older than those: it is doubted, once.
  8. Quotes carry no number either. Two that are a second apart, both of other best prices than the book's, with no
     update of the book since before the first: updates do not come, and the book is doubted.
  9. Another snapshot of the venue may agree with the book (`services.comparing`). Where no update can be lost unseen
     (`counted`), that proves the prices that were compared until the book is doubted or begins anew, since whatever
     has changed among them was heard; elsewhere it says only when the book was last seen to be right. A book that began
     less than STANDING_NS ago is not proven by it: both snapshots may be of a time before what was missed.
"""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.errors import CrossedBook
from bethna.core.market import BookDelta, BookSnapshot, Level, Quote
from bethna.core.wire import BookDoubt
from bethna.logic.book import OrderBook
from bethna.logic.bookcompare import Reach
from bethna.logic.booksync import BookSync
from bethna.logic.quotecheck import QuoteCheck

APART_NS = NS_PER_S
STANDING_NS = 20 * NS_PER_S
"""An answer from a venue's memory is younger than that."""
NOWHERE: Reach = (inf, -inf)


class PushedBook:
    """The way of one instrument's unnumbered updates into its `BookSync`.

    Args:
        quotes: of the same instrument; read, not told (rule 8).

    Attributes:
        epoch: the connection that is heard, 0 for none.
        proven: levels a side that the venue's proof covers, None for all. doubts: how many were raised.
        proved: updates heard that the venue's checksum confirmed, since only then the codec hands them on.
        counted: as of its snapshot.
        since: when its snapshot came, ns UTC by the desk's clock.
        compared_at, compared_levels: when another snapshot last agreed with this book, ns UTC by the desk's clock, and
            in how many levels of both sides; None and 0 before.
        overlaps: updates and doubts of connections that are not heard any more (rule 1). early: updates of rule 3.
    """

    def __init__(self, sync: BookSync, quotes: QuoteCheck) -> None:
        self.epoch = 0
        self.proven: int | None = 0
        self.doubts = 0
        self.proved = 0
        self.counted = False
        self.compared_at: int | None = None
        self.compared_levels = 0
        self.since = 0
        self.overlaps = 0
        self.early = 0
        self._sync = sync
        self._quotes = quotes
        self._count = 0
        self._newest = 0
        self._begun = 0
        self._early_on = 0
        self._highest_bid = -inf
        self._lowest_ask = inf
        self._first: Quote | None = None
        self._first_at = -1
        self._agreed: Reach = NOWHERE
        sync.log.numbered = False

    def snapshot(self, snapshot: BookSnapshot) -> bool:
        """A book as its connection begins it, or begins it anew; True when the desk's book stands on it."""
        epoch = snapshot.epoch
        if epoch < self._newest:
            self.overlaps += (
                1  # the older of two sockets, resubscribed while the newer one has the book already
            )
            return False
        raced = self._early_on == epoch > self._begun  # rule 7
        self._begun = max(self._begun, epoch)
        self.epoch = self._newest = epoch
        self.proven, self.counted, self.since = snapshot.proven, snapshot.counted, snapshot.ts_recv
        self._forget_comparison()
        self._sync.connected(snapshot.ts_recv)
        if not self._sync.snapshot(replace(snapshot, last_id=self._count)) or self._is_crossed(
            snapshot.ts_recv
        ):
            return False
        if raced:
            self.disproved("its connection told changes before the snapshot", snapshot.ts_recv)
        return not raced

    def apply(self, delta: BookDelta) -> bool:
        """One change; True when the book moved."""
        if delta.epoch != self.epoch:
            if delta.epoch < self._newest:
                self.overlaps += 1
            else:
                self.early += 1  # rule 3
                self._early_on = delta.epoch
            return False
        self._count += 1
        if self.proven:
            self.proved += 1
        moved = self._sync.apply(replace(delta, first_id=self._count, last_id=self._count))
        highest, lowest = self._highest_bid, self._lowest_ask
        for price, quantity in delta.bids:
            if price > highest and quantity:
                highest = price
        for price, quantity in delta.asks:
            if price < lowest and quantity:
                lowest = price
        if moved and highest >= lowest:
            self._is_crossed(delta.ts_recv)
        else:
            self._highest_bid, self._lowest_ask = highest, lowest
        return moved

    def tick(self, now: int) -> None:
        """Let time pass, for the book too."""
        self._sync.tick(now)
        self._look_at_quotes()

    def ended(self, epoch: int, ts: int) -> None:
        """A connection has ended (rule 4)."""
        if epoch == self._newest:
            self._newest = 0
        if epoch == self.epoch:
            self._stand_still("the connection that carried the book has ended", ts)

    def doubt(self, doubt: BookDoubt) -> None:
        """The venue's proof fails (rule 5)."""
        if doubt.epoch != self.epoch:
            self.overlaps += 1
            return
        self.disproved(doubt.reason, doubt.ts_recv)

    def disproved(self, reason: str, ts: int) -> None:
        """The book is wrong, whoever found it (rule 5)."""
        if self.epoch:
            self.doubts += 1
            self._stand_still(reason, ts)

    def compared(self, levels: int, reach: Reach, ts: int) -> None:
        """Another snapshot of the venue agrees in so many levels, as far as `reach` (rule 9)."""
        if self.epoch and levels:
            self.compared_at, self.compared_levels = ts, levels
            self._agreed = reach if ts - self.since >= STANDING_NS else NOWHERE

    def proves(self, levels: tuple[list[Level], list[Level]] | None = None) -> bool:
        """Whether the whole book, or these best levels of it, best first, are proven."""
        book, proven = self._sync.book, self.proven
        if proven is None or book is None:
            return True
        bids, asks = levels or (book.bids, book.asks)
        if max(len(bids), len(asks)) <= proven:
            return True
        if not self.counted or self.compared_at is None:
            return False
        lowest = levels[0][-1:] if levels else [(min(book.bids, default=inf), 0.0)]
        highest = levels[1][-1:] if levels else [(max(book.asks, default=-inf), 0.0)]
        low, high = self._agreed
        return all(price >= low for price, _ in lowest) and all(price <= high for price, _ in highest)

    def _forget_comparison(self) -> None:
        self.compared_at, self.compared_levels, self._agreed = None, 0, NOWHERE

    def _is_crossed(self, ts: int) -> bool:
        """Rule 6: only a new bid at or above the lowest ask since the last look, or the reverse, leads here."""
        book = self._sync.book
        assert book is not None  # it has just been stood upon, or moved
        try:
            bid, ask = book.best()
        except CrossedBook:
            self.disproved(f"its best bid {max(book.bids)} is not below its best ask {min(book.asks)}", ts)
            return True
        self._highest_bid, self._lowest_ask = bid[0] if bid else -inf, ask[0] if ask else inf
        return False

    def _look_at_quotes(self) -> None:
        """Rule 8."""
        book, quote, first = self._sync.book, self._quotes.latest, self._first
        if book is None or quote is None or quote is first or quote.update_id is not None or not self.epoch:
            return
        if _older(quote, *self._sync.stands_at()) or _agrees(book, quote):
            self._first = None
        elif first is None or self._first_at != self._count:
            self._first, self._first_at = quote, self._count
        elif quote.ts_recv - first.ts_recv >= APART_NS:
            self._first = None
            self.disproved("no update comes, and the venue quotes other prices", quote.ts_recv)

    def _stand_still(self, reason: str, ts: int) -> None:
        self.epoch = 0
        self._forget_comparison()
        self._count += 1
        self._sync.expect(self._count, ts, reason)


def _older(quote: Quote, ts_event: int | None, ts_recv: int | None) -> bool:
    """Whether a quote is not known to be newer than the book, by the venue's time or by ours: quotes may be late."""
    if quote.ts_recv <= (ts_recv or 0):
        return True
    return quote.ts_event is not None and ts_event is not None and quote.ts_event <= ts_event


def _agrees(book: OrderBook, quote: Quote) -> bool:
    bid, ask = book.best()
    return bid is not None and ask is not None and (bid[0], ask[0]) == (quote.bid, quote.ask)
