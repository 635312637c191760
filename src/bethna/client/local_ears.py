"""Who listens to a desk of this process: one ear for each kind of want, from the bus to a listener's mailbox.

It runs nothing and keeps no data but what was said last. Rules 1 to 5 are those of `local`, cited by the code:

1. Trades and changes of a book go from the bus into the listener at once.
2. Prices and candles are states: what changes in one turn of the loop is looked at once, at its end. Closed candles are
   each said. References and consolidated prices are such states, too.
3. A candle also closes because time passes, a reference goes stale, and a venue of a consolidated price may go or come
   without an event of it: while anybody listens to these they are looked at once a second.
4. A book begins with a snapshot of what is there, or with the first one that comes.
5. An instrument that is left ends its listeners; so does the last one of a pair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bethna.api.reader import BarsHeard, DeskReader
from bethna.client.backend import Ended, Want
from bethna.core.alert_views import AlertsChanged
from bethna.core.bars import Bar
from bethna.core.consolidated import BestPrice
from bethna.core.errors import BethnaError
from bethna.core.market import BookDelta, BookSnapshot, BookView, Candle, InstrumentId, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import StreamStatus
from bethna.logic.best_price import concerned
from bethna.runtime.bus import BookEvent, Bus, Subscription, TradesEvent

FULL_DEPTH = 5000
NEW_CANDLES = 8
KEPT_CANDLES = 500


class Owner(Protocol):
    """Whose ears they are: the backend."""

    bus: Bus

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the desk runs."""
        ...

    def forget(self, ear: ListeningEar) -> None:
        """An ear was closed."""
        ...

    def look_each_second(self) -> None:
        """Rule 3."""
        ...


class ListeningEar:
    """One listener."""

    timely = False
    """Whether it is looked at once a second (rule 3)."""

    def __init__(
        self,
        backend: Owner,
        desk: DeskReader,
        want: Want,
        hear: Callable[[Any], None],
        ended: Ended,
    ) -> None:
        self.backend = backend
        self.desk = desk
        self.want = want
        self.hear = hear
        self._ended = ended
        self._subscriptions: list[Subscription] = []
        self.over = False

    @property
    def instrument(self) -> InstrumentId:
        """Whose events it hears."""
        assert self.want.instrument is not None
        return self.want.instrument

    def open(self) -> None:
        """Begin to hear."""
        raise NotImplementedError

    def keep(self, *subscriptions: Subscription) -> None:
        """What is closed with it."""
        self._subscriptions += subscriptions

    def turned(self, status: StreamStatus, /) -> None:
        """How the instrument's streams are now; the last turn is the end (rule 5)."""
        self.hear(status)
        if status.state == "ended":
            self.end(None)

    def listen_to_turns(self) -> None:
        """Hear how the instrument's streams turn."""
        channel = self.backend.bus.channel("status", self.instrument)
        self.keep(channel.subscribe(self.turned, "program"))

    def end(self, error: Exception | None) -> None:
        """Nothing more comes."""
        if not self.over:
            self.close()
            self._ended(error)

    def close(self) -> None:
        """Hear nothing more."""
        self.over = True
        self.let_go()
        self.backend.forget(self)

    def let_go(self) -> None:
        """Listen to nothing for now."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()


class _TradesEar(ListeningEar):
    """Rule 1."""

    def open(self) -> None:
        channel = self.backend.bus.channel("trades", self.instrument)
        self.keep(channel.subscribe(self.hear, "program"))
        self.listen_to_turns()


class _SystemEar(ListeningEar):
    """Rule 1."""

    def open(self) -> None:
        self.keep(self.backend.bus.channel("system").subscribe(self.hear, "program"))


class _AlertsEar(ListeningEar):
    """Each alert that has just fired, once; it is on the disk by then."""

    def open(self) -> None:
        self.keep(self.backend.bus.channel("alerts").subscribe(self._changed, "program"))

    def _changed(self, event: AlertsChanged, /) -> None:
        for alert in event.fired:
            self.hear(alert)


class _BookEar(ListeningEar):
    """Rules 1 and 4."""

    _stands = False

    def open(self) -> None:
        channel = self.backend.bus.channel("book", self.instrument)
        self.keep(channel.subscribe(self._changed, "program"))
        self.listen_to_turns()
        view = self.desk.book(self.instrument, FULL_DEPTH)
        if view.update_id is not None:
            self._stands = True
            self.hear(snapshot_of(view, view.update_id))

    def _changed(self, event: BookEvent, /) -> None:
        if not self._stands:
            if type(event) is BookDelta:
                return
            self._stands = type(event) is BookSnapshot
        self.hear(event)


def snapshot_of(view: BookView, update_id: int) -> BookSnapshot:
    """A view as a snapshot. Its limit is its shorter side, so that neither side passes for the whole of it."""
    limit = min(len(view.bids), len(view.asks))
    return BookSnapshot(
        view.instrument, update_id, view.bids, view.asks, view.ts_recv or 0, limit, ts_event=view.ts_event
    )


class StateEar(ListeningEar):
    """Rule 2."""

    _marked = False

    def mark(self) -> None:
        """Look at the end of this turn."""
        if not self._marked:
            self._marked = True
            self.backend.loop.call_soon(self._flush)

    def changed(self, _event: object, /) -> None:
        """Something that the state is made of has changed."""
        if not self._marked:
            self.mark()

    def turned(self, status: StreamStatus, /) -> None:
        """A turn changes the state, too."""
        super().turned(status)
        if not self.over:
            self.mark()

    def look(self) -> None:
        """Say what is different."""
        raise NotImplementedError

    def _flush(self) -> None:
        self._marked = False
        if self.over:
            return
        try:
            self.look()
        except BethnaError as error:  # it was left, or the desk has failed
            self.end(None if error.code == "unknown_instrument" else error)


class _PricesEar(StateEar):
    """One instrument's price."""

    def open(self) -> None:
        self._last = self.desk.price(self.instrument)
        bus = self.backend.bus
        if any(each.id == self.instrument and each.is_index for each in self.desk.instruments()):
            self.keep(bus.channel("references", self.instrument).subscribe(self.changed, "program"))
            self.timely = True
            self.backend.look_each_second()
        self.keep(
            bus.channel("trades", self.instrument).subscribe(self.changed, "program"),
            bus.channel("quotes", self.instrument).subscribe(self.changed, "program"),
            bus.channel("tickers", self.instrument).subscribe(self.changed, "program"),
        )
        self.listen_to_turns()

    def look(self) -> None:
        view = self.desk.price(self.instrument)
        if view != self._last:
            self._last = view
            self.hear(view)


