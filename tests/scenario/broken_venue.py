"""A venue on loopback whose market is a recording and whose sockets break: what is lost can be asked for by REST.

The market goes on while nobody is connected. Trades are served by id and books as they stand now, both counted here by
a plain reading of the wire text, so that no code of the product proves itself right.

The recording is played flat out, so its clock runs some hundred times as fast as any other: a desk that lives by the
host's clock sees, after a while, times that are ahead of what it measured, and rightly says so. `MarketClock` is the
clock to live by.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scenario.tape_venue import BURST, port_of, response
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from bethna.core.clock import NS_PER_MS
from bethna.store.tapes import TapeReader


class MarketClock:
    """The time of a market that is played flat out: its newest event's, and what passed since."""

    def __init__(self) -> None:
        self._newest_ns = 0
        self._told_ns = 0

    def tell(self, event_ns: int) -> None:
        """Something happened in the market."""
        if event_ns > self.now_ns():
            self._newest_ns, self._told_ns = event_ns, self.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        return self._newest_ns + self.monotonic_ns() - self._told_ns

    def monotonic_ns(self) -> int:
        """The host's."""
        return time.monotonic_ns()


class BrokenVenue:
    """Plays one tape to whoever is connected.

    Args:
        cuts: frame number -> how many frames of the market pass before anybody can connect again.
        history: whether trades can be asked for by id. newest: whether the newest trades can be asked for.
        frames: how many of the tape are played, None for all.
        clock: answers questions for the venue's time; without one they are not served.
    """

    def __init__(
        self, tape: Path, cuts: dict[int, int], *, history: bool = True, newest: bool = False,
        frames: int | None = None, clock: MarketClock | None = None,
    ) -> None:  # fmt: skip
        self._frames = [entry.raw.decode() for entry in TapeReader(tape) if entry.kind == "rx"][:frames]
        self._clock = clock
        self._first = next(json.loads(e.raw) for e in TapeReader(tape) if e.kind == "http")
        self._cuts = dict(cuts)
        self._history = history
        self._newest = newest
        self._at = 0
        self.bids = {Decimal(p): Decimal(q) for p, q in self._first["bids"]}
        self.asks = {Decimal(p): Decimal(q) for p, q in self._first["asks"]}
        self.update_id = int(self._first["lastUpdateId"])
        self.trades: dict[int, dict[str, Any]] = {}
        self.lost_trades: set[int] = set()
        self.played = asyncio.Event()
        self.asked = asyncio.Event()
        self.requests: list[str] = []
        self.port = 0

    @property
    def hosts(self) -> str:
        """The value of the `hosts` setting that leads here."""
        return f"ws://127.0.0.1:{self.port}|http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[BrokenVenue]:
        """Serve until the block ends."""
        async with serve(
            self._play, "127.0.0.1", 0, process_request=self._answer, compression=None, max_size=None
        ) as server:
            self.port = port_of(server)
            yield self

    # --- the market

    def _pass(self, text: str) -> None:
        """One frame of the market happens, whoever hears it."""
        body = json.loads(text)["data"]
        if self._clock is not None and "E" in body:
            self._clock.tell(body["E"] * NS_PER_MS)
        if "t" in body:
            self.trades[body["t"]] = {
                "id": body["t"], "price": body["p"], "qty": body["q"], "time": body["T"], "isBuyerMaker": body["m"],
            }  # fmt: skip
        elif "U" in body and body["u"] > self.update_id:
            for side, levels in ((self.bids, body["b"]), (self.asks, body["a"])):
                for price, quantity in levels:
                    side[Decimal(price)] = Decimal(quantity)
                    if not Decimal(quantity):
                        del side[Decimal(price)]
            self.update_id = body["u"]

    async def _play(self, connection: ServerConnection) -> None:
        if not self.asked.is_set():
            await self._send_until(connection, 8)
            await self.asked.wait()
        while self._at < len(self._frames):
            cut = min((at for at in self._cuts if at >= self._at), default=len(self._frames))
            await self._send_until(connection, cut)
            if cut in self._cuts:
                self._skip(self._cuts.pop(cut))
                connection.transport.abort()
                return
        self.played.set()
        await connection.wait_closed()

    async def _send_until(self, connection: ServerConnection, end: int) -> None:
        while self._at < min(end, len(self._frames)):
            text = self._frames[self._at]
            self._at += 1
            self._pass(text)
            await connection.send(text)
            if self._at % BURST == 0:
                await asyncio.sleep(0)

    def _skip(self, count: int) -> None:
        before = set(self.trades)
        for text in self._frames[self._at : self._at + count]:
            self._pass(text)
        self._at += count
        self.lost_trades |= set(self.trades) - before

    # --- what can be asked

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        self.requests.append(request.path)
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/api/v3/depth":
            self.asked.set()
            return response(HTTPStatus.OK, json.dumps(self._snapshot(int(query["limit"]))).encode())
        if url.path == "/api/v3/historicalTrades" and self._history:
            return response(
                HTTPStatus.OK, json.dumps(self._page(int(query["fromId"]), int(query["limit"]))).encode()
            )
        if url.path == "/api/v3/trades" and self._newest:
            rows = list(self.trades.values())[-int(query["limit"]) :]
            return response(HTTPStatus.OK, json.dumps(rows).encode())
        if url.path == "/api/v3/time" and self._clock is not None:
            told = {"serverTime": self._clock.now_ns() // NS_PER_MS}
            return response(HTTPStatus.OK, json.dumps(told).encode())
        if url.path == "/api/v3/exchangeInfo":
            return response(HTTPStatus.OK, json.dumps(CATALOGUE).encode())
        return response(HTTPStatus.NOT_FOUND, b'{"code":-1,"msg":"not served here"}')

    def _snapshot(self, limit: int) -> dict[str, Any]:
        def rows(levels: Sequence[tuple[Decimal, Decimal]]) -> list[list[str]]:
            return [[str(price), str(quantity)] for price, quantity in levels[:limit]]

        return {
            "lastUpdateId": self.update_id,
            "bids": rows(sorted(self.bids.items(), reverse=True)),
            "asks": rows(sorted(self.asks.items())),
        }

    def _page(self, first: int, limit: int) -> list[dict[str, Any]]:
        return [self.trades[each] for each in range(first, first + limit) if each in self.trades]


CATALOGUE = {
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
    "symbols": [
        {
            "symbol": symbol, "status": "TRADING", "baseAsset": symbol[:-4], "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
            ],
        }
        for symbol in ("BTCUSDT", "ETHUSDT", "POLUSDT", "FOOTUSDT")
    ],
}  # fmt: skip
