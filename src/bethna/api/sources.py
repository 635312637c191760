"""Where a topic's frames come from: one source a topic and rate, shared by all clients who subscribed to it.

A source listens on the bus or looks at the desk, encodes each change once, and hands it to every line. It knows no
client and no socket.

Rules, cited by the code:

1. `collect` returns what has changed since the last `collect`; what a `snapshot` shows is never collected afterwards,
   as long as `collect` was called in the same breath before it.
2. Topics of state (prices, candles, book in `ui`, health) say how it is now: what changed twice is said once.
3. Topics of events (trades, events, and book in `every`) say each one. What a source itself loses is told as lost.
4. Where changes cannot express what happened (a book taken anew, a tape that starts over), every reader gets a new
   snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import Enum

from msgspec import Struct

from bethna.api.answers import (
    book_answer,
    book_change,
    candle_row,
    candles_answer,
    event_row,
    events_answer,
    health_answer,
    price_row,
    prices_answer,
    trades_answer,
    trades_item,
)
from bethna.api.protocol import FrameType, Rate, TrustChange, encode
from bethna.api.reader import DeskReader
from bethna.api.topics import Topic, TopicKind
from bethna.core.market import BookDelta, BookSnapshot, Candle, InstrumentId, Interval, PriceView, Trade
from bethna.core.status import BookStatus, Dropped, SystemEvent
from bethna.runtime.bus import BookEvent, Bus, Subscription, TradesEvent
from bethna.runtime.mailbox import Newest, Strict

UI_DEPTH = 20
FULL_DEPTH = 5000
SNAPSHOT_CANDLES = 500
# A flush comes at least once a second; more than this many candles back only a heal or a stall can change.
NEW_CANDLES = 8
SNAPSHOT_TRADES = 100
SNAPSHOT_EVENTS = 200
UI_ITEMS = 256
EVERY_ITEMS = 8192


class Piece(Struct, frozen=True, gc=False):
    """One encoded part of a frame: its JSON, and what it is about (newer state replaces older under one key)."""

    key: Hashable
    body: bytes
    type: FrameType = "delta"


class Anew(Struct, frozen=True, gc=False):
    """Changes cannot say what happened: every reader needs a new snapshot (rule 4)."""


News = Piece | Dropped | Anew
"""What a source hands to its lines."""


class Rhythm(Enum):
    """When a source is asked what has changed."""

    SECOND = "once a second"
    FRAME = "50 ms after the first change"
    SOON = "in the loop's next round"


class Source:
    """What all sources share. `mark` is called when there is something to collect; it may be called often."""

    shape = (b"", b"")
    """What stands before and after the joined pieces of a delta; empty when each piece is a frame of its own."""

    state = False
    """Whether it says how things are (rule 2), piece by piece under its key, and not what happened (rule 3)."""

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        self.desk = desk
        self.bus = bus
        self.topic = topic
        self.rate = rate
        self.rhythm = Rhythm.FRAME if rate == "ui" else Rhythm.SOON
        self.mark: Callable[[], None] = _nothing
        self._subscriptions: list[Subscription] = []

    def open(self) -> None:
        """Start to listen; what is there already counts as collected."""

    def close(self) -> None:
        """Stop to listen."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()

    def snapshot(self, notice: str | None) -> bytes:
        """The topic's whole state now, encoded."""
        raise NotImplementedError

    def collect(self) -> Sequence[News]:
        """What has changed since the last time (rule 1)."""
        raise NotImplementedError

    def look(self) -> None:
        """Called once a second: some state changes because time passes, without any event."""

    @property
    def instrument(self) -> InstrumentId:
        """The instrument, for the kinds that have one."""
        assert self.topic.instrument is not None
        return self.topic.instrument

    @property
    def name(self) -> str:
        """What reports and metrics call this reader."""
        return f"api:{self.topic.kind}:{self.rate}"


