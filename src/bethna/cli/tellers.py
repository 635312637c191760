"""How each kind of fact is told: as lines below a head for people, as an object for programs; it waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec.structs import replace

from bethna.cli import objects
from bethna.cli.cells import Digits, age, clock_time, completeness, percent
from bethna.cli.grid import Column, Grid, padded, plain, width
from bethna.cli.objects import Object
from bethna.client.facts import Book, CertifiedTrade
from bethna.core.clock import iso_utc
from bethna.core.instrument import Instrument
from bethna.core.market import Candle, PriceView

T = TypeVar("T")
Now = Callable[[], int]
"""The desk's time, ns UTC."""

_TIME = Column("TIME (UTC)", 23, "left")
_COVERAGE = Column("COVERAGE", 8, "left")


class Teller(Generic[T]):
    """What the kinds share: a head, and what stands below it."""

    columns: tuple[Column, ...] = ()

    def __init__(self, instrument: Instrument | None, now: Now) -> None:
        known = instrument if instrument is not None and instrument.verified else None
        self.price = Digits(None if known is None else known.tick_size)
        self.quantity = Digits(None if known is None else known.lot_size)
        self.now = now
        self.of = _of(instrument)
        self._grid = Grid([self._named(column) for column in self.columns])

    def _named(self, column: Column) -> Column:
        """A quantity that is not in the base currency says in what it is."""
        counts = column.title in ("QUANTITY", "VOLUME")
        return replace(column, title=column.title + self.of) if counts and self.of else column

    def head(self) -> str:
        """The titles; empty where there are none."""
        return self._grid.head()

    def cells(self, fact: T) -> list[str]:
        """One line's cells."""
        raise NotImplementedError

    def measure(self, fact: T) -> None:
        """Make room for a fact that is told later."""
        self._grid.measure(self.cells(fact))

    def text(self, fact: T) -> str:
        """For people."""
        return self._grid.line(self.cells(fact))

    def object(self, fact: T) -> Object:
        """For programs."""
        raise NotImplementedError


def _of(instrument: Instrument | None) -> str:
    """` USD` where quantities are in USD and not in what is traded, as an inverse perpetual has them."""
    unit = None if instrument is None else instrument.quantity_unit
    return "" if unit is None or instrument is None or unit == instrument.base else f" {unit}"


class PriceTeller(Teller[PriceView]):
    """The last price and what stands around it."""

    columns = (
        _TIME, Column("INSTRUMENT", side="left"), Column("PRICE", 10), Column("24H", 8), Column("BID", 10),
        Column("ASK", 10), Column("AGE", 6), _COVERAGE,
    )  # fmt: skip

    def cells(self, fact: PriceView) -> list[str]:
        """Its age counts from reception, by the desk's clock."""
        self.price.see((fact.price, fact.bid, fact.ask))
        return [
            clock_time(fact.ts_event), plain(fact.instrument), self.price.write(fact.price),
            percent(fact.change_24h_pct), self.price.write(fact.bid), self.price.write(fact.ask),
            age(self.now(), fact.ts_recv), completeness(fact.coverage, stale=fact.stale),
        ]  # fmt: skip

    def object(self, fact: PriceView) -> Object:
        """See `objects`."""
        return objects.price_object(fact, self.now())


class TradeTeller(Teller[CertifiedTrade]):
    """One execution."""

    columns = (
        _TIME, Column("SIDE", side="left"), Column("PRICE", 10), Column("QUANTITY", 10), Column("ID", 10),
        _COVERAGE,
    )  # fmt: skip

    def cells(self, fact: CertifiedTrade) -> list[str]:
        """Whose side it is, is the taker's."""
        self.price.see((fact.price,))
        self.quantity.see((fact.quantity,))
        return [
            clock_time(fact.ts_event), fact.side, self.price.write(fact.price),
            self.quantity.write(fact.quantity), str(fact.trade_id), completeness(fact.coverage),
        ]  # fmt: skip

    def object(self, fact: CertifiedTrade) -> Object:
        """See `objects`."""
        return objects.trade_object(fact)


class CandleTeller(Teller[Candle]):
    """One candle."""

    columns = (
        Column("OPENS (UTC)", 23, "left"), Column("OPEN", 10), Column("HIGH", 10), Column("LOW", 10),
        Column("CLOSE", 10), Column("VOLUME", 10), Column("TRADES", 6), Column("STATE", 6, "left"), _COVERAGE,
    )  # fmt: skip

    def cells(self, fact: Candle) -> list[str]:
        """`open` is not final."""
        prices = (fact.open, fact.high, fact.low, fact.close)
        self.price.see(prices)
        self.quantity.see((fact.volume,))
        return [
            clock_time(fact.open_time), *(self.price.write(each) for each in prices),
            self.quantity.write(fact.volume), str(fact.trades), "closed" if fact.closed else "open",
            completeness(fact.coverage),
        ]  # fmt: skip

    def object(self, fact: Candle) -> Object:
        """See `objects`."""
        return objects.candle_object(fact)


class BookTeller(Teller[Book]):
    """The top of a book, bids beside asks, under a line that says what it is."""

    def __init__(self, instrument: Instrument | None, now: Now) -> None:
        super().__init__(instrument, now)
        self._widths = [10, 10]

    def head(self) -> str:
        """Each book has its own."""
        return ""

    def measure(self, fact: Book) -> None:
        """A book is told whole: there is nothing to make room for."""

    def text(self, fact: Book) -> str:
        """A block of lines, and an empty one."""
        for price, quantity in (*fact.bids, *fact.asks):
            self.price.see((price,))
            self.quantity.see((quantity,))
        when = "no time yet" if fact.ts_event is None else iso_utc(fact.ts_event)
        said = (fact.trust, completeness(fact.coverage), f"age {age(self.now(), fact.ts_recv)}")
        about = f"{plain(fact.instrument)}  {when}  update {fact.update_id}  {plain(', '.join(said))}"
        rows, title = max(len(fact.bids), len(fact.asks)), f"QUANTITY{self.of}"
        cells = [(*self._level(fact, "bids", row), *self._level(fact, "asks", row)) for row in range(rows)]
        self._widths[0] = max(self._widths[0], width(title))
        for _, bid, ask, _ in cells:
            self._widths[1] = max(self._widths[1], width(bid), width(ask))
        for one, _, _, other in cells:
            self._widths[0] = max(self._widths[0], width(one), width(other))
        lines = [self._line(*row) for row in [(title, "BID", "ASK", title), *cells]]
        return "\n".join([about, *lines, ""])

    def _level(self, book: Book, side: str, row: int) -> tuple[str, str]:
        levels = book.bids if side == "bids" else book.asks
        if row >= len(levels):
            return "", ""
        price, quantity = levels[row]
        told = (self.quantity.write(quantity), self.price.write(price))
        return told if side == "bids" else told[::-1]

    def _line(self, bid_quantity: str, bid: str, ask: str, ask_quantity: str) -> str:
        quantities, prices = self._widths
        left = f"{padded(bid_quantity, quantities, 'right')}  {padded(bid, prices, 'right')}"
        return f"{left}  {padded(ask, prices, 'left')}  {padded(ask_quantity, quantities, 'right')}".rstrip()

    def object(self, fact: Book) -> Object:
        """See `objects`."""
        return objects.book_object(fact, self.now())
