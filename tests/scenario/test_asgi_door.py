"""The application under any ASGI server, spoken to directly: no socket of ours is on offer there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from _memorydesk import BTC, MemoryDesk

from bethna.api.application import create_app

Message = dict[str, Any]
PATIENCE_S = 10.0
TRADES = f"trades:{BTC}"


class Connection:
    """One WebSocket connection of a server that forwards messages."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()
        self.left = False
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Any:
        return await self.incoming.get()

    async def send(self, message: Any) -> None:
        await self.taking.wait()
        if self.left:
            raise OSError("the client has left")
        self.outgoing.put_nowait(message)

    async def next(self) -> Message:
        async with asyncio.timeout(PATIENCE_S):
            return await self.outgoing.get()

    def say(self, **message: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})


def scope(**more: Any) -> Any:
    return {
        "type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "scheme": "ws", "root_path": "",
        "headers": [(b"host", b"localhost")], "client": None, "server": None, "subprotocols": [], "state": {}, **more,
    }  # fmt: skip


@asynccontextmanager
async def connected(desk: MemoryDesk, **more: Any) -> AsyncIterator[tuple[Connection, asyncio.Task[None]]]:
    """A connection to a running application; leaves in the end."""
    connection = Connection()
    app = create_app(desk, desk.bus, stall_s=0.05)

    async def whole() -> None:
        await app(scope(**more), connection.receive, connection.send)

    async with app.lifespan(), asyncio.TaskGroup() as group:
        task = group.create_task(whole())
        yield connection, task
        connection.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})


async def test_frames_come_as_text() -> None:
    desk = MemoryDesk()
    async with connected(desk) as (connection, _):
        assert (await connection.next())["type"] == "websocket.accept"
        connection.say(op="subscribe", topics=[TRADES], rate="every")
        assert json.loads((await connection.next())["text"])["type"] == "snapshot"
        desk.trade(BTC, 7.0)
        assert json.loads((await connection.next())["text"])["data"]["items"][0]["price"] == 7.0
    assert desk.bus.channel("trades", BTC).subscribers == 0


async def test_who_takes_nothing_is_let_go() -> None:
    desk = MemoryDesk()
    async with connected(desk) as (connection, task):
        await connection.next()
        connection.say(op="subscribe", topics=[TRADES], rate="every")
        await connection.next()
        connection.taking.clear()
        desk.trade(BTC, 7.0)
        async with asyncio.timeout(PATIENCE_S):
            await task  # the close frame cannot be sent either, and nobody waits for it
    assert desk.bus.channel("trades", BTC).subscribers == 0


async def test_who_left_without_a_word_is_let_go() -> None:
    desk = MemoryDesk()
    async with connected(desk) as (connection, task):
        await connection.next()
        connection.say(op="subscribe", topics=[TRADES], rate="every")
        await connection.next()
        connection.left = True
        desk.trade(BTC, 7.0)
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert desk.bus.channel("trades", BTC).subscribers == 0


async def test_a_stranger_is_refused_by_closing_where_no_answer_can_be_given() -> None:
    async with connected(MemoryDesk(), headers=[(b"host", b"evil.example")]) as (connection, _):
        assert await connection.next() == {
            "type": "websocket.close",
            "code": 1008,
            "reason": "host_not_allowed",
        }
