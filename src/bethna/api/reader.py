"""What the doors may ask of the desk: a protocol, so that tests and later front ends can stand behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bethna.core.clock import Clock
from bethna.core.instrument import Instrument
from bethna.core.market import BookView, Candle, InstrumentId, Interval, PriceView, Trade
from bethna.core.status import (
    InstrumentHealth,
    Simulation,
    SourceKind,
    SystemEvent,
    TapePosition,
    VenueHealth,
)


class DeskReader(Protocol):
    """Read access to a running desk. Every method answers at once from memory.

    Methods that take an InstrumentId raise UnknownInstrument (with the nearest matches) when it is not followed.
    """

    @property
    def clock(self) -> Clock:
        """The desk's time: the host's, or the tape's while a tape plays."""
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
        """Last price and what stands around it."""
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

    def events(self, limit: int) -> Sequence[SystemEvent]:
        """Newest system events, newest last."""
        ...
