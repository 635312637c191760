"""A plain venue on loopback: real sockets, the real paths, and the frames of a recording; it understands nothing.

It plays up to the recorded snapshot, waits until somebody asks for that snapshot, and plays the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from bethna.store.tapes import TapeEntry, TapeReader

BURST = 200


class TapeVenue:
    """Plays the frames of one tape to each socket. `requests` and `sockets` say what was asked for."""

    def __init__(self, tape: Path) -> None:
        entries = list(TapeReader(tape))
        self.answers = {urlsplit(e.url or "").path: e.raw for e in entries if e.kind == "http"}
        self.entries: list[TapeEntry] = [e for e in entries if e.kind in ("rx", "http")]
        self.asked = asyncio.Event()
        self.played = asyncio.Event()
        self.requests: list[str] = []
        self.sockets: list[str] = []
        self.port = 0

    @property
    def hosts(self) -> str:
        """The value of the `hosts` setting that leads here."""
        return f"ws://127.0.0.1:{self.port}|http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[TapeVenue]:
        """Serve until the block ends."""
        async with serve(
            self._play, "127.0.0.1", 0, process_request=self._answer, compression=None, max_size=None
        ) as server:
            self.port = port_of(server)
            yield self

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        self.requests.append(request.path)
        body = self.answers.get(urlsplit(request.path).path)
        if body is None:
            return response(HTTPStatus.NOT_FOUND, b'{"code":0,"msg":"not on the tape"}')
        self.asked.set()
        return response(HTTPStatus.OK, body)

    async def _play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.sockets.append(connection.request.path)
        for number, entry in enumerate(self.entries):
            if entry.kind == "http":
                await self.asked.wait()
                continue
            await connection.send(entry.raw.decode())
            if number % BURST == 0:
                await asyncio.sleep(0)
        self.played.set()
        await connection.wait_closed()


def response(status: HTTPStatus, body: bytes) -> Response:
    headers = Headers(
        {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    )
    return Response(status.value, status.phrase, headers, body)


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
