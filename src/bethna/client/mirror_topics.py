"""One topic of a desk behind an address: its frames to its mirror, and what is new to who listens.

Rules
  1. A subscription begins with a snapshot of the count 1; what comes before it is of an earlier one and is passed over.
  2. A hole in the count, a change that does not join: the topic is subscribed again, and a snapshot follows.
  3. A listener hears what is new from when it came. A book begins with a snapshot; trades that the listener's program
     has fetched already are not told again.
  4. A listener that was told of a lost connection is told how the streams are before it hears the snapshot.
  5. Streams that have ended end their listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from bethna.api.protocol import (
    BookAnswer,
    BookChange,
    CandlesAnswer,
    DroppedItem,
    ErrorBody,
    EventsAnswer,
    HealthAnswer,
    PriceRow,
    PricesAnswer,
    Rate,
    TradeItem,
    TradesAnswer,
)
from bethna.api.topics import Topic
from bethna.client.local import snapshot_of
from bethna.client.mirror import BookMirror, CandlesMirror, EventsMirror, PricesMirror
from bethna.client.mirror_trades import TradesMirror
from bethna.client.remote_facts import (
    CandleChanges,
    Frame,
    Said,
    TradeChanges,
    book_of,
    candle_of,
    coverage_of,
    event_of,
    gap_event,
    nanos,
    price_of,
    read,
    trade_of,
)
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, PriceView, Trade
from bethna.core.status import Dropped, StreamStatus


class Around(Protocol):
    """What a topic may ask of the desk's whole mirror."""

    def now(self) -> int:
        """The desk's time, ns UTC, as far as it is known."""
        ...

    def last_message(self, instrument: InstrumentId) -> int | None:
        """When the desk last heard anything of it, as its health says."""
        ...

    def how(self, instrument: InstrumentId) -> StreamStatus:
        """How its streams are, as the desk's health says."""
        ...

    def heard_health(self, health: HealthAnswer) -> None:
        """The desk's health has come."""
        ...

    def heard_prices(self, instruments: Sequence[InstrumentId]) -> None:
        """A snapshot of all prices has come: what the desk follows."""
        ...


class Ear:
    """One listener.

    Attributes:
        since: the desk's time when it came. told: it was told that the connection is lost.
        skip: ids of trades that its program has fetched already: after the first, up to the second.
        stands: of a book, it has had a snapshot.
    """

    def __init__(
        self, hear: Callable[[Any], None], ended: Callable[[Exception | None], None], since: int
    ) -> None:
        self.hear = hear
        self.ended = ended
        self.since = since
        self.told = False
        self.stands = False
        self.skip = (-1, -1)

    def tell(self, event: object) -> None:
        """What is new (rule 3)."""
        kind = type(event)
        if kind is Trade and self.skip[1] >= 0:
            assert isinstance(event, Trade)
            low, high = self.skip
            if low < event.trade_id <= high:
                return
            if event.trade_id > high:
                self.skip = (-1, -1)
        elif kind is BookDelta and not self.stands:
            return
        elif kind is BookSnapshot:
            self.stands = True
        self.hear(event)


