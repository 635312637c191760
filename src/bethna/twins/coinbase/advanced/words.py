"""What a plan of faults may say of Coinbase Advanced Trade; it reads none."""

from __future__ import annotations

from bethna.twins.coinbase.words import SOCKET, SYMBOL_FORM
from bethna.twins.faults.words import Words

CHANNELS = ("level2", "market_trades", "ticker", "ticker_batch", "candles", "heartbeats", "status")
ROOT = "/api/v3/brokerage"
MARKET_BOOK = f"{ROOT}/market/product_book"
MARKET_TICKER = f"{ROOT}/market/products/ID/ticker"
ENDPOINTS = (
    SOCKET,
    f"{ROOT}/time",
    MARKET_BOOK,
    f"{ROOT}/market/products",
    *(f"{ROOT}/market/products/ID{name}" for name in ("", "/ticker", "/candles")),
)
ADVANCED = Words("coinbase_advanced", CHANNELS, ENDPOINTS, symbol_form=SYMBOL_FORM)
