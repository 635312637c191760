"""How many digits prices and quantities of an instrument have, as its venue says or as was seen; it formats nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.core.instrument import Instrument
from bethna.core.market import Quote, Trade
from bethna.core.money import decimals_of

UNSEEN = (2, 8)
"""Digits of a price and of a quantity before any was seen."""


def digits_of(instrument: Instrument, trades: Sequence[Trade], quote: Quote | None) -> tuple[int, int]:
    """Digits of prices and quantities: the catalogue's, else those of some trades and a quote."""
    tick, lot = instrument.tick_size, instrument.lot_size
    prices = [trade.price for trade in trades]
    sizes = [trade.quantity for trade in trades]
    if quote is not None:
        prices += [quote.bid, quote.ask]
        sizes += [quote.bid_quantity, quote.ask_quantity]
    return (
        decimals_of(tick) if tick else max(map(decimals_of, prices), default=UNSEEN[0]),
        decimals_of(lot) if lot else max(map(decimals_of, sizes), default=UNSEEN[1]),
    )
