"""A server that writes WebSocket bytes by hand, and an ear for what a client of it hears."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from handmade import Bell

from bethna.net import ws

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Ear:
    """Hears everything that a connection says."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.frames: list[bytes] = []
        self.times: list[int] = []
        self.pings: list[bytes] = []
        self.pongs = 0
        self.sockets: list[ws.Socket] = []

    def frame(self, raw: bytes, ts_recv: int) -> None:
        self.frames.append(raw)
        self.times.append(ts_recv)
        self.bell.ring()

    def opened(self, socket: ws.Socket) -> None:
        self.sockets.append(socket)
        self.bell.ring()

    def pinged(self, payload: bytes) -> None:
        self.pings.append(payload)
        self.bell.ring()

    def ponged(self) -> None:
        self.pongs += 1
        self.bell.ring()


class Server:
    def __init__(self) -> None:
        self.port = 0
        self.ended = 0
        self.requests: list[bytes] = []
        self.bell = Bell()

    @property
    def url(self) -> str:
        return f"ws://user:secret@127.0.0.1:{self.port}/stream?streams=a&token=hidden"


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[Server]:
    """Reads the request, lets `talk` answer, and waits until the client is gone."""
    made = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            made.requests.append(await reader.readuntil(b"\r\n\r\n"))
            made.bell.ring()
            await talk(reader, writer)
            while await reader.read(65536):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            made.ended += 1
            made.bell.ring()
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
    made.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield made
        await made.bell.until(lambda: made.ended == len(made.requests), "the client hangs up")


def frame(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A server's frame (RFC 6455, 5.2)."""
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + bytes([126]) + struct.pack(">H", size) + payload
    return head + bytes([127]) + struct.pack(">Q", size) + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A client's frame, unmasked."""
    head, size = await reader.readexactly(2)
    assert size & 0x80, "a client masks"
    size &= 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return head & 0x0F, bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def upgrade(request: bytes) -> bytes:
    key = next(
        line.split(b":", 1)[1].strip()
        for line in request.splitlines()
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
