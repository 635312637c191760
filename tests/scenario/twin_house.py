"""A real twin behind a real port, for tests: the venue, its server and raw clients."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bethna.core.clock import Clock
from bethna.runtime.clocks import SystemClock
from bethna.twins.faults import Fault
from bethna.twins.http_side import Patience
from bethna.twins.market.truth import Truth
from bethna.twins.registry import Simulated, build, chosen
from bethna.twins.serving import TwinServer, authority_of, listen

PATIENCE_S = 20
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@dataclass
class House:
    """A running twin."""

    made: Simulated
    truth: Truth
    server: TwinServer
    authority: str
    serving: asyncio.Task[None]

    @property
    def port(self) -> int:
        return int(self.authority.rpartition(":")[2])

    def ws(self, path: str) -> str:
        return f"ws://{self.authority}{path}"

    async def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes and read until the twin ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            if end:
                writer.write_eof()
            async with asyncio.timeout(PATIENCE_S):
                return await read_all(reader)
        finally:
            writer.close()

    async def get(self, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        return await self.ask("GET", target, b"", **headers)

    async def ask(
        self, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        fields = {"host": self.authority, "connection": "close", **headers}
        if body:
            fields["content-length"] = str(len(body))
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        answer = await self.raw(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return parsed(answer)

    async def post(self, *faults: dict[str, object]) -> None:
        """Make something go wrong."""
        status, _, body = await self.ask("POST", "/twin/faults", json.dumps(faults).encode())
        assert status == 200, body

    async def state(self) -> dict[str, Any]:
        status, _, body = await self.get("/twin/state")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end, however that comes."""
    found = b""
    try:
        while more := await reader.read(65536):
            found += more
    except ConnectionError:
        pass
    return found


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name, and body of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


def upgrade(target: str, **headers: str) -> bytes:
    """The bytes that ask for a WebSocket."""
    fields = {
        "host": "127.0.0.1",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_version": "13",
        "sec_websocket_key": KEY,
        **headers,
    }
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value)
    return f"GET {target} HTTP/1.1\r\n{head}\r\n".encode()


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A client's frame of at most 125 bytes (RFC 6455, 5.2)."""
    mask = b"\x01\x02\x03\x04"
    head = bytes(((0x80 if final else 0) | opcode, 0x80 | len(payload)))
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


@asynccontextmanager
async def twin(
    seed: int,
    *,
    symbols: str = "BTCUSDT,ETHUSDT",
    pace: float = 20.0,
    plan: Sequence[Fault] = (),
    clock: Clock | None = None,
    patience: Patience | None = None,
    send_buffer: int = 0,
) -> AsyncIterator[House]:
    """A twin of Binance on a free port while the block lasts; an error of it is the block's."""
    clock = clock or SystemClock()
    start = clock.now_ns()
    made = build("binance", seed=seed, start=start, listings=chosen(symbols), pace=pace, plan=plan)
    truth = Truth(made.world)
    server = TwinServer(made.venue, made.faults, clock, start, symbols=made.world.markets, patience=patience)
    bound = listen("127.0.0.1", 0)
    if send_buffer:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    authority = authority_of(bound)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(bound, ready.set))
        await ready.wait()
        yield House(made, truth, server, authority, serving)
        server.stop()
