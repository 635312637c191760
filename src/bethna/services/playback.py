"""Playing a tape: a recording goes through codec and feeds like the wire, at its own speed, N times it or flat out.

It fetches nothing: what was fetched while recording stands in the tape and is applied where it stands.

Rules
  1. The desk's clock is the tape's. Feeds are ticked at every whole second of it, before the frame that passes it, so
     the outcome depends on the tape alone, never on the speed or the command that plays it.
  2. A jump of the tape's time beyond MAX_TICKS seconds, forward or back (a clock was set), is ticked once: silence has
     nothing to say.
  3. A damaged tape is played up to the damage; where and why is kept.
  4. While two sockets of the tape carry one stream (a rotation), duplicates are expected.
  5. What says that the tape is not one recording as it was made is noted (`tapecheck`) and played all the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from bethna.core.clock import NS_PER_S, Clock
from bethna.core.errors import TapeError, VenueAnswer, WireError
from bethna.core.market import BookDelta, InstrumentId
from bethna.core.status import SystemEvent, TapePosition, VenueHealth
from bethna.core.wire import (
    Ack,
    BookDoubt,
    Challenge,
    MarketEvent,
    Refusal,
    RestEvent,
    ShutdownNotice,
    UnknownMessage,
    VenueCondition,
)
from bethna.runtime.clocks import ManualClock
from bethna.store.tapes import TapeEntry, TapeReader
from bethna.venues.spec import Codec, Connection

MAX_TICKS = 120
FRAMES_PER_TURN = 500
KEPT_EXCERPTS = 20


class PlaybackSink(Protocol):
    """The feeds, as a tape needs them."""

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        """One market event."""
        ...

    def doubt(self, doubt: BookDoubt) -> None:
        """What a socket said of a book is wrong."""
        ...

    def connection_ended(self, conn: int, venue: str, now: int) -> None:
        """A socket is gone."""
        ...

    def apply_rest(self, events: Iterable[RestEvent], now: int) -> None:
        """One REST answer."""
        ...

    def tick(self, now: int) -> None:
        """Time passes."""
        ...

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        """Two sockets carry these."""
        ...

    def finish(self, now: int) -> None:
        """The tape has ended."""
        ...

    def reset(self) -> None:
        """The tape starts over."""
        ...


class TapeLook(Protocol):
    """Who looks whether the tape is one recording (rule 5)."""

    def entry(self, entry: TapeEntry) -> None:
        """One more line, in the order of the tape."""
        ...

    def misread(self, entry: TapeEntry, venue: str, codec: Codec) -> None:
        """A frame that the language of its socket could not read."""
        ...

    def begin_again(self) -> None:
        """The tape starts over."""
        ...


class TapePlayer:
    """Plays one tape into a sink.

    Args:
        codec_for_url: the venue name and codec of a recorded URL, and of the language that the recorder noted, if any.
        clock: the desk's clock, moved by the tape.
        pace: the host's clock, by which the playing is paced.
        speed: 1.0 is as recorded, None flat out.
        end: the tape's last receive time where somebody knows it, for people to see how far there is to go.
        look: hears of each line (rule 5).

    Attributes:
        updates: changes of each book that are on the tape, whatever became of them.

    Raises:
        TapeError: on construction, when there is no such tape.
    """

    def __init__(
        self,
        path: Path,
        codec_for_url: Callable[[str, str | None], tuple[str, Codec]],
        sink: PlaybackSink,
        clock: ManualClock,
        pace: Clock,
        *,
        speed: float | None = None,
        loop: bool = False,
        report: Callable[[SystemEvent], None] | None = None,
        end: int | None = None,
        look: TapeLook | None = None,
    ) -> None:
        self._reader = TapeReader(path)
        self.name = self._reader.name
        self.speed = speed
        self.loop = loop
        self.frames = 0
        self.wire_errors = 0
        self.unknown_messages = 0
        self.rest_errors = 0
        self.excerpts: list[str] = []
        self.damage: TapeError | None = None
        self.start: int | None = None
        self.end = end
        self.position: int | None = None
        self.ended = False
        self.loops = 0
        self.updates: Counter[InstrumentId] = Counter()
        self._look = look
        self._codec_for_url = codec_for_url
        self._sink = sink
        self._clock = clock
        self._pace = pace
        self._report = report
        self._codecs: dict[int | None, tuple[str, Codec]] = {}
        self._venues: dict[str, None] = {}
        self._connections: dict[int | None, Connection] = {}
        self._carried: dict[int, set[InstrumentId]] = {}
        self._next_tick = 0

    def play_through(self) -> None:
        """Play the whole tape flat out, without giving way to anybody."""
        for entry in self._entries():
            self._play(entry)
        self._finish()

    async def run(self) -> None:
        """Play at the wanted speed; returns at the end of the tape, or never with `loop`."""
        while True:
            await self._run_once()
            if not self.loop or self.damage is not None or self.position is None:
                break
            self.loops += 1
            self._begin_again()
        self.ended = True
        if self._report is not None and self.position is not None:
            self._report(
                SystemEvent(self.position, "info", "tape_ended", self.name, f"tape {self.name} ended")
            )

    def tape_position(self) -> TapePosition:
        """Where the tape is."""
        return TapePosition(
            self.name, self.speed, self.position, self.start, self.position if self.ended else self.end, self.ended,
            self.loops, self.damage.message if self.damage else None,
        )  # fmt: skip

    def venue_health(self, offset_of: Callable[[str], int | None]) -> list[VenueHealth]:
        """Health per venue on the tape."""
        return [
            VenueHealth(
                venue, "ended" if self.ended else "ok", connections=0 if self.ended else len(self._carried),
                clock_offset_ns=offset_of(venue), messages=self.frames, wire_errors=self.wire_errors,
                unknown_messages=self.unknown_messages,
            )
            for venue in self._venues
        ]  # fmt: skip

    async def _run_once(self) -> None:
        began = self._pace.monotonic_ns()
        turn = 0
        for entry in self._entries():
            turn += 1
            if self.speed is not None:
                due = began + round((entry.ts - (self.start or entry.ts)) / self.speed)
                ahead = due - self._pace.monotonic_ns()
                if ahead > 0:
                    turn = 0
                    await asyncio.sleep(ahead / NS_PER_S)
            if turn >= FRAMES_PER_TURN:
                turn = 0
                await asyncio.sleep(0)
            self._play(entry)
        self._finish()

    def _entries(self) -> Iterable[TapeEntry]:
        """Every entry up to the end or the damage (rule 3)."""
        reader = iter(self._reader)
        while True:
            try:
                entry = next(reader)
            except StopIteration:
                return
            except TapeError as error:
                self.damage = error
                if self._report is not None:
                    self._report(
                        SystemEvent(self.position or 0, "error", error.code, self.name, error.message)
                    )
                return
            if self.start is None:
                self.start = entry.ts
            yield entry

    def _play(self, entry: TapeEntry) -> None:
        ts = entry.ts
        if ts >= self._next_tick or self._next_tick - ts > MAX_TICKS * NS_PER_S:
            self._tick_until(ts)
        self.position = ts
        self._clock.advance_to(ts)
        if self._look is not None:
            self._look.entry(entry)
        if entry.kind == "rx":
            self._frame(entry, ts)
        elif entry.kind == "http":
            self._answer(entry, ts)
        elif entry.kind == "open":
            self._opened(entry)
        elif entry.kind == "close" and entry.conn is not None:
            self._closed(entry.conn)

    def _tick_until(self, ts: int) -> None:
        """Rules 1 and 2."""
        second = ts - ts % NS_PER_S
        if self._next_tick and abs(second - self._next_tick) > MAX_TICKS * NS_PER_S:
            self._sink.tick(second)
        elif self._next_tick:
            for due in range(self._next_tick, second + 1, NS_PER_S):
                self._sink.tick(due)
        self._next_tick = second + NS_PER_S

    def _frame(self, entry: TapeEntry, ts: int) -> None:
        self.frames += 1
        try:
            events = self._connection(entry).decode(entry.raw, ts)
        except WireError as error:
            self._wire_error(error)
            self._misread(entry)
            return
        except VenueAnswer:
            self.rest_errors += 1
            return
        for event in events:
            match event:
                case BookDelta():
                    self.updates[event.instrument] += 1
                    self._sink.apply(event)
                case UnknownMessage():
                    self.unknown_messages += 1
                    self._misread(entry)
                case BookDoubt():
                    self._sink.doubt(event)
                case Ack() | Refusal() | ShutdownNotice() | Challenge() | VenueCondition():
                    pass
                case _:
                    self._sink.apply(event)

    def _answer(self, entry: TapeEntry, ts: int) -> None:
        if entry.url is None:
            return
        self.frames += 1
        url = urlsplit(entry.url)
        path = f"{url.path}?{url.query}" if url.query else url.path
        try:
            events = self._codec(entry).decode_http(path, entry.raw, ts)
        except WireError as error:
            self._wire_error(error)
        except VenueAnswer:
            self.rest_errors += 1
        else:
            self._sink.apply_rest(events, ts)

    def _misread(self, entry: TapeEntry) -> None:
        """Rule 5."""
        if self._look is not None:
            self._look.misread(entry, *self._codecs[entry.conn])

    def _wire_error(self, error: WireError) -> None:
        self.wire_errors += 1
        if len(self.excerpts) < KEPT_EXCERPTS:
            self.excerpts.append(error.excerpt)

    def _codec(self, entry: TapeEntry) -> Codec:
        """The codec of an entry's socket or URL; a tape that begins amid a connection has one by elimination."""
        known = self._codecs.get(entry.conn)
        if known is None or entry.url is not None:
            known = self._codecs[entry.conn] = self._codec_for_url(entry.url or "", entry.wire)
            self._venues.setdefault(known[0])
        return known[1]

    def _connection(self, entry: TapeEntry) -> Connection:
        """The memory of an entry's socket; one without a number is the first."""
        known = self._connections.get(entry.conn)
        if known is None:
            known = self._connections[entry.conn] = self._codec(entry).connection((entry.conn or 0) + 1)
        return known

    def _opened(self, entry: TapeEntry) -> None:
        if entry.conn is not None:
            self._closed(entry.conn)  # a recorder that was started again numbers its sockets anew
        codec = self._codec(entry)
        if entry.conn is None:
            return
        names = [name for part in parse_qs(urlsplit(entry.url or "").query).values() for name in part]
        streams = [stream for name in names for stream in name.split("/")]
        carried = {found for stream in streams if (found := codec.stream_instrument(stream)) is not None}
        shared = {each for other in self._carried.values() for each in other} & carried
        self._carried[entry.conn] = carried
        self._sink.set_overlapping(shared, True)  # rule 4

    def _closed(self, conn: int) -> None:
        """Rule 4: what no second socket carries any more does not overlap."""
        if self._connections.pop(conn, None) is not None:
            venue, _ = self._codecs[conn]
            self._sink.connection_ended(conn + 1, venue, self.position or 0)
        gone = self._carried.pop(conn, set())
        for instrument in gone:
            if sum(instrument in carried for carried in self._carried.values()) < 2:
                self._sink.set_overlapping([instrument], False)

    def _begin_again(self) -> None:
        self._sink.reset()
        self._codecs.clear()
        self._venues.clear()
        self._connections.clear()
        self._carried.clear()
        self.updates.clear()
        if self._look is not None:
            self._look.begin_again()
        self._next_tick = 0

    def _finish(self) -> None:
        if self.position is not None:
            self._sink.finish(self.position)