class Channel:
    """What all topics share.

    Attributes:
        rate: what is subscribed on this connection, None for nothing. expecting: its first snapshot has not come.
        anew: the next snapshot is of another desk. unused: turns of the second hand without a listener.
        failures: how often it failed without a snapshot in between. error: why it failed last.
    """

    turning = True
    """Whether it says how the instrument's streams turn."""

    def __init__(self, topic: Topic, around: Around) -> None:
        self.topic = topic
        self.name = str(topic)
        self.around = around
        self.ears: dict[Ear, None] = {}
        self.rate: Rate | None = None
        self.expecting = True
        self.seq = 0
        self.anew = False
        self.unused = 0
        self.failures = 0
        self.error: ErrorBody | None = None

    @property
    def instrument(self) -> InstrumentId:
        """Whose."""
        assert self.topic.instrument is not None
        return self.topic.instrument

    @property
    def begun(self) -> bool:
        """Whether a snapshot has been seen, on this connection or an earlier one."""
        raise NotImplementedError

    def snapshot(self, frame: Frame) -> Sequence[object]:
        """Everything; what of it is news."""
        raise NotImplementedError

    def delta(self, frame: Frame) -> Sequence[object]:
        """What has changed. Raises Unjoined."""
        raise NotImplementedError

    def lose(self, count: int) -> Sequence[object]:
        """The desk left out so much; a snapshot follows."""
        return ()

    def turn(self, said: Said) -> Sequence[object]:
        """A status that is about the data."""
        if said.dropped is not UNSET:
            return self.lose(said.dropped)
        if said.stream is not UNSET:
            return (StreamStatus(self.instrument, said.stream, said.reason, said.connected, nanos(said.ts)),)
        return ()

    def join(self, ear: Ear) -> None:
        """One more listener."""
        self.ears[ear] = None
        self.unused = 0

    def follows(self, frame: Frame) -> bool | None:
        """Whether a frame is next (rules 1 and 2); None for one to pass over."""
        if frame.type == "snapshot" and frame.seq == 1:
            self.expecting = False
        elif self.expecting:
            return None
        elif frame.seq != self.seq + 1:
            return False
        self.seq = frame.seq
        return True

    def take(self, frame: Frame) -> None:
        """A frame that is next, to whom it concerns. Raises Unjoined, FrameError."""
        if frame.type == "snapshot":
            self.failures = 0
            news = self.snapshot(frame)
            self.anew = False
            for ear in tuple(self.ears):
                if ear.told and self.turning:  # rule 4
                    ear.told = False
                    ear.hear(self.around.how(self.instrument))
        elif frame.type == "delta":
            news = self.delta(frame)
        else:
            news = self.turn(read(Said, frame.data))
        self.tell(news)

    def tell(self, news: Iterable[object]) -> None:
        """What is new, to everybody."""
        for event in news:
            for ear in tuple(self.ears):
                if ear in self.ears:
                    ear.tell(event)
            if isinstance(event, StreamStatus) and event.state == "ended":
                self.end(None)  # rule 5

    def lost(self, status: StreamStatus) -> None:
        """The connection is gone."""
        if not self.turning:
            return
        for ear in tuple(self.ears):
            ear.told = True
            ear.hear(status)

    def end(self, error: Exception | None) -> None:
        """Nothing more comes to who listens now."""
        ears = tuple(self.ears)
        self.ears.clear()
        for ear in ears:
            ear.ended(error)

    @property
    def since(self) -> int | None:
        """When the first of those who listen came."""
        return min((ear.since for ear in self.ears), default=None)


class PricesChannel(Channel):
    """Prices of one instrument, or of all."""

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.mirror = PricesMirror()

    @property
    def begun(self) -> bool:
        return self.mirror.begun

    def snapshot(self, frame: Frame) -> Sequence[object]:
        views = self._views(read(PricesAnswer, frame.data).prices)
        if self.topic.instrument is None:
            self.around.heard_prices([view.instrument for view in views])
        return self.mirror.snapshot(views)

    def delta(self, frame: Frame) -> Sequence[object]:
        return self.mirror.delta(self._views(read(PricesAnswer, frame.data).prices))

    def lost(self, status: StreamStatus) -> None:
        super().lost(status)
        view = self.mirror.rows.get(status.instrument)
        if view is not None and not view.stale:
            stale = replace(view, stale=True)
            self.mirror.rows[status.instrument] = stale  # the snapshot that follows differs from it
            self.tell([stale])

    def _views(self, rows: Sequence[PriceRow]) -> list[PriceView]:
        return [price_of(row, self._last_message(row)) for row in rows]

    def _last_message(self, row: PriceRow) -> int | None:
        told = self.around.last_message(InstrumentId(row.instrument))
        own = None if row.ts_recv is None else nanos(row.ts_recv)
        return max((each for each in (told, own) if each is not None), default=None)


