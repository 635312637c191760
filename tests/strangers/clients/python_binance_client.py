"""python-binance as its users have it: AsyncClient, BinanceSocketManager, DepthCacheManager; two addresses changed.

`API_URL` and `STREAM_URL` are the library's own class attributes. Trades and mini tickers come on a combined socket,
the rest on raw ones; the book is the library's, with its snapshot and its splicing.

When the first diff overlaps the snapshot, the library fetches another snapshot and applies the older diff to it (the
venue's procedure wants neither), so its book is of no update id until the diffs have caught up with the snapshot.
Books are told from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from binance import (  # type: ignore[import-not-found]  # in its own environment only
    AsyncClient,
    BinanceSocketManager,
    DepthCacheManager,
)
from strangers.clients.told import LEVELS, arguments, meanwhile, tell

SECOND_MS = 1000


class Client(AsyncClient):  # type: ignore[misc]  # its base has no types here
    """Remembers which snapshot each book was made from."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.snapshots: dict[str, int] = {}

    async def get_order_book(self, **params: Any) -> Any:
        answer = await super().get_order_book(**params)
        self.snapshots[params["symbol"]] = answer["lastUpdateId"]
        return answer


def trade(said: dict[str, Any]) -> None:
    tell(
        "trade",
        symbol=said["s"],
        id=said["t"],
        price=said["p"],
        quantity=said["q"],
        sold=said["m"],
        time=said["T"],
    )


def aggregate(said: dict[str, Any]) -> None:
    tell(
        "aggregate", symbol=said["s"], id=said["a"], price=said["p"], quantity=said["q"], sold=said["m"],
        time=said["T"], first=said["f"], last=said["l"],
    )  # fmt: skip


def ticker(said: dict[str, Any]) -> None:
    tell(
        "ticker", symbol=said["s"], first=said["F"], last=said["L"], open=said["o"], high=said["h"], low=said["l"],
        close=said["c"], volume=said["v"],
    )  # fmt: skip


def quote(said: dict[str, Any]) -> None:
    tell(
        "quote", symbol=said["s"], update_id=said["u"], bid=[said["b"], said["B"]], ask=[said["a"], said["A"]]
    )


def candle(said: dict[str, Any]) -> None:
    bar = said["k"]
    tell(
        "candle", symbol=bar["s"], via="stream", length=bar["T"] + 1 - bar["t"], opens=bar["t"], open=bar["o"],
        high=bar["h"], low=bar["l"], close=bar["c"], volume=bar["v"], first=bar["f"], last=bar["L"], closed=bar["x"],
    )  # fmt: skip


async def watch(socket: Any, hear: Callable[[dict[str, Any]], None]) -> None:
    async with socket as stream:
        while True:
            said = await stream.recv()
            if said.get("e") == "error":
                tell("error", text=str(said))
                continue
            hear(said.get("data", said))


async def watch_book(client: Client, sockets: Any, symbol: str) -> None:
    manager = DepthCacheManager(client, symbol, bm=sockets, limit=1000, ws_interval=100)
    async with manager as books:
        while True:
            book = await books.recv()
            update_id = manager._last_update_id  # the library shows it nowhere
            if update_id >= client.snapshots[symbol]:
                bids, asks = book.get_bids()[:LEVELS], book.get_asks()[:LEVELS]
                tell("book", symbol=symbol, update_id=update_id, bids=bids, asks=asks)


async def history(client: Any, symbol: str) -> None:
    for row in await client.get_klines(symbol=symbol, interval="1s", limit=100):
        opens, opened, high, low, close, volume, closes, *_ = row
        is_over = closes + SECOND_MS < await now_ms(client)
        tell(
            "candle", symbol=symbol, via="request", length=closes + 1 - opens, opens=opens, open=opened, high=high,
            low=low, close=close, volume=volume, closed=is_over,
        )  # fmt: skip
    for row in await client.get_historical_trades(symbol=symbol, limit=200):
        tell(
            "past trade", symbol=symbol, id=row["id"], price=row["price"], quantity=row["qty"],
            sold=row["isBuyerMaker"], time=row["time"],
        )  # fmt: skip


async def now_ms(client: Any) -> int:
    return int((await client.get_server_time())["serverTime"])


async def main() -> None:
    authority, duration_s, symbols = arguments()
    AsyncClient.API_URL = f"http://{authority}/api"
    BinanceSocketManager.STREAM_URL = f"ws://{authority}/"
    tell("about", client="python-binance", version=version("python-binance"))
    client = await Client.create()
    sockets = BinanceSocketManager(client)
    try:
        for symbol in symbols:
            listed = await client.get_symbol_info(symbol)
            filters = {each["filterType"]: each for each in listed["filters"]}
            tell(
                "market", symbol=listed["symbol"], base=listed["baseAsset"], quote=listed["quoteAsset"],
                tick=filters["PRICE_FILTER"]["tickSize"], lot=filters["LOT_SIZE"]["stepSize"],
            )  # fmt: skip
        watching = [watch(sockets.multiplex_socket([f"{each.lower()}@trade" for each in symbols]), trade)]
        for symbol in symbols:
            watching += [
                watch(sockets.aggtrade_socket(symbol), aggregate),
                watch(sockets.symbol_ticker_socket(symbol), ticker),
                watch(sockets.symbol_book_ticker_socket(symbol), quote),
                watch(sockets.kline_socket(symbol, interval="1s"), candle),
                watch(sockets.kline_socket(symbol, interval="1m"), candle),
                watch_book(client, sockets, symbol),
            ]
        await meanwhile(duration_s, watching)
        for symbol in symbols:
            await history(client, symbol)
    finally:
        await client.close_connection()


asyncio.run(main())
