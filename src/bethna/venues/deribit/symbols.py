"""Whose frame it is: Deribit's names to our instruments; it never asks the venue.

Unlike other venues' spellings, Deribit's names say what a thing is, so a guess is wrong in nothing but steps and sizes,
which no name says (None until the catalogue is learned).

Rules
  1. `BTC-PERPETUAL`, `BTC-25DEC26`, `BTC-5AUG26-76000-C`: settled in the coin (inverse), counted and struck in USD. The
     day has no leading zero, a decimal point in a strike is written `d` (`0d85`), it ends at 08:00 UTC.
  2. `BTC_USDC-PERPETUAL`, `XRP_USDC-30JUN26-0d625-C`: linear, quoted and settled in what stands after the underscore.
  3. `BTC_USDC`: spot, our `BTC-USDC`. Every other id is the venue's own name.
  4. An index is no instrument of the venue's catalogue; what it is called there (`btc_usd`) is a price index as well as
     a volatility index, so its spelling is the channel that tells it: `deribit_price_index.btc_usd` is our
     `BTC-USD-INDEX`, `deribit_volatility_index.btc_usd` our `BTC-DVOL`.
  5. Whatever else there is (combos such as `BTC-CS-28JUN24-90000_95000`) is no instrument that we name.
  6. An instrument that was guessed elsewhere from its id alone is spelt as if halves were joined (`BTCPERPETUAL`),
     which nothing here is. Its id says what it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import ValidationError
from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.instrument import Contract, Instrument, instrument_id
from bethna.venues.deribit.spec import SPEC

PRICE_INDEX = "deribit_price_index"
VOLATILITY_INDEX = "deribit_volatility_index"

_COIN = r"[A-Z0-9]{1,16}"
_NAME: Final = re.compile(
    rf"(?P<base>{_COIN})(?:_(?P<quote>{_COIN}))?"
    r"(?:-(?P<perpetual>PERPETUAL)|-(?P<date>[1-9]\d?[A-Z]{3}\d\d)(?:-(?P<strike>\d{1,12}(?:d\d{1,12})?)-(?P<option>[CP]))?)?",
    re.ASCII,
)
_INDEX: Final = re.compile(
    rf"(?P<channel>{PRICE_INDEX}|{VOLATILITY_INDEX})\.(?P<base>[a-z0-9]{{1,16}})_(?P<quote>[a-z0-9]{{1,16}})",
    re.ASCII,
)
_INDEX_ID: Final = re.compile(rf"({_COIN})(?:[-_]({_COIN}))?-(INDEX|DVOL)", re.ASCII)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EXPIRY_HOUR: Final = 8
_MOST_GUESSES: Final = 16_384


class NotASymbol(ValidationError):
    """A text that names no instrument: a combo, or nothing at all."""


class Symbols:
    """The learned instruments by their names, and a reading of the name where none was learned."""

    def __init__(self) -> None:
        self._learned: dict[str, Instrument] = {}
        self._guessed: dict[str, Instrument] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take Deribit's among `instruments`; a later one of the same name replaces an earlier one."""
        for instrument in instruments:
            if instrument.venue == SPEC.name:
                self._learned[venue_symbol_of(instrument)] = instrument

    def by_symbol(self, venue_symbol: str) -> Instrument:
        """The instrument behind a name or an index channel: learned, else read, unverified. Raises NotASymbol."""
        found = self._learned.get(venue_symbol) or self._guessed.get(venue_symbol)
        if found is None:
            found = read_name(venue_symbol)
            if len(self._guessed) >= _MOST_GUESSES:  # a venue that makes up names must not fill our memory
                self._guessed.clear()
            self._guessed[venue_symbol] = found
        return found


