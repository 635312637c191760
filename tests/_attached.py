"""A desk that is attached to over real sockets, and what its listeners heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from _doors import Open

from bethna.client.backend import Want
from bethna.client.remote import RemoteBackend, connect

T = TypeVar("T")
PATIENCE_S = 30.0


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds; everybody else runs on meanwhile."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - a state of several machines has no event; it only gives way
            await asyncio.sleep(0)


async def until_metric(served: Open, name: str, value: float) -> None:
    """Wait until the desk's own numbers say so."""
    async with asyncio.timeout(PATIENCE_S):
        while await served.metric(name) != value:  # noqa: ASYNC110 - it only gives way between two requests
            await asyncio.sleep(0)


class Heard:
    """One listener, and what it was told."""

    def __init__(self, backend: RemoteBackend, want: Want) -> None:
        self.events: list[Any] = []
        self.ended: list[Exception | None] = []
        self.stop = backend.listen(want, self.events.append, self.ended.append)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def attached(url: str, token: str | None = None) -> AsyncIterator[RemoteBackend]:
    backend = await connect(url, token)
    try:
        yield backend
    finally:
        await backend.close()
