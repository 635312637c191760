"""What the doors may ask of the desk: a protocol, so that tests and later front ends can stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from bethna.api.alerts_port import AlertsDesk
from bethna.core.bars import Bar, Series
from bethna.core.clock import Clock
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.errors import BethnaError
from bethna.core.instrument import Feature, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import (
    ConnectionHealth,
    InstrumentHealth,
    Simulation,
    SourceKind,
    SystemEvent,
    TapePosition,
    VenueHealth,
)


class SymbolFound(Struct, frozen=True, gc=False):
    """An instrument that a venue lists, whether it is followed, and whether it trades now."""

    instrument: Instrument
    followed: bool


class SymbolsFound(Struct, frozen=True, gc=False):
    """What was found, best first.

    Attributes:
        total: how many there are beyond the limit asked for. listed: instruments that can be searched; 0 while the
            venue's catalogue is not known (then names are guessed when they are followed).
    """

    found: tuple[SymbolFound, ...]
    total: int
    listed: int


class BarsHeard(Protocol):
    """Somebody listens to a row of bars."""

    @property
    def row(self) -> Sequence[Bar]:
        """What was told so far, each as it was told last, ascending; empty before the series is there."""
        ...

    def close(self) -> None:
        """Hear nothing more."""
        ...


class DeskReader(Protocol):
    """Read access to a running desk. Every method answers at once from memory, but for `bars`, which may ask venues.

    Methods that take an InstrumentId raise UnknownInstrument (with the nearest matches) when it is not followed.
    """

    @property
    def clock(self) -> Clock:
        """The desk's time: the host's, or the tape's while a tape plays."""
        ...

    @property
    def alerts(self) -> AlertsDesk | None:
        """Its alerts; None where this desk keeps none."""
        ...

    def source(self) -> SourceKind:
        """Where data comes from; never changes under a running desk."""
        ...

    def tape(self) -> TapePosition | None:
        """The playing tape, None for other sources."""
        ...

    def simulation(self) -> Simulation | None:
        """What is known of the simulated market, None for other sources."""
        ...

    def state_hash(self) -> str | None:
        """Hash of the whole feed state once a tape has ended, else None."""
        ...

    def resolve(self, text: str) -> tuple[InstrumentId, str | None]:
        """Any spelling as a followed instrument, with a notice for the user when an alias was resolved."""
        ...

    def notices(self) -> Sequence[str]:
        """What the user should be told, such as resolved aliases."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments, in the user's order."""
        ...

    def features(self) -> Sequence[Feature]:
        """What of the market this desk follows; of what is off there is never data."""
        ...

    def symbols(self, query: str, limit: int) -> SymbolsFound:
        """What the venues of this desk list and the text may mean, best first; an empty text lists what is followed."""
        ...

    async def follow(self, text: str) -> tuple[InstrumentId, str | None]:
        """Follow one more instrument from now on, for every client, and remember it where the source is remembered;
        with a notice where an alias was resolved. One that is followed already is left alone.

        Raises:
            UnknownInstrument: no venue of this desk lists it; carries the nearest.
            CannotFollow: the source has what it has, or the list is full.
        """
        ...

    async def unfollow(self, text: str) -> InstrumentId:
        """Follow it no longer, for every client.

        Raises:
            UnknownInstrument: it is not followed. CannotFollow: the source has what it has, or it is the last one.
        """
        ...

    def connections(self) -> Sequence[ConnectionHealth]:
        """Every socket to a venue, as it is now; empty for a tape."""
        ...

    def decimals(self, instrument: InstrumentId) -> tuple[int, int]:
        """(price decimals, quantity decimals) to print with."""
        ...

    def venues(self) -> Sequence[VenueHealth]:
        """Health per venue."""
        ...

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """Health of one feed."""
        ...

    def price(self, instrument: InstrumentId) -> PriceView:
        """Last price and what stands around it; of an index its figure."""
        ...

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference:
        """An index (an IndexView), or what a contract is worth (a ValuationView).

        Raises:
            UnknownInstrument: also for an instrument that has no such figure.
        """
        ...

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book."""
        ...

    def trades(self, instrument: InstrumentId, limit: int) -> Sequence[Trade]:
        """Newest trades, newest last."""
        ...

    def candles(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Sequence[Candle]:
        """Candles ascending, the open one last; `end` is exclusive, ns UTC."""
        ...

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        """History and live as one series of at most `limit` bars that open before `end` (ns UTC), the open one last.

        Args:
            also: venues whose bars of the same pair are lent, in this order, where its own venue has none.
            day_starts: how long after 00:00 UTC a day begins, ns (`logic/openings`).

        Raises:
            ConfigError: nobody has such an interval, or the span is too long.
        """
        ...

    def listen_bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        history: int,
        hear: Callable[[Sequence[Bar]], None],
        ended: Callable[[BethnaError], None],
    ) -> BarsHeard:
        """Hear a row of bars: the newest `history`, the open one as it changes, each once closed, and what heals later.

        `hear` is called with the whole row when it is there, then with what has changed (see `logic/bar_stream`);
        `ended` when nobody has such bars, and nothing will come.
        """
        ...

    def best(self, base: str, quote: str, convert: Sequence[str] = ()) -> BestPrice:
        """The best price of a pair across the followed venues, with pairs in the currencies of `convert` converted.

        Raises:
            UnknownInstrument: of the pair nothing is followed.
        """
        ...

    def consolidated_book(self, base: str, quote: str, depth: int) -> ConsolidatedBook:
        """The books of a pair merged by price, `depth` levels a side. Raises as `best`."""
        ...

    def events(self, limit: int) -> Sequence[SystemEvent]:
        """Newest system events, newest last."""
        ...
