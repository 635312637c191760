"""The desk's side of all sockets: keeps one source per topic and rate, asks each in its rhythm, and deals out the news.

It knows lines (subscriptions), not sockets; sending is each client's own business.

Rules, cited by the code:

1. A source lives while it has lines. A line joins in the breath in which its snapshot is taken, after what was pending
   was dealt to the others: nothing is said twice, nothing is missed.
2. A source is asked in its rhythm: programs in the loop's next round, people at most every FRAME_S, prices and health
   once a second.
3. A source that fails is reported and ends; its lines are told, other sources go on.
4. When the list of followed instruments changes, the topics of those that left end by name within FRAME_S, and the
   topics that show the whole list show the new one.
"""

from __future__ import annotations

import asyncio
from functools import partial

from bethna.api.lines import Line, Listener
from bethna.api.metrics import HubNumbers
from bethna.api.protocol import Rate
from bethna.api.reader import DeskReader
from bethna.api.source import Rhythm, Source
from bethna.api.sources import source_class
from bethna.api.topics import Topic
from bethna.core.errors import BethnaError, Closed, ConfigError, StoreError, UnknownInstrument
from bethna.core.market import InstrumentId
from bethna.runtime.bus import Bus
from bethna.runtime.supervisor import Restart, Supervisor, contained, guarded

FRAME_S = 0.05
SECOND_S = 1.0


class Served:
    """A source and its lines."""

    def __init__(self, hub: Hub, source: Source) -> None:
        self.source = source
        self.lines: list[Line] = []
        self._hub = hub
        self._deal = guarded(  # rule 3
            self._deal_out, f"api:{source.topic}", hub.bus.clock, hub.bus.report, self.fail
        )

    def flush(self) -> None:
        """Ask the source and deal out what it says; never raises."""
        self._deal(None)

    def _deal_out(self, _nothing: None) -> None:
        try:
            news = self.source.collect()
        except (
            ConfigError,
            StoreError,
            UnknownInstrument,
        ) as error:  # rule 4, noticed first by the source; or it cannot be had
            self.end(error)
            return
        for line in self.lines:
            for piece in news:
                line.offer(piece)

    def fail(self) -> None:
        """Rule 3."""
        self.end(Closed(f"{self.source.topic} failed and ended", hint="subscribe again; the events say why"))

    def end(self, error: BethnaError) -> None:
        """There is nothing more: it says so to everybody."""
        lines = tuple(self.lines)
        self._hub.forget(self)
        for line in lines:
            line.end(error)


class Hub:
    """All sources, and the rhythms in which they are asked."""

    def __init__(self, desk: DeskReader, bus: Bus) -> None:
        self.desk = desk
        self.bus = bus
        self.numbers = HubNumbers()
        self._served: dict[tuple[Topic, Rate], Served] = {}
        self._due: dict[Served, None] = {}
        self._soon: dict[Served, None] = {}
        self._wake = asyncio.Event()
        self._followed: list[InstrumentId] = []

    def start(self, family: Supervisor) -> None:
        """Run the rhythms as children of `family`."""
        family.start("api:frames", self.run_frames, restart=Restart())
        family.start("api:soon", self.run_soon, restart=Restart())

    async def run_frames(self) -> None:
        """Ask sources for people that have something, every FRAME_S; once a second look at everybody."""
        loop = asyncio.get_running_loop()
        next_second = loop.time() + SECOND_S
        while True:
            await asyncio.sleep(FRAME_S)
            if loop.time() < next_second:
                self.frame()
            else:
                next_second = max(next_second + SECOND_S, loop.time())
                self.second()

    async def run_soon(self) -> None:
        """Ask sources for programs in the round after something happened."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.soon()

    def soon(self) -> None:
        """Ask the sources for programs that marked themselves."""
        asked, self._soon = self._soon, {}
        for served in asked:
            served.flush()

    def look_at_list(self) -> None:
        """Rule 4."""
        followed = [found.id for found in self.desk.instruments()]
        if followed == self._followed:
            return
        self._followed, listed = followed, set(followed)
        for served in tuple(self._served.values()):
            instrument = served.source.topic.instrument
            if instrument is None:
                served.flush()
            elif instrument not in listed:
                served.end(self._left(instrument))

    def _left(self, instrument: InstrumentId) -> BethnaError:
        """Why there is nothing more of it, with the nearest that are followed."""
        try:
            self.desk.instrument_health(instrument)
        except UnknownInstrument as error:
            return error
        return Closed(f"{instrument} was followed anew", hint="subscribe again")

    def frame(self) -> None:
        """Ask the sources for people that marked themselves."""
        self.look_at_list()
        asked, self._due = self._due, {}
        for served in asked:
            served.flush()

    def second(self) -> None:
        """Let everybody look, and ask everybody."""
        self.look_at_list()
        self._due = {}
        for served in tuple(self._served.values()):
            served.source.look()
            served.flush()

    def line(self, listener: Listener, topic: Topic, rate: Rate, notice: str | None) -> Line:
        """A new subscription; its first frame is the snapshot."""
        return Line(self, listener, topic, rate, notice)

    def snapshot(self, line: Line) -> bytes:
        """The topic's state now; from here on the line hears what changes (rule 1).

        Raises:
            UnknownInstrument: the desk does not follow the instrument any more.
            Closed: the source failed just now (rule 3).
        """
        return contained(partial(self._join, line), f"api:{line.topic}", self.bus.clock, self.bus.report)

    def _join(self, line: Line) -> bytes:
        key = (line.topic, line.rate)
        served = self._served.get(key)
        if served is not None:
            served.flush()
            if key not in self._served:
                raise Closed(f"{line.topic} failed and ended")
        else:
            served = self._make(key)
        try:
            if key not in self._served:
                self._served[key] = served
                served.source.open()
            body = served.source.snapshot(line.notice)
            if line not in served.lines:
                served.lines.append(line)
        finally:
            if not served.lines:
                self.forget(served)
        return body

    def _make(self, key: tuple[Topic, Rate]) -> Served:
        source = source_class(*key)(self.desk, self.bus, *key)
        served = Served(self, source)

        def mark() -> None:
            if source.rhythm is Rhythm.FRAME:
                self._due[served] = None
            elif source.rhythm is Rhythm.SOON:
                self._soon[served] = None
                self._wake.set()

        source.mark = mark
        return served

    def leave(self, line: Line) -> None:
        """The line hears nothing more."""
        served = self._served.get((line.topic, line.rate))
        if served is None or line not in served.lines:
            return
        served.lines.remove(line)
        if not served.lines:
            self.forget(served)

    def forget(self, served: Served) -> None:
        """Rule 1: end a source."""
        served.source.close()
        served.lines.clear()
        self._served.pop((served.source.topic, served.source.rate), None)
        self._due.pop(served, None)
        self._soon.pop(served, None)

    @property
    def sources(self) -> int:
        """How many sources live."""
        return len(self._served)
