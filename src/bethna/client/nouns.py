"""Prices, trades and books: one shape for each over any backend, candles' too (`client/candles`); they hold no data.

Rules
  1. `[symbol]` is the latest or an error that says what is missing; `get` is the latest or None.
  2. A stream of a state (prices, books, candles) begins with how things are. A slow reader gets the newest: what a
     state was in between is lost, what happened in between (a turn of the streams, a closed candle) is not.
  3. A stream of trades says each one from now on. A reader who is more than `pending` behind loses the oldest.
  4. Both `stream` and `events` hear the same; `stream` keeps to itself what is no data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from bethna.client.backend import Backend, Want
from bethna.client.certificate import TradeCertificate
from bethna.client.facts import Book, BookLevel, CertifiedTrade, book_of, certified, levels_of
from bethna.client.spans import is_whole
from bethna.client.streams import Callback, Ear, Stream, Subscription, listening
from bethna.client.tables import Table
from bethna.core.clock import Clock
from bethna.core.coverage import Provenance
from bethna.core.errors import ConfigError, FeatureOff, NoDataYet
from bethna.core.instrument import Feature, split_id
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, Candle, InstrumentId, PriceView, Trade
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, StreamStatus, SystemEvent
from bethna.runtime.mailbox import Latest, Newest, Strict

T = TypeVar("T")
E = TypeVar("E")

PENDING = 10_000
MOST_TRADES, MOST_CANDLES, MOST_LEVELS = 1000, 1500, 5000

PriceEvent = PriceView | StreamStatus | Dropped
TradeEvent = CertifiedTrade | GapFound | Healed | GapMarked | StreamStatus | Dropped
BookEvent = BookSnapshot | BookDelta | BookStatus | StreamStatus | Dropped
CandleEvent = Candle | StreamStatus | Dropped


class House(Protocol):
    """Who holds the nouns."""

    @property
    def clock(self) -> Clock:
        """The host's time."""
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the desk runs."""
        ...

    def backend(self) -> Backend:
        """The desk. Raises Closed, or what ended it."""
        ...

    def start(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a child until it ends, or the desk does."""
        ...

    def report(self, event: SystemEvent) -> None:
        """Tell people."""
        ...


class Noun(Generic[T]):
    """What the nouns share."""

    kind: Feature
    name: str

    def __init__(self, house: House) -> None:
        self._house = house

    def __repr__(self) -> str:
        return f"<{self.kind} of a desk: [symbol], get, stream, events, on, fetch>"

    def _open(self) -> Backend:
        """The backend. Raises FeatureOff where this is not followed, Closed after the end."""
        backend = self._house.backend()
        features = backend.features()
        if self.kind not in features:
            raise FeatureOff(
                self.kind,
                f"{self.kind}: this desk does not follow them, it follows {', '.join(features)}",
                hint=f"open one with features=(..., {self.kind!r}), or with bethna.full(...)",
            )
        return backend

    def _present(self, backend: Backend, instrument: InstrumentId, found: T | None) -> T:
        """Rule 1."""
        if found is not None:
            return found
        health = backend.instrument_health(instrument)
        why = f"{health.state}: {health.message}" if health.message else health.state
        raise NoDataYet(f"{instrument} {self.name}", why)

    def _ear(self, box: Latest[Any] | Newest[Any] | Strict[Any], want: Want) -> Ear:
        return Ear(box, listening(self._house.backend(), want), self._house.loop)

    def _call(self, stream: Stream[E], callback: Callback[E]) -> Subscription[E]:
        subscription = Subscription(stream, callback, self._house.clock, self._house.report)
        try:
            self._house.start(subscription.name, subscription.run)
        except BaseException:
            stream.close()
            raise
        return subscription


class Key:
    """Keys of a conflating mailbox (rule 2): state conflates between two turns, a turn is kept."""

    def __init__(self, key: Callable[[Any], object]) -> None:
        self._key = key
        self._turns = count(1)
        self._turn = 0

    def __call__(self, event: object) -> tuple[object, ...]:
        if isinstance(event, StreamStatus | Dropped):
            self._turn = next(self._turns)
            return ("turn", self._turn)
        return (self._turn, self._key(event))


