"""The real server on a loopback port before a desk in memory, and a client that reads its frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets
from _memorydesk import MemoryDesk

from bethna.api.application import create_app
from bethna.api.server import serve

Frame = dict[str, Any]
PATIENCE_S = 10.0


@dataclass
class Open:
    """A served desk."""

    desk: MemoryDesk
    url: str
    http: httpx.AsyncClient
    serving: asyncio.Task[None]

    def stop(self) -> None:
        """Stop serving, as Ctrl-C does."""
        self.serving.cancel()

    @property
    def ws_url(self) -> str:
        return self.url.replace("http:", "ws:") + "/ws"

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncIterator[Socket]:
        async with websockets.connect(self.ws_url, compression=None, max_queue=None, **options) as connection:
            yield Socket(connection)

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        text = (await self.http.get("/metrics")).text
        [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])


@dataclass
class Socket:
    """One client's connection; checks on every frame that its topic's count has no hole."""

    connection: websockets.ClientConnection
    counts: dict[str, int] = field(default_factory=dict)

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def subscribe(self, *topics: str, rate: str = "ui") -> None:
        await self.say(op="subscribe", topics=topics, rate=rate)

    async def frame(self) -> Frame:
        async with asyncio.timeout(PATIENCE_S):
            frame: Frame = json.loads(await self.connection.recv())
        assert set(frame) == {"topic", "type", "seq", "data"}
        topic = frame["topic"]
        if topic is None:
            assert (frame["type"], frame["seq"]) == ("status", 0)
            return frame
        first = frame["seq"] == 1
        ended = "error" in frame["data"]
        assert ended or frame["type"] in (("snapshot",) if first else ("snapshot", "delta", "status"))
        assert first or frame["seq"] == self.counts[topic] + 1, "a hole in seq"
        self.counts[topic] = frame["seq"]
        return frame

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The first frame that is wanted; others are let go."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.frame()
                if wanted(frame):
                    return frame

    async def closing(self) -> int | None:
        """Read to the end of the connection: the code of its close frame."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code

    async def error(self) -> dict[str, str]:
        frame = await self.until(lambda found: found["topic"] is None)
        error: dict[str, str] = frame["data"]["error"]
        assert set(error) == {"code", "message", "hint"}
        return error

    async def quiet(self) -> list[Frame]:
        """What came before the answer to a ping that is sent now."""
        await self.say(op="ping")
        frames = []
        while (frame := await self.frame())["topic"] is not None or "pong" not in frame["data"]:
            frames.append(frame)
        return frames


@asynccontextmanager
async def opened(desk: MemoryDesk | None = None, **options: Any) -> AsyncIterator[Open]:
    """Serve a desk for as long as the block lasts."""
    desk = desk or MemoryDesk()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = create_app(desk, desk.bus, **options)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(app, "127.0.0.1", 0, ready.set_result))
        url = await ready
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as http:
            yield Open(desk, url, http, serving)
        serving.cancel()
