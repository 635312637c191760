"""What the venues say now, as the machines of the best price take it: read off the feeds; it judges nothing.

A venue whose feed cannot be read (a bug of ours) is out like a stale one, and the events say so once: the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf

from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, Clock
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Coverage, Provenance, State, unknown
from bethna.core.errors import Closed
from bethna.core.instrument import Instrument
from bethna.core.market import BookView, InstrumentId
from bethna.core.status import SystemEvent, Trust
from bethna.logic.best_book import consolidated_book
from bethna.logic.best_price import VenueMarket, best_price, concerned
from bethna.logic.feed import InstrumentFeed
from bethna.runtime.supervisor import contained
from bethna.services.feeds import Feeds


class Consolidated:
    """One price and one book of several venues, out of the feeds of one desk.

    Args:
        most_ns: how old a venue's price may be; None for any age.

    Methods raise UnknownInstrument when of the pair nothing is followed.
    """

    def __init__(
        self, feeds: Feeds, clock: Clock, provenance: Provenance, most_ns: int | None = None
    ) -> None:
        self._most_ns = most_ns
        self._feeds = feeds
        self._clock = clock
        self._provenance = provenance
        self._told: set[InstrumentId] = set()

    def best(self, base: str, quote: str, convert: Sequence[str]) -> BestPrice:
        """The consolidated best bid and offer."""
        found = concerned(self._feeds.instruments(), base, quote, convert)
        return best_price([self._market(each, 1) for each in found], base, quote, convert)

    def book(self, base: str, quote: str, depth: int) -> ConsolidatedBook:
        """The merged book."""
        found = concerned(self._feeds.instruments(), base, quote)
        return consolidated_book([self._market(each, depth) for each in found], base, quote, depth)

    def _market(self, instrument: Instrument, depth: int) -> VenueMarket:
        def report(event: SystemEvent) -> None:
            if instrument.id not in self._told:
                self._told.add(instrument.id)
                self._feeds.report(event)

        try:
            return contained(
                partial(self._read, instrument, depth), f"best:{instrument.id}", self._clock, report
            )
        except Closed:
            nothing = unknown(instrument.venue, provenance=self._provenance)
            book = BookView(instrument.id, [], [], None, Trust.UNTRUSTED, 0, None, None, nothing)
            return VenueMarket(instrument, "stale", "it cannot be read, see the events", book, None, nothing)

    def _read(self, instrument: Instrument, depth: int) -> VenueMarket:
        feed = self._feeds.feed(instrument.id)
        state, message = self._feeds.state(instrument.id), ""
        if state != "live":
            health = self._feeds.health(instrument.id)
            state, message = health.state, health.message
        view, book = _view(feed, depth), feed.booksync.book
        quoted = view.trust == Trust.OFF
        return VenueMarket(
            instrument, state, message, view, feed.quotes.latest if quoted else None,
            _of_quote(feed) if quoted else view.coverage,
            whole_bids=book is not None and book.certifies(-inf, -inf),
            whole_asks=book is not None and book.certifies(inf, inf),
            age_ns=self._age_ns(feed), most_ns=self._most_ns,
        )  # fmt: skip

    def _age_ns(self, feed: InstrumentFeed) -> int | None:
        """How old what it last said of its book or quote is: the silence since, and how late its newest event came."""
        last, quote, stood = feed.booksync.last, feed.quotes.latest, feed.booksync.stands_at()[1]
        said = [each.ts_recv for each in (last, quote) if each is not None] + (
            [] if stood is None else [stood]
        )
        if not said:
            return None
        return max(0, self._clock.now_ns() - max(said)) + round(
            (self._feeds.lag_ms((feed.id,)) or 0.0) * NS_PER_MS
        )


def _view(feed: InstrumentFeed, depth: int) -> BookView:
    """Top of book. A reader is shown nothing of a book that crosses itself; here it is seen, so that it can be said."""
    view, sync = feed.book_view(depth), feed.booksync
    if view.trust != Trust.UNTRUSTED or sync.trust is not Trust.TRUSTED or sync.book is None:
        return view
    bids, asks = sync.book.levels()
    return replace(view, bids=bids[:1], asks=asks[:1], trust=Trust.TRUSTED)


def _of_quote(feed: InstrumentFeed) -> Coverage:
    """The certificate of a quote: nothing proves it. Where it has no time, it is as old as what was last heard."""
    quote = feed.quotes.latest
    said = feed.price(stale=False, last_message=None).coverage
    as_of = said.as_of if quote is None or quote.ts_event is None else quote.ts_event
    return replace(said, state=State.UNKNOWN if quote is None else State.UNVERIFIED, gaps=(), as_of=as_of)
