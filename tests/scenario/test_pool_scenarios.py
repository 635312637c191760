"""The pool against a real server on loopback, with time moved by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from handmade import Bell, HandTimers
from msgspec.structs import replace
from scenario.local_venue import LocalVenue, local_venue

from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import StreamState, SystemEvent
from bethna.core.wire import MarketEvent
from bethna.logic.session_types import ConnectionSettings
from bethna.runtime.clocks import ManualClock
from bethna.services.connections import ConnectionPool
from bethna.venues.binance import SPEC, BinanceCodec
from bethna.venues.spec import StreamHost

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
ETH = Instrument(InstrumentId("ETH-USDT@binance"), "binance", "ETH", "USDT", "ETHUSDT", verified=True)
SOL = Instrument(InstrumentId("SOL-USDT@binance"), "binance", "SOL", "USDT", "SOLUSDT", verified=True)


class Desk:
    """A sink, a tap and an event log in one."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.events: list[tuple[MarketEvent, int]] = []
        self.states: dict[str, list[tuple[StreamState, str]]] = {}
        self.overlaps: list[tuple[tuple[str, ...], bool]] = []
        self.told: list[SystemEvent] = []
        self.tape: list[tuple[Any, ...]] = []

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        self.events.append((event, conn))
        self.bell.ring()

    def stream_state(self, instrument: InstrumentId, state: StreamState, reason: str, now: int) -> None:
        self.states.setdefault(instrument, []).append((state, reason))
        self.bell.ring()

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        self.overlaps.append((tuple(instruments), overlapping))
        self.bell.ring()

    def note(self, event: SystemEvent) -> None:
        self.told.append(event)
        self.bell.ring()

    def opened(self, conn: int, url: str, ts: int) -> None:
        self.tape.append(("open", conn, url))

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        self.tape.append(("rx", conn, raw))

    def sent(self, conn: int, text: str, ts: int) -> None:
        self.tape.append(("tx", conn, text))

    def http(self, url: str, raw: bytes, ts: int) -> None:
        self.tape.append(("http", url, raw))

    def closed(self, conn: int, reason: str, ts: int) -> None:
        self.tape.append(("close", conn, reason))
        self.bell.ring()

    def codes(self) -> list[str]:
        return [event.code for event in self.told]

    def state(self, instrument: Instrument) -> StreamState | None:
        told = self.states.get(instrument.id)
        return told[-1][0] if told else None

    def trades(self) -> list[int]:
        return [event.trade_id for event, _ in self.events if isinstance(event, Trade)]


class World:
    """Everything a scenario holds."""

    def __init__(
        self, bell: Bell, venue: LocalVenue, pool: ConnectionPool, desk: Desk, timers: HandTimers
    ) -> None:
        self.bell = bell
        self.venue = venue
        self.pool = pool
        self.desk = desk
        self.timers = timers
        self.task: asyncio.Task[None] | None = None


@asynccontextmanager
async def world(
    settings: ConnectionSettings | None = None, extra_hosts: int = 0, **limits: Any
) -> AsyncIterator[World]:
    bell = Bell()
    clock = ManualClock(1_700_000_000_000_000_000)
    timers = HandTimers(clock)
    desk = Desk(bell)
    async with local_venue(bell) as venue:
        hosts = [StreamHost("main", venue.ws_url, venue.rest_url)]
        hosts += [
            StreamHost(f"other-{n}", venue.ws_url + f"/{n}", venue.rest_url) for n in range(extra_hosts)
        ]
        spec = replace(SPEC, hosts=tuple(hosts), **limits)
        pool = ConnectionPool(
            spec,
            BinanceCodec(),
            settings or ConnectionSettings(),
            clock,
            random.Random(1),
            desk,
            desk,
            desk.note,
            timers=timers,
        )
        made = World(bell, venue, pool, desk, timers)
        async with asyncio.TaskGroup() as group:
            made.task = group.create_task(pool.run())
            yield made
            made.task.cancel()
        assert not timers.pending, "a timer outlived the pool"


async def test_first_streams_travel_in_the_url_and_data_reaches_the_sink() -> None:
    async with world() as w:
        w.pool.want([BTC, ETH])
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.live[0].path.startswith("/stream?streams=btcusdt@trade/")
        assert not w.venue.live[0].said
        await w.venue.trade("BTCUSDT")
        await w.bell.until(lambda: w.desk.trades() == [1])
        await w.timers.pass_time(2)
        assert w.desk.state(BTC) == "live"
        assert w.desk.state(ETH) == "waiting"
        health = w.pool.health()
        assert (health.state, health.connections, health.attempts, health.messages) == ("ok", 1, 1, 1)


async def test_later_wants_are_subscribed_and_unwanted_ones_leave() -> None:
    async with world() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        w.pool.want([ETH])
        await w.bell.until(lambda: "ethusdt@trade" in w.venue.live[0].streams)
        w.pool.unwant([BTC.id])
        await w.bell.until(lambda: "btcusdt@trade" not in w.venue.live[0].streams)
        assert w.pool.instruments == (ETH,)
        w.pool.unwant([ETH.id])
        await w.bell.until(lambda: not w.venue.live)
        assert w.venue.connections[0].close_code == 1000
        assert w.pool.health().connections == 0


async def test_a_cut_is_told_and_mended() -> None:
    async with world() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await w.venue.trade()
        await w.bell.until(lambda: w.desk.trades() == [1])
        await w.timers.pass_time(2)
        await w.venue.live[0].cut()
        await w.bell.until(lambda: w.desk.state(BTC) == "stale")
        assert "reconnecting" in w.desk.states[BTC.id][-1][1]
        assert w.pool.health().state == "reconnecting"
        await w.timers.pass_time(2, 0.1)
        await w.bell.until(lambda: w.venue.live)
        await w.venue.trade()
        await w.bell.until(lambda: w.desk.trades() == [1, 2])
        await w.timers.pass_time(2)
        assert w.desk.state(BTC) == "live"
        assert w.desk.codes() == ["connection_lost", "connection_restored"]
        assert w.pool.health().reconnects == 1
