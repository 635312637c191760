"""ccxt.pro: its own socket client's `handle_message`, and coroutines that watch as its users do.

- The market is filled in by hand, the client's `connect` and `send` go nowhere, the subscription is acknowledged
  as the venue does it, and the REST depth call answers with the recorded snapshot; all else is the library's:
  JSON parsing (orjson), floats, its sorted book, its trade cache, futures and default options.
- It has no callbacks: a user awaits `watch_trades` or `watch_order_book` in a loop, so delivery means that this
  coroutine has run. After each frame the event loop turns twice, which is what that takes, as it
  turns in life when frames come one by one.
- It subscribes on plain sockets, so its frames come without the `stream` wrapper.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any

import ccxt.pro
from aiohttp import WSMessage, WSMsgType
from ccxt.async_support.base.ws.client import Client

from benchmarks.contest import SYMBOL, Frame, Outcome, Seen, Work
from benchmarks.contestant import Contestant, serve
from benchmarks.peers.ccxt_venues import NAMES, play_venues

UNIFIED = "BTC/USDT"
MARKET = {
    "id": SYMBOL, "lowercaseId": SYMBOL.lower(), "symbol": UNIFIED, "type": "spot", "spot": True, "active": True,
    "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT",
    "precision": {"amount": 1e-5, "price": 0.01},
}  # fmt: skip


class Ccxt(Contestant):
    packages = ("ccxt", "aiohttp", "orjson")
    wires = frozenset(NAMES)

    def prepare(self, work: Work) -> list[tuple[bool, WSMessage]]:
        if work.of_venues:
            return []  # made in each pass, before the clock starts: it must know its sockets
        return [(frame.kind == "trade", _as_received(frame)) for frame in work.frames]

    def play(self, work: Work, prepared: Any) -> tuple[float, Outcome]:
        if work.of_venues:
            return asyncio.run(play_venues(work, _answering(work.snapshot)))
        return asyncio.run(_play(work, prepared))


async def _play(work: Work, prepared: list[tuple[bool, WSMessage]]) -> tuple[float, Outcome]:
    seen = Seen()
    exchange = ccxt.pro.binance()
    exchange.set_markets([exchange.safe_market_structure(MARKET)])
    exchange.publicGetDepth = _answering(work.snapshot)
    watchers: list[Coroutine[Any, Any, None]] = []
    if work.has_trades:
        watchers.append(_watch_trades(exchange, seen))
    if work.has_depth:
        watchers.append(_watch_book(exchange, seen, read_top=work.reads_top))
    tasks = [asyncio.get_running_loop().create_task(watcher) for watcher in watchers]
    trade_client, depth_client = await _subscribed(exchange, work)
    for frame in work.prelude:
        depth_client.handle_message(_as_received(frame))
    await _turn(10)
    seen.updates = 0
    seen.tops.clear()
    take_trade, take_depth = trade_client.handle_message, depth_client.handle_message
    started = time.process_time()
    for is_trade, message in prepared:
        if is_trade:
            take_trade(message)
        else:
            take_depth(message)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    spent = time.process_time() - started
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await exchange.close()
    book = exchange.orderbooks.get(UNIFIED)
    bid, ask = (book["bids"][0], book["asks"][0]) if book else (None, None)
    return spent, seen.outcome(work, bid, ask)


async def _watch_trades(exchange: Any, seen: Seen) -> None:
    while True:
        for trade in await exchange.watch_trades(UNIFIED):
            seen.trades += 1
            seen.last_price = trade["price"]


async def _watch_book(exchange: Any, seen: Seen, *, read_top: bool) -> None:
    while True:
        book = await exchange.watch_order_book(UNIFIED)
        seen.updates += 1
        if read_top:
            seen.tops.append((*book["bids"][0], *book["asks"][0]))


async def _subscribed(exchange: Any, work: Work) -> tuple[Client, Client]:
    """Acknowledge what was asked for; returns the sockets for trades and depth, either twice if there is one."""
    await _turn(50)
    clients: list[Client] = list(exchange.clients.values())
    expected = work.has_trades + work.has_depth
    if len(clients) != expected:
        raise RuntimeError(f"expected {expected} sockets, found {len(clients)}")
    for client in clients:
        for request in client.requests:
            acknowledged = json.dumps({"result": None, "id": request["id"]})
            client.handle_message(WSMessage(WSMsgType.TEXT, acknowledged, ""))
    await _turn(50)
    return clients[0], clients[-1]


async def _turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def _answering(snapshot: str) -> Any:
    async def depth(*_: Any, **__: Any) -> Any:
        return json.loads(snapshot)

    return depth


def _as_received(frame: Frame) -> WSMessage:
    plain = frame.raw[frame.raw.index('"data":') + len('"data":') : -1]
    return WSMessage(WSMsgType.TEXT, plain, "")


def _go_nowhere() -> None:
    """Replace the two methods of the client that would reach for a network."""

    def connect(client: Client, session: Any, backoff_delay: float = 0) -> Any:  # noqa: ARG001 - the library's
        client.requests = []
        client.connected.resolve(client.url)
        return client.connected

    async def send(client: Client, message: Any) -> None:
        client.requests.append(message)

    Client.connect, Client.send = connect, send


if __name__ == "__main__":
    _go_nowhere()
    serve(Ccxt())