class Anew(Generic[T]):
    """Lets a state through when it is another one than before."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._last: T | None = None

    def __call__(self, event: object) -> T | None:
        if not isinstance(event, self._kind) or event == self._last:
            return None
        self._last = event
        return event


class _NewPrice(Anew[PriceView]):
    """What stands around a price is no price before there is one."""

    def __init__(self) -> None:
        super().__init__(PriceView)

    def __call__(self, event: object) -> PriceView | None:
        return None if isinstance(event, PriceView) and event.price is None else super().__call__(event)


class Prices(Noun[PriceView]):
    """The last price, and what stands around it."""

    kind = "prices"
    name = "price"

    def __getitem__(self, symbol: str) -> PriceView:
        """The latest. Raises NoDataYet before there is a price, UnknownInstrument when it is not followed."""
        backend = self._open()
        instrument = backend.resolve(symbol)
        return self._present(backend, instrument, _priced(backend.price(instrument)))

    def get(self, symbol: str) -> PriceView | None:
        """The latest, None before there is a price. Raises UnknownInstrument when it is not followed."""
        backend = self._open()
        return _priced(backend.price(backend.resolve(symbol)))

    def stream(self, symbol: str) -> Stream[PriceView]:
        """Prices as they change, once there is one."""
        return Stream(self._hear(symbol), _NewPrice())

    def events(self, symbol: str) -> Stream[PriceEvent]:
        """The same, with the turns of the streams in order."""
        anew = _NewPrice()
        return Stream(self._hear(symbol), lambda event: either(event, PriceView, anew))

    def on(self, symbol: str, callback: Callback[PriceView]) -> Subscription[PriceView]:
        """Call back with each."""
        return self._call(self.stream(symbol), callback)

    async def fetch(self, symbol: str | None = None) -> Table[PriceView]:
        """A row a symbol; without one, all that is followed."""
        backend = self._open()
        instrument = None if symbol is None else backend.resolve(symbol)
        found = await backend.fetch("prices", instrument, limit=1)
        rows = [row for row in found.rows if isinstance(row, PriceView)]
        return Table(PriceView, rows, found.coverage)

    def _hear(self, symbol: str) -> Ear:
        backend = self._open()
        instrument = backend.resolve(symbol)
        box: Latest[Any] = Latest(Key(lambda _: "price"))
        if (now := _priced(backend.price(instrument))) is not None:
            box.offer(now)
        return self._ear(box, Want("prices", instrument))


class Trades(Noun[CertifiedTrade]):
    """Each public execution."""

    kind = "trades"
    name = "trade"

    def __getitem__(self, symbol: str) -> CertifiedTrade:
        """The latest. Raises NoDataYet before the first, UnknownInstrument when it is not followed."""
        backend = self._open()
        instrument = backend.resolve(symbol)
        return self._present(backend, instrument, _last_trade(backend, instrument))

    def get(self, symbol: str) -> CertifiedTrade | None:
        """The latest, None before the first. Raises UnknownInstrument when it is not followed."""
        backend = self._open()
        return _last_trade(backend, backend.resolve(symbol))

    def stream(self, symbol: str, *, pending: int = PENDING) -> Stream[CertifiedTrade]:
        """Each from now on (rule 3)."""
        ear, certificate = self._hear(symbol, pending)

        def see(event: TradeEvent | Trade) -> CertifiedTrade | None:
            seen = _certify(event, certificate)
            return seen if isinstance(seen, CertifiedTrade) else None

        return Stream(ear, see)

    def events(self, symbol: str, *, pending: int = PENDING) -> Stream[TradeEvent]:
        """The same, with gaps, heals and the turns of the streams in order."""
        ear, certificate = self._hear(symbol, pending)
        return Stream(ear, lambda event: _certify(event, certificate))

    def on(
        self, symbol: str, callback: Callback[CertifiedTrade], *, pending: int = PENDING
    ) -> Subscription[CertifiedTrade]:
        """Call back with each."""
        return self._call(self.stream(symbol, pending=pending), callback)

    async def fetch(self, symbol: str, limit: int = 100) -> Table[CertifiedTrade]:
        """The newest `limit` that the desk has."""
        check_count("limit", limit, MOST_TRADES)
        backend = self._open()
        found = await backend.fetch("trades", backend.resolve(symbol), limit=limit)
        rows = [certified(row, found.coverage) for row in found.rows if isinstance(row, Trade)]
        return Table(CertifiedTrade, rows, found.coverage)

    def _hear(self, symbol: str, pending: int) -> tuple[Ear, TradeCertificate]:
        check_count("pending", pending, 10_000_000)
        backend = self._open()
        instrument = backend.resolve(symbol)
        provenance = Provenance.LIVE if backend.simulation() is None else Provenance.SYNTHETIC
        certificate = TradeCertificate((split_id(instrument)[1],), provenance)
        return self._ear(Newest(pending), Want("trades", instrument)), certificate


class Books(Noun[Book]):
    """The order book."""

    kind = "books"
    name = "book"

    def __getitem__(self, symbol: str) -> Book:
        """The top of the book, 20 levels. Raises NoDataYet before there is one, UnknownInstrument as ever."""
        backend = self._open()
        instrument = backend.resolve(symbol)
        return self._present(backend, instrument, _book(backend, instrument, 20))

    def get(self, symbol: str, *, depth: int = 20) -> Book | None:
        """The top of the book, None before there is one. Raises UnknownInstrument when it is not followed."""
        check_count("depth", depth, MOST_LEVELS)
        backend = self._open()
        return _book(backend, backend.resolve(symbol), depth)

    def stream(self, symbol: str, *, depth: int = 20) -> Stream[Book]:
        """The top of the book as it changes; each is the book of the moment at which it is read."""
        check_count("depth", depth, MOST_LEVELS)
        backend = self._open()
        instrument = backend.resolve(symbol)
        box: Latest[Any] = Latest(lambda _: "book")
        box.offer(None)  # rule 2: look at once
        anew = Anew(Book)

        def see(_event: object) -> Book | None:
            return None if box.closed else anew(_book(backend, instrument, depth))

        return Stream(self._ear(box, Want("books", instrument)), see)

    def events(self, symbol: str, *, pending: int = PENDING) -> Stream[BookEvent]:
        """A snapshot, then the changes that join it; a new snapshot after each loss. Trust and turns in order."""
        check_count("pending", pending, 10_000_000)
        instrument = self._open().resolve(symbol)
        return Stream(self._ear(Strict(pending), Want("books", instrument)), lambda event: event)

    def on(self, symbol: str, callback: Callback[Book], *, depth: int = 20) -> Subscription[Book]:
        """Call back with the book as it changes."""
        return self._call(self.stream(symbol, depth=depth), callback)

    async def fetch(self, symbol: str, depth: int = 20) -> Table[BookLevel]:
        """`depth` levels of each side: bids, then asks, best first."""
        check_count("depth", depth, MOST_LEVELS)
        backend = self._open()
        found = await backend.fetch("books", backend.resolve(symbol), limit=depth)
        return Table(BookLevel, [] if found.book is None else levels_of(found.book), found.coverage)


def interval_of(text: str) -> Interval:
    """`1m` as an Interval. Raises ConfigError for what is none."""
    found = next((each for each in Interval if each == text), None)
    if found is None:
        raise ConfigError(
            "interval", f"interval: expected one of {', '.join(Interval)}, found {text!r}", hint="write 1m"
        )
    return found


def _priced(view: PriceView) -> PriceView | None:
    return None if view.price is None else view


def _last_trade(backend: Backend, instrument: InstrumentId) -> CertifiedTrade | None:
    trade, coverage = backend.last_trade(instrument)
    return None if trade is None else certified(trade, coverage)


def _book(backend: Backend, instrument: InstrumentId, depth: int) -> Book | None:
    view = backend.book(instrument, depth)
    return None if view.update_id is None else book_of(view)


def _certify(event: TradeEvent | Trade, certificate: TradeCertificate) -> TradeEvent:
    """A heard event as the reader gets it; the certificate learns of it."""
    if type(event) is Trade:
        return certified(event, certificate.trade(event))
    if isinstance(event, GapFound | Healed | GapMarked | Dropped):
        certificate.note(event)
    assert not isinstance(event, Trade)
    return event


def either(event: Any, kind: type[T], anew: Anew[T]) -> Any:
    """A state when it is another one; anything else as it is."""
    return anew(event) if isinstance(event, kind) else event


def check_count(name: str, value: int, most: int) -> None:
    """Raises ConfigError for what is not from 1 to `most`."""
    if not (is_whole(value) and 1 <= value <= most):
        raise ConfigError(name, f"{name}: expected a whole number from 1 to {most}, found {value!r}")
