"""Which pairs the venue lists, with its own steps of price and quantity; prices and liveliness are the catalogue's.

Rules
  1. A base's fair price is that of the common catalogue, and so is how it moves: two venues of one seed that begin at
     one instant differ by their order flow and the peg of their quote currency, a few hundredths of a percent.
  2. A price has about five digits, at least one decimal and at most eight; the pairs in `_DECIMALS` are coarser.
  3. A lot has at most seven decimals, of the eight that the venue writes: quantities end with a zero, and who drops it
     gets every checksum wrong (in the recordings, too: not one of 2,786 survives a float). It is coarser where an
     hour's turnover in steps of price times steps of quantity would not be a number of 64 bits: `_FINEST` digits after
     the point in both together.
"""

from __future__ import annotations

from functools import cache
from math import floor, log10

from msgspec.structs import replace

from bethna.twins.market.catalogue import listing as common
from bethna.twins.market.facts import Listing

_BASES = (
    "BTC ETH SOL XRP DOGE ADA LINK DOT LTC AVAX POL BCH UNI ATOM XLM AAVE NEAR TRX ALGO FIL INJ SUI PEPE SHIB ARB OP "
    "APT GRT MKR LDO CRV SNX COMP ETC ZEC DASH EOS XTZ BAT FLOW MINA KSM STX IMX SAND MANA AXS GALA ENJ CHZ APE TIA "
    "SEI JUP WIF BONK FET RUNE ICP KAVA"
)
# Quote: how many of the liveliest bases it has, and its share of their orders against USDT elsewhere.
_QUOTES = {
    "USD": (60, 0.5),
    "EUR": (40, 0.3),
    "USDT": (18, 0.12),
    "GBP": (12, 0.08),
    "USDC": (12, 0.08),
    "BTC": (16, 0.06),
    "ETH": (8, 0.05),
}
_ALSO = ("MINA/GBP",)
_MONEY = ("USDT/USD", "USDC/USD", "EUR/USD", "GBP/USD", "USDT/EUR", "USDC/EUR")
_DECIMALS = {"MINA/GBP": 4}
_CANCEL_ONLY = frozenset({"EOS/EUR"})
_FINEST = 9
_FINEST_LOT = 7
_LEAST_RATE = 0.02
_FIVE_DIGITS = 4
_DEAR = 10_000


@cache
def listings() -> tuple[Listing, ...]:
    """Every pair, the liveliest first."""
    symbols = [
        f"{base}/{quote}"
        for quote, (count, _) in _QUOTES.items()
        for base in _BASES.split()[:count]
        if base != quote and (base, quote) != ("BTC", "ETH")
    ]
    found = map(listing, (*symbols, *_ALSO, *_MONEY))
    return tuple(sorted(found, key=lambda each: (-each.rate, each.symbol)))


def listing(symbol: str) -> Listing:
    """The venue's listing of two assets that the catalogue knows (rules 1 to 3)."""
    base, quote = symbol.split("/")
    model = common("USDC" if base == "USDT" else base, "USDT")
    worth = _worth(base)
    price = worth / _worth(quote)
    decimals = _DECIMALS.get(symbol) or _decimals(price)
    room = _FINEST + floor(log10(_worth(quote))) - decimals
    lot = 10 ** (8 - max(0, min(_FINEST_LOT, room)))
    return replace(
        model,
        symbol=symbol,
        base=base,
        quote=quote,
        tick=10 ** (8 - decimals),
        lot=lot,
        price=price,
        rate=max(_LEAST_RATE, model.rate * _QUOTES[quote][1]),
        trading=symbol not in _CANCEL_ONLY,
        size=max(4, round(model.size * model.lot / lot)),
    )


def _worth(asset: str) -> float:
    """In USDT, as the common catalogue begins."""
    return 1.0 if asset in ("USD", "USDT") else common(asset, "USDT").price


def _decimals(price: float) -> int:
    """Rule 2."""
    least = 1 if price >= _DEAR else 2
    return max(least, min(8, _FIVE_DIGITS - floor(log10(price))))
