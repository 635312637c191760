"""Our own feed path with everything taken out that makes figures certain: what coverage costs, by what is left.

The same codec, feeds, book, candles, bus and subscriber as `benchmarks/ours.py`. Left out: the order and contiguity of
trade ids, the chain of book updates, holding and healing, trust, the cross-examination of book and quotes.
"""

from __future__ import annotations

from benchmarks.contestant import CallbackContestant, serve
from benchmarks.ours import wire
from bethna.core.market import BookDelta, Trade
from bethna.logic.feed import InstrumentFeed
from bethna.services.feeds import Feeds


def without_coverage(feeds: Feeds, feed: InstrumentFeed) -> None:
    """Take the machines out of the way of trades and of book updates."""
    sync, publish = feed.booksync, feed._publish_book  # noqa: SLF001 - the path itself is what is measured

    def apply_delta(delta: BookDelta) -> None:
        book = sync.book
        if book is not None and delta.last_id > book.update_id:  # the prelude is older than the snapshot
            book.apply(delta.bids, delta.asks, delta.last_id)
            sync.applied += 1
            sync.last = delta
            publish(delta)

    routes = feeds._routes  # noqa: SLF001 - likewise
    routes[Trade][feed.id] = feed._release  # noqa: SLF001 - likewise
    routes[BookDelta][feed.id] = apply_delta


if __name__ == "__main__":
    serve(CallbackContestant(lambda read_top: wire(read_top, without_coverage), ("bethna", "msgspec")))
