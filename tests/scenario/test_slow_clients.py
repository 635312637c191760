"""A client that does not read: it costs nobody anything, is told what it lost, or is cut off with a reason."""

from __future__ import annotations

import asyncio
import base64
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from _doors import PATIENCE_S, Open, opened
from _memorydesk import BTC, MemoryDesk

TRADES = f"trades:{BTC}"
FLOOD = 100_000


class RawClient:
    """A WebSocket client that reads only when told to, with a small receive buffer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, **message: object) -> None:
        body = json.dumps(message).encode()
        assert len(body) < 126
        self.writer.write(bytes((0x81, 0x80 | len(body))) + b"\0\0\0\0" + body)
        await self.writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """One frame as (opcode, payload)."""
        async with asyncio.timeout(PATIENCE_S):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(length)


@asynccontextmanager
async def raw_client(served: Open) -> AsyncIterator[RawClient]:
    host, port = served.url.removeprefix("http://").split(":")
    sock = sockets.socket()
    sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    key = base64.b64encode(b"0123456789abcdef").decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


async def flood(desk: MemoryDesk, trades: int) -> None:
    """Trades as fast as the loop takes them."""
    for number in range(trades):
        desk.trade(BTC, float(number))
        if number % 50 == 0:
            await asyncio.sleep(0)


async def flood_until(desk: MemoryDesk, served: Open, metric: str) -> None:
    async with asyncio.timeout(60):
        while not await served.metric(metric):
            await flood(desk, 5_000)
            del desk.kept[BTC][:-1]


async def test_who_does_not_read_is_cut_off_with_a_reason_and_nobody_waits() -> None:
    desk = MemoryDesk()
    async with opened(desk, stall_s=0.2) as served, raw_client(served) as slow, served.socket() as other:
        await other.subscribe("events", rate="every")
        await other.frame()
        await slow.say(op="subscribe", topics=[TRADES], rate="every")
        assert (await slow.frame())[0] == 1
        await flood_until(desk, served, "bethna_clients_closed_slow_total")
        desk.say("still_here")
        assert (await other.frame())["data"]["events"][0]["code"] == "still_here"
        opcode, payload = 1, b""
        while opcode == 1:
            opcode, payload = await slow.frame()
        assert opcode == 8
        assert int.from_bytes(payload[:2], "big") == 1013
        assert payload[2:] == b"nothing was read for 0.2 s"
        assert await served.metric("bethna_clients") == 1
    assert desk.bus.channel("trades", BTC).subscribers == 0


async def test_who_reads_late_is_told_exactly_what_was_lost_and_goes_on() -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 0.0)
    async with opened(desk, stall_s=60.0) as served, raw_client(served) as late:
        await late.say(op="subscribe", topics=[TRADES], rate="every")
        assert json.loads((await late.frame())[1])["data"]["trades"][-1]["trade_id"] == "1"
        # far more than the kernel's buffers and the mailbox hold
        await flood(desk, FLOOD)
        published = FLOOD + 1
        delivered, dropped, seq, last = 1, 0, 1, 1
        while last < published:
            opcode, payload = await late.frame()
            frame = json.loads(payload)
            seq += 1
            assert (opcode, frame["seq"]) == (1, seq)
            if frame["type"] == "status":
                dropped += frame["data"]["dropped"]
                last += frame["data"]["dropped"]
            elif frame["type"] == "snapshot":
                assert int(frame["data"]["trades"][-1]["trade_id"]) == last
            else:
                for item in frame["data"]["items"]:
                    assert int(item["trade_id"]) == last + 1
                    last += 1
                    delivered += 1
        assert dropped > 0
        assert delivered + dropped == published
        assert await served.metric("bethna_client_dropped_total") == dropped


async def test_stopping_waits_for_nobody() -> None:
    desk = MemoryDesk()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60):
        async with opened(desk, stall_s=60.0) as served, raw_client(served) as slow, served.socket() as other:
            await slow.say(op="subscribe", topics=[TRADES], rate="every")
            await slow.frame()
            await other.subscribe("prices")
            await other.frame()
            await flood(desk, FLOOD)
            stopped = loop.time()
            served.stop()
            await asyncio.wait({served.serving}, timeout=PATIENCE_S)
            assert loop.time() - stopped < 2.2
            assert await other.closing() == 1012
