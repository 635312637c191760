"""coinbase-advanced-py, the venue's own library for Advanced Trade: its `WSClient`, without a key; one address changed.

Its REST client has `https://` in front of any address and cannot be pointed at a twin, so nothing is asked by request.
The library keeps no book and hands on texts: books, and which trades were said already, are kept here as the venue's
documentation has it. A first book and a first ticker are of something older than their frame, and not told.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from heapq import nlargest, nsmallest
from importlib.metadata import version
from typing import Any

from coinbase.websocket import WSClient  # type: ignore[import-not-found]  # in its own environment only
from strangers.clients.told import LEVELS, arguments, tell

FIVE_MINUTES_MS = 300_000
CHANNELS = ["level2", "market_trades", "ticker", "candles", "heartbeats"]


class Heard:
    """What comes, told."""

    def __init__(self) -> None:
        self._books: dict[str, dict[str, dict[float, str]]] = {}
        self._trades: dict[str, int] = {}
        self._opens: dict[str, dict[str, Any]] = {}
        self._next = 0

    def message(self, text: str) -> None:
        """The library's callback."""
        said = json.loads(text)
        if said.get("type") == "error":
            tell("error", text=text)
            return
        if said["sequence_num"] != self._next:
            tell("error", text=f"expected number {self._next}, found {said['sequence_num']}")
        self._next = said["sequence_num"] + 1
        hear = {
            "l2_data": self.book,
            "market_trades": self.trades,
            "ticker": self.ticker,
            "candles": self.candles,
        }
        for event in said["events"]:
            if said["channel"] in hear:
                hear[said["channel"]](event, ms(said["timestamp"]))

    def book(self, event: dict[str, Any], time: int) -> None:
        """The best levels after each update."""
        symbol, first = event["product_id"], event["type"] == "snapshot"
        if first:
            self._books[symbol] = {"bid": {}, "offer": {}}
        book = self._books[symbol]
        for each in event["updates"]:
            if float(each["new_quantity"]):
                book[each["side"]][float(each["price_level"])] = each["new_quantity"]
            else:
                book[each["side"]].pop(float(each["price_level"]), None)
        if not first:
            bids, asks = nlargest(LEVELS, book["bid"].items()), nsmallest(LEVELS, book["offer"].items())
            tell("book", symbol=symbol, time=time, bids=bids, asks=asks)

    def trades(self, event: dict[str, Any], time: int) -> None:
        """Oldest first, each once; `side` is the maker's."""
        for each in reversed(event["trades"]):
            number, symbol = int(each["trade_id"]), each["product_id"]
            if number > self._trades.get(symbol, 0):
                self._trades[symbol] = number
                tell(
                    "trade", symbol=symbol, id=number, price=each["price"], quantity=each["size"],
                    sold=each["side"] == "BUY", time=ms(each["time"]),
                )  # fmt: skip

    def ticker(self, event: dict[str, Any], time: int) -> None:
        """The day and the best prices."""
        if event["type"] == "snapshot":
            return
        for each in event["tickers"]:
            symbol = each["product_id"]
            tell(
                "ticker", symbol=symbol, time=time, close=each["price"], high=each["high_24_h"],
                low=each["low_24_h"], volume=each["volume_24_h"],
            )  # fmt: skip
            tell(
                "quote", symbol=symbol, time=time, bid=[each["best_bid"], each["best_bid_quantity"]],
                ask=[each["best_ask"], each["best_ask_quantity"]],
            )  # fmt: skip

    def candles(self, event: dict[str, Any], time: int) -> None:
        """Of five minutes; one is over when a later one comes."""
        for each in sorted(event["candles"], key=lambda row: int(row["start"])):
            symbol = each["product_id"]
            before = self._opens.get(symbol)
            if before is not None and int(each["start"]) > int(before["start"]):
                candle(before, closed=True)
            self._opens[symbol] = each
            candle(each, closed=False)


def candle(row: dict[str, Any], *, closed: bool) -> None:
    tell(
        "candle", symbol=row["product_id"], via="stream", length=FIVE_MINUTES_MS, opens=1000 * int(row["start"]),
        **{name: row[name] for name in ("open", "high", "low", "close", "volume")}, closed=closed,
    )  # fmt: skip


def ms(text: str) -> int:
    """Of RFC 3339 with up to nine decimals."""
    second, _, part = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{second}+00:00").timestamp()) * 1000 + int((part + "000")[:3])


async def main() -> None:
    authority, duration_s, symbols = arguments()
    tell("about", client="coinbase-advanced-py", version=version("coinbase-advanced-py"))
    heard = Heard()
    client = WSClient(base_url=f"ws://{authority}", on_message=heard.message)
    await client.open_async()
    await client.subscribe_async(symbols, CHANNELS)
    await client.sleep_with_exception_check_async(duration_s)
    await client.close_async()


asyncio.run(main())
