"""Names of streams: `trade:BTC/USD`, `ticker:BTC/USD`, `book100:BTC/USD`, `ohlc5:BTC/USD`, `instrument`.

The venue has no word for a stream. Ours is its channel, the one parameter by which subscriptions to that channel differ
(a book's depth, a candle's minutes), and the symbol. All but the symbol is the batch: one control message has one
channel with one set of parameters and a list of symbols.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bethna.venues.kraken.spec import DEPTHS, INTERVALS
from bethna.venues.kraken.symbols import NotASymbol

_BATCH = re.compile(r"([a-z]+)(\d{0,5})", re.ASCII)
CHANNELS: Final = ("trade", "ticker", "book", "ohlc", "instrument")


def stream_name(
    channel: str, symbol: str | None, *, depth: int | None = None, interval: int | None = None
) -> str:
    """`book25:BTC/USD`, as an acknowledgement spells it out."""
    number = depth if channel == "book" else interval if channel == "ohlc" else None
    batch = channel if number is None else f"{channel}{number}"
    return batch if symbol is None else f"{batch}:{symbol}"


def streams_of(symbol: str, book_depths: Sequence[int] = DEPTHS) -> tuple[str, ...]:
    """Every stream of one symbol: what a refusal means that names a symbol and no channel."""
    books = (stream_name("book", symbol, depth=depth) for depth in book_depths)
    candles = (stream_name("ohlc", symbol, interval=minutes) for minutes in INTERVALS)
    return (f"trade:{symbol}", f"ticker:{symbol}", *books, *candles)


def batch_of(stream: str) -> str:
    """`book100` of `book100:BTC/USD`."""
    return stream.partition(":")[0]


def symbol_of(stream: str) -> str:
    """`BTC/USD` of `book100:BTC/USD`. Raises NotASymbol when the stream is of none."""
    batch, _, symbol = stream.partition(":")
    found = _BATCH.fullmatch(batch)
    if not symbol or found is None or found[1] not in CHANNELS:
        raise NotASymbol(f"expected a stream such as trade:BTC/USD, found {stream[:80]!r}")
    return symbol


def subscribe(streams: Sequence[str], request_id: int) -> str:
    """`{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25,"snapshot":true},"req_id":1}`.

    No snapshot of trades: it repeats what was heard before or what nobody promised. The ticker comes with every change
    of the best bid and ask, else it would show them as old as the last trade.
    """
    params = _params(streams)
    params["snapshot"] = params["channel"] != "trade"
    return _control("subscribe", params, request_id)


def unsubscribe(streams: Sequence[str], request_id: int) -> str:
    """The same words without the snapshot: the venue wants the depth and the minutes repeated."""
    return _control("unsubscribe", _params(streams), request_id)


def _params(streams: Sequence[str]) -> dict[str, Any]:
    found = _BATCH.fullmatch(batch_of(streams[0]))
    assert found is not None  # they are our own
    channel, number = found[1], found[2]
    params: dict[str, Any] = {"channel": channel}
    symbols = [symbol for _, _, symbol in (stream.partition(":") for stream in streams) if symbol]
    if symbols:
        params["symbol"] = symbols
    if channel == "book":
        params["depth"] = int(number)
    elif channel == "ohlc":
        params["interval"] = int(number)
    elif channel == "ticker":
        params["event_trigger"] = "bbo"
    return params


def _control(method: str, params: dict[str, Any], request_id: int) -> str:
    return msgspec.json.encode({"method": method, "params": params, "req_id": request_id}).decode()
