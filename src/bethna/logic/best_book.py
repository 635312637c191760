"""The books of several venues as one: levels merged by price, with whose quantity is how much of it.

A machine without memory. Who takes part is judged as for the best price, without conversion: a book in another currency
is another book.

Rules
  1. A venue takes part with its trusted book. One that has a quote alone is out: it tells of no depth.
  2. The result ends where the first of the books ends that is no whole side: below that another venue's levels would
     stand alone, as if this one had none. Whose book that is, is said.
  3. A level is the sum of what stands at exactly that price; each venue's part is beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum

from bethna.core.consolidated import ConsolidatedBook, MergedLevel, VenueQuote
from bethna.core.instrument import split_id
from bethna.core.market import InstrumentId, Level
from bethna.core.status import Trust
from bethna.logic.best_price import (
    VenueMarket,
    best_of,
    certificate,
    crossing,
    judged,
    left_out,
    oldest,
)

Side = Callable[[VenueMarket], tuple[Sequence[Level], bool]]
"""Its levels, best first, and whether they are all that there are."""


def consolidated_book(markets: Sequence[VenueMarket], base: str, quote: str, depth: int) -> ConsolidatedBook:
    """The merged book of `base` in `quote`.

    Args:
        markets: as for the best price, each with `depth` levels of its book, fewer where it certifies fewer.
    """
    without = {each.instrument.id for each in markets if each.book.trust == Trust.OFF}
    venues = tuple(_with_book(each, without) for each in judged(markets, base, quote))
    inside = {each.instrument for each in venues if each.out is None}
    merged = [each for each in markets if each.instrument.id in inside]
    bids, bids_end = _merge(merged, lambda each: (each.book.bids, each.whole_bids), depth, -1)
    asks, asks_end = _merge(merged, lambda each: (each.book.asks, each.whole_asks), depth, 1)
    return ConsolidatedBook(
        base, quote, bids, asks, min(len(bids), len(asks)), bids_end, asks_end, crossing(*best_of(venues)), venues,
        oldest(each.ts_recv for each in venues if each.out is None), certificate(venues),
    )  # fmt: skip


def _with_book(venue: VenueQuote, without: set[InstrumentId]) -> VenueQuote:
    """Rule 1."""
    if venue.out is None and venue.instrument in without:
        return left_out(venue, "no book", "this desk follows no books of it")
    return venue


def _merge(
    markets: Sequence[VenueMarket], side: Side, depth: int, direction: int
) -> tuple[list[MergedLevel], InstrumentId | None]:
    """Rules 2 and 3. `direction` is 1 where a higher price is further from the best."""
    parts: dict[float, dict[str, float]] = {}
    end: tuple[float, InstrumentId] | None = None
    for market in markets:
        levels, whole = side(market)
        for price, quantity in levels[:depth]:
            parts.setdefault(price, {})[split_id(market.instrument.id)[1]] = quantity
        if len(levels) < depth and not whole:
            last = direction * levels[-1][0]
            if end is None or last < end[0]:
                end = last, market.instrument.id
    ordered = sorted(parts, key=lambda price: direction * price)
    shown = [price for price in ordered if end is None or direction * price <= end[0]][:depth]
    rows = [(price, fsum(parts[price].values()), parts[price]) for price in shown]
    return rows, end[1] if end is not None and len(rows) < depth else None
