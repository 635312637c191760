"""Whose frame it is: Binance's spellings to our instruments; it never asks the venue."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import ValidationError

from bethna.core.instrument import Instrument, instrument_id, split_joined
from bethna.venues.binance.spec import SPEC

_LONGEST_SYMBOL = 32


class NotASymbol(ValidationError):
    """A text that is no symbol, or ends in no quote currency that we know."""


class Symbols:
    """The learned instruments by `BTCUSDT` and by `btcusdt`, and a guess where none was learned."""

    def __init__(self) -> None:
        self._by_symbol: dict[str, Instrument] = {}
        self._by_lower: dict[str, Instrument] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take Binance's among `instruments`; a later one of the same spelling replaces an earlier one."""
        for instrument in instruments:
            if instrument.venue == SPEC.name:
                self._by_symbol[instrument.venue_symbol] = instrument
                self._by_lower[instrument.venue_symbol.lower()] = instrument

    def by_symbol(self, venue_symbol: str) -> Instrument:
        """The instrument behind `BTCUSDT`: learned, else guessed by its quote currency (`verified` False).

        A guess can be wrong: only the catalogue knows where a symbol splits. Raises NotASymbol.
        """
        return self._by_symbol.get(venue_symbol) or _guess(venue_symbol)

    def by_stream(self, stream: str) -> Instrument:
        """The instrument of `btcusdt@trade`. Raises NotASymbol, also for a stream of all such as `!miniTicker@arr`."""
        name, _, kind = stream.partition("@")
        if not kind:
            raise NotASymbol(f"expected a stream such as btcusdt@trade, found {stream[:80]!r}")
        return self._by_lower.get(name) or _guess(name)


def _guess(venue_symbol: str) -> Instrument:
    symbol = venue_symbol.upper()
    halves = split_joined(symbol) if symbol.isalnum() and len(symbol) <= _LONGEST_SYMBOL else None
    if halves is None:
        raise NotASymbol(f"expected a symbol such as BTCUSDT, found {venue_symbol[:80]!r}")
    base, quote = halves
    return Instrument(instrument_id(f"{base}-{quote}", SPEC.name), SPEC.name, base, quote, symbol)
