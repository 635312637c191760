"""Instruments and the many ways people write them; it knows no venue's catalogue."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.errors import UnknownInstrument, cut
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

AS_WRITTEN = "old:"

# Quote currencies by which a concatenated symbol is split when no catalogue is at hand, longest first so that
# BTCFDUSD is not read as BTCF-DUSD. A catalogue, where there is one, always wins over this guess.
QUOTES: tuple[str, ...] = (
    "FDUSD", "BFUSD",
    "USDT", "USDC", "TUSD", "BUSD", "USDP", "USDS", "USD1", "USDE",
    "BIDR", "IDRT", "BKRW", "BVND", "EURI", "AEUR", "DOGE",
    "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "GBP", "AUD", "RUB", "UAH", "NGN", "ZAR", "DAI", "XRP", "TRX", "DOT",
    "PLN", "RON", "ARS", "JPY", "MXN", "CZK", "COP", "PAX", "UST", "VAI", "IDR", "USD",
)  # fmt: skip

# What some venues write for it, after ISO 4217: XBT is nobody's country. Not a renaming, so nobody is told.
SPELLINGS: dict[str, str] = {"XBT": "BTC", "XDG": "DOGE"}

_WORD = r"[^\W_]+"
# `BTC-PERPETUAL`, `BTC_USDC-PERPETUAL`, `BTC-25DEC26`, `XRP_USDC-5JUN26-0d625-C`, `BTC-USD-INDEX`, `BTC-DVOL`: a coin,
# maybe what it is counted in, and what kind of contract it is.
_CONTRACT = re.compile(
    rf"({_WORD}(?:_{_WORD})?-)(PERPETUAL|DVOL|{_WORD}-INDEX|\d{{1,2}}[A-Z]{{3}}\d{{2}})(?:-((?:\d+D)?\d+)(-[CP]))?",
    re.ASCII,
)
_JOINED_CONTRACT = re.compile(
    r"([A-Z]\w{0,30}?)[-_/]?(PERPETUAL|PERP|SWAP|\d{1,2}[A-Z]{3}\d{2}(?:-[\w-]{1,20})?)", re.ASCII
)
_SEPARATED = re.compile(rf"({_WORD})[-/_]({_WORD})", re.UNICODE)
_JOINED = re.compile(_WORD, re.UNICODE)


Feature = Literal["prices", "trades", "books", "candles"]
"""What of the market a desk follows; each can be off."""

FEATURES: tuple[Feature, ...] = ("prices", "trades", "books", "candles")


ContractKind = Literal["perpetual", "future", "option", "index"]


class Contract(Struct, frozen=True, gc=False):
    """What makes an instrument no spot pair.

    Attributes:
        size: of one contract, in the unit of quantities. settlement: the currency that it pays in.
        inverse: it is quoted or counted against the coin itself: an inverse option's price is in the coin, an inverse
            perpetual's or future's quantity is in quote currency.
        expiry: ns UTC. strike: in quote currency.
    """

    kind: ContractKind
    settlement: str | None = None
    inverse: bool = False
    size: float | None = None
    expiry: int | None = None
    strike: float | None = None
    option: Literal["call", "put"] | None = None


class Instrument(Struct, frozen=True, gc=False):
    """One thing that trades at one venue, or an index that it computes.

    Attributes:
        id: `BTC-USDT@binance`, `BTC-PERPETUAL@venue`. venue_symbol: their spelling, `BTCUSDT`.
        tick_size, lot_size: smallest price and quantity step, None where no catalogue said so.
        tradable: the venue says that it trades now. verified: it comes from the venue's catalogue.
        contract: None for a spot pair.
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
    contract: Contract | None = None

    @property
    def symbol(self) -> str:
        """`BTC-USDT`, `BTC-PERPETUAL`."""
        return self.id.partition("@")[0]

    @property
    def quantity_unit(self) -> str | None:
        """The currency that quantities and volumes are counted in, None where there are none (an index).

        The base currency, but of an inverse perpetual or future the quote currency: 10 of BTC-PERPETUAL are 10 USD.
        """
        contract = self.contract
        if contract is None:
            return self.base
        if contract.kind == "index":
            return None
        return self.quote if contract.inverse and contract.kind != "option" else self.base

    @property
    def is_index(self) -> bool:
        """Nobody trades it: it has a figure, and neither trades nor a book nor candles."""
        return self.contract is not None and self.contract.kind == "index"


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


def named_contract(symbol: str) -> Contract | None:
    """What a name alone says of a contract: its kind, and of an option which one; None for the name of a pair."""
    found = _CONTRACT.fullmatch(symbol.replace("d", "D"))
    if found is None:
        return None
    _, what, strike, option = found.groups()
    if what == "PERPETUAL":
        return Contract("perpetual")
    if what == "DVOL" or what.endswith("-INDEX"):
        return Contract("index")
    if strike is None:
        return Contract("future")
    return Contract(
        "option", strike=float(strike.replace("D", ".")), option="call" if option == "-C" else "put"
    )


