"""Bars of a series: history and live in one row, each saying where it came from and whether it is whole.

A `Candle` is what the desk built from the trades that it saw. A `Bar` is what is known of an interval from any source,
and it can also say that nothing is known.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from bethna.core.coverage import Coverage
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId


class BarKind(StrEnum):
    """What is known of an interval."""

    TRADED = "traded"
    QUIET = "quiet"
    """It is known that there was no trade: no volume, and the close before it at all four prices."""
    UNKNOWN = "unknown"
    """Nobody has said whether there was one."""


class Bar(Struct, frozen=True, gc=False):
    """One interval of a series.

    Attributes:
        open_time: ns UTC, inclusive; it ends at `interval.close_time(open_time)`, exclusive.
        open, high, low, close: quote currency; None of an unknown bar, and of a quiet one before the first known close.
        volume: in the unit of the instrument's quantities; None where unknown, and where the source has none.
        trades: executions inside; None where the source does not say.
        closed: its figures are final, but for a later word of its source (`revision`).
        source: who said it: a venue, `live` for the desk's own trades; empty of an unknown bar.
        revision: how often its figures were replaced by others.
    """

    instrument: InstrumentId
    interval: Interval
    open_time: int
    kind: BarKind
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    trades: int | None
    closed: bool
    source: str
    coverage: Coverage
    revision: int = 0

    @property
    def close_time(self) -> int:
        """Its end, exclusive, ns UTC."""
        return self.interval.close_time(self.open_time)


class CandleRules(Struct, frozen=True):
    """What a venue's own candles by request are.

    Attributes:
        intervals: those that it has, on our calendar.
        page: candles that one answer holds at most.
        newest: how many of the newest can be had, whatever is asked for; None for all of them.
        skips_quiet: it leaves out intervals without trades; where False it tells them too.
        trades_page: its trades go back for ever, so many a page: what is too old for its candles is made of them.
        first: ns UTC, a midnight: it had no market at all before, so nobody asks it for that time.
    """

    intervals: tuple[Interval, ...]
    page: int
    newest: int | None = None
    skips_quiet: bool = False
    trades_page: int | None = None
    first: int = 0


class Refusal(Struct, frozen=True, gc=False):
    """Why a source could not tell a span, [start, end) in ns UTC."""

    source: str
    reason: str
    start: int
    end: int


class Series(Struct, frozen=True):
    """Bars of one instrument and interval, ascending and without a hole, the open one last.

    Attributes:
        built_from: the shorter interval that history was merged from, None where its source has the asked one.
        refusals: what sources could not tell, each with the reason.
        day_starts: how long after 00:00 UTC its days begin, ns.
        as_of: up to when it is known, ns UTC, where nobody can be asked for what has come since; None while its newest
            bar is as new as the market, and for a span that is past.
        notes: what has to be said beside these bars, where an index lent some: whose figures they are, of which kind.
    """

    instrument: InstrumentId
    interval: Interval
    bars: list[Bar]
    built_from: Interval | None = None
    refusals: tuple[Refusal, ...] = ()
    day_starts: int = 0
    as_of: int | None = None
    notes: tuple[str, ...] = ()
