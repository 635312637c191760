"""The way out as one seam: who opens sockets and sends requests for a venue; it does not retry, count or decode.

`Internet` is the real one; a test that runs the whole desk in virtual time hands in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from bethna.core.clock import Clock
from bethna.net import ws
from bethna.net.http import HttpAnswer, HttpClient
from bethna.net.ws import OnFrame, Socket, SocketEvents


class Requests(Protocol):
    """Sends GET requests while its context is open, as `net.http.HttpClient` describes."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def get(self, url: str, *, venue: str, timeout_s: float) -> HttpAnswer:
        """One GET, whatever status it brings. Raises ConnectError."""
        ...


class Network(Protocol):
    """Where sockets and requests of one desk go."""

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
        """Open a WebSocket, see `net.ws.connect`. Raises ConnectError or RateLimited."""
        ...

    def requests(
        self, clock: Clock, *, proxy: str | None, headers: Mapping[str, str] | None = None
    ) -> Requests:
        """A client for REST requests. `headers`: sent with each; a key is one."""
        ...


class Internet:
    """The real way out."""

    connect = staticmethod(ws.connect)

    def requests(
        self, clock: Clock, *, proxy: str | None, headers: Mapping[str, str] | None = None
    ) -> HttpClient:
        """A pool of HTTP connections. Raises ConfigError for a proxy that cannot be used."""
        return HttpClient(clock, proxy=proxy, headers=headers)


INTERNET = Internet()
