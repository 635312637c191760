"""A desk of this process as a backend: what is listened to is heard from the bus, the rest is read from memory.

It runs nothing: whoever runs the desk calls `finish` when it has ended, with the error if there was one.

Rules, cited by the code here and in `local_ears`:

1. Trades and changes of a book go from the bus into the listener at once: one call each, none where nobody listens.
2. Prices, references, consolidated prices and candles are states: what changes in one turn of the loop is looked at
   once, at its end. Closed candles are each said, and said again when a late trade or a heal has changed them.
3. A candle also closes because time passes, a reference goes stale, and venues come and go: while anybody listens to
   one of these or to a consolidated price they are looked at once a second.
4. A book begins with a snapshot of what is there, or with the first one that comes; changes before it are of no use.
5. An instrument that is left ends its listeners, the last one of a pair ends those of the pair. So does the desk's end:
   quietly, or with its error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bethna.api.answers import health_answer
from bethna.api.indicators import indicated_series
from bethna.api.protocol import HealthAnswer
from bethna.api.reader import DeskReader
from bethna.api.reference import instruments_of
from bethna.client.alerts_backend import AlertsBackend, no_alerts
from bethna.client.backend import Ended, Fetched, Heard, Want
from bethna.client.local_alerts import LocalAlerts
from bethna.client.local_ears import EARS, ListeningEar, StateEar
from bethna.client.tables import joined
from bethna.core.bars import Series
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Coverage
from bethna.core.errors import Closed
from bethna.core.instrument import Feature, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import InstrumentHealth, Simulation, SourceKind, VenueHealth
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import IndicatedSeries
from bethna.runtime.bus import Bus

T = TypeVar("T")

LOOK_S = 1.0


class LocalBackend:
    """See `Backend`.

    Args:
        desk: read from memory. bus: the same desk's. loop: where it runs; None is the running one when it is needed.
    """

    def __init__(self, desk: DeskReader, bus: Bus, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._desk = desk
        self.bus = bus
        self._ears: dict[ListeningEar, None] = {}
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

    def best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice | None:
        """One best price across venues."""
        base, _, quote = pair.partition("-")
        return self._open().best(base, quote, convert)

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference | None:
        """An index, or what a contract is worth."""
        return self._open().reference(kind, instrument)

    def last_trade(self, instrument: InstrumentId) -> tuple[Trade | None, Coverage]:
        """The newest trade, under the certificate that the API gives its trades."""
        desk = self._open()
        newest = desk.trades(instrument, 1)
        return (newest[-1] if newest else None), self._trades_coverage(desk, instrument, bool(newest))

    def last_candle(self, instrument: InstrumentId, interval: Interval) -> Candle | None:
        """The open candle, or the newest there is."""
        return next(iter(self._open().candles(instrument, interval, 1)), None)

    def alerts(self) -> AlertsBackend:
        """The desk's alerts."""
        desk = self._open().alerts
        if desk is None:
            raise no_alerts()
        return LocalAlerts(desk)

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
            if want.kind == "indices" or want.kind == "valuations":
                desk.reference(want.kind, want.instrument)
        if want.pair is not None:
            self.best(want.pair, want.convert)
        ear = EARS[want.kind](self, desk, want, hear, ended)
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

    async def fetch_bars(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Series:
        """See `Backend.fetch_bars`."""
        return await self._open().bars(instrument, interval, limit, end)

    async def fetch_indicated(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None,
        indicators: Sequence[Indicator],
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> IndicatedSeries:
        """See `Backend.fetch_indicated`."""
        desk = self._open()
        return await indicated_series(desk, instrument, interval, limit, end, indicators, also, day_starts)

    async def fetch_references(
        self, kind: ReferenceKind, instrument: InstrumentId | None
    ) -> Sequence[Reference]:
        """See `Backend.fetch_references`."""
        desk = self._open()
        named = instruments_of(desk, kind) if instrument is None else [instrument]
        return [desk.reference(kind, each) for each in named]

    async def fetch_best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice:
        """The same."""
        base, _, quote = pair.partition("-")
        return self._open().best(base, quote, convert)

    async def fetch_best_book(self, pair: str, depth: int) -> ConsolidatedBook:
        """The merged book."""
        base, _, quote = pair.partition("-")
        return self._open().consolidated_book(base, quote, depth)

    async def follow(self, text: str) -> Instrument:
        """Follow one more."""
        desk = self._open()
        wanted, _ = await desk.follow(text)
        for ear in self._ears:
            if isinstance(ear, StateEar) and ear.want.pair is not None:
                ear.mark()
        return next(instrument for instrument in desk.instruments() if instrument.id == wanted)

    async def unfollow(self, text: str) -> None:
        """Follow it no longer."""
        instrument = await self._open().unfollow(text)
        for ear in tuple(self._ears):  # who did not hear it from the bus
            if ear.want.instrument == instrument:
                ear.end(None)
            elif isinstance(ear, StateEar) and ear.want.pair is not None:
                ear.mark()

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

    def forget(self, ear: ListeningEar) -> None:
        """An ear was closed."""
        self._ears.pop(ear, None)

    def look_each_second(self) -> None:
        """Rule 3."""
        if self._second is None:
            self._second = self.loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._second = None
        for ear in tuple(self._ears):
            if isinstance(ear, StateEar) and ear.timely:
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