def venue_symbol_of(instrument: Instrument) -> str:
    """An instrument's spelling at the venue (rule 6)."""
    spelling, symbol = instrument.venue_symbol, instrument.symbol
    if spelling != symbol.replace("-", "", 1):
        return spelling
    if index := _INDEX_ID.fullmatch(symbol):
        base, quote, kind = index.groups()
        channel = PRICE_INDEX if kind == "INDEX" else VOLATILITY_INDEX
        return f"{channel}.{base.lower()}_{(quote or 'USD').lower()}"
    found = _NAME.fullmatch(symbol)
    if found and (found["perpetual"] or found["date"]):
        return symbol
    return symbol.replace("-", "_")


def read_name(venue_symbol: str) -> Instrument:
    """What a name alone says, unverified (rules 1 to 5). Raises NotASymbol."""
    if index := _INDEX.fullmatch(venue_symbol):
        return _index(venue_symbol, index["channel"], index["base"].upper(), index["quote"].upper())
    found = _NAME.fullmatch(venue_symbol)
    if found is None:
        raise NotASymbol(f"expected a name such as BTC-PERPETUAL, found {venue_symbol[:80]!r}")
    base, quote = found["base"], found["quote"]
    if not (found["perpetual"] or found["date"]):
        if quote is None:
            raise NotASymbol(f"expected a pair such as BTC_USDC, found {venue_symbol[:80]!r}")
        return _made(f"{base}-{quote}", base, quote, venue_symbol, None)
    contract = Contract(
        kind="perpetual" if found["perpetual"] else "option" if found["option"] else "future",
        settlement=quote or base,
        inverse=quote is None,
        expiry=None if found["perpetual"] else expiry_of(found["date"]),
        strike=float(found["strike"].replace("d", ".")) if found["strike"] else None,
        option=_option(found["option"]),
    )
    if contract.strike == 0:
        raise NotASymbol(f"expected a strike above 0, found {venue_symbol[:80]!r}")
    return _made(venue_symbol, base, quote or "USD", venue_symbol, contract)


def expiry_of(date: str) -> int:
    """`25DEC26` as ns UTC, 08:00 of that day. Raises NotASymbol where there is no such day."""
    day, month, year = date[:-5], date[-5:-2], date[-2:]
    try:
        end = datetime(2000 + int(year), _MONTHS.index(month) + 1, int(day), _EXPIRY_HOUR, tzinfo=UTC)
    except ValueError as error:
        raise NotASymbol(f"expected a day such as 25DEC26, found {date!r}") from error
    return int(end.timestamp()) * NS_PER_S


def index_of(index_name: str, *, volatility: bool) -> Instrument:
    """The index that the venue calls `btc_usd`, as the catalogue would list it. Raises NotASymbol.

    It is not marked as one that does not trade: its figure flows, and nobody is to be warned of that.
    """
    channel = VOLATILITY_INDEX if volatility else PRICE_INDEX
    return replace(read_name(f"{channel}.{index_name}"), verified=True)


def is_index(instrument: Instrument) -> bool:
    """Whether nobody trades it."""
    return instrument.contract is not None and instrument.contract.kind == "index"


def counts_in_quote(instrument: Instrument) -> bool:
    """Whether quantities are in quote currency: of an inverse perpetual or future, as `Contract` says."""
    contract = instrument.contract
    return contract is not None and contract.inverse and contract.kind in ("perpetual", "future")


def _option(letter: str | None) -> Literal["call", "put"] | None:
    if letter is None:
        return None
    return "call" if letter == "C" else "put"


def _index(channel_name: str, channel: str, base: str, quote: str) -> Instrument:
    """Rule 4; only against USD a volatility index goes without its quote currency."""
    if channel == PRICE_INDEX:
        symbol = f"{base}-{quote}-INDEX"
    else:
        symbol = f"{base}-DVOL" if quote == "USD" else f"{base}_{quote}-DVOL"
    return _made(symbol, base, quote, channel_name, Contract(kind="index"))


def _made(symbol: str, base: str, quote: str, venue_symbol: str, contract: Contract | None) -> Instrument:
    return Instrument(
        id=instrument_id(symbol, SPEC.name),
        venue=SPEC.name,
        base=base,
        quote=quote,
        venue_symbol=venue_symbol,
        contract=contract,
    )
