"""Whose frame it is: Kraken's spellings to our instruments; it never asks the venue.

One pair has up to four names: `BTC/USD` on sockets of version 2 (this is our `venue_symbol`), `XBT/USD` on those of
version 1 and as `wsname`, `XBTUSD` as the REST `altname`, and `XXBTZUSD` as Kraken's own.

Rules
  1. Bitcoin and Dogecoin are `XBT` and `XDG` in the older names, `BTC` and `DOGE` with us. Nothing else is rewritten.
  2. Kraken's own names are never taken apart by rule (ETHUSDT is no Tether of XETHU): AssetPairs teaches them. Without
     it only those are known whose both halves stand in the closed list of old assets.
  3. A joined name that nobody taught is guessed by the known quote currencies; the instrument is unverified then.
  4. Ids are upper case, though the venue writes tokenised shares with a small x (`AAPLx/USD`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import ValidationError

from bethna.core.instrument import SPELLINGS, Instrument, instrument_id, split_joined
from bethna.core.market import InstrumentId
from bethna.venues.kraken.spec import SPEC

OLD_ASSETS: Final = {
    "XXBT": "BTC", "XETH": "ETH", "XLTC": "LTC", "XXRP": "XRP", "XXLM": "XLM", "XXDG": "DOGE", "XZEC": "ZEC",
    "XXMR": "XMR", "XETC": "ETC", "XREP": "REP", "XMLN": "MLN",
    "ZUSD": "USD", "ZEUR": "EUR", "ZGBP": "GBP", "ZCAD": "CAD", "ZJPY": "JPY", "ZAUD": "AUD",
}  # fmt: skip
_BACK: Final = {ours: theirs for theirs, ours in SPELLINGS.items()}
_PAIR = re.compile(r"([A-Za-z0-9.]{1,20})/([A-Za-z0-9.]{1,20})", re.ASCII)

# A venue that makes up names must not fill our memory; a desk follows far fewer.
MOST_NAMES = 32_768


class NotASymbol(ValidationError):
    """A text that is no symbol, or one that we cannot take apart."""


class Symbols:
    """The learned instruments by `BTC/USD`, the REST names that AssetPairs taught, and a guess for all else."""

    def __init__(self) -> None:
        self._learned: dict[str, Instrument] = {}
        self._ids: dict[str, InstrumentId] = {}
        self._by_rest_name: dict[str, Instrument] = {}
        self._altnames: dict[str, str] = {}

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take Kraken's among `instruments`; a later one of the same spelling replaces an earlier one."""
        for instrument in instruments:
            if instrument.venue == SPEC.name:
                self._learned[wire_symbol(instrument)] = instrument
        self._ids.clear()

    def teach(self, own_name: str, altname: str, instrument: Instrument) -> None:
        """Take the REST names of an instrument from AssetPairs (rule 2)."""
        if len(self._by_rest_name) + 2 > MOST_NAMES:
            self._by_rest_name.clear()
            self._altnames.clear()
        self._by_rest_name[own_name] = self._by_rest_name[altname] = instrument
        self._altnames[instrument.venue_symbol] = altname

    def id_of(self, symbol: str) -> InstrumentId:
        """The id behind `BTC/USD` or `XBT/USD`. Raises NotASymbol."""
        known = self._ids.get(symbol)
        if known is None:
            if len(self._ids) >= MOST_NAMES:
                self._ids.clear()
            known = self._ids[symbol] = self._by_pair(symbol).id
        return known

    def by_symbol(self, text: str) -> Instrument:
        """The instrument behind any of a pair's names; unverified when only guessed. Raises NotASymbol."""
        if "/" in text:
            return self._by_pair(text)
        taught = self._by_rest_name.get(text)
        if taught is None:
            return self._by_pair(_split(text))
        return self._learned.get(taught.venue_symbol, taught)

    def rest_name(self, instrument: Instrument) -> str:
        """What REST calls it: the altname that AssetPairs taught, else the usual one, `XBTUSD`."""
        symbol = wire_symbol(instrument)
        known = self._altnames.get(symbol)
        return known or "".join(_BACK.get(half, half) for half in symbol.split("/"))

    def _by_pair(self, text: str) -> Instrument:
        found = _PAIR.fullmatch(text)
        if found is None:
            raise NotASymbol(f"expected a symbol such as BTC/USD, found {text[:80]!r}")
        base, quote = _ours(found[1]), _ours(found[2])
        symbol = f"{base}/{quote}"
        return self._learned.get(symbol) or instrument_of(symbol)


def wire_symbol(instrument: Instrument) -> str:
    """`BTC/USD`, also of an instrument that was made up from its name alone (`BTCUSD`)."""
    base, slash, quote = instrument.venue_symbol.partition("/")
    if not slash:
        base, quote = instrument.base, instrument.quote
    return f"{_ours(base)}/{_ours(quote)}"


def instrument_of(symbol: str) -> Instrument:
    """The instrument of `BTC/USD`, of which nothing else is known."""
    base, _, quote = symbol.upper().partition("/")  # rule 4
    return Instrument(instrument_id(f"{base}-{quote}", SPEC.name), SPEC.name, base, quote, symbol)


def symbol_of_names(wsname: str) -> str:
    """`BTC/USD` of the wsname `XBT/USD`. Raises NotASymbol."""
    found = _PAIR.fullmatch(wsname)
    if found is None:
        raise NotASymbol(f"expected a wsname such as XBT/USD, found {wsname[:80]!r}")
    return f"{_ours(found[1])}/{_ours(found[2])}"


def _ours(asset: str) -> str:
    """Rule 1."""
    return SPELLINGS.get(asset, asset)


def _split(text: str) -> str:
    """Rules 2 and 3. Raises NotASymbol."""
    base, quote = OLD_ASSETS.get(text[:4]), OLD_ASSETS.get(text[4:])
    if base and quote:
        return f"{base}/{quote}"
    upper = text.upper()
    if text.isascii() and text.isalnum() and len(text) <= 40:
        halves = split_joined(upper)
        if halves is not None:
            return "/".join(halves)
        for spelling in SPELLINGS:
            if upper.endswith(spelling) and upper != spelling:
                return f"{upper.removesuffix(spelling)}/{spelling}"
    raise NotASymbol(f"expected a symbol such as BTC/USD, found {text[:80]!r}")
