"""The kinds of topics: one source a topic and rate, shared by all clients who subscribed to it.

A source listens on the bus or looks at the desk, encodes each change once, and hands it to every line. It knows no
client and no socket. The rules that each keeps stand in `source`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bethna.api.alerts_source import AlertsSource, NotificationsSource
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
from bethna.api.bar_row_source import BarsSource
from bethna.api.best_source import BestSource
from bethna.api.protocol import Rate, TrustChange, encode
from bethna.api.reader import DeskReader
from bethna.api.reference_source import IndicesSource, ValuationsSource
from bethna.api.rows_source import RowsSource, Tapped
from bethna.api.source import Anew, News, Piece, Rhythm, Source, Turns, turn_piece
from bethna.api.topics import Topic, TopicKind
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, InstrumentId, PriceView, Trade
from bethna.core.status import BookStatus, Dropped, StreamStatus, SystemEvent
from bethna.runtime.bus import BookEvent, Bus, TradesEvent
from bethna.runtime.mailbox import Newest, Strict

UI_DEPTH = 20
FULL_DEPTH = 5000
SNAPSHOT_CANDLES = 500
# A flush comes at least once a second; more than this many candles back only a heal, a stall or a proof can change.
NEW_CANDLES = 8
SNAPSHOT_TRADES = 100
SNAPSHOT_EVENTS = 200
UI_ITEMS = 256
EVERY_ITEMS = 8192


class PricesSource(RowsSource[PriceView]):
    """Price rows."""

    shape = (b'{"prices":[', b"]}")

    def snapshot(self, notice: str | None) -> bytes:
        """Every row."""
        return encode(prices_answer(self.desk, self.asked(), notice))

    def view(self, instrument: InstrumentId) -> PriceView:
        """How a price is now."""
        return self.desk.price(instrument)

    def row(self, view: PriceView, now_ns: int) -> bytes:
        """For the wire."""
        return encode(price_row(view, now_ns))

    def all_of_them(self) -> list[InstrumentId]:
        """Every instrument."""
        return [found.id for found in self.desk.instruments()]

    def tapped(self, instrument: InstrumentId) -> Sequence[Tapped]:
        """What is traded and quoted, and how the day was; of an index its figure."""
        index = any(found.id == instrument and found.is_index for found in self.desk.instruments())
        return ("references",) if index else ("trades", "quotes", "tickers")


class TradesSource(Source):
    """Every trade and every gap, in order."""

    shape = (b'{"items":[', b"]}")

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        # in `ui` more than a screen's worth within one frame is dropped and counted
        bound = UI_ITEMS if rate == "ui" else EVERY_ITEMS
        self._box: Newest[Any] = Newest(bound, self._ready)  # of two channels: TradesEvent and StreamStatus
        self._turns = Turns()

    def _ready(self) -> None:
        self.mark()

    def open(self) -> None:
        """Listen to the trades channel."""
        self._subscriptions.append(
            self.bus.channel("trades", self.instrument).subscribe(self._box, self.name)
        )
        if self.rate == "every":
            self._subscriptions += self._turns.listen(self.bus, self.instrument, self._box, self.name)

    def snapshot(self, notice: str | None) -> bytes:
        """The newest trades."""
        return encode(trades_answer(self.desk, self.instrument, SNAPSHOT_TRADES, notice))

    def collect(self) -> Sequence[News]:
        """One piece an event."""
        events = self._box.drain()
        pieces: list[News] = [_trades_piece(event) for event in events]
        if turn := self._turns.said(events):
            pieces.append(turn)
        return pieces


def _trades_piece(event: TradesEvent | StreamStatus | Dropped) -> Piece | Dropped:
    if isinstance(event, Dropped):
        return event
    if isinstance(event, StreamStatus):
        return turn_piece(event)
    return Piece(None, encode(trades_item(event)))


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
        self._box: Strict[Any] = Strict(EVERY_ITEMS, self._ready)  # BookEvent and StreamStatus
        self._turns = Turns()

    def _ready(self) -> None:
        self.mark()

    def open(self) -> None:
        """Listen to the book channel."""
        self._subscriptions.append(self.bus.channel("book", self.instrument).subscribe(self._box, self.name))
        self._subscriptions += self._turns.listen(self.bus, self.instrument, self._box, self.name)

    def snapshot(self, notice: str | None) -> bytes:
        """All certified levels: changes below the 20th would otherwise change what nobody was told of."""
        view = self.desk.book(self.instrument, FULL_DEPTH)
        return encode(book_answer(view, self.desk.clock.now_ns(), notice))

    def collect(self) -> Sequence[News]:
        """One piece an event. After a new snapshot the book as it is now stands for all changes in hand."""
        events = self._box.drain()
        if self._box.overflowed:
            self._box.reopen()
        late = self._turns.said(events)
        turned = [turn_piece(event) for event in events if isinstance(event, StreamStatus)]
        last: list[News] = [late] if late is not None else [*turned[-1:]]
        if any(isinstance(event, Dropped) for event in events):
            return [Dropped(sum(event.count if isinstance(event, Dropped) else 1 for event in events)), *last]
        if any(isinstance(event, BookSnapshot) for event in events):
            return [Anew(), *last]
        return [_book_piece(event) for event in events]


def _book_piece(event: BookEvent | StreamStatus | Dropped) -> Piece:
    match event:
        case StreamStatus():
            return turn_piece(event)
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
        oldest = next(iter(newest), None)
        if oldest is None or self._seen.get(oldest) != newest[oldest]:  # so may those before it
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
        "bars": BarsSource,
        "best": BestSource,
        "indices": IndicesSource,
        "valuations": ValuationsSource,
        "alerts": AlertsSource,
        "notifications": NotificationsSource,
        "health": HealthSource,
        "events": EventsSource,
    }
    return kinds[topic.kind]
