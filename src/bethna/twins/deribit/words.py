"""What a plan of faults may say of the venue; it reads none."""

from __future__ import annotations

from bethna.twins.faults.words import Words

_PACES = ("100ms", "agg2")
_GROUPS = ("none", "1", "2", "5", "10", "25", "100", "250")
_DEPTHS = ("1", "10", "20")
RESOLUTIONS = ("1", "3", "5", "10", "15", "30", "60", "120", "180", "360", "720", "1D")
_METHODS = (
    "test", "hello", "status", "get_time", "get_instruments", "get_instrument", "get_order_book", "ticker",
    "get_last_trades_by_instrument", "get_last_trades_by_instrument_and_time", "get_tradingview_chart_data",
    "get_index_price", "get_book_summary_by_currency", "get_expirations", "get_currencies",
    "get_volatility_index_data",
)  # fmt: skip
SOCKET = "/ws/api/v2"
API = "/api/v2"

WORDS = Words(
    "deribit",
    (
        *(f"{kind}.{pace}" for kind in ("trades", "book", "ticker", "perpetual") for pace in _PACES),
        *(f"book.{group}.{depth}.{pace}" for group in _GROUPS for depth in _DEPTHS for pace in _PACES),
        "quote",
        *(f"chart.trades.{resolution}" for resolution in RESOLUTIONS),
        "deribit_price_index",
        "deribit_volatility_index",
        "markprice.options",
        "instrument.state",
        "platform_state",
    ),
    (*(f"{API}/public/{method}" for method in _METHODS), SOCKET),
    symbol_form=r"[A-Z0-9_]+(-[A-Z0-9]+)+",
)
"""Streams of all instruments of a currency (`trades.option.BTC.100ms`) are called as those of one are."""
