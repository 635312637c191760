"""ccxt.pro as its users have it: watch_trades, watch_ticker, watch_bids_asks, watch_ohlcv, watch_order_book.

Two addresses are changed, and its option `fetchMarkets` names spot markets only: futures are another venue, at another
address. The book is the library's, with its snapshot and its splicing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.pro  # type: ignore[import-not-found]  # in its own environment only
from strangers.clients.told import LEVELS, arguments, meanwhile, tell

SECOND_MS = 1000


def trade(kind: str, symbol: str, seen: dict[str, Any]) -> None:
    tell(
        kind, symbol=symbol, id=int(seen["id"]), price=seen["price"], quantity=seen["amount"],
        sold=seen["side"] == "sell", time=seen["timestamp"],
    )  # fmt: skip


def candle(symbol: str, via: str, row: list[Any], *, closed: bool) -> None:
    opens, opened, high, low, close, volume = row
    tell(
        "candle", symbol=symbol, via=via, length=SECOND_MS, opens=opens, open=opened, high=high, low=low,
        close=close, volume=volume, closed=closed,
    )  # fmt: skip


async def watch_trades(exchange: Any, unified: str, symbol: str) -> None:
    while True:
        for each in await exchange.watch_trades(unified):
            trade("trade", symbol, each)


async def watch_ticker(exchange: Any, unified: str, symbol: str) -> None:
    while True:
        seen = await exchange.watch_ticker(unified, {"name": "ticker"})  # the mini ticker names no trades
        tell(
            "ticker", symbol=symbol, first=seen["info"]["F"], last=seen["info"]["L"], open=seen["open"],
            high=seen["high"], low=seen["low"], close=seen["last"], volume=seen["baseVolume"],
        )  # fmt: skip


async def watch_quotes(exchange: Any, unified: str, symbol: str) -> None:
    while True:
        seen = (await exchange.watch_bids_asks([unified]))[unified]
        tell(
            "quote", symbol=symbol, update_id=seen["info"]["u"], bid=[seen["bid"], seen["bidVolume"]],
            ask=[seen["ask"], seen["askVolume"]],
        )  # fmt: skip


async def watch_candles(exchange: Any, unified: str, symbol: str) -> None:
    latest: list[Any] = []
    while True:
        for row in await exchange.watch_ohlcv(unified, "1s"):
            if latest and row[0] > latest[0]:
                candle(symbol, "stream", latest, closed=True)
            latest = list(row)


async def watch_book(exchange: Any, unified: str, symbol: str) -> None:
    while True:
        book = await exchange.watch_order_book(unified)
        bids, asks = ([list(level) for level in book[side][:LEVELS]] for side in ("bids", "asks"))
        tell("book", symbol=symbol, update_id=book["nonce"], bids=bids, asks=asks)


async def history(exchange: Any, unified: str, symbol: str) -> None:
    rows = await exchange.fetch_ohlcv(unified, "1s", limit=100)
    now = await exchange.fetch_time()
    for row in rows:
        candle(symbol, "request", row, closed=row[0] + 2 * SECOND_MS < now)
    for each in await exchange.fetch_trades(unified, limit=200):
        trade("past aggregate", symbol, each)


async def main() -> None:
    authority, duration_s, symbols = arguments()
    exchange = ccxt.pro.binance({"options": {"fetchMarkets": {"types": ["spot"]}}})
    exchange.urls["api"]["public"] = f"http://{authority}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"ws://{authority}/ws"
    tell("about", client="ccxt.pro", version=ccxt.pro.__version__)
    try:
        markets = await exchange.load_markets()
        unified = {symbol: exchange.market(symbol)["symbol"] for symbol in symbols}
        watching = []
        for symbol, name in unified.items():
            listed = markets[name]
            tell(
                "market", symbol=symbol, base=listed["base"], quote=listed["quote"],
                tick=listed["precision"]["price"], lot=listed["precision"]["amount"],
            )  # fmt: skip
            for watch in (watch_trades, watch_ticker, watch_quotes, watch_candles, watch_book):
                watching.append(watch(exchange, name, symbol))
        await meanwhile(duration_s, watching)
        for symbol, name in unified.items():
            await history(exchange, name, symbol)
    finally:
        await exchange.close()


asyncio.run(main())
