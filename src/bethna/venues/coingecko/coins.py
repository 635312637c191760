"""Which coin of the venue an asset is, pinned by id: symbols are not unique there; it asks nobody.

A list of the venue (`coins/list`) has several coins of one symbol, most of them worthless copies. An id that is not
pinned here is not guessed. POL and MATIC are two coins of the venue: MATIC's own history ends with its renaming, POL's
begins there; nobody joins them here.
"""

from __future__ import annotations

from typing import Final

from bethna.core.errors import ConfigError, UnknownInstrument, cut
from bethna.core.instrument import instrument_id
from bethna.core.market import InstrumentId
from bethna.venues.coingecko.spec import NAME, QUOTES

COINS: Final = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "SOL": "solana",
    "POL": "polygon-ecosystem-token",
    "MATIC": "matic-network",
    "USDT": "tether",
    "USDC": "usd-coin",
    "XRP": "ripple",
    "DOGE": "dogecoin",
    "BNB": "binancecoin",
    "ADA": "cardano",
}
"""The venue's id of each asset that we know there; MATIC for what was before 2024-09-13."""
ASSETS: Final = {coin: asset for asset, coin in COINS.items()}


def coin_of(asset: str) -> str:
    """The venue's id of an asset (`BTC`, in any case).

    Raises:
        UnknownInstrument: it is not pinned; the message names all that are.
    """
    found = COINS.get(asset.upper())
    if found is None:
        raise UnknownInstrument(
            asset,
            message=f"expected an asset that is pinned to a coin of {NAME}, found {cut(asset)!r}",
            hint=f"known are {', '.join(COINS)}; symbols are not unique there, so others are not guessed",
        )
    return found


def vs_of(quote: str) -> str:
    """The venue's word for a quote currency.

    Raises:
        ConfigError: it is neither USD nor EUR; a stablecoin is no dollar to an index.
    """
    if quote.upper() not in QUOTES:
        raise ConfigError(
            "quote",
            f"expected one of {', '.join(QUOTES)}, found {cut(quote)!r}",
            hint="the source is an index in real currencies: it has no price in USDT, and one in USD is none",
        )
    return quote.lower()


def index_id(coin: str, vs: str) -> InstrumentId | None:
    """`BTC-USD@coingecko` of `bitcoin` and `usd`; None of what is not pinned."""
    asset, quote = ASSETS.get(coin), vs.upper()
    return None if asset is None or quote not in QUOTES else instrument_id(f"{asset}-{quote}", NAME)
