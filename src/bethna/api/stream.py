"""One client of /ws: what it asks for, and the one pump that sends what its lines have to say.

It holds no market state; lines and sources are the hub's.

Rules, cited by the code:

1. A client has one reader and one pump; when either ends, both end, and its lines are closed.
2. A bad request is answered by an error and the socket stays open. What is refused is refused by name, at most
   MAX_REFUSALS by one request; the rest is counted.
3. Subscribing starts a topic afresh, also one that is subscribed already: a snapshot with seq 1.
4. Nothing is queued for a client but its lines' mailboxes and MAX_REPLIES answers; while these wait, it is not read.
5. A socket that does not drain for `stall_s` is cut off with a reason; nobody else waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

import msgspec
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from bethna.api.answers import micros
from bethna.api.doors import Refusal, refuse
from bethna.api.hub import Hub
from bethna.api.lines import Line
from bethna.api.protocol import Ping, Subscribe, Unsubscribe, decode_client_message, encode, error_answer
from bethna.api.topics import parse_topic
from bethna.api.wire import Gone, Stalled, Wire, wire_for
from bethna.core.errors import BethnaError, excerpt_of
from bethna.core.market import InstrumentId
from bethna.runtime.supervisor import contained, failure

MAX_TOPICS = 500
MAX_REFUSALS = 50
MAX_REPLIES = 64
# One write of the pump holds about this much; more waits for its next round.
ROUND_BYTES = 256 * 1024
STALL_S = 10.0
_STATUS = b'{"topic":null,"type":"status","seq":0,"data":%b}'
_HINT = 'send {"op": "subscribe", "topics": ["prices"], "rate": "ui"}, "unsubscribe" or "ping"'


class Client:
    """One connected client."""

    def __init__(self, hub: Hub, wire: Wire) -> None:
        self._hub = hub
        self._wire = wire
        self._lines: dict[str, Line] = {}
        self._ready: dict[Line, None] = {}
        self._replies: asyncio.Queue[bytes] = asyncio.Queue(MAX_REPLIES)
        self._wake = asyncio.Event()

    async def run(self, receive: Receive) -> None:
        """Serve until the client leaves or is cut off (rule 1).

        Raises:
            Stalled: its socket did not drain.
        """
        numbers = self._hub.numbers
        numbers.clients += 1
        numbers.connected += 1
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(receive), name="api:reader")
                pump = group.create_task(self._pump(), name="api:pump")
                reader.add_done_callback(lambda _: pump.cancel())
                pump.add_done_callback(lambda _: reader.cancel())
        except* Gone:
            pass
        finally:
            numbers.clients -= 1
            for line in tuple(self._lines.values()):
                self._drop(line)

    def ready(self, line: Line, /) -> None:
        """A line has something to send."""
        self._ready[line] = None
        self._wake.set()

    async def _read(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == "websocket.receive":
                for reply in self._answer(message.get("text") or message.get("bytes") or b""):
                    await self._replies.put(reply)  # rule 4
                    self._wake.set()

    async def _pump(self) -> None:
        numbers = self._hub.numbers
        while True:
            await self._wake.wait()
            self._wake.clear()
            while frames := self._round():
                numbers.frames += len(frames)
                numbers.bytes_sent += sum(map(len, frames))
                await self._wire.send(frames)  # rule 5

    def _round(self) -> list[bytes]:
        """Replies, then whatever the lines have, each in its turn, up to ROUND_BYTES."""
        frames: list[bytes] = []
        while not self._replies.empty():
            frames.append(self._replies.get_nowait())
        size = 0
        while self._ready and size < ROUND_BYTES:
            line = next(iter(self._ready))
            del self._ready[line]
            lost = line.dropped
            said = line.frames()
            self._hub.numbers.dropped += line.dropped - lost
            if line.over:
                self._drop(line)
            frames += said
            size += sum(map(len, said))
        return frames

    def _answer(self, text: str | bytes) -> Iterable[bytes]:
        """Do what a frame asks for, and say what is to be said about it (rule 2)."""
        try:
            message = decode_client_message(text)
        except msgspec.DecodeError as error:
            found = excerpt_of(text)[:80]
            yield _error("bad_request", f"expected a request as JSON, found {found!r}: {error}", _HINT)
            return
        match message:
            case Ping():
                yield _STATUS % encode({"pong": micros(self._hub.desk.clock.now_ns())})
            case Unsubscribe(topics=topics):
                self._unsubscribe(topics)
            case Subscribe():
                yield from self._subscribe(message)

    def _subscribe(self, message: Subscribe) -> Iterable[bytes]:
        refused = 0
        for text in dict.fromkeys(message.topics):
            try:
                topic, notice = parse_topic(text, self._resolve)
                name = str(topic)
                if name not in self._lines and len(self._lines) >= MAX_TOPICS:
                    raise TooManyTopics(
                        f"{name} was refused: this connection has {MAX_TOPICS} topics already"
                    )
            except BethnaError as error:
                refused += 1
                if refused <= MAX_REFUSALS:
                    said = error.message if text in error.message else f"{text!r}: {error.message}"
                    yield _error(error.code, said, error.hint)
                continue
            if name in self._lines:
                self._drop(self._lines[name])  # rule 3
            line = self._hub.line(self, topic, message.rate, notice)
            self._lines[name] = line
            self._hub.numbers.topics += 1
            self.ready(line)
        if refused > MAX_REFUSALS:
            yield _error(
                "too_many_refusals", f"{refused - MAX_REFUSALS} further topics were refused too", _HINT
            )

    def _unsubscribe(self, topics: Iterable[str]) -> None:
        for text in topics:
            try:
                name = str(parse_topic(text, self._resolve)[0])
            except BethnaError:
                name = text  # an instrument that is not followed any more can still be unsubscribed
            if name in self._lines:
                self._drop(self._lines[name])

    def _resolve(self, text: str) -> tuple[InstrumentId, str | None]:
        hub = self._hub
        return contained(partial(hub.desk.resolve, text), "api:resolve", hub.bus.clock, hub.bus.report)

    def _drop(self, line: Line) -> None:
        line.close()
        self._ready.pop(line, None)
        if self._lines.get(str(line.topic)) is line:
            del self._lines[str(line.topic)]
            self._hub.numbers.topics -= 1


class TooManyTopics(BethnaError):
    """A connection has as many topics as it may."""

    code = "too_many_topics"

    def __init__(self, message: str) -> None:
        super().__init__(
            message, hint=f"unsubscribe some, or open another connection; the limit is {MAX_TOPICS}"
        )


def ws_route(hub: Hub, stall_s: float = STALL_S) -> ASGIRouteHandler:
    """The /ws route."""

    @asgi("/ws", copy_scope=False)
    async def ws(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.WEBSOCKET:
            told = error_answer(
                "upgrade_required", "expected a WebSocket, found a plain request", "connect with ws://"
            )
            await refuse(scope, receive, send, Refusal(told, 426))
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        wire = wire_for(scope, send, stall_s)
        try:
            await Client(hub, wire).run(receive)
        except* Stalled:
            hub.numbers.closed_slow += 1
            await wire.close(1013, f"nothing was read for {stall_s:g} s")
        except* Exception as errors:  # noqa: BLE001 - the ASGI boundary: this client ends, the desk goes on
            for error in errors.exceptions:
                hub.bus.report(failure(hub.bus.clock, "api:client", error, "its connection ends"))
            await wire.close(1011, "the desk failed to serve this connection")

    return ws


def _error(code: str, message: str, hint: str) -> bytes:
    return _STATUS % encode(error_answer(code, message, hint))
