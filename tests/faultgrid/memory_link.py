"""Sockets and requests between a desk and a twin in one process, in virtual time: the twin's `Wire`, our `Network`.

Bytes take `latency_ns` each way and keep their order. Nothing is decoded here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from virtual_time import VirtualClock, pass_time

from bethna.core.clock import NS_PER_MS, NS_PER_S, Clock
from bethna.core.errors import ConnectError, ConnectionLost, RateLimited
from bethna.net.http import HttpAnswer
from bethna.net.ws import OnFrame, Socket, SocketEvents
from bethna.twins.line import Connection
from bethna.twins.line.seam import Answer
from bethna.twins.line.venue import VenueTwin

ADDRESS = "127.0.0.1"
HEADERS = {"user-agent": "bethna"}
"""What the desk's own requests carry, and what a venue may insist on."""


class Driver:
    """Calls the twin when it has something to do."""

    def __init__(self, twin: VenueTwin, clock: VirtualClock) -> None:
        self.twin = twin
        self.clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._stopped_at: int | None = None

    def advance(self) -> int:
        if self._stopped_at is not None:
            return self._stopped_at
        now = self.clock.true_ns()
        self.twin.advance(now)
        self.arm()
        return now

    def arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._stopped_at is not None:
            return
        delay = max(0, self.twin.deadline() - self.clock.true_ns())
        self._timer = asyncio.get_running_loop().call_later(delay / NS_PER_S, self.advance)

    def stop(self) -> None:
        """From now on nothing happens in the world."""
        self._stopped_at = self.clock.true_ns()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class MemorySocket:
    """Both ends of one connection: the desk calls the methods of `net.ws.Socket`, the twin those of its `Wire`."""

    def __init__(
        self,
        driver: Driver,
        venue: str,
        clock: Clock,
        on_frame: OnFrame,
        events: SocketEvents,
        latency_ns: int,
    ) -> None:
        self.connection: Connection | None = None
        self._driver = driver
        self._venue = venue
        self._clock = clock
        self._on_frame = on_frame
        self._events = events
        self._latency_s = latency_ns / NS_PER_S
        self._going_up: deque[Callable[[Connection, int], object]] = deque()
        self._going_down: deque[Callable[[], None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str | ConnectionLost] = self._loop.create_future()

    # --- the desk's side

    def send(self, text: str) -> None:
        self._up(lambda connection, now: connection.text(text, now))

    def ping(self) -> None:
        self._up(self._pinged)

    def _pinged(self, connection: Connection, now: int) -> None:
        if connection.ping(b"", now):
            self._down(self._events.ponged)

    def pong(self, payload: bytes) -> None:
        self._up(lambda connection, now: connection.pong(payload, now))

    def abort(self) -> None:
        self._end("the connection was cut without a close frame")
        self._up(lambda connection, now: connection.closed(now))

    def close(self) -> None:
        self._up(lambda connection, now: connection.closed(now))
        self._down(lambda: self._end("closed by the other side with code 1000"))

    async def wait_ended(self) -> str:
        said = await asyncio.shield(self._ended)
        if isinstance(said, ConnectionLost):
            raise said
        return said

    # --- the twin's side

    def text(self, payload: bytes) -> None:
        self._down(lambda: self._on_frame(payload, self._clock.now_ns()))

    def raw(self, data: bytes) -> None:
        """What is no frame breaks the protocol; a real client hangs up."""
        self._down(self._break)

    def pinged(self, payload: bytes) -> None:
        self._events.pinged(payload)

    def cut(self) -> None:
        self._down(lambda: self._end("the connection was cut without a close frame"))

    def ended_by_twin(self, code: int, reason: str) -> None:
        self._down(lambda: self._end(f"closed by the other side with code {code}: {reason}"))

    # --- parts

    def _up(self, act: Callable[[Connection, int], object]) -> None:
        self._going_up.append(act)  # timers of one instant come in any order, bytes do not
        self._loop.call_later(self._latency_s, self._arrive)

    def _arrive(self) -> None:
        act = self._going_up.popleft()
        if self.connection is not None:
            act(self.connection, self._driver.advance())
            self._driver.arm()

    def _down(self, act: Callable[[], None]) -> None:
        self._going_down.append(act)
        self._loop.call_later(self._latency_s, self._land)

    def _land(self) -> None:
        act = self._going_down.popleft()
        if not self._ended.done():
            act()

    def _break(self) -> None:
        if not self._ended.done():
            self._ended.set_result(ConnectionLost(self._venue, "expected well-formed frames, found rubbish"))
            self._up(lambda connection, now: connection.closed(now))

    def _end(self, said: str) -> None:
        if not self._ended.done():
            self._ended.set_result(said)


class _Wire:
    """The twin's end; two classes because both ends have a `ping` and a `close`."""

    def __init__(self, socket: MemorySocket) -> None:
        self._socket = socket
        self.text = socket.text
        self.raw = socket.raw
        self.cut = socket.cut

    def fragments(self, parts: Sequence[bytes], ping: bytes | None = None) -> None:
        if ping is not None:
            self.ping(ping)
        self.text(b"".join(parts))

    def ping(self, payload: bytes) -> None:
        self._socket._down(lambda: self._socket.pinged(payload))

    def close(self, code: int, reason: str) -> None:
        self._socket.ended_by_twin(code, reason)


class MemoryNetwork:
    """The way from a desk to a twin. `opened` counts sockets, `standing` those that neither side has ended."""

    def __init__(self, driver: Driver, latency_ns: int = 2 * NS_PER_MS) -> None:
        self.driver = driver
        self.latency_ns = latency_ns
        self.attempts: list[int] = []
        self.sockets: list[MemorySocket] = []

    async def connect(
        self,
        url: str,
        *,
        venue: str,
        clock: Clock,
        on_frame: OnFrame,
        events: SocketEvents,
        timeout_s: float,
        proxy: str | None,
    ) -> Socket:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            async with asyncio.timeout(timeout_s):
                await pass_time(2 * self.latency_ns / NS_PER_S)
                now = self.driver.advance()
                self.attempts.append(now)
                found = self.driver.twin.upgrade(target, ADDRESS, now)
                self.driver.arm()
                if isinstance(found, Answer):
                    await pass_time(found.delay_s)
        except TimeoutError as error:
            raise ConnectError(venue, f"expected an open connection within {timeout_s:g} s") from error
        if isinstance(found, Answer):
            raise _denied(venue, found)
        socket = MemorySocket(self.driver, venue, clock, on_frame, events, self.latency_ns)
        socket.connection = found
        self.sockets.append(socket)
        found.attach(_Wire(socket), now)
        self.driver.arm()
        events.opened(socket)
        return socket

    def requests(
        self, clock: Clock, *, proxy: str | None, headers: Mapping[str, str] | None = None
    ) -> MemoryRequests:
        return MemoryRequests(self, clock)

    @property
    def standing(self) -> int:
        self.sockets = [socket for socket in self.sockets if not socket._ended.done()]
        return len(self.sockets)


def _denied(venue: str, answer: Answer) -> ConnectError | RateLimited:
    if answer.cut:
        return ConnectError(venue, "the connection ended before it answered the upgrade")
    if answer.status in (429, 418):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        wait_s = float(headers.get("retry-after", 60))
        return RateLimited(venue, wait_s, f"refused with HTTP {answer.status}", banned=answer.status == 418)
    return ConnectError(venue, f"expected HTTP 101, found {answer.status}", status=answer.status)


class MemoryRequests:
    """GET requests to the twin."""

    def __init__(self, network: MemoryNetwork, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def get(self, url: str, *, venue: str, timeout_s: float) -> HttpAnswer:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        network, latency_s = self._network, self._network.latency_ns / NS_PER_S
        sent = self._clock.now_ns()
        try:
            async with asyncio.timeout(timeout_s):
                await pass_time(latency_s)
                answer = network.driver.twin.http("GET", target, HEADERS, ADDRESS, network.driver.advance())
                network.driver.arm()
                await pass_time(latency_s + answer.delay_s)
        except TimeoutError as error:
            raise ConnectError(venue, f"expected an answer within {timeout_s:g} s, found none") from error
        if answer.cut:
            raise ConnectError(venue, "expected an answer, found RemoteProtocolError")
        now = self._clock.now_ns()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, headers, answer.body, sent, now, now)
