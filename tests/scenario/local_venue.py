"""A small venue on loopback that speaks Binance's stream protocol and misbehaves on request; written from the sheet."""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from handmade import Bell
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

RestAnswer = tuple[int, dict[str, str], bytes]


class LocalConnection:
    """One accepted socket: what it carries and what it said."""

    def __init__(self, number: int, socket: ServerConnection, path: str) -> None:
        self.number = number
        self.socket = socket
        self.path = path
        named = parse_qs(urlsplit(path).query).get("streams", [""])[0]
        self.streams: list[str] = [name for name in named.split("/") if name]
        self.said: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.sent = 0
        self.open = True
        self.close_code: int | None = None

    async def send(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        self.sent += 1
        await self.socket.send(text)

    async def ping(self, payload: str = "") -> Awaitable[float]:
        """Send a ping frame; what comes back is done when its pong has come."""
        return await self.socket.ping(payload or None)

    def freeze(self) -> None:
        """Read nothing any more, not even pings: a line that died without a word."""
        self.socket.transport.pause_reading()

    async def cut(self) -> None:
        """End without a goodbye."""
        self.socket.transport.abort()

    def asked(self, method: str) -> list[str]:
        """Every stream named in requests of one method, in order."""
        return [name for said in self.said if said["method"] == method for name in said["params"]]


class LocalVenue:
    """Scripted by its attributes, which may be changed at any time.

    Attributes:
        deny: status to answer an upgrade with, None to accept; asked with the number of the attempt and the path.
        answers: whether control messages are answered at all.
        refuse: stream -> `flat` or `nested`, the two forms in which the venue words an error.
        greet: called with each new connection; what it awaits happens before anything is read.
        rest: path (without query) -> answers, used up in order, the last one stays.
    """

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.connections: list[LocalConnection] = []
        self.attempts = 0
        self.deny: Callable[[int, str], int | None] = lambda _number, _path: None
        self.deny_headers: dict[str, str] = {}
        self.answers = True
        self.held_answers: list[tuple[LocalConnection, object]] = []
        self.refuse: dict[str, str] = {}
        self.greet: Callable[[LocalConnection], Any] | None = None
        self.rest: dict[str, list[RestAnswer]] = {}
        self.rest_asked: list[str] = []
        self.trade_id = 0
        self._server: Server | None = None
        self.port = 0

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live(self) -> list[LocalConnection]:
        return [connection for connection in self.connections if connection.open]

    async def publish(
        self, stream: str, payload: dict[str, Any], only: Iterable[LocalConnection] = ()
    ) -> None:
        """Send to every connection that carries the stream."""
        for connection in list(only) or self.live:
            if stream in connection.streams:
                await connection.send({"stream": stream, "data": payload})

    async def trade(self, symbol: str = "BTCUSDT", only: Iterable[LocalConnection] = ()) -> None:
        """The next trade of a symbol."""
        self.trade_id += 1
        payload = {
            "e": "trade", "E": 1_700_000_000_000, "s": symbol, "t": self.trade_id, "p": "100.00000000",
            "q": "1.00000000", "T": 1_700_000_000_000, "m": False, "M": True,
        }  # fmt: skip
        await self.publish(f"{symbol.lower()}@trade", payload, only)

    # --- the server

    async def start(self) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port or None,
            process_request=self._before_upgrade,
            ping_interval=None,
            compression=None,
            close_timeout=0.2,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _before_upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path.startswith("/api/"):
            return self._rest_answer(path, request.path)
        self.attempts += 1
        self.bell.ring()
        status = self.deny(self.attempts, request.path)
        if status is None:
            return None
        return _response(status, self.deny_headers, b'{"code":0,"msg":"no"}')

    def _rest_answer(self, path: str, whole: str) -> Response:
        self.rest_asked.append(whole)
        self.bell.ring()
        script = self.rest.get(path)
        if not script:
            return _response(404, {}, b'{"code":-1100,"msg":"nothing here"}')
        return _response(*(script.pop(0) if len(script) > 1 else script[0]))

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        connection = LocalConnection(len(self.connections) + 1, socket, socket.request.path)
        self.connections.append(connection)
        self.bell.ring()
        try:
            if self.greet is not None:
                await self.greet(connection)
            async for text in socket:
                self._heard(connection, json.loads(text))
                await self._answer(connection)
        except ConnectionClosed:
            pass
        finally:
            connection.open = False
            connection.close_code = socket.close_code
            self.bell.ring()

    def _heard(self, connection: LocalConnection, said: dict[str, Any]) -> None:
        connection.said.append(said)
        connection.times.append(asyncio.get_running_loop().time())
        self.bell.ring()

    async def _answer(self, connection: LocalConnection) -> None:
        said = connection.said[-1]
        form = next((self.refuse[name] for name in said["params"] if name in self.refuse), None)
        error = {"code": 2, "msg": "Invalid request: invalid stream"}
        if form is not None and said["method"] == "SUBSCRIBE":
            answer: dict[str, Any] = error if form == "flat" else {"error": error}
            answer = {**answer, "id": said["id"]}
        else:
            self._change(connection, said)
            answer = {"result": None, "id": said["id"]}
        if self.answers:
            await connection.send(answer)
        else:
            self.held_answers.append((connection, answer))

    def _change(self, connection: LocalConnection, said: dict[str, Any]) -> None:
        for name in said["params"]:
            if said["method"] == "SUBSCRIBE" and name not in connection.streams:
                connection.streams.append(name)
            elif said["method"] == "UNSUBSCRIBE" and name in connection.streams:
                connection.streams.remove(name)
        self.bell.ring()


def _response(status: int, headers: dict[str, str], body: bytes) -> Response:
    # Content-Length and Connection are the server's duty here.
    fields = Headers({**headers, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, http.HTTPStatus(status).phrase, fields, body)


@asynccontextmanager
async def local_venue(bell: Bell, venue: LocalVenue | None = None) -> AsyncIterator[LocalVenue]:
    """A running venue."""
    venue = venue or LocalVenue(bell)
    await venue.start()
    try:
        yield venue
    finally:
        await venue.stop()
