"""Opens the port: uvicorn around the application, on the caller's event loop, stopped by cancelling.

It installs no signal handlers, writes no access log and decides nothing about what is served.

Rules, cited by the code:

1. The port is bound before anything runs; what is wrong with it is one plain error.
2. Cancelling stops it within STOP_S: no new connections, open ones are told and closed, what is left is cut off.
3. A WebSocket offers its socket to the application (`wire.EXTENSION`), so that a round of frames is one write and a
   client that does not read can be cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from bethna.api.protocol import encode, error_answer
from bethna.api.wire import EXTENSION
from bethna.core.errors import AddressUnusable

MAX_FRAME_BYTES = 64 * 1024
STOP_S = 2.0
# Half for what closes by itself, the rest for what has to be cut off.
GRACE_S = 1
PING_S = 20.0
BACKLOG = 512
_SHORT, _MEDIUM = 125, 0xFFFF
_TEXT = 0x81  # final frame, opcode 1 (RFC 6455, 5.2)


class DeskHttp(H11Protocol):
    """uvicorn's HTTP, refusing what is none (no Host, say) in the form of every other error."""

    def send_400_response(self, msg: str) -> None:
        """Refuse before there is a request that the application could answer."""
        body = encode(
            error_answer("bad_request", f"expected HTTP/1.1 with a Host header: {msg}", "see RFC 9112")
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


class DeskWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, offering itself to the application (rule 3); it is a `wire.Socket`."""

    async def run_asgi(self) -> None:
        """Run the application on this connection."""
        self.scope["extensions"][EXTENSION] = {"socket": self}
        self.app = self._served(self.app)
        await super().run_asgi()

    def _served(self, app: ASGIApp) -> Any:
        """The application; one that refused the handshake in words has answered it, and uvicorn need not complain."""

        async def served(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            if self.initial_response is not None and self.close_sent:
                self.handshake_complete = True

        return served

    def write_texts(self, frames: Sequence[bytes]) -> None:
        """Write unmasked text frames, all in one write."""
        if self.conn.state is not State.OPEN or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        parts: list[bytes] = []
        for frame in frames:
            parts.append(text_header(len(frame)))
            parts.append(frame)
        self.transport.write(b"".join(parts))

    @property
    def draining(self) -> bool:
        """Whether the transport asked for a pause."""
        return not self.writable.is_set()

    async def drained(self) -> None:
        """Return when the transport takes more, or is lost."""
        await self.writable.wait()

    def abort(self, code: int, reason: str) -> None:
        """Send a close frame as the last bytes, give them a moment, then cut the connection."""
        if self.conn.state is State.OPEN and not self.transport.is_closing():
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.loop.call_later(0.5, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops (rule 2)."""
        super().shutdown()
        self.loop.call_later(GRACE_S / 2, self.transport.abort)


def text_header(length: int) -> bytes:
    """The head of an unmasked text frame of `length` bytes (RFC 6455, 5.2)."""
    if length <= _SHORT:
        return bytes((_TEXT, length))
    if length <= _MEDIUM:
        return bytes((_TEXT, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + length.to_bytes(8, "big")


class _Server(uvicorn.Server):
    """uvicorn's server, told when to stop by its owner and by nobody else."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's business."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so; an application that cannot start is an error, not an exit."""
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("the application could not start") from error
        finally:
            self.settled.set()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket (rule 1); port 0 takes a free one.

    Raises:
        AddressUnusable: the name does not resolve, the address is not ours, or the port is taken or forbidden.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise AddressUnusable(host, port, error.errno, error.strerror or str(error)) from error


def url_of(bound: socket.socket) -> str:
    """The address to type; a socket on all interfaces is reached by the loopback one."""
    host, port = bound.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read, not bound
    return f"http://{name}:{port}"


async def serve(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until cancelled (rule 2); `ready` is called with the URL once connections are accepted.

    Raises:
        AddressUnusable: the port cannot be had (rule 1).
    """
    await serve_on(app, listen(host, port), ready)


async def serve_on(app: ASGIApp, bound: socket.socket, ready: Callable[[str], None]) -> None:
    """The same on a socket that is bound already; it is closed in the end."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http=DeskHttp,
        ws=DeskWebSocket,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        backlog=BACKLOG,
    )
    server = _Server(config)
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.serve(sockets=[bound]), name="api:server")
            try:
                await server.settled.wait()
                if server.started:
                    ready(url_of(bound))
                await asyncio.shield(running)
            except asyncio.CancelledError:  # also amid its start, which it finishes first
                server.should_exit = True
                await asyncio.wait({running}, timeout=STOP_S)
                raise
    finally:
        bound.close()
