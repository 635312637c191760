"""A desk of this process as a backend: what is listened to is heard from the bus, the rest is read from memory.

It runs nothing: whoever runs the desk calls `finish` when it has ended, with the error if there was one.

Rules, cited by the code:

1. Trades and changes of a book go from the bus into the listener at once: one call each, none where nobody listens.
2. Prices and candles are states: what changes in one turn of the loop is looked at once, at its end. Closed candles are
   each said, and said again when a late trade or a heal has changed them.
3. A candle also closes because time passes: while anybody listens to candles they are looked at once a second.
4. A book begins with a snapshot of what is there, or with the first one that comes; changes before it are of no use.
5. An instrument that is left ends its listeners. So does the desk's end: quietly, or with its error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bethna.api.answers import health_answer
from bethna.api.protocol import HealthAnswer
from bethna.api.reader import DeskReader
from bethna.client.backend import Ended, Fetched, Heard, Want
from bethna.client.tables import joined
from bethna.core.coverage import Coverage
from bethna.core.errors import BethnaError, Closed
from bethna.core.instrument import Feature, Instrument
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    BookView,
    Candle,
    InstrumentId,
    Interval,
    PriceView,
    Trade,
)
from bethna.core.status import InstrumentHealth, Simulation, SourceKind, StreamStatus, VenueHealth
from bethna.runtime.bus import BookEvent, Bus, Subscription, TradesEvent

T = TypeVar("T")

FULL_DEPTH = 5000
NEW_CANDLES = 8
KEPT_CANDLES = 500
LOOK_S = 1.0


class LocalBackend:
    """See `Backend`.

    Args:
        desk: read from memory. bus: the same desk's. loop: where it runs; None is the running one when it is needed.
    """

    def __init__(self, desk: DeskReader, bus: Bus, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._desk = desk
        self.bus = bus
        self._ears: dict[_Ear, None] = {}
        self._closed = False
        self._ended = False
        self._error: Exception | None = None
        self._second: asyncio.TimerHandle | None = None
        self._loop = loop

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the desk runs."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def url(self) -> str | None:
        """None: it is in this process."""
        return None

    def source(self) -> SourceKind:
        """Where data comes from."""
        return self._open().source()

    def simulation(self) -> Simulation | None:
        """What is known of a simulated market."""
        return self._open().simulation()

    def features(self) -> Sequence[Feature]:
        """What is on."""
        return self._open().features()

    def resolve(self, text: str) -> InstrumentId:
        """Any spelling as a followed instrument."""
        return self._open().resolve(text)[0]

    def instruments(self) -> Sequence[Instrument]:
        """What is followed."""
        return self._open().instruments()

    def price(self, instrument: InstrumentId) -> PriceView:
        """How the price is."""
        return self._open().price(instrument)

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book."""
        return self._open().book(instrument, depth)

    def last_trade(self, instrument: InstrumentId) -> tuple[Trade | None, Coverage]:
        """The newest trade, under the certificate that the API gives its trades."""
        desk = self._open()
        newest = desk.trades(instrument, 1)
        return (newest[-1] if newest else None), self._trades_coverage(desk, instrument, bool(newest))

    def last_candle(self, instrument: InstrumentId, interval: Interval) -> Candle | None:
        """The open candle, or the newest there is."""
        return next(iter(self._open().candles(instrument, interval, 1)), None)

    def health(self) -> HealthAnswer:
        """As the API has it."""
        return health_answer(self._open())

    def venues(self) -> Mapping[str, VenueHealth]:
        """Connections by venue."""
        return {venue.venue: venue for venue in self._open().venues()}

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """One feed."""
        return self._open().instrument_health(instrument)

    def listen(self, want: Want, hear: Callable[[Heard], None], ended: Ended) -> Callable[[], None]:
        """See `Backend.listen`."""
        desk = self._open()
        if want.instrument is not None:
            desk.instrument_health(want.instrument)  # raises for one that is not followed
        ear = _EARS[want.kind](self, desk, want, hear, ended)
        if self._ended:  # rule 5
            ended(self._error)
            return ear.close
        self._ears[ear] = None
        ear.open()
        return ear.close

    async def fetch(
        self,
        kind: Feature,
        instrument: InstrumentId | None,
        *,
        limit: int,
        interval: Interval | None = None,
        end: int | None = None,
    ) -> Fetched:
        """See `Backend.fetch`; it answers without giving way to anybody."""
        desk = self._open()
        if kind == "prices":
            named = [instrument] if instrument is not None else [each.id for each in desk.instruments()]
            rows = [desk.price(each) for each in named]
            return Fetched(rows, joined(row.coverage for row in rows))
        assert instrument is not None
        if kind == "books":
            book = desk.book(instrument, limit)
            return Fetched((), book.coverage, book)
        if kind == "trades":
            trades = desk.trades(instrument, limit)
            return Fetched(trades, self._trades_coverage(desk, instrument, bool(trades)))
        assert interval is not None
        candles = desk.candles(instrument, interval, limit, end)
        nothing = desk.price(instrument).coverage.sources
        return Fetched(candles, joined((candle.coverage for candle in candles), *nothing))

    async def follow(self, text: str) -> Instrument:
        """Follow one more."""
        desk = self._open()
        wanted, _ = await desk.follow(text)
        return next(instrument for instrument in desk.instruments() if instrument.id == wanted)

    async def unfollow(self, text: str) -> None:
        """Follow it no longer."""
        instrument = await self._open().unfollow(text)
        for ear in tuple(self._ears):  # who did not hear it from the bus
            if ear.want.instrument == instrument:
                ear.end(None)

    async def close(self) -> None:
        """End every listener. Running the desk is somebody else's."""
        self.finish()
        self._closed = True

    def finish(self, error: Exception | None = None) -> None:
        """The desk has ended: nothing more comes (rule 5). With an error every later call raises it."""
        if self._ended:
            return
        self._ended, self._error = True, error
        for ear in tuple(self._ears):
            ear.end(error)

    def forget(self, ear: _Ear) -> None:
        """An ear was closed."""
        self._ears.pop(ear, None)

    def look_each_second(self) -> None:
        """Rule 3."""
        if self._second is None:
            self._second = self.loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._second = None
        for ear in tuple(self._ears):
            if isinstance(ear, _CandlesEar):
                ear.mark()
                self.look_each_second()

    def _open(self) -> DeskReader:
        if self._closed:
            raise Closed("this desk is closed", hint="open another one")
        if self._error is not None:
            raise self._error
        return self._desk

    @staticmethod
    def _trades_coverage(desk: DeskReader, instrument: InstrumentId, seen: bool) -> Coverage:
        return desk.instrument_health(instrument).coverage if seen else desk.price(instrument).coverage


class _Ear:
    """One listener."""

    def __init__(
        self,
        backend: LocalBackend,
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
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        self.backend.forget(self)


class _TradesEar(_Ear):
    """Rule 1."""

    def open(self) -> None:
        channel = self.backend.bus.channel("trades", self.instrument)
        self.keep(channel.subscribe(self.hear, "program"))
        self.listen_to_turns()


class _SystemEar(_Ear):
    """Rule 1."""

    def open(self) -> None:
        self.keep(self.backend.bus.channel("system").subscribe(self.hear, "program"))


class _BookEar(_Ear):
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


class _StateEar(_Ear):
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


class _PricesEar(_StateEar):
    """One instrument's price."""

    def open(self) -> None:
        self._last = self.desk.price(self.instrument)
        bus = self.backend.bus
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


class _CandlesEar(_StateEar):
    """One instrument's candles of one length (rules 2 and 3)."""

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


_EARS: dict[str, type[_Ear]] = {
    "prices": _PricesEar,
    "trades": _TradesEar,
    "books": _BookEar,
    "candles": _CandlesEar,
    "system": _SystemEar,
}
