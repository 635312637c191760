"""Instruments and the many ways people write them; it knows no venue's catalogue."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from bethna.core.errors import UnknownInstrument
from bethna.core.market import InstrumentId


class Alias(Struct, frozen=True, gc=False):
    """A dated change of name: `old` was replaced one to one by `new` on `date` (ISO, UTC)."""

    old: str
    new: str
    date: str

    @property
    def notice(self) -> str:
        """What the user is told."""
        return f"{self.old} was renamed to {self.new} on {self.date}"


# Binance delisted MATICUSDT on 2024-09-10 03:00 UTC and opened POLUSDT on 2024-09-13 10:00 UTC, one for one.
ALIASES: dict[str, Alias] = {"MATIC": Alias("MATIC", "POL", "2024-09-13")}

# Quote currencies by which a concatenated symbol is split when no catalogue is at hand, longest first so that
# BTCFDUSD is not read as BTCF-DUSD. A catalogue, where there is one, always wins over this guess.
QUOTES: tuple[str, ...] = (
    "FDUSD", "BFUSD",
    "USDT", "USDC", "TUSD", "BUSD", "USDP", "USDS", "USD1", "USDE",
    "BIDR", "IDRT", "BKRW", "BVND", "EURI", "AEUR", "DOGE",
    "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "GBP", "AUD", "RUB", "UAH", "NGN", "ZAR", "DAI", "XRP", "TRX", "DOT",
    "PLN", "RON", "ARS", "JPY", "MXN", "CZK", "COP", "PAX", "UST", "VAI", "IDR", "USD",
)  # fmt: skip

_WORD = r"[^\W_]+"
_SEPARATED = re.compile(rf"({_WORD})[-/_]({_WORD})", re.UNICODE)
_JOINED = re.compile(_WORD, re.UNICODE)


Feature = Literal["prices", "trades", "books", "candles"]
"""What of the market a desk follows; each can be off."""

FEATURES: tuple[Feature, ...] = ("prices", "trades", "books", "candles")


class Instrument(Struct, frozen=True, gc=False):
    """One thing that trades at one venue.

    Attributes:
        id: `BTC-USDT@binance`. venue_symbol: their spelling, `BTCUSDT`.
        tick_size, lot_size: smallest price and quantity step, None where no catalogue said so.
        tradable: the venue says that it trades now. verified: it comes from the venue's catalogue.
    """

    id: InstrumentId
    venue: str
    base: str
    quote: str
    venue_symbol: str
    tick_size: float | None = None
    lot_size: float | None = None
    tradable: bool = True
    verified: bool = False

    @property
    def symbol(self) -> str:
        """`BTC-USDT`."""
        return f"{self.base}-{self.quote}"


class InstrumentName(Struct, frozen=True, gc=False):
    """A parsed name: `symbol` is `BTC-USDT`; `alias` is set when an old name was resolved."""

    symbol: str
    venue: str
    alias: Alias | None = None

    @property
    def id(self) -> InstrumentId:
        """`BTC-USDT@binance`."""
        return instrument_id(self.symbol, self.venue)


def instrument_id(symbol: str, venue: str) -> InstrumentId:
    """`BTC-USDT` and `binance` as `BTC-USDT@binance`."""
    return InstrumentId(f"{symbol}@{venue}")


def split_id(instrument: InstrumentId) -> tuple[str, str]:
    """`BTC-USDT@binance` as (`BTC-USDT`, `binance`)."""
    symbol, _, venue = instrument.partition("@")
    return symbol, venue


def split_joined(text: str) -> tuple[str, str] | None:
    """A concatenated symbol as (base, quote) by the longest known quote currency; None when none fits."""
    upper = text.upper()
    for quote in QUOTES:
        if upper.endswith(quote) and len(upper) > len(quote):
            return upper[: -len(quote)], quote
    return None


def parse_name(text: str, preferred_venue: str) -> InstrumentName:
    """Any accepted spelling as one name; without `@venue` it means the preferred venue.

    Accepts `BTC-USDT@binance`, `BTC-USDT`, `BTC/USDT`, `BTC_USDT`, `BTCUSDT`, `btcusdt`. Dated aliases are resolved
    on the base currency and reported in `alias`.

    Raises:
        UnknownInstrument: the text cannot be read as a base and a quote currency.
    """
    name, _, venue = text.strip().partition("@")
    separated = _SEPARATED.fullmatch(name)
    if separated:
        base, quote = separated[1].upper(), separated[2].upper()
    elif _JOINED.fullmatch(name) and (halves := split_joined(name)):
        base, quote = halves
    else:
        raise UnknownInstrument(text)
    alias = ALIASES.get(base)
    return InstrumentName(
        f"{alias.new if alias else base}-{quote}", (venue or preferred_venue).lower(), alias
    )