class _ReferencesEar(StateEar):
    """One instrument's index or valuation (rules 2 and 3)."""

    timely = True

    def open(self) -> None:
        self._last = self._now()
        channel = self.backend.bus.channel("references", self.instrument)
        self.keep(channel.subscribe(self.changed, "program"))
        self.listen_to_turns()
        self.backend.look_each_second()

    def look(self) -> None:
        view = self._now()
        if view != self._last:
            self._last = view
            self.hear(view)

    def _now(self) -> Reference:
        kind: ReferenceKind = "indices" if self.want.kind == "indices" else "valuations"
        return self.desk.reference(kind, self.instrument)


class _CandlesEar(StateEar):
    """One instrument's candles of one length (rules 2 and 3)."""

    timely = True

    def open(self) -> None:
        self._seen = self._newest(KEPT_CANDLES)
        self._revised = False
        self.keep(self.backend.bus.channel("trades", self.instrument).subscribe(self._traded, "program"))
        self.listen_to_turns()
        self.backend.look_each_second()

    def _traded(self, event: TradesEvent, /) -> None:
        if type(event) is not Trade or event.ts_event < self._opened:
            self._revised = True
        if not self._marked:
            self.mark()

    def look(self) -> None:
        newest = {} if self._revised else self._newest(NEW_CANDLES)
        if not newest or next(iter(newest)) not in self._seen:
            newest = self._newest(KEPT_CANDLES)
            self._revised = False
        if newest and self._seen and next(reversed(newest)) < next(reversed(self._seen)):
            self._seen = {}  # a tape that starts over
        changed = [candle for opened, candle in newest.items() if self._seen.get(opened) != candle]
        self._seen = (
            dict(sorted((self._seen | newest).items())) if len(newest) > NEW_CANDLES else self._seen | newest
        )
        while len(self._seen) > KEPT_CANDLES:
            del self._seen[next(iter(self._seen))]
        for candle in changed:
            self.hear(candle)

    def _newest(self, limit: int) -> dict[int, Candle]:
        assert self.want.interval is not None
        found = {c.open_time: c for c in self.desk.candles(self.instrument, self.want.interval, limit)}
        self._opened = next(reversed(found), 0)
        return found


class _BarsEar(ListeningEar):
    """A row of bars: whole when it is there, then what is another way."""

    _heard: BarsHeard | None = None

    def open(self) -> None:
        assert self.want.interval is not None
        heard = self._heard = self.desk.listen_bars(
            self.instrument, self.want.interval, self.want.count or 1, self._told, self.end
        )
        self._told(heard.row)
        self.listen_to_turns()

    def turned(self, status: StreamStatus, /) -> None:
        """A row says nothing of turns, but that nothing more comes."""
        if status.state == "ended":
            self.end(None)

    def let_go(self) -> None:
        """Listen to nothing."""
        super().let_go()
        if self._heard is not None:
            self._heard.close()

    def _told(self, bars: Sequence[Bar], /) -> None:
        for bar in bars:
            self.hear(bar)


class _BestEar(StateEar):
    """The consolidated price of one pair (rules 2, 3 and 5)."""

    timely = True

    def open(self) -> None:
        self._listen()
        self._last = self._now()
        self.backend.look_each_second()

    def look(self) -> None:
        if [each.id for each in self.desk.instruments()] != self._followed:
            self._listen()
        price = self._now()
        if price != self._last:
            self._last = price
            self.hear(price)

    def _now(self) -> BestPrice:
        return self.desk.best(*self._pair(), self.want.convert)

    def _pair(self) -> tuple[str, str]:
        base, _, quote = (self.want.pair or "").partition("-")
        return base, quote

    def _listen(self) -> None:
        self.let_go()
        instruments, bus = self.desk.instruments(), self.backend.bus
        self._followed = [each.id for each in instruments]
        quoted = "books" not in self.desk.features()
        for each in concerned(instruments, *self._pair(), self.want.convert):
            self.keep(
                bus.channel("quotes" if quoted else "book", each.id).subscribe(self.changed, "program"),
                bus.channel("status", each.id).subscribe(self.changed, "program"),
            )


EARS: dict[str, type[ListeningEar]] = {
    "prices": _PricesEar,
    "trades": _TradesEar,
    "books": _BookEar,
    "candles": _CandlesEar,
    "bars": _BarsEar,
    "best": _BestEar,
    "indices": _ReferencesEar,
    "valuations": _ReferencesEar,
    "system": _SystemEar,
    "alerts": _AlertsEar,
}
