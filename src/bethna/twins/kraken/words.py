"""What a plan of faults may say of the venue: channels, endpoints, the form of symbols; it reads none."""

from __future__ import annotations

from bethna.twins.faults.words import Words

DEPTHS = (10, 25, 100, 500, 1000)
"""Of a book; others are refused."""
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Minutes of a candle."""
SOCKET = "/v2"
ROOT = "/0/public"
METHODS = ("Time", "SystemStatus", "Assets", "AssetPairs", "Ticker", "OHLC", "Depth", "Trades", "Spread")

_SUFFIXES = (
    "trade",
    *(f"book-{depth}" for depth in DEPTHS),
    "ticker",
    "ticker-bbo",
    *(f"ohlc-{minutes}" for minutes in INTERVALS),
    "instrument",
    "heartbeat",
)
WORDS = Words(
    "kraken",
    _SUFFIXES,
    (*(f"{ROOT}/{method}" for method in METHODS), SOCKET),
    symbol_form=r"[A-Z0-9]{1,12}/[A-Z0-9]{1,8}",
)
"""Suffixes of streams are the channel with its depth, its trigger (`bbo`) or its minutes."""
