"""The coins that the venue has: its own ids on assets of the common catalogue, in US dollars.

Nobody trades an index: its markets have no orders and no book, and follow the fair values that all venues of one seed
and one start share.
"""

from __future__ import annotations

from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from bethna.twins.market.catalogue import listing, tick_for
from bethna.twins.market.facts import Listing


class Coin(Struct, frozen=True):
    """One coin: the venue's id, its symbol and name there, and the asset of the model."""

    id: str
    symbol: str
    name: str
    asset: str


COINS = {
    coin.id: coin
    for coin in (
        Coin("bitcoin", "btc", "Bitcoin", "BTC"),
        Coin("ethereum", "eth", "Ethereum", "ETH"),
        Coin("solana", "sol", "Solana", "SOL"),
        Coin("polygon-ecosystem-token", "pol", "POL (ex-MATIC)", "POL"),
        Coin("ripple", "xrp", "XRP", "XRP"),
        Coin("dogecoin", "doge", "Dogecoin", "DOGE"),
        Coin("binancecoin", "bnb", "BNB", "BNB"),
        Coin("cardano", "ada", "Cardano", "ADA"),
        Coin("tether", "usdt", "Tether", "USDT"),
        Coin("usd-coin", "usdc", "USDC", "USDC"),
    )
}
COPIES = (
    Coin("batcat", "btc", "batcat", ""),
    Coin("ethereum-wormhole", "eth", "Ethereum (Wormhole)", ""),
)
"""Coins of the list with a symbol of another one: symbols are not unique."""


def symbol_of(coin: Coin) -> str:
    """`BTC-USD`: how the world calls its market."""
    return f"{coin.asset}-USD"


def in_dollars(coin: Coin) -> Listing:
    """The market of a coin."""
    like = listing("USDC" if coin.asset == "USDT" else coin.asset, "USDT")
    price = 1.0 if coin.asset == "USDT" else like.price
    return replace(
        like,
        symbol=symbol_of(coin),
        base=coin.asset,
        quote="USD",
        price=price,
        tick=tick_for(price),
        trading=False,
    )


@cache
def listings() -> tuple[Listing, ...]:
    """Every coin, BTC first."""
    return tuple(in_dollars(coin) for coin in COINS.values())


@cache
def dollars_of(vs: str) -> float | None:
    """What one of a quote currency is worth in dollars, None of one that the venue does not have."""
    return {"usd": 1.0, "eur": listing("EUR", "USDT").price}.get(vs)