class TradesChannel(Channel):
    """Trades of one instrument.

    Attributes:
        fetched: the newest id that this program has fetched.
    """

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.mirror = TradesMirror(self.instrument)
        self.fetched = -1

    @property
    def begun(self) -> bool:
        return self.mirror.begun

    def join(self, ear: Ear) -> None:
        super().join(ear)
        last = self.mirror.last.trade_id if self.mirror.last is not None else -1
        if self.fetched > last:
            ear.skip = (last, self.fetched)

    def snapshot(self, frame: Frame) -> Sequence[object]:
        answer = read(TradesAnswer, frame.data)
        trades = [trade_of(self.instrument, row) for row in answer.trades]
        if self.anew:
            self.fetched = -1
        return self.mirror.snapshot(
            trades, coverage_of(answer.coverage), self.around.now(), since=self.since, anew=self.anew
        )

    def delta(self, frame: Frame) -> Sequence[object]:
        now = self.around.now()
        news: list[object] = []
        for item in read(TradeChanges, frame.data).items:
            if isinstance(item, TradeItem):
                news += self.mirror.take(trade_of(self.instrument, item), now)
            elif isinstance(item, DroppedItem):
                news += self.mirror.take(Dropped(item.count), now)
            else:
                news += self.mirror.take(gap_event(self.instrument, item, now), now)
        return news

    def lose(self, count: int) -> Sequence[object]:
        self.mirror.lose(count)
        return ()


class BookChannel(Channel):
    """The book of one instrument."""

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.mirror = BookMirror(self.instrument)

    @property
    def begun(self) -> bool:
        return self.mirror.begun

    def join(self, ear: Ear) -> None:
        super().join(ear)
        if self.rate == "every" and not self.expecting:  # rule 3
            view = self.mirror.view(_ALL)
            if view.update_id is not None:
                ear.tell(snapshot_of(view, view.update_id))

    def snapshot(self, frame: Frame) -> Sequence[object]:
        top = book_of(read(BookAnswer, frame.data))
        return self.mirror.snapshot(top, self.around.now(), every=self.rate == "every")

    def delta(self, frame: Frame) -> Sequence[object]:
        if b'"first_update_id":' in bytes(frame.data):
            return self.mirror.change(read(BookChange, frame.data))
        self.mirror.whole(book_of(read(BookAnswer, frame.data)))
        return ()

    def turn(self, said: Said) -> Sequence[object]:
        if said.trust is not UNSET:
            return self.mirror.turn(said.trust, said.reason, self.around.now())
        return super().turn(said)

    def lose(self, count: int) -> Sequence[object]:
        return (Dropped(count),)


_ALL = 1 << 20


class CandlesChannel(Channel):
    """Candles of one instrument and length; who listens hears the turns of its streams by its price."""

    turning = False

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        assert topic.interval is not None
        self.mirror = CandlesMirror(self.instrument, topic.interval)

    @property
    def begun(self) -> bool:
        return self.mirror.begun

    def snapshot(self, frame: Frame) -> Sequence[object]:
        rows = read(CandlesAnswer, frame.data).candles
        candles = [candle_of(self.instrument, self.mirror.interval, row) for row in rows]
        return self.mirror.snapshot(candles, since=self.since)

    def delta(self, frame: Frame) -> Sequence[object]:
        rows = read(CandleChanges, frame.data).candles
        return self.mirror.delta([candle_of(self.instrument, self.mirror.interval, row) for row in rows])


class EventsChannel(Channel):
    """What a person may want to know of the desk."""

    turning = False

    def __init__(self, topic: Topic, around: Around) -> None:
        super().__init__(topic, around)
        self.mirror = EventsMirror()

    @property
    def begun(self) -> bool:
        return self.mirror.begun

    def snapshot(self, frame: Frame) -> Sequence[object]:
        return self.mirror.snapshot([event_of(row) for row in read(EventsAnswer, frame.data).events])

    def delta(self, frame: Frame) -> Sequence[object]:
        return self.mirror.delta([event_of(row) for row in read(EventsAnswer, frame.data).events])


class HealthChannel(Channel):
    """The desk's health."""

    turning = False
    seen = False

    @property
    def begun(self) -> bool:
        return self.seen

    def snapshot(self, frame: Frame) -> Sequence[object]:
        self.seen = True
        self.around.heard_health(read(HealthAnswer, frame.data))
        return ()

    def delta(self, frame: Frame) -> Sequence[object]:
        return self.snapshot(frame)


_KINDS: dict[str, type[Channel]] = {
    "prices": PricesChannel,
    "trades": TradesChannel,
    "book": BookChannel,
    "candles": CandlesChannel,
    "events": EventsChannel,
    "health": HealthChannel,
}


def channel_of(topic: Topic, around: Around) -> Channel:
    """A topic's channel, not subscribed yet."""
    return _KINDS[topic.kind](topic, around)