class PricesSource(Source):
    """Price rows that changed: once a second for people, as they change for programs."""

    shape = (b'{"prices":[', b"]}")
    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        if rate == "ui":
            self.rhythm = Rhythm.SECOND
        self._seen: dict[InstrumentId, PriceView] = {}
        self._dirty: set[InstrumentId] = set()
        self._tapped: set[InstrumentId] = set()

    def open(self) -> None:
        """Listen to everything that can change a row; `ui` looks once a second instead, whatever the market does."""
        self._listen()
        self._seen = {instrument: self.desk.price(instrument) for instrument in self._instruments()}

    def snapshot(self, notice: str | None) -> bytes:
        """Every row."""
        return encode(prices_answer(self.desk, self._instruments(), notice))

    def collect(self) -> Sequence[News]:
        """The rows that changed."""
        now_ns = self.desk.clock.now_ns()
        asked = self._instruments()
        if self.rate == "every":
            asked = [instrument for instrument in asked if instrument in self._dirty]
        self._dirty.clear()
        pieces = []
        for instrument in asked:
            view = self.desk.price(instrument)
            if view != self._seen.get(instrument):
                self._seen[instrument] = view
                pieces.append(Piece(instrument, encode(price_row(view, now_ns))))
        return pieces

    def look(self) -> None:
        """Look at every row with the next `collect`: a price goes stale without any event."""
        self._listen()
        self._dirty.update(self._instruments())

    def _listen(self) -> None:
        """Tap the channels of instruments that are new."""
        if self.rate == "ui":
            return
        for instrument in self._instruments():
            if instrument not in self._tapped:
                self._tapped.add(instrument)
                tap = self._tap(instrument)
                self._subscriptions += (
                    self.bus.channel("trades", instrument).subscribe(tap, self.name),
                    self.bus.channel("quotes", instrument).subscribe(tap, self.name),
                    self.bus.channel("tickers", instrument).subscribe(tap, self.name),
                )

    def _instruments(self) -> list[InstrumentId]:
        if self.topic.instrument is not None:
            return [self.topic.instrument]
        return [found.id for found in self.desk.instruments()]

    def _tap(self, instrument: InstrumentId) -> Callable[[object], None]:
        def tap(_event: object, /) -> None:
            self._dirty.add(instrument)
            self.mark()

        return tap


class TradesSource(Source):
    """Every trade and every gap, in order."""

    shape = (b'{"items":[', b"]}")

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        # in `ui` more than a screen's worth within one frame is dropped and counted
        self._box: Newest[TradesEvent] = Newest(UI_ITEMS if rate == "ui" else EVERY_ITEMS, self._ready)

    def _ready(self) -> None:
        self.mark()

    def open(self) -> None:
        """Listen to the trades channel."""
        self._subscriptions.append(
            self.bus.channel("trades", self.instrument).subscribe(self._box, self.name)
        )

    def snapshot(self, notice: str | None) -> bytes:
        """The newest trades."""
        return encode(trades_answer(self.desk, self.instrument, SNAPSHOT_TRADES, notice))

    def collect(self) -> Sequence[News]:
        """One piece an event."""
        return [
            event if isinstance(event, Dropped) else Piece(None, encode(trades_item(event)))
            for event in self._box.drain()
        ]


class EventsSource(Source):
    """Every system event, in order."""

    shape = (b'{"events":[', b"]}")

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._box: Newest[SystemEvent] = Newest(SNAPSHOT_EVENTS, self._ready)

    def _ready(self) -> None:
        self.mark()

    def open(self) -> None:
        """Listen to the system channel."""
        self._subscriptions.append(self.bus.channel("system").subscribe(self._box, self.name))

    def snapshot(self, notice: str | None) -> bytes:
        """The newest events."""
        return encode(events_answer(self.desk, SNAPSHOT_EVENTS))

    def collect(self) -> Sequence[News]:
        """One piece an event."""
        return [
            event if isinstance(event, Dropped) else Piece(None, encode(event_row(event)))
            for event in self._box.drain()
        ]


class BookSource(Source):
    """The top of the book as it is now."""

    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._dirty = False

    def open(self) -> None:
        """Listen to the book channel."""
        channel = self.bus.channel("book", self.instrument)
        self._subscriptions.append(channel.subscribe(self._tap, self.name))

    def _tap(self, _event: BookEvent, /) -> None:
        if not self._dirty:
            self._dirty = True
            self.mark()

    def snapshot(self, notice: str | None) -> bytes:
        """The same as each delta."""
        view = self.desk.book(self.instrument, UI_DEPTH)
        return encode(book_answer(view, self.desk.clock.now_ns(), notice))

    def collect(self) -> Sequence[News]:
        """The whole top of the book, if anything moved."""
        if not self._dirty:
            return []
        self._dirty = False
        return [Piece(None, self.snapshot(None))]


