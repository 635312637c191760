"""The seam under the nouns: what a desk of this process and one behind an address both give; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from bethna.api.protocol import HealthAnswer
from bethna.client.alerts_backend import AlertsBackend
from bethna.core.alert_views import Alert
from bethna.core.bars import Bar, Series
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Coverage
from bethna.core.instrument import Feature, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import (
    BookStatus,
    Dropped,
    GapFound,
    GapMarked,
    Healed,
    InstrumentHealth,
    Simulation,
    SourceKind,
    StreamStatus,
    SystemEvent,
    VenueHealth,
)
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import IndicatedSeries

TradeEvent = Trade | GapFound | Healed | GapMarked | StreamStatus | Dropped
BookEvent = BookSnapshot | BookDelta | BookStatus | StreamStatus | Dropped
PriceEvent = PriceView | StreamStatus
CandleEvent = Candle | StreamStatus
ReferenceEvent = Reference | StreamStatus
Heard = (
    TradeEvent | BookEvent | PriceEvent | CandleEvent | ReferenceEvent | BestPrice | SystemEvent | Bar | Alert
)
"""What a listener may be told."""


class Want(Struct, frozen=True, gc=False):
    """What somebody listens to. `interval` is of candles and bars.

    Attributes:
        instrument: None for `best`, `system` and `alerts` alone.
        pair, convert: of `best`: `BTC-USD`, and the currencies that are converted, in the order of `currencies_of`.
        count: of `bars`: how many the row begins with.
    """

    kind: Feature | ReferenceKind | Literal["alerts", "bars", "best", "system"]
    instrument: InstrumentId | None = None
    interval: Interval | None = None
    pair: str | None = None
    convert: tuple[str, ...] = ()
    count: int | None = None


class Fetched(Struct, frozen=True):
    """Rows newest last (a book: none, its levels are in `book`), and how complete they are."""

    rows: Sequence[PriceView | Trade | Candle]
    coverage: Coverage
    book: BookView | None = None


Ended = Callable[[Exception | None], None]
"""Called once when nothing more will come: with an error, or None when the desk was closed."""


class Backend(Protocol):
    """A desk, wherever it runs. Everything that is not a coroutine answers at once from memory.

    Methods that take an InstrumentId raise UnknownInstrument when it is not followed. After `close` all raise Closed.
    """

    @property
    def url(self) -> str | None:
        """The address of the desk that this one is attached to, None for one in this process."""
        ...

    def source(self) -> SourceKind:
        """Where data comes from."""
        ...

    def simulation(self) -> Simulation | None:
        """What is known of a simulated market."""
        ...

    def features(self) -> Sequence[Feature]:
        """What is on."""
        ...

    def resolve(self, text: str) -> InstrumentId:
        """Any spelling as a followed instrument. Raises UnknownInstrument."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """What is followed."""
        ...

    def price(self, instrument: InstrumentId) -> PriceView:
        """How the price is; its fields are None before there is data."""
        ...

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book; an attached desk has 20 levels a side at hand."""
        ...

    def best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice | None:
        """The best price of a pair (`BTC-USD`) across venues; None where an attached desk has not said it yet.

        Raises UnknownInstrument when of the pair nothing is followed.
        """
        ...

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference | None:
        """An index, or what a contract is worth; None where an attached desk has not said it yet.

        Raises UnknownInstrument for an instrument that has no such figure, too.
        """
        ...

    def last_trade(self, instrument: InstrumentId) -> tuple[Trade | None, Coverage]:
        """The newest trade, and how complete the stream is up to it."""
        ...

    def last_candle(self, instrument: InstrumentId, interval: Interval) -> Candle | None:
        """The open candle, or the newest there is."""
        ...

    def alerts(self) -> AlertsBackend:
        """Its alerts. Raises FeatureOff where this desk keeps none; an attached one says so when it is asked."""
        ...

    def health(self) -> HealthAnswer:
        """As GET /api/v1/health."""
        ...

    def venues(self) -> Mapping[str, VenueHealth]:
        """Connections by venue."""
        ...

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """One feed."""
        ...

    def listen(self, want: Want, hear: Callable[[Heard], None], ended: Ended) -> Callable[[], None]:
        """Hear everything of `want` from now on, in order; the answer ends it.

        `hear` is called in the desk's loop and must return at once and raise nothing (a mailbox's `offer`). Trades come
        each; a book begins with a BookSnapshot of what is there, and again after every loss, followed by the
        BookDeltas that join it; prices and candles come as they change (a slow way may leave out states in between,
        never a closed candle).
        """
        ...

    async def fetch(
        self,
        kind: Feature,
        instrument: InstrumentId | None,
        *,
        limit: int,
        interval: Interval | None = None,
        end: int | None = None,
    ) -> Fetched:
        """What the desk has: `limit` rows, or levels a side of a book; `end` ns UTC, exclusive."""
        ...

    async def fetch_bars(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Series:
        """History and live as one series; see `DeskReader.bars`. At most `MOST_BARS` at once."""
        ...

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
        """The same with what indicators say of it, with bars that the venues of `also` lend, and with other days."""
        ...

    async def fetch_references(
        self, kind: ReferenceKind, instrument: InstrumentId | None
    ) -> Sequence[Reference]:
        """The same, asked for now; of all that are followed without an instrument."""
        ...

    async def fetch_best(self, pair: str, convert: Sequence[str] = ()) -> BestPrice:
        """The same, asked for now."""
        ...

    async def fetch_best_book(self, pair: str, depth: int) -> ConsolidatedBook:
        """The books of a pair merged by price, `depth` levels a side."""
        ...

    async def follow(self, text: str) -> Instrument:
        """Follow one more. Raises UnknownInstrument with the nearest, or CannotFollow."""
        ...

    async def unfollow(self, text: str) -> None:
        """Follow it no longer: what listens to it ends."""
        ...

    async def close(self) -> None:
        """End; twice is fine."""
        ...
