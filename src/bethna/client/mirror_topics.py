"""The kinds of topics: each hands what its frames hold to its mirror; when and to whom is not decided here."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from bethna.api.protocol import (
    BookAnswer,
    BookChange,
    CandlesAnswer,
    DroppedItem,
    EventsAnswer,
    HealthAnswer,
    PriceRow,
    PricesAnswer,
    TradeItem,
    TradesAnswer,
)
from bethna.api.topics import Topic
from bethna.client.local_ears import snapshot_of
from bethna.client.mirror import BookMirror, CandlesMirror, EventsMirror, PricesMirror
from bethna.client.mirror_alerts import AlertsChannel
from bethna.client.mirror_bars import BarsChannel
from bethna.client.mirror_best import BestChannel
from bethna.client.mirror_channel import Around, Channel, Ear
from bethna.client.mirror_references import ReferenceChannel
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
from bethna.core.market import InstrumentId, PriceView
from bethna.core.status import Dropped, StreamStatus


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
        if self.rate == "every" and not self.expecting:  # what the program has fetched is not told again
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
    "bars": BarsChannel,
    "best": BestChannel,
    "indices": ReferenceChannel,
    "valuations": ReferenceChannel,
    "events": EventsChannel,
    "notifications": AlertsChannel,
    "health": HealthChannel,
}


def channel_of(topic: Topic, around: Around) -> Channel:
    """A topic's channel, not subscribed yet."""
    return _KINDS[topic.kind](topic, around)
