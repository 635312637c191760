"""Names of market streams, read once when they are subscribed; whether a symbol exists is not looked at here.

    btcusdt@trade   btcusdt@depth20@100ms   btcusdt@kline_1d@+08:00   !miniTicker@arr   !ticker_1h@arr

Rules
  1. A name that names no kind of stream is malformed. One with an upper-case or unknown symbol is well-formed; so is a
     kind that was retired. Nothing is ever sent on either.
  2. Kinds and intervals are case-sensitive.
  3. What one step of the market sends goes out as quotes, trades, aggregates, then the rest: in the recording of
     2024-08 the quote that a trade moved comes before that trade four times in five, and never after the diff.
"""

from __future__ import annotations

import re

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance.intervals import Interval, interval
from bethna.twins.line.speech import Role
from bethna.twins.market.bars import DAY, HOUR

SILENT = "silent"
"""Well-formed, and nothing is ever said."""
WINDOWS = {"1h": HOUR, "4h": 4 * HOUR, "1d": DAY}
EAST_NS = 8 * HOUR
EAST = "@+08:00"
MAX_NAME = 200
_EVENTS = frozenset({"trade", "aggTrade", "bookTicker"})
_EACH_SECOND = frozenset({"ticker", "miniTicker", "avgPrice"})
_RARE = frozenset({"referencePrice", "blockTrade"})
_RETIRED = frozenset({"!ticker@arr", "!bookTicker"})
_RANKS = {"bookTicker": 0, "trade": 1, "aggTrade": 2}
_ROLES: dict[str, Role] = {"trade": "trades", "aggTrade": "trades", "depth": "diffs", "partial": "book"}
_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|1000)ms)?")
_SYMBOL = re.compile(r"[^\s@!/\"\\]+")


class Stream(Struct, frozen=True):
    """A well-formed stream.

    Attributes:
        name: as subscribed. symbol: "BTCUSDT", "" of all markets.
        kind: trade, aggTrade, bookTicker, depth, partial, kline, ticker, miniTicker, avgPrice, window or `SILENT`.
        every_ns: 0 is with each step of the market; else pushed at multiples of this by the venue's clock.
        levels: of a partial book. interval: of klines. window: of a rolling window, `1h`.
    """

    name: str
    symbol: str
    kind: str
    every_ns: int = 0
    levels: int = 0
    interval: Interval | None = None
    window: str = ""

    @property
    def suffix(self) -> str:
        """The name without its symbol: `depth@100ms` of `btcusdt@depth@100ms`; those of all symbols as they are."""
        return self.name if self.name.startswith("!") else self.name.partition("@")[2]

    @property
    def role(self) -> Role:
        """What it says, as far as faults tell."""
        return _ROLES.get(self.kind, "")

    @property
    def rank(self) -> int:
        """Rule 3."""
        return _RANKS.get(self.suffix, 3)


def parse(name: str) -> Stream | None:
    """The stream of a name; None when it is malformed."""
    if len(name) > MAX_NAME:
        return None
    if name.startswith("!"):
        return _of_all(name)
    symbol, _, rest = name.partition("@")
    if not _SYMBOL.fullmatch(symbol):
        return None
    stream = _of_kind(name, symbol.upper(), rest)
    if stream is not None and symbol != symbol.lower():
        return Stream(name, stream.symbol, SILENT)  # rule 1
    return stream


def _of_kind(name: str, symbol: str, kind: str) -> Stream | None:
    if kind in _EVENTS:
        return Stream(name, symbol, kind)
    if kind in _EACH_SECOND:
        return Stream(name, symbol, kind, NS_PER_S)
    if kind in _RARE:
        return Stream(name, symbol, SILENT)
    if depth := _DEPTH.fullmatch(kind):
        every_ns = int(depth[2] or 1000) * NS_PER_MS
        levels = int(depth[1] or 0)
        return Stream(name, symbol, "partial" if levels else "depth", every_ns, levels=levels)
    if kind.startswith("kline_"):
        return _klines(name, symbol, kind.removeprefix("kline_"))
    window = kind.removeprefix("ticker_")
    if window != kind and window in WINDOWS:
        return Stream(name, symbol, "window", NS_PER_S, window=window)
    return None


def _klines(name: str, symbol: str, which: str) -> Stream | None:
    plain = which.removesuffix(EAST)
    found = interval(plain, EAST_NS if plain != which else 0)
    if found is None:
        return None
    every_ns = NS_PER_S if plain == "1s" else 2 * NS_PER_S
    return Stream(name, symbol, "kline", every_ns, interval=found)


def _of_all(name: str) -> Stream | None:
    if name == "!miniTicker@arr":
        return Stream(name, "", "miniTicker", NS_PER_S)
    if name in _RETIRED:
        return Stream(name, "", SILENT)
    window = name.removeprefix("!ticker_").removesuffix("@arr")
    if window in WINDOWS and name == f"!ticker_{window}@arr":
        return Stream(name, "", "window", NS_PER_S, window=window)
    return None
