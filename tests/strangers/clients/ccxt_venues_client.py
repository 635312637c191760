"""ccxt.pro on Coinbase Exchange, Coinbase Advanced, Kraken and Deribit; changed is what `VENUES` says: addresses.

The first word of the command line is the library's name of the exchange. What a class of it has is watched: trades, the
ticker (its best prices as a quote), the book, candles of a minute.

Rules
  1. Without keys it watches no book of Coinbase Exchange (it asks for `level2`, which needs one): there the book is
     asked for by request, and named by its running number.
  2. It watches no candles of Coinbase. Of other books it shows no number: they are named by their time. A first book
     and a first ticker have the time of something older or none, and are not told.
  3. On Advanced it hands on `side` as it comes, which is the maker's; and it lists currencies from another product of
     the venue, which is switched off.
  4. Coinbase Advanced says trades twice where snapshot and update overlap, and the library hands both on. On a busy
     machine it also skips some that it has: what came between two turns of its loop is not among its `newUpdates` (seen
     on Deribit; the frames were complete). So all that it keeps is read, by its own switch, and each trade told once.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import ccxt.pro  # type: ignore[import-not-found]  # in its own environment only
from strangers.clients.told import LEVELS, arguments, meanwhile, tell

MINUTE_MS = 60_000
BOOK_COST = 10
"""In requests of the library's own limit: a book with all its levels is asked for once a second."""


@dataclass(frozen=True)
class Venue:
    """How the library is pointed at one, and what is peculiar there.

    Attributes:
        addresses: of `urls["api"]`, by the keys that lead there; `%` stands for HOST:PORT. trade_id: of `info`, where
            the library's is another. maker_side: rule 3. coins: candles state them. depth: levels of its books.
        watches_book: rule 1. without: what the class has and is not to use.
    """

    addresses: dict[tuple[str, ...], str]
    trade_id: str = ""
    maker_side: bool = False
    coins: bool = False
    depth: int = LEVELS
    watches_book: bool = True
    without: tuple[str, ...] = ()


VENUES = {
    "coinbaseexchange": Venue({("public",): "http://%", ("ws",): "ws://%"}, watches_book=False),
    "coinbase": Venue(
        {("rest",): "http://%", ("ws",): "ws://%"}, maker_side=True, without=("fetchCurrencies",)
    ),
    "kraken": Venue({("public",): "http://%", ("ws", "publicV2"): "ws://%/v2"}, depth=10),
    "deribit": Venue({("rest",): "http://%", ("ws",): "ws://%/ws/api/v2"}, trade_id="trade_seq", coins=True),
}