class BookChangesSource(Source):
    """Every change of the book. A book that was taken anew is a new snapshot in the middle of the stream."""

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._box: Strict[BookEvent] = Strict(EVERY_ITEMS, self._ready)

    def _ready(self) -> None:
        self.mark()

    def open(self) -> None:
        """Listen to the book channel."""
        self._subscriptions.append(self.bus.channel("book", self.instrument).subscribe(self._box, self.name))

    def snapshot(self, notice: str | None) -> bytes:
        """All certified levels: changes below the 20th would otherwise change what nobody was told of."""
        view = self.desk.book(self.instrument, FULL_DEPTH)
        return encode(book_answer(view, self.desk.clock.now_ns(), notice))

    def collect(self) -> Sequence[News]:
        """One piece an event. After a new snapshot the book as it is now stands for all changes in hand (rule 4)."""
        events = self._box.drain()
        if self._box.overflowed:
            self._box.reopen()
        if any(isinstance(event, Dropped) for event in events):
            return [Dropped(sum(event.count if isinstance(event, Dropped) else 1 for event in events))]
        if any(isinstance(event, BookSnapshot) for event in events):
            return [Anew()]
        return [_book_piece(event) for event in events]


def _book_piece(event: BookEvent | Dropped) -> Piece:
    match event:
        case BookStatus():
            return Piece(None, encode(TrustChange(event.trust, event.reason)), "status")
        case BookDelta():
            return Piece(None, encode(book_change(event)))
        case _:
            raise AssertionError


class CandlesSource(Source):
    """The candles that changed since they were last said, the open one last."""

    shape = (b'{"candles":[', b"]}")
    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._seen: dict[int, Candle] = {}
        self._dirty = False
        self._revised = False

    @property
    def interval(self) -> Interval:
        """The candles' length."""
        assert self.topic.interval is not None
        return self.topic.interval

    def open(self) -> None:
        """Listen to the trades channel: what candles are made of."""
        channel = self.bus.channel("trades", self.instrument)
        self._subscriptions.append(channel.subscribe(self._tap, self.name))
        self._seen = self._newest(SNAPSHOT_CANDLES)

    def _tap(self, event: TradesEvent, /) -> None:
        if type(event) is not Trade:
            self._revised = True
        if not self._dirty:
            self._dirty = True
            self.mark()

    def look(self) -> None:
        """Look with the next `collect`: a candle also closes because time passes."""
        self._dirty = True

    def snapshot(self, notice: str | None) -> bytes:
        """The newest candles."""
        return encode(
            candles_answer(self.desk, self.instrument, self.interval, SNAPSHOT_CANDLES, notice=notice)
        )

    def collect(self) -> Sequence[News]:
        """Changed candles; the far end is compared only when something old can have changed."""
        if not self._dirty:
            return []
        self._dirty = False
        newest = {} if self._revised else self._newest(NEW_CANDLES)
        if not newest or next(iter(newest)) not in self._seen:
            newest = self._newest(SNAPSHOT_CANDLES)
            self._revised = False
        if self._seen and newest and next(reversed(newest)) < max(self._seen):
            self._seen = newest
            return [Anew()]
        changed = [candle for opened, candle in newest.items() if self._seen.get(opened) != candle]
        self._seen.update(newest)
        while len(self._seen) > SNAPSHOT_CANDLES:
            del self._seen[min(self._seen)]
        return [Piece(candle.open_time, encode(candle_row(candle))) for candle in changed]

    def _newest(self, limit: int) -> dict[int, Candle]:
        return {c.open_time: c for c in self.desk.candles(self.instrument, self.interval, limit)}


class HealthSource(Source):
    """The desk's health, whole, once a second."""

    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self.rhythm = Rhythm.SECOND

    def snapshot(self, notice: str | None) -> bytes:
        """As GET health."""
        return encode(health_answer(self.desk))

    def collect(self) -> Sequence[News]:
        """Always the whole."""
        return [Piece(None, self.snapshot(None))]


def source_class(topic: Topic, rate: Rate) -> type[Source]:
    """The kind of source for a topic at a rate."""
    kinds: dict[TopicKind, type[Source]] = {
        "prices": PricesSource,
        "trades": TradesSource,
        "book": BookSource if rate == "ui" else BookChangesSource,
        "candles": CandlesSource,
        "health": HealthSource,
        "events": EventsSource,
    }
    return kinds[topic.kind]


def _nothing() -> None:
    return None
