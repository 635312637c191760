"""A pool, a local venue, a listening desk and hand-moved time: what scenarios of connections are made of."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from handmade import Bell, HandTimers
from msgspec.structs import replace
from scenario.local_venue import LocalConnection, LocalVenue, local_venue

from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import StreamState, SystemEvent
from bethna.core.wire import BookDoubt, MarketEvent
from bethna.logic.session_types import ConnectionSettings, Phase
from bethna.net.ws import WebSocket
from bethna.runtime.clocks import ManualClock
from bethna.services.connections import ConnectionPool
from bethna.services.connections.link import Link
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
        self.connected: dict[str, bool] = {}
        self.overlaps: list[tuple[tuple[str, ...], bool]] = []
        self.doubts: list[BookDoubt] = []
        self.gone: list[int] = []
        self.told: list[SystemEvent] = []
        self.tape: list[tuple[Any, ...]] = []

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        self.events.append((event, conn))
        self.bell.ring()

    def stream_state(
        self, instrument: InstrumentId, state: StreamState, reason: str, now: int, *, connected: bool = True
    ) -> None:
        self.states.setdefault(instrument, []).append((state, reason))
        self.connected[instrument] = connected
        self.bell.ring()

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        self.overlaps.append((tuple(instruments), overlapping))
        self.bell.ring()

    def doubt(self, doubt: BookDoubt) -> None:
        self.doubts.append(doubt)
        self.bell.ring()

    def connection_ended(self, conn: int, venue: str, now: int) -> None:
        self.gone.append(conn)
        self.bell.ring()

    def note(self, event: SystemEvent) -> None:
        self.told.append(event)
        self.bell.ring()

    def opened(self, conn: int, url: str, ts: int) -> None:
        self.tape.append(("open", conn, url))
        self.bell.ring()

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        self.tape.append(("rx", conn, raw))
        self.bell.ring()

    def sent(self, conn: int, text: str, ts: int) -> None:
        self.tape.append(("tx", conn, text))

    def http(self, url: str, raw: bytes, ts: int) -> None:
        self.tape.append(("http", url, raw))

    def closed(self, conn: int, reason: str, ts: int) -> None:
        self.tape.append(("close", conn, reason))
        self.bell.ring()

    def sent_by(self, conn: int) -> int:
        return sum(entry[:2] == ("tx", conn) for entry in self.tape)

    def codes(self) -> list[str]:
        return [event.code for event in self.told]

    def state(self, instrument: Instrument) -> StreamState | None:
        told = self.states.get(instrument.id)
        return told[-1][0] if told else None

    def trades(self) -> list[int]:
        return [event.trade_id for event, _ in self.events if isinstance(event, Trade)]


def port_of(link: Link) -> int:
    """The local port of a link's socket."""
    assert isinstance(link._socket, WebSocket)
    port: int = link._socket._transport.underlying_transport.get_extra_info("sockname")[1]
    return port


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
        self.codec = BinanceCodec()
        self.codec.learn([BTC, ETH, SOL])
        self.began = timers.clock.now_ns()
        self.task: asyncio.Task[None] | None = None
        self.loose = False

    def at_rest(self) -> bool:
        """Nothing is under way on the real sockets: both sides agree on which connections stand."""
        links = [link for shard in self.pool._shards.values() for link in shard.links.values()]
        if any(link.session.phase is Phase.CONNECTING for link in links):
            return False
        if self.loose:
            return True
        if any(link.session.phase is Phase.CLOSED for link in links):
            return False
        standing = {port_of(link): link for link in links if link.opened_at is not None}
        live = {connection.socket.remote_address[1]: connection for connection in self.venue.live}
        return standing.keys() == live.keys() and all(
            live[port].sent == link.frames and len(live[port].said) == self.desk.sent_by(link.number)
            for port, link in standing.items()
        )

    async def pass_time(self, by_s: float, step_s: float = 1.0) -> None:
        """Move time in steps and let the sockets come to rest in between."""
        left = by_s
        while left > 1e-9:
            await self._rest()
            self.timers.advance(min(step_s, left))
            left -= step_s
        await self._rest()

    async def _rest(self) -> None:
        for _ in range(4):  # what the kernel holds already comes in first
            await asyncio.sleep(0)
        await self.bell.until(self.at_rest, "the sockets come to rest")

    async def trade(self, symbol: str = "BTCUSDT", only: Iterable[LocalConnection] = ()) -> None:
        """The next trade of a symbol, and its arrival over every socket that carries it."""
        stream = f"{symbol.lower()}@trade"
        carriers = sum(stream in connection.streams for connection in list(only) or self.venue.live)
        expected = len(self.desk.trades()) + carriers
        await self.venue.trade(symbol, only)
        await self.bell.until(lambda: len(self.desk.trades()) >= expected, "the trade arrives")


@asynccontextmanager
async def world(
    settings: ConnectionSettings | None = None,
    extra_hosts: int = 0,
    *,
    supervised: bool = True,
    desk: Callable[[Bell], Desk] = Desk,
    speech: tuple[Callable[[], BinanceCodec], Callable[[Bell], LocalVenue]] = (BinanceCodec, LocalVenue),
    **limits: Any,
) -> AsyncIterator[World]:
    bell = Bell()
    clock = ManualClock(1_700_000_000_000_000_000)
    timers = HandTimers(clock, bell)
    listening = desk(bell)
    codec, other_venue = speech
    async with local_venue(bell, other_venue(bell)) as venue:
        hosts = [StreamHost("main", venue.ws_url, venue.rest_url)]
        hosts += [
            StreamHost(f"other-{n}", venue.ws_url + f"/{n}", venue.rest_url) for n in range(extra_hosts)
        ]
        spec = replace(SPEC, hosts=tuple(hosts), **limits)
        pool = ConnectionPool(
            spec,
            codec(),
            settings or ConnectionSettings(),
            clock,
            random.Random(1),
            listening,
            listening,
            listening.note,
            timers=timers,
        )
        made = World(bell, venue, pool, listening, timers)
        if supervised:
            async with asyncio.TaskGroup() as group:
                made.task = group.create_task(pool.run())
                await bell.until(lambda: timers.pending, "the pool runs")
                yield made
                made.task.cancel()
        else:
            made.task = asyncio.get_running_loop().create_task(pool.run())
            yield made
        assert not timers.pending, "a timer outlived the pool"


async def flowing(w: World, *, trades: int = 1) -> None:
    """BTC is wanted, one socket stands, and its trades flow."""
    w.pool.want([BTC])
    await w.bell.until(lambda: w.venue.live)
    for _ in range(trades):
        await w.trade()
    await w.pass_time(1)
