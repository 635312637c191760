"""The venue's three spellings of a pair and two of an asset; which pairs exist is not its matter.

    BTC/USD (WebSocket v2)   XBT/USD (wsname, v1)   XBTUSD (altname)   XXBTZUSD (the key of REST)

Rules
  1. Assets that were there first have a code of four letters in REST: XXBT, ZUSD. Newer ones have their name.
  2. A pair of two such assets has both codes for its key; any other has its altname, and so have the exceptions.
"""

from __future__ import annotations

_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
_CODES = {
    "BTC": "XXBT", "ETH": "XETH", "LTC": "XLTC", "XRP": "XXRP", "XLM": "XXLM", "DOGE": "XXDG", "ZEC": "XZEC",
    "XMR": "XXMR", "ETC": "XETC", "REP": "XREP", "MLN": "XMLN",
    "USD": "ZUSD", "EUR": "ZEUR", "GBP": "ZGBP", "CAD": "ZCAD", "JPY": "ZJPY", "AUD": "ZAUD",
}  # fmt: skip
_EXCEPTIONS = {"USDT/USD": "USDTZUSD", "DOGE/USD": "XDGUSD", "DOGE/EUR": "XDGEUR", "DOGE/GBP": "XDGGBP"}


def altname_of(asset: str) -> str:
    """`XBT` of BTC."""
    return _ALTNAMES.get(asset, asset)


def code_of(asset: str) -> str:
    """`XXBT` of BTC, `ZUSD` of USD, `USDT` of USDT (rule 1)."""
    return _CODES.get(asset, asset)


def pair_altname(symbol: str) -> str:
    """`XBTUSD` of BTC/USD."""
    return "".join(map(altname_of, symbol.split("/")))


def pair_wsname(symbol: str) -> str:
    """`XBT/USD` of BTC/USD."""
    return "/".join(map(altname_of, symbol.split("/")))


def pair_key(symbol: str) -> str:
    """`XXBTZUSD` of BTC/USD (rule 2)."""
    assets = symbol.split("/")
    if symbol in _EXCEPTIONS or not all(asset in _CODES for asset in assets):
        return _EXCEPTIONS.get(symbol) or pair_altname(symbol)
    return "".join(map(code_of, assets))
