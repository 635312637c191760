"""Venues made by hand for the tests of the consolidated price: what each says now, in a line."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.core.coverage import Coverage, Provenance, State, unknown
from bethna.core.instrument import Contract, Instrument
from bethna.core.market import BookView, InstrumentId, Level, Quote
from bethna.core.status import StreamState, Trust
from bethna.logic.best_price import VenueMarket

AT = 1_723_161_240_000_000_000


def said(
    name: str,
    bids: Sequence[Level] = (),
    asks: Sequence[Level] = (),
    *,
    state: StreamState = "live",
    message: str = "",
    trust: Trust = Trust.TRUSTED,
    quote: tuple[float, float] | None = None,
    at: int | None = AT,
    proof: State = State.COMPLETE,
    provenance: Provenance = Provenance.LIVE,
    tradable: bool = True,
    contract: Contract | None = None,
    whole: bool = False,
) -> VenueMarket:
    """A venue with a book, best first; with `quote` and no book where books are off."""
    symbol, _, venue = name.partition("@")
    base, _, currency = symbol.partition("-")
    known = InstrumentId(name)
    instrument = Instrument(
        known, venue, base, currency, f"{base}{currency}", tradable=tradable, verified=True, contract=contract
    )
    coverage = Coverage(provenance, proof, (), (venue,), at)
    if quote is not None:
        trust = Trust.OFF
    nothing = unknown(venue, provenance=provenance)
    book = BookView(
        known, list(bids), list(asks), 7 if bids or asks else None, trust, min(len(bids), len(asks)), at, at,
        coverage if bids or asks else nothing,
    )  # fmt: skip
    told = None if quote is None else Quote(known, quote[0], 1.0, quote[1], 2.0, None, None, at or 0)
    return VenueMarket(instrument, state, message, book, told, coverage, whole_bids=whole, whole_asks=whole)


def top(name: str, bid: float, ask: float, quantity: float = 1.0, *, at: int | None = AT) -> VenueMarket:
    """A venue with one level a side."""
    return said(name, [(bid, quantity)], [(ask, quantity)], at=at)
