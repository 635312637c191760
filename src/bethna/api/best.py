"""One best price across venues as a client hears it: the Structs of its routes, made of the desk's facts; no route.

Instants are integer microseconds UTC, missing is null. It decides nothing: who is in and who is out the desk has said.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from bethna.api.answers import age_ms, coverage_card, micros_or_none
from bethna.api.protocol import CoverageCard
from bethna.core.consolidated import (
    AppliedRate,
    BestPrice,
    ConsolidatedBook,
    MergedLevel,
    OutReason,
    VenueQuote,
)
from bethna.core.instrument import split_id


class RateCard(Struct, frozen=True, gc=False):
    """What a venue's prices were converted by: what a unit of its currency fetches and costs, and at whose quotes."""

    pair: str
    bid: float
    ask: float
    bid_at: str
    ask_at: str
    ts_recv: int | None
    age_ms: int | None
    coverage: CoverageCard


class VenueQuoteRow(Struct, frozen=True, gc=False):
    """One venue that was looked at; `out` is null when it is in, else the word for why not, and `why` says it."""

    instrument: str
    venue: str
    symbol: str
    bid: float | None
    bid_quantity: float | None
    ask: float | None
    ask_quantity: float | None
    own_bid: float | None
    own_ask: float | None
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    out: OutReason | None
    why: str
    rate: RateCard | None
    coverage: CoverageCard


class BestAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/best and the `best` topics: the consolidated best bid and offer of a pair."""

    symbol: str
    base: str
    quote: str
    convert: tuple[str, ...]
    bid: float | None
    bid_quantity: float | None
    bid_total: float | None
    bid_at: str | None
    ask: float | None
    ask_quantity: float | None
    ask_total: float | None
    ask_at: str | None
    crossed_by: tuple[str, str] | None
    venues: list[VenueQuoteRow]
    ts_recv: int | None
    age_ms: int | None
    coverage: CoverageCard
    notice: str | UnsetType = UNSET


class BestBookAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/best/{pair}/book: levels as [price, quantity, {venue: quantity}], best first."""

    symbol: str
    base: str
    quote: str
    bids: list[MergedLevel]
    asks: list[MergedLevel]
    certified_depth: int
    bids_end_at: str | None
    asks_end_at: str | None
    crossed_by: tuple[str, str] | None
    venues: list[VenueQuoteRow]
    ts_recv: int | None
    age_ms: int | None
    coverage: CoverageCard
    notice: str | UnsetType = UNSET


def best_answer(price: BestPrice, now_ns: int, notice: str | None = None) -> BestAnswer:
    """A best price for the wire; ages count from reception by the desk's clock."""
    return BestAnswer(
        price.symbol, price.base, price.quote, price.convert,
        price.bid, price.bid_quantity, price.bid_total, price.bid_at,
        price.ask, price.ask_quantity, price.ask_total, price.ask_at,
        price.crossed_by, [venue_row(each, now_ns) for each in price.venues],
        micros_or_none(price.ts_recv), age_ms(now_ns, price.ts_recv), coverage_card(price.coverage), notice or UNSET,
    )  # fmt: skip


def best_book_answer(book: ConsolidatedBook, now_ns: int, notice: str | None = None) -> BestBookAnswer:
    """A merged book for the wire."""
    return BestBookAnswer(
        book.symbol, book.base, book.quote, book.bids, book.asks, book.certified_depth,
        book.bids_end_at, book.asks_end_at, book.crossed_by, [venue_row(each, now_ns) for each in book.venues],
        micros_or_none(book.ts_recv), age_ms(now_ns, book.ts_recv), coverage_card(book.coverage), notice or UNSET,
    )  # fmt: skip


def venue_row(venue: VenueQuote, now_ns: int) -> VenueQuoteRow:
    """One venue for the wire."""
    symbol, name = split_id(venue.instrument)
    return VenueQuoteRow(
        venue.instrument, name, symbol,
        venue.bid, venue.bid_quantity, venue.ask, venue.ask_quantity, venue.own_bid, venue.own_ask,
        micros_or_none(venue.ts_event), micros_or_none(venue.ts_recv), age_ms(now_ns, venue.ts_recv),
        venue.out, venue.why, None if venue.rate is None else _rate_card(venue.rate, now_ns),
        coverage_card(venue.coverage),
    )  # fmt: skip


def _rate_card(rate: AppliedRate, now_ns: int) -> RateCard:
    return RateCard(
        rate.pair, rate.bid, rate.ask, rate.bid_at, rate.ask_at,
        micros_or_none(rate.ts_recv), age_ms(now_ns, rate.ts_recv), coverage_card(rate.coverage),
    )  # fmt: skip
