"""The last step to a client's socket: frames out, and what to do when it does not drain. It knows no topic.

`AsgiWire` speaks plain ASGI and works under any server. `DirectWire` is offered by our own server (`server`): it writes
all frames of a round at once, where ASGI would have each encoded, framed and written by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast

from litestar.types import Scope, Send

EXTENSION = "bethna.direct"
"""Name of the ASGI extension under which our server offers its socket."""


class Stalled(Exception):
    """The client's socket took nothing for too long."""


class Gone(Exception):
    """The client's socket has ended."""


class Wire(Protocol):
    """A way out to one client."""

    async def send(self, frames: Sequence[bytes]) -> None:
        """Send text frames in order; returns when the socket will take more.

        Raises:
            Stalled: it did not drain in time. Gone: it has ended.
        """
        ...

    async def close(self, code: int, reason: str) -> None:
        """End it; never waits for a client that does not read."""
        ...


class Socket(Protocol):
    """What our server offers: a socket to write to, with word of whether it drains."""

    def write_texts(self, frames: Sequence[bytes]) -> None:
        """Write text frames at once. Raises ConnectionError when the socket has ended."""
        ...

    async def drained(self) -> None:
        """Return when the socket takes more, or has ended."""
        ...

    @property
    def draining(self) -> bool:
        """Whether it has more to write than it should."""
        ...

    def abort(self, code: int, reason: str) -> None:
        """Say why and cut it off, whether or not the client reads."""
        ...


class AsgiWire:
    """Over plain ASGI, frame by frame."""

    def __init__(self, send: Send, stall_s: float) -> None:
        self._send = send
        self._stall_s = stall_s

    async def send(self, frames: Sequence[bytes]) -> None:
        """One ASGI message a frame; each must be taken within the time allowed."""
        for frame in frames:
            try:
                async with asyncio.timeout(self._stall_s):
                    await self._send({"type": "websocket.send", "text": frame.decode(), "bytes": None})
            except TimeoutError as error:
                raise Stalled from error
            except OSError as error:  # what the ASGI specification asks of servers
                raise Gone from error

    async def close(self, code: int, reason: str) -> None:
        """Ask the server to close, if it can without waiting long."""
        try:
            async with asyncio.timeout(1.0):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except OSError:  # TimeoutError is one: the server will notice by itself
            return


class DirectWire:
    """Over our own server's socket, a round at once."""

    def __init__(self, socket: Socket, stall_s: float) -> None:
        self._socket = socket
        self._stall_s = stall_s

    async def send(self, frames: Sequence[bytes]) -> None:
        """Write, then wait only when the socket says so."""
        try:
            self._socket.write_texts(frames)
            if self._socket.draining:
                async with asyncio.timeout(self._stall_s):
                    await self._socket.drained()
        except TimeoutError as error:
            raise Stalled from error
        except ConnectionError as error:
            raise Gone from error

    async def close(self, code: int, reason: str) -> None:
        """Say why and cut it off."""
        self._socket.abort(code, reason)


def wire_for(scope: Scope, send: Send, stall_s: float) -> Wire:
    """The best way out that the server offers."""
    offered = (scope.get("extensions") or {}).get(EXTENSION)
    if offered is None:
        return AsgiWire(send, stall_s)
    return DirectWire(cast("Socket", offered["socket"]), stall_s)
