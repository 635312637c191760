"""Rows of bars for who listens: one stream an instrument, interval and length, shared; no figure is made here.

Rules
  1. A stream lives while somebody listens, and so does its one task.
  2. It hears first and asks then: the candles that come while a series is fetched wait in the machine.
  3. Who waited RELEASE_S for the series is told what is known without it; what comes later heals in place.
  4. What changed is looked at every LOOK_S, and once a second in any case: a bar also closes because time passes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bethna.api.reader import BarsHeard
from bethna.app.series import MOST_LIVE, SCALE, STEPS, SeriesReader
from bethna.core.bars import Bar
from bethna.core.clock import Clock
from bethna.core.coverage import Provenance
from bethna.core.errors import BethnaError, ConfigError, UnknownInstrument
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, Trade
from bethna.logic.bar_stream import BarStream, Beginning
from bethna.logic.feed import InstrumentFeed
from bethna.runtime.bus import Bus, TradesEvent
from bethna.runtime.supervisor import Restart, Supervisor
from bethna.services.feeds import Feeds

LOOK_S = 0.25
RELEASE_S = 10.0
NEW = 8
Hear = Callable[[Sequence[Bar]], None]
Ended = Callable[[BethnaError], None]


class BarStreams:
    """All streams of one desk."""

    def __init__(
        self, series: SeriesReader, feeds: Feeds, bus: Bus, clock: Clock, provenance: Provenance
    ) -> None:
        self.series = series
        self.feeds = feeds
        self.bus = bus
        self.clock = clock
        self.provenance = provenance
        self._streams: dict[tuple[InstrumentId, Interval, int], SharedStream] = {}

    def listen(
        self, instrument: InstrumentId, interval: Interval, history: int, hear: Hear, ended: Ended
    ) -> BarsHeard:
        """See `DeskReader.listen_bars`."""
        self.feeds.feed(instrument)  # raises for one that is not followed
        key = (instrument, interval, history)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = SharedStream(self, instrument, interval, history)
        return stream.join(hear, ended)

    def forget(self, stream: SharedStream) -> None:
        """Nobody listens to it any more (rule 1)."""
        for key, each in tuple(self._streams.items()):
            if each is stream:
                del self._streams[key]


class _Listening:
    """One listener of a stream."""

    def __init__(self, stream: SharedStream, hear: Hear, ended: Ended) -> None:
        self._stream = stream
        self.hear = hear
        self.ended = ended

    @property
    def row(self) -> Sequence[Bar]:
        """What was told so far."""
        return self._stream.machine.row[-self._stream.machine.history :]

    def close(self) -> None:
        """Hear nothing more."""
        self._stream.leave(self)


class SharedStream:
    """One row, and the task that looks and asks."""

    def __init__(self, house: BarStreams, instrument: InstrumentId, interval: Interval, history: int) -> None:
        self.machine = BarStream(instrument, interval, history, house.provenance, SCALE)
        self._house = house
        self._instrument = instrument
        self._interval = interval
        self._listeners: dict[_Listening, None] = {}
        self._dirty = self._revised = True
        self._opened = 0
        self._asking = False
        self._taps = [house.bus.channel("trades", instrument).subscribe(self._traded, "bars")]
        self._task = asyncio.get_running_loop().create_task(
            self._live(), name=f"bars {instrument} {interval}"
        )

    def join(self, hear: Hear, ended: Ended) -> _Listening:
        """One more listener."""
        listening = _Listening(self, hear, ended)
        self._listeners[listening] = None
        return listening

    def leave(self, listening: _Listening) -> None:
        """Rule 1."""
        self._listeners.pop(listening, None)
        if not self._listeners:
            self._house.forget(self)
            self._task.cancel()
            for tap in self._taps:
                tap.close()

    async def _live(self) -> None:
        async with Supervisor(self._house.clock, self._house.bus.report) as family:
            family.start(f"bars:{self._instrument}:{self._interval}", self._run, restart=Restart())

    async def _run(self) -> None:
        loop, machine = asyncio.get_running_loop(), self.machine
        self._asking = False
        patience, second = loop.time() + RELEASE_S, loop.time()
        async with asyncio.TaskGroup() as group:
            while True:
                if self._dirty or loop.time() >= second:
                    second = loop.time() + 1.0
                    self._look()  # rule 2
                limit = None if self._asking else machine.asks(self._now(), self._house.clock.monotonic_ns())
                if limit is not None:
                    self._asking = True
                    machine.asked(self._house.clock.monotonic_ns())
                    group.create_task(self._ask(limit))
                if not machine.released and loop.time() >= patience:  # rule 3
                    self._tell(machine.give_up(self._now()))
                await asyncio.sleep(LOOK_S)

    async def _ask(self, limit: int) -> None:
        series = self._house.series
        try:
            found = await series.bars(self._instrument, self._interval, limit)
            beginning = await self._begin() if self.machine.lacks_beginning() else None
        except (ConfigError, UnknownInstrument) as error:
            for each in tuple(self._listeners):
                each.ended(error)
        except BethnaError:
            self.machine.failed()
        else:
            self._tell(self.machine.fetched(found.bars, beginning, self._now()))
        finally:
            self._asking = False

    async def _begin(self) -> Beginning | None:
        """The closed shorter bars of the open one, as they are known."""
        now = self._now()
        opened = at = self._interval.open_time(now)
        bars: list[Bar] = []
        for step in reversed(STEPS):
            count = (step.open_time(now) - at) // step.ns
            if not step.divides(self._interval) or not count:
                continue
            end = at + count * step.ns
            bars += (await self._house.series.bars(self._instrument, step, count, end)).bars
            at = end
        if not bars or any(not bar.closed for bar in bars):
            return None
        reached = opened
        for bar in bars:
            if bar.open_time != reached:
                return None
            reached = bar.close_time
        return Beginning(opened, at, tuple(bars)) if reached == at else None

    def _traded(self, event: TradesEvent, /) -> None:
        self._dirty = True
        if type(event) is not Trade or event.ts_event < self._opened:
            self._revised = True

    def _look(self) -> None:
        """Rule 4."""
        try:
            feed = self._house.feeds.feed(self._instrument)
        except UnknownInstrument:  # it was left: who listens is told elsewhere
            return
        self._dirty = False
        candles = feed.candles(self._interval, MOST_LIVE if self._revised else NEW, None)
        if candles and candles[0].open_time > self._opened:  # a long time has passed between two looks
            candles = feed.candles(self._interval, MOST_LIVE, None)
        self._revised = False
        self._opened = candles[-1].open_time if candles else 0
        self._tell(self.machine.hear(candles, self._since(feed), self._now()))

    def _since(self, feed: InstrumentFeed) -> list[Candle]:
        """What the desk has seen from the end of the beginning on, in the longest steps that fit."""
        begun = self.machine.beginning
        if begun is None:
            return []
        now = self._now()
        at, until = begun.until, min(now + 1, self._interval.close_time(begun.open_time))
        found: list[Candle] = []
        while at < until:
            step = next(
                each
                for each in reversed(STEPS)
                if each.open_time(at) == at
                and (each is Interval.M1 or (each.divides(self._interval) and each.close_time(at) <= until))
            )
            candle = next(iter(feed.candles(step, 1, step.close_time(at))), None)
            if candle is None or candle.open_time != at:
                break
            found.append(candle)
            at = step.close_time(at)
        return found

    def _now(self) -> int:
        """The venue's time, ns UTC."""
        try:
            told = self._house.feeds.feed(self._instrument).venue_time()
        except UnknownInstrument:
            told = 0
        return told or self._house.clock.now_ns()

    def _tell(self, news: Sequence[Bar]) -> None:
        if news:
            for each in tuple(self._listeners):
                each.hear(news)
