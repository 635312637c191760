"""What a plan of faults may say of one venue: kinds, streams, endpoints, the form of symbols; it reads none."""

from __future__ import annotations

import re

from msgspec import Struct

from bethna.twins.faults.kinds import NAMES, SHEETS, Kind


class Words(Struct, frozen=True):
    """The words of one venue.

    Attributes:
        venue: its name, as `bethna twin` takes it.
        streams: all of them, without their symbol, as the twin's `Stream.suffix` says them.
        endpoints: where a request or an upgrade can go, as the twin's `about` says them.
        symbol_form: a regular expression that a symbol matches whole.
        without: kinds that fit such venues and that this twin does not do.
    """

    venue: str
    streams: tuple[str, ...]
    endpoints: tuple[str, ...]
    symbol_form: str = r"[^\W_a-z]{2,40}"
    without: tuple[Kind, ...] = ()

    def fits(self, kind: str) -> bool:
        """Whether this venue can have such a fault."""
        sheet = SHEETS.get(kind)
        return sheet is not None and sheet.fits(self.venue) and kind not in self.without

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of faults that it can have."""
        return tuple(kind for kind in NAMES if self.fits(kind))

    def is_symbol(self, text: str) -> bool:
        """Whether something is spelt as a symbol is."""
        return re.fullmatch(self.symbol_form, text) is not None


_SUFFIXES = (
    "trade",
    "aggTrade",
    "bookTicker",
    "depth",
    "depth@100ms",
    "depth@1000ms",
    *(f"depth{levels}{pace}" for levels in (5, 10, 20) for pace in ("", "@100ms", "@1000ms")),
    "ticker",
    "miniTicker",
    "avgPrice",
    *(f"ticker_{window}" for window in ("1h", "4h", "1d")),
    *(
        f"kline_{interval}{zone}"
        for interval in (
            "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
        )
        for zone in ("", "@+08:00")
    ),
    "!miniTicker@arr",
    *(f"!ticker_{window}@arr" for window in ("1h", "4h", "1d")),
)  # fmt: skip

_ENDPOINTS = (
    *(
        f"/api/v3/{name}"
        for name in (
            "ping", "time", "exchangeInfo", "depth", "trades", "historicalTrades", "aggTrades", "klines",
            "uiKlines", "avgPrice", "ticker", "ticker/24hr", "ticker/tradingDay", "ticker/price",
            "ticker/bookTicker",
        )
    ),
    "/ws",
    "/stream",
)  # fmt: skip

BINANCE = Words("binance", _SUFFIXES, _ENDPOINTS)
"""Also those of a plan that nobody names a venue for."""