class Client:
    """One exchange of the library."""

    def __init__(self, name: str, authority: str) -> None:
        self.venue = venue = VENUES[name]
        self.exchange = exchange = getattr(ccxt.pro, name)({"newUpdates": False})
        for keys, address in venue.addresses.items():
            place = exchange.urls["api"]
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = address.replace("%", authority)
        for word in venue.without:
            exchange.has[word] = False
        self._told: set[tuple[str, int]] = set()

    def trade(self, kind: str, symbol: str, seen: dict[str, Any]) -> None:
        """One trade; of streams each once (rule 4)."""
        venue = self.venue
        number = int(seen["info"][venue.trade_id] if venue.trade_id else seen["id"])
        if kind == "trade" and (symbol, number) in self._told:
            return
        self._told.add((symbol, number))
        tell(
            kind, symbol=symbol, id=number, price=seen["price"], quantity=seen["amount"],
            sold=(seen["side"] == "sell") is not venue.maker_side, time=seen["timestamp"],
        )  # fmt: skip

    def candle(self, symbol: str, via: str, row: list[Any], *, closed: bool) -> None:
        """One candle."""
        opens, opened, high, low, close, volume = row
        tell(
            "candle", symbol=symbol, via=via, length=MINUTE_MS, opens=opens, open=opened, high=high, low=low,
            close=close, volume=volume, closed=closed, coins=self.venue.coins,
        )  # fmt: skip

    async def watch_trades(self, unified: str, symbol: str) -> None:
        """Until it is cancelled, as are the others."""
        while True:
            for each in await self.exchange.watch_trades(unified):
                self.trade("trade", symbol, each)

    async def watch_ticker(self, unified: str, symbol: str) -> None:
        """Rule 2."""
        await self.exchange.watch_ticker(unified)
        while True:
            seen = await self.exchange.watch_ticker(unified)
            info = seen["info"]
            time = seen["timestamp"] or self.exchange.parse8601(info["timestamp"])
            when = {"last": info["trade_id"]} if "trade_id" in info else {"time": time}
            names = {"high": "high", "low": "low", "close": "last", "volume": "baseVolume"}
            if self.venue.coins:
                del names["volume"]  # it is rounded by a mean price, as the twin's reference says
            if seen["last"] is not None:
                tell(
                    "ticker", symbol=symbol, **when, **{ours: seen[theirs] for ours, theirs in names.items()}
                )
            tell(
                "quote", symbol=symbol, time=time, bid=[seen["bid"], seen["bidVolume"]],
                ask=[seen["ask"], seen["askVolume"]],
            )  # fmt: skip

    async def watch_candles(self, unified: str, symbol: str) -> None:
        """Each candle as it runs, and the last word on it."""
        latest: list[Any] = []
        while True:
            for row in await self.exchange.watch_ohlcv(unified, "1m"):
                if latest and row[0] < latest[0]:
                    continue
                if latest and row[0] > latest[0]:
                    self.candle(symbol, "stream", latest, closed=True)
                latest = list(row)
                self.candle(symbol, "stream", latest, closed=False)

    async def watch_book(self, unified: str, symbol: str) -> None:
        """Rules 1 and 2."""
        if self.venue.watches_book:
            await self.exchange.watch_order_book(unified)
        while True:
            if self.venue.watches_book:
                book = await self.exchange.watch_order_book(unified)
                when = {"time": book["timestamp"]}
            else:
                book = await self.exchange.fetch_order_book(unified)
                when = {"sequence": book["nonce"]}
                await self.exchange.throttle(BOOK_COST)
            depth = self.venue.depth
            bids, asks = ([level[:2] for level in book[side][:depth]] for side in ("bids", "asks"))
            if None not in when.values():
                tell("book", symbol=symbol, **when, depth=depth, bids=bids, asks=asks)

    async def history(self, unified: str, symbol: str) -> None:
        """By requests."""
        exchange = self.exchange
        for each in await exchange.fetch_trades(unified, limit=200):
            self.trade("past trade", symbol, each)
        rows = await exchange.fetch_ohlcv(unified, "1m", limit=100)
        for index, row in enumerate(rows):
            self.candle(symbol, "request", row, closed=index < len(rows) - 1)

    async def run(self, duration_s: float, symbols: list[str]) -> None:
        """All of it."""
        exchange = self.exchange
        markets = await exchange.load_markets()
        by_id = {each["id"]: each for each in markets.values()} | {
            each["symbol"]: each for each in markets.values()
        }
        watching = []
        for symbol in symbols:
            listed = by_id[symbol]
            name = listed["symbol"]
            tell(
                "market", symbol=symbol, base=listed["base"], quote=listed["quote"],
                tick=listed["precision"]["price"], step=listed["precision"]["amount"],
            )  # fmt: skip
            watching += [
                watch(name, symbol) for watch in (self.watch_trades, self.watch_ticker, self.watch_book)
            ]
            if exchange.has["watchOHLCV"]:
                watching.append(self.watch_candles(name, symbol))
        await meanwhile(duration_s, watching)
        for symbol in symbols:
            await self.history(by_id[symbol]["symbol"], symbol)


async def main() -> None:
    name = sys.argv.pop(1)
    authority, duration_s, symbols = arguments()
    client = Client(name, authority)
    tell("about", client=f"ccxt.pro {name}", version=ccxt.pro.__version__)
    try:
        await client.run(duration_s, symbols)
    finally:
        await client.exchange.close()


asyncio.run(main())