def guessed(instrument: InstrumentId) -> Instrument:
    """An instrument by its id alone, unverified."""
    symbol, venue = split_id(instrument)
    base, _, quote = symbol.partition("-")
    return told_by_name(Instrument(instrument, venue, base, quote, f"{base}{quote}"))


def told_by_name(instrument: Instrument) -> Instrument:
    """An instrument of which no catalogue has spoken, with what its name says; another one as it is.

    Of a contract the quote currency is what stands in its name, and it settles in it; where none does it is USD, and
    the contract is counted against the coin.
    """
    if instrument.contract is not None or instrument.verified:
        return instrument
    contract = named_contract(instrument.symbol)
    if contract is None:
        return instrument
    coin = instrument.symbol.removesuffix("-INDEX") if contract.kind == "index" else instrument.base
    base, _, quote = coin.removesuffix("-DVOL").replace("_", "-").partition("-")
    if contract.kind != "index":
        contract = replace(contract, settlement=quote or base, inverse=not quote)
    return replace(instrument, base=base, quote=quote or "USD", contract=contract)


def split_joined(text: str) -> tuple[str, str] | None:
    """A concatenated symbol as (base, quote) by the longest known quote currency; None when none fits."""
    upper = text.upper()
    for spelling in SPELLINGS:
        if upper.startswith(spelling) and upper[len(spelling) :] in QUOTES:
            return spelling, upper[len(spelling) :]
    for quote in QUOTES:
        if upper.endswith(quote) and len(upper) > len(quote):
            return upper[: -len(quote)], quote
    return None


def _contract_hint(name: str, venue: str) -> str:
    """How a contract is written that somebody wrote in one word; empty for what looks like none."""
    found = _JOINED_CONTRACT.fullmatch(name.upper())
    if found is None:
        return ""
    coin, what = found.groups()
    coin = SPELLINGS.get(coin, coin)
    what = "PERPETUAL" if what in ("PERP", "SWAP") else what
    return f"a contract is written {coin}-{what}{venue}"


def check_symbol(said: object) -> None:
    """Raises UnknownInstrument for what is no text at all."""
    if not isinstance(said, str):
        found = cut(repr(said))
        raise UnknownInstrument(found, message=f"expected a symbol as a text, found {found}")


def parse_name(text: str, preferred_venue: str) -> InstrumentName:
    """Any accepted spelling as one name; without `@venue` it means the preferred venue.

    Accepts `BTC-USDT@binance`, `BTC-USDT`, `BTC/USDT`, `BTC_USDT`, `BTCUSDT`, `btcusdt`, `XBT/USD`, and the names of
    contracts: `BTC-PERPETUAL`, `ETH-25DEC26-4000-C`. Dated aliases are resolved on the base currency and reported in
    `alias`; with `old:` before it (`old:MATIC-USDT`) a name stays as it is written: what had it has a past.

    Raises:
        UnknownInstrument: the text cannot be read as a base and a quote currency, nor as a contract, or it ends where
            a venue should stand.
    """
    check_symbol(text)
    said = text.strip()
    stays = said[: len(AS_WRITTEN)].lower() == AS_WRITTEN
    name, at, venue = (said[len(AS_WRITTEN) :] if stays else said).partition("@")
    if at and not venue.strip():
        raise UnknownInstrument(
            text,
            message=f"expected a venue behind the @ of {cut(text)!r}, found nothing",
            hint=f"write {cut(name)}@venue, or {cut(name)}",
        )
    venue = (venue or preferred_venue).strip().lower()
    if found := _CONTRACT.fullmatch(name.upper()):
        coin, what, strike, option = found.groups(default="")
        coin = SPELLINGS.get(coin[:-1], coin[:-1]) + "-"
        strike = f"-{strike.replace('D', 'd')}" if strike else ""  # a decimal point is written `d`
        return InstrumentName(f"{coin}{what}{strike}{option}", venue)
    separated = _SEPARATED.fullmatch(name)
    if separated:
        base, quote = separated[1].upper(), separated[2].upper()
    elif _JOINED.fullmatch(name) and (halves := split_joined(name)):
        base, quote = halves
    else:
        raise UnknownInstrument(text, hint=_contract_hint(name, f"{at}{venue}" if at else ""))
    base, quote = SPELLINGS.get(base, base), SPELLINGS.get(quote, quote)
    alias = None if stays else ALIASES.get(base)
    return InstrumentName(f"{alias.new if alias else base}-{quote}", venue, alias)
