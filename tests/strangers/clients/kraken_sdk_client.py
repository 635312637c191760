"""python-kraken-sdk as its users have it: `SpotWSClient`, `SpotOrderBookClient` and the REST client `Market`.

Two class attributes are changed, both addresses. The book is the library's: it cuts it to its depth and checks the
checksum of each update, with the decimals of the pair that it asks for by request; a wrong one is told as an error.

It asks for these decimals by `BTC/USD` and expects the answer under that name. The venue documents no such spelling
and the twin has none, so this one request is made by the pair's `wsname` and its answer renamed.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from importlib.metadata import version
from typing import Any

from kraken.base_api import SpotClient  # type: ignore[import-not-found]  # in its own environment only
from kraken.spot import Market, SpotOrderBookClient, SpotWSClient  # type: ignore[import-not-found]  # likewise
from strangers.clients.told import arguments, meanwhile, tell

DEPTH = 10
MINUTE_MS = 60_000
CHANNELS = ({"channel": "trade"}, {"channel": "ticker"}, {"channel": "ohlc", "interval": 1})


def ms(text: str) -> int:
    """Of RFC 3339 with up to nine decimals."""
    second, _, part = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{second}+00:00").timestamp()) * 1000 + int((part + "000")[:3])


class Pairs(Market):  # type: ignore[misc]  # its base has no types here
    """Asks for one pair by a name that the venue documents."""

    def get_asset_pairs(self, pair: str) -> dict[str, Any]:
        """What is listed of the pair, under the name that was asked for."""
        (found,) = super().get_asset_pairs(pair=pair.replace("BTC", "XBT")).values()
        return {pair: found}


class Books(SpotOrderBookClient):  # type: ignore[misc]  # likewise
    """Tells its books."""

    def __init__(self) -> None:
        super().__init__(depth=DEPTH)
        self._SpotOrderBookClient__market = Pairs()

    async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
        """After each update of the library's book."""
        if "error" in message:
            tell("error", text=message["error"])
        elif message["type"] == "update":
            book = self.get(pair=pair)
            bids, asks = (
                [(price, quantity) for price, (quantity, _) in book[side].items()] for side in ("bid", "ask")
            )
            tell(
                "book",
                symbol=pair,
                time=ms(message["data"][0]["timestamp"]),
                depth=DEPTH,
                bids=bids,
                asks=asks,
            )


class Streams(SpotWSClient):  # type: ignore[misc]  # likewise
    """Tells the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: dict[str, dict[str, Any]] = {}

    async def on_message(self, message: dict[str, Any]) -> None:
        """The library's callback."""
        if message.get("success") is False:
            tell("error", text=str(message))
        hearers = {"trade": self.trade, "ticker": self.ticker, "ohlc": self.candle}
        if message.get("channel") in hearers:
            for row in message["data"]:
                hearers[message["channel"]](row, message["type"])

    def trade(self, row: dict[str, Any], _kind: str) -> None:
        """One trade."""
        tell(
            "trade", symbol=row["symbol"], id=row["trade_id"], price=row["price"], quantity=row["qty"],
            sold=row["side"] == "sell", time=ms(row["timestamp"]),
        )  # fmt: skip

    def ticker(self, row: dict[str, Any], kind: str) -> None:
        """The day and the best prices; the snapshot's are newer than its time."""
        if kind == "update":
            time = ms(row["timestamp"])
            tell(
                "ticker", symbol=row["symbol"], time=time, close=row["last"], high=row["high"], low=row["low"],
                volume=row["volume"],
            )  # fmt: skip
            tell(
                "quote", symbol=row["symbol"], time=time, bid=[row["bid"], row["bid_qty"]],
                ask=[row["ask"], row["ask_qty"]],
            )  # fmt: skip

    def candle(self, row: dict[str, Any], _kind: str) -> None:
        """One is over when a later one comes."""
        before = self._latest.get(row["symbol"])
        if before is not None and row["interval_begin"] > before["interval_begin"]:
            candle(before["symbol"], "stream", ms(before["interval_begin"]), before, closed=True)
        self._latest[row["symbol"]] = row
        candle(row["symbol"], "stream", ms(row["interval_begin"]), row, closed=False)


def candle(symbol: str, via: str, opens: int, row: dict[str, Any], *, closed: bool) -> None:
    tell(
        "candle", symbol=symbol, via=via, length=MINUTE_MS, opens=opens,
        **{name: row[name] for name in ("open", "high", "low", "close", "volume")}, closed=closed,
    )  # fmt: skip


def ask(symbol: str) -> None:
    """By requests: what is listed, trades, candles."""
    market = Market()
    pair = symbol.replace("BTC", "XBT")
    ((key, listed),) = market.get_asset_pairs(pair=pair).items()
    base, _, quote = symbol.partition("/")
    tell(
        "market", symbol=symbol, base=base, quote=quote, tick=listed["tick_size"],
        step=f"0.{'0' * (listed['lot_decimals'] - 1)}1",
    )  # fmt: skip
    for row in market.get_recent_trades(pair=pair, count=200)[key]:
        tell(
            "past trade", symbol=symbol, id=row[6], price=row[0], quantity=row[1], sold=row[3] == "s",
            time=round(row[2] * 1000),
        )  # fmt: skip
    rows = market.get_ohlc(pair=pair, interval=1)[key]
    for index, (opens, opened, high, low, close, _, volume, _) in enumerate(rows):
        bar = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
        candle(symbol, "request", opens * 1000, bar, closed=index < len(rows) - 1)


async def forever() -> None:
    """The library has tasks of its own."""
    await asyncio.Event().wait()


async def main() -> None:
    authority, duration_s, symbols = arguments()
    SpotClient.URL = f"http://{authority}"
    SpotWSClient.WS_URL = f"ws://{authority}"
    tell("about", client="python-kraken-sdk", version=version("python-kraken-sdk"))
    streams, books = Streams(), Books()
    await streams.start()
    await books.start()
    for channel in CHANNELS:
        await streams.subscribe(params={**channel, "symbol": symbols})
    await books.add_book(pairs=symbols)
    await meanwhile(duration_s, [forever()])
    if streams.exception_occur or books.exception_occur:
        tell("error", text="a socket was stopped by an exception")
    for symbol in symbols:
        await asyncio.to_thread(ask, symbol)
    await streams.close()
    await books.close()


asyncio.run(main())
