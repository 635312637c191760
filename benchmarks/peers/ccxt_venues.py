"""ccxt.pro on the wires of several venues at once: one exchange object a venue, one loop for all.

As in `ccxt_peer`: markets are filled in by hand, nothing is connected, coroutines watch as users do. For the book of
Coinbase Exchange it wants keys, which are made up: they sign a message that goes nowhere. After each frame the loop
turns as often as it takes until every watcher has come back for more (`TURNS`): twice, and four times where watching is
a race of futures, as on Kraken and Deribit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any

import ccxt.pro
from aiohttp import WSMessage, WSMsgType
from ccxt.async_support.base.ws.client import Client

from benchmarks.contest import Frame, Outcome, SeenVenues, Work, symbols_of

NAMES = {"binance": "binance", "coinbase": "coinbaseexchange", "kraken": "kraken", "deribit": "deribit"}
TURNS = {"binance": 2, "coinbase": 2, "kraken": 4, "deribit": 4}
KEYS = {"apiKey": "none", "secret": "bm9uZQ==", "password": "none"}
DEPTHS = {"kraken": 10}
PRECISION = {"amount": 1e-8, "price": 1e-2}
Take = tuple[Any, WSMessage, int]


def market(wire: str, symbol: str) -> dict[str, Any]:
    """As the library would have it of a venue's list."""
    if wire == "deribit":
        base = symbol.split("-", maxsplit=1)[0]
        return {
            "id": symbol, "symbol": f"{base}/USD:{base}", "base": base, "quote": "USD", "settle": base,
            "baseId": base, "quoteId": "USD", "type": "swap", "swap": True, "spot": False, "contract": True,
            "inverse": True, "linear": False, "contractSize": 10.0, "active": True, "precision": PRECISION,
        }  # fmt: skip
    base, quote = ("BTC", "USDT") if wire == "binance" else symbol.replace("-", "/").split("/")
    return {
        "id": symbol, "lowercaseId": symbol.lower(), "symbol": f"{base}/{quote}", "base": base, "quote": quote,
        "baseId": base, "quoteId": quote, "type": "spot", "spot": True, "active": True, "precision": PRECISION,
    }  # fmt: skip


class Watched:
    """The exchange of one venue and its watchers."""

    def __init__(self, wire: str, symbols: Iterable[str], seen: SeenVenues, snapshot: Any) -> None:
        self.wire = wire
        self.seen = seen
        self.exchange = exchange = getattr(ccxt.pro, NAMES[wire])(KEYS if wire == "coinbase" else {})
        listed = [exchange.safe_market_structure(market(wire, symbol)) for symbol in symbols]
        exchange.set_markets(listed)
        self.unified = {each["id"]: each["symbol"] for each in listed}
        if wire == "binance":
            exchange.publicGetDepth = snapshot
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self, work: Work) -> None:
        """Watchers, waiting; then the sockets for trades and books, which may be one."""
        loop = asyncio.get_running_loop()
        kinds = {(symbol_kind.wire, symbol_kind.kind) for symbol_kind in work.frames}
        for symbol, unified in self.unified.items():
            watching: list[Coroutine[Any, Any, None]] = [self._book(unified)]
            if (self.wire, "trade") in kinds:
                watching.insert(0, self._trades(symbol, unified))
            self.tasks += [loop.create_task(each) for each in watching]
            await turn(60)
        clients: list[Client] = list(self.exchange.clients.values())
        for client in clients if self.wire == "binance" else ():
            for request in client.requests:
                client.handle_message(received(f'{{"result":null,"id":{request["id"]}}}'))
        await turn(60)
        self.clients = {"trade": clients[0], "depth": clients[-1]}

    async def _trades(self, symbol: str, unified: str) -> None:
        seen = self.seen
        while True:
            for trade in await self.exchange.watch_trades(unified):
                seen.trades += 1
                seen.last[symbol] = trade["price"]

    async def _book(self, unified: str) -> None:
        limit = DEPTHS.get(self.wire)
        while True:
            await self.exchange.watch_order_book(unified, limit)
            self.seen.updates += 1

    def tops(self) -> list[tuple[str, Any, Any]]:
        """Of every book."""
        found = []
        for symbol, unified in self.unified.items():
            book = self.exchange.orderbooks.get(unified)
            if book:
                bid, ask = (book[side][0][:2] if book[side] else None for side in ("bids", "asks"))
                found.append((symbol, bid, ask))
        return found

    async def stop(self) -> None:
        """All watchers."""
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        await self.exchange.close()


async def play_venues(work: Work, snapshot: Any) -> tuple[float, Outcome]:
    """One pass."""
    seen = SeenVenues()
    symbols = symbols_of(work)
    watched = {
        wire: Watched(wire, [name for of, name in symbols if of == wire], seen, snapshot)
        for wire in work.wires
    }
    for each in watched.values():
        await each.start(work)
    await play([taken(watched, frame) for frame in work.prelude])
    await turn(50)
    seen.trades = seen.updates = 0
    seen.last.clear()
    prepared = [taken(watched, frame) for frame in work.frames]
    started = time.process_time()
    await play(prepared)
    spent = time.process_time() - started
    for each in watched.values():
        for task in each.tasks:
            if task.done():
                task.result()
    outcome = seen.outcome(top for each in watched.values() for top in each.tops())
    for each in watched.values():
        await each.stop()
    return spent, outcome


async def play(prepared: list[Take]) -> None:
    """Frames in order of time, one by one."""
    for take, message, turns in prepared:
        take(message)
        for _ in range(turns):
            await asyncio.sleep(0)


def taken(watched: dict[str, Watched], frame: Frame) -> Take:
    """Who takes a frame, and how often the loop must turn then."""
    return watched[frame.wire].clients[frame.kind].handle_message, _as_received(frame), TURNS[frame.wire]


def _as_received(frame: Frame) -> WSMessage:
    raw = frame.raw
    return received(raw[raw.index('"data":') + len('"data":') : -1] if frame.wire == "binance" else raw)


def received(text: str) -> WSMessage:
    """As aiohttp gives it."""
    return WSMessage(WSMsgType.TEXT, text, "")


async def turn(times: int) -> None:
    """Let the loop turn."""
    for _ in range(times):
        await asyncio.sleep(0)
