"""Our own path on the wires of any venue, and of several at once, wired as the desk wires it.

One bus and one `Feeds` for all; of each venue a codec and a connection of its own; a subscriber on trades and book of
each instrument; one tick a second for all. Doubts of books go the way they go in the desk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.contest import Outcome, SeenVenues, Work, symbols_of
from bethna.core.market import BookDelta, InstrumentId, Trade
from bethna.core.wire import BookDoubt
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock
from bethna.services.feeds import Feeds
from bethna.venues.registry import book_styles, codec_to_read

LOOK_EVERY = 100
KINDS = tuple(Feeds(Bus(ManualClock()), ManualClock(), FeedSettings())._routes)  # noqa: SLF001 - what `apply` takes
SNAPSHOT_PATH = "/api/v3/depth?symbol=BTCUSDT&limit=1000"


class Desk:
    """Feeds of all venues of a contest.

    Args:
        symbols: of the whole contest, (wire, as the venue spells it), each once.
    """

    def __init__(self, wires: tuple[str, ...], symbols: list[tuple[str, str]]) -> None:
        bus, clock = Bus(ManualClock()), ManualClock()
        self.feeds = Feeds(bus, clock, FeedSettings(), book_styles=book_styles())
        self.codecs = {wire: codec_to_read(wire)[1] for wire in wires}
        self.seen = SeenVenues()
        self.names: dict[InstrumentId, str] = {}
        self.decoders = {
            wire: (codec.connection(number).decode, number)
            for number, (wire, codec) in enumerate(self.codecs.items(), 1)
        }
        for wire, symbol in symbols:
            instrument = self.codecs[wire].instrument(symbol)
            self.feeds.follow(instrument)
            self.names[instrument.id] = symbol
            bus.channel("trades", instrument.id).subscribe(self._trade(symbol), "benchmark")
            bus.channel("book", instrument.id).subscribe(self._book, "benchmark")

    def _trade(self, symbol: str) -> Callable[[object], None]:
        def hear(event: object) -> None:
            if type(event) is Trade:
                seen = self.seen
                seen.trades += 1
                seen.last[symbol] = event.price

        return hear

    def _book(self, event: object) -> None:
        if type(event) is BookDelta:
            self.seen.updates += 1

    def play(self, frames: list[tuple[bytes, int, str]]) -> None:
        """Frames in order of time."""
        decoders, apply, doubt = self.decoders, self.feeds.apply, self.feeds.doubt
        to_look, next_tick = LOOK_EVERY, time.monotonic() + 1
        for raw, ts_recv, wire in frames:
            to_look -= 1
            if not to_look:
                to_look = LOOK_EVERY
                if time.monotonic() >= next_tick:
                    next_tick += 1
                    self.feeds.tick(ts_recv)
            decode, conn = decoders[wire]
            for event in decode(raw, ts_recv):
                if type(event) is BookDoubt:
                    doubt(event)
                elif type(event) in KINDS:
                    apply(event, conn)  # type: ignore[arg-type]  # a kind that it takes

    def outcome(self) -> Outcome:
        """What the subscribers saw, and every book."""
        tops: list[tuple[str, Any, Any]] = []
        for instrument, symbol in self.names.items():
            sync = self.feeds.feed(instrument).booksync
            if sync.book is not None:
                tops.append((symbol, *sync.book.best()))
        return self.seen.outcome(tops)


Frames = list[tuple[bytes, int, str]]


class Prepared:
    """A contest in the form that sockets give."""

    def __init__(self, work: Work) -> None:
        self.symbols = symbols_of(work)
        self.prelude, self.frames = (
            [(frame.raw.encode(), frame.ts_recv, frame.wire) for frame in frames]
            for frames in (work.prelude, work.frames)
        )


def play_venues(work: Work, prepared: Prepared) -> tuple[float, Outcome]:
    """One pass: CPU seconds and what was seen."""
    desk = Desk(work.wires, prepared.symbols)
    first = prepared.prelude[0][1]
    if work.snapshot:
        answer = desk.codecs["binance"].decode_http(SNAPSHOT_PATH, work.snapshot.encode(), first)
        desk.feeds.apply_rest(answer, first)
    desk.play(prepared.prelude)
    desk.seen.trades = desk.seen.updates = 0
    desk.seen.last.clear()
    started = time.process_time()
    desk.play(prepared.frames)
    return time.process_time() - started, desk.outcome()
