"""The nouns of a program over a desk in memory: what a household holds, without tasks of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from _memorydesk import BTC, ETH, MemoryDesk
from virtual_time import VirtualClock, run_virtually

from bethna.client.alerts import Alerts
from bethna.client.backend import Backend
from bethna.client.best import Best
from bethna.client.candles import Candles
from bethna.client.local import LocalBackend
from bethna.client.nouns import Books, Prices, Trades
from bethna.client.references import Indices, Valuations
from bethna.client.streams import Stream
from bethna.core.clock import Clock
from bethna.core.market import InstrumentId
from bethna.core.status import SystemEvent

T = TypeVar("T")


class MemoryHouse:
    """A `House` whose children are kept, to be awaited by the test."""

    def __init__(
        self, desk: MemoryDesk | None = None, instruments: Sequence[InstrumentId] = (BTC, ETH)
    ) -> None:
        self.desk = desk or MemoryDesk(instruments)
        self.local = LocalBackend(self.desk, self.desk.bus)
        self.children: list[asyncio.Task[None]] = []
        self.told: list[SystemEvent] = []
        self.prices = Prices(self)
        self.trades = Trades(self)
        self.books = Books(self)
        self.candles = Candles(self)
        self.best = Best(self)
        self.indices = Indices(self)
        self.valuations = Valuations(self)
        self.alerts = Alerts(self)

    @property
    def clock(self) -> Clock:
        return self.desk.clock

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def backend(self) -> Backend:
        return self.local

    def start(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.children.append(asyncio.get_running_loop().create_task(run(), name=name))

    def report(self, event: SystemEvent) -> None:
        self.told.append(event)


def virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test's coroutine in virtual time: one that would wait for ever fails at once."""
    return run_virtually(main(), VirtualClock(0))


async def settle() -> None:
    """Let everything that is due happen."""
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(stream: Stream[T]) -> list[T]:
    """What can be read without anything more happening."""
    found: list[T] = []
    while True:
        reading = asyncio.ensure_future(anext(stream))
        await settle()
        if not reading.done():
            reading.cancel()
            await asyncio.wait([reading])
            return found
        try:
            found.append(reading.result())
        except StopAsyncIteration:
            return found
