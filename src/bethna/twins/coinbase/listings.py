"""The products that the venue lists: its own names and increments on assets of the common catalogue.

A product begins at the price that the catalogue has for its base, so that in worlds of one seed and one start an asset
costs nearly the same on every venue: both prices follow one fair value, and `USD` stands still.

Rules
  1. BTC-USD has a book of tens of thousands of levels, as the venue's: its snapshot does not fit a small buffer.
  2. Base increments of the coins in `FINE` are 1e-8, whatever a lot of the market is: sizes are multiples of it.
"""

from __future__ import annotations

from functools import cache

from msgspec.structs import replace

from bethna.twins.market.catalogue import listing, tick_for
from bethna.twins.market.facts import Listing

_DOLLARS = """
BTC ETH SOL XRP DOGE ADA AVAX LINK LTC SHIB PEPE SUI NEAR DOT UNI AAVE BCH HBAR XLM POL ICP APT ATOM ETC ARB
OP FIL INJ SEI TIA RNDR BONK WIF FLOKI FET GRT LDO CRV MKR SNX COMP ALGO EGLD XTZ FLOW MINA CELO ROSE KAVA
ASTR IMX STX LRC API3 BAND STORJ OGN TRB DIA ANKR COTI GLM IOTX JASMY POWR SKL CTSI METIS STRK ZK SUSHI 1INCH
YFI BAL PERP UMA BNT KNC ZRX REQ AUCTION IDEX WLD ARKM RLC NMR OCEAN LPT SAND MANA AXS GALA ENJ CHZ ILV MAGIC
SUPER ALICE GMT APE BLUR AUDIO RARE PYR DAR DASH ZEC EOS BAT ZEN VET TURBO MATIC USDT DAI
"""
# By quote currency: bases from the liveliest to the quietest, and the share of the liveliness against USDT.
_PRODUCTS = {
    "USD": (1.0, _DOLLARS),
    "USDT": (0.2, "BTC ETH SOL XRP DOGE ADA AVAX LINK LTC DOT NEAR SHIB POL APT UNI"),
    "EUR": (0.2, "BTC ETH SOL XRP ADA LINK LTC DOGE AVAX UNI USDT USDC"),
    "GBP": (0.12, "BTC ETH SOL XRP ADA LINK LTC DOGE USDT USDC"),
    "BTC": (0.12, "ETH SOL LTC LINK BCH ADA UNI AAVE DOT AVAX"),
    "USDC": (0.5, "USDT"),
}
_HALTED = frozenset({"MATIC-USD"})
_LIVELY = {"USDT-USD": 6.0, "USDT-USDC": 3.0, "USDC-EUR": 0.6, "USDT-EUR": 0.6}
_TICKS = {
    "POL-USD": 10_000,
    "POL-USDT": 10_000,
    "BTC-EUR": 1_000_000,
    "BTC-GBP": 1_000_000,
    "SOL-USD": 1_000_000,
}
_STABLE_TICK = 1_000
DEEP = {"BTC-USD": 11_000}
"""Levels a side (rule 1)."""
FINE = frozenset({"BTC", "ETH", "SOL", "ADA", "AVAX", "LTC", "BCH", "DOT", "LINK", "AAVE"})
WORTH_ONE = ("USD", "USDT")


def product(base: str, quote: str, share: float = 1.0) -> Listing:
    """A product of two assets that the catalogue knows.

    Args:
        share: of the rate of orders that the catalogue has for the base against USDT.
    """
    symbol = f"{base}-{quote}"
    price = _worth(base) / _worth(quote)
    stable = base in ("USDT", "USDC", "DAI")
    like = listing("USDC" if base == "USDT" else base, "USDT")
    return replace(
        like,
        symbol=symbol,
        base=base,
        quote=quote,
        price=price,
        tick=_TICKS.get(symbol) or (_STABLE_TICK if stable else tick_for(price)),
        rate=_LIVELY.get(symbol) or max(0.03, like.rate * share),
        trading=symbol not in _HALTED,
        levels=DEEP.get(symbol, like.levels),
    )


@cache
def listings() -> tuple[Listing, ...]:
    """Every product, the liveliest first."""
    found = [
        product(base, quote, share) for quote, (share, bases) in _PRODUCTS.items() for base in bases.split()
    ]
    return tuple(sorted(found, key=lambda each: (-each.rate, each.symbol)))


def base_increment(each: Listing) -> int:
    """The least step of sizes that the venue states, in units of 1e-8 (rule 2)."""
    return 1 if each.base in FINE else each.lot


def _worth(asset: str) -> float:
    return 1.0 if asset in WORTH_ONE else listing(asset, "USDT").price
