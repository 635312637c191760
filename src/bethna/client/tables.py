"""A table of what a desk had at one moment: rows and their certificate, and the way into frames; never refreshed.

Neither library is needed until one of them is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from msgspec import Struct
from msgspec.structs import replace

from bethna.client.facts import BookLevel, CertifiedTrade
from bethna.core.bars import Bar, Refusal
from bethna.core.consolidated import VenueQuote
from bethna.core.coverage import Coverage, derive, unknown
from bethna.core.errors import FeatureOff
from bethna.core.intervals import Interval
from bethna.core.market import Candle, Greeks, PriceView
from bethna.core.reference import IndexView, Reference, ValuationView
from bethna.logic.indicators.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Row = TypeVar("Row", bound=PriceView | CertifiedTrade | BookLevel | Candle | Bar | VenueQuote | Reference)

Type = Literal["text", "number", "count", "instant", "flag"]


class Column(Struct, frozen=True):
    """One column of a frame: its name, what it holds, and where in a row that is."""

    name: str
    type: Type
    of: Callable[[Any], object]


def _plain(name: str, type_: Type) -> Column:
    return Column(name, type_, lambda row: getattr(row, name))


def _greek(name: str) -> Column:
    return Column(name, "number", lambda row: None if row.greeks is None else getattr(row.greeks, name))


_STATE = Column("coverage", "text", lambda row: row.coverage.state.value)
COLUMNS: dict[type, tuple[Column, ...]] = {
    PriceView: (
        _plain("instrument", "text"),
        _plain("price", "number"),
        _plain("bid", "number"),
        _plain("ask", "number"),
        _plain("change_24h_pct", "number"),
        _plain("stale", "flag"),
        _plain("ts_event", "instant"),
        _plain("ts_recv", "instant"),
        _STATE,
    ),
    CertifiedTrade: (
        _plain("instrument", "text"),
        _plain("trade_id", "count"),
        _plain("price", "number"),
        _plain("quantity", "number"),
        _plain("side", "text"),
        _plain("ts_event", "instant"),
        _plain("ts_recv", "instant"),
        _STATE,
    ),
    BookLevel: (
        _plain("side", "text"),
        _plain("level", "count"),
        _plain("price", "number"),
        _plain("quantity", "number"),
    ),
    Candle: (
        _plain("instrument", "text"),
        Column("interval", "text", lambda row: row.interval.value),
        _plain("open_time", "instant"),
        _plain("open", "number"),
        _plain("high", "number"),
        _plain("low", "number"),
        _plain("close", "number"),
        _plain("volume", "number"),
        _plain("trades", "count"),
        _plain("closed", "flag"),
        _STATE,
    ),
    Bar: (
        _plain("instrument", "text"),
        Column("interval", "text", lambda row: row.interval.value),
        _plain("open_time", "instant"),
        Column("kind", "text", lambda row: row.kind.value),
        _plain("open", "number"),
        _plain("high", "number"),
        _plain("low", "number"),
        _plain("close", "number"),
        _plain("volume", "number"),
        _plain("trades", "count"),
        _plain("closed", "flag"),
        _plain("source", "text"),
        _plain("revision", "count"),
        Column("provenance", "text", lambda row: row.coverage.provenance.value),
        _STATE,
    ),
    IndexView: (
        _plain("instrument", "text"),
        _plain("kind", "text"),
        _plain("unit", "text"),
        _plain("value", "number"),
        _plain("stale", "flag"),
        _plain("ts_event", "instant"),
        _plain("ts_recv", "instant"),
        _STATE,
    ),
    ValuationView: (
        _plain("instrument", "text"),
        _plain("kind", "text"),
        Column("price_unit", "text", lambda row: row.price_unit or ""),
        Column("quantity_unit", "text", lambda row: row.quantity_unit or ""),
        _plain("mark_price", "number"),
        _plain("index_price", "number"),
        _plain("underlying_price", "number"),
        Column("underlying", "text", lambda row: row.underlying or ""),
        _plain("mark_iv", "number"),
        _plain("bid_iv", "number"),
        _plain("ask_iv", "number"),
        *(_greek(name) for name in Greeks.__struct_fields__),
        _plain("open_interest", "number"),
        _plain("funding", "number"),
        _plain("funding_8h", "number"),
        _plain("stale", "flag"),
        _plain("ts_event", "instant"),
        _plain("ts_recv", "instant"),
        _STATE,
    ),
    VenueQuote: (
        _plain("instrument", "text"),
        _plain("bid", "number"),
        _plain("bid_quantity", "number"),
        _plain("ask", "number"),
        _plain("ask_quantity", "number"),
        _plain("own_bid", "number"),
        _plain("own_ask", "number"),
        Column("out", "text", lambda row: row.out or ""),
        Column("rate", "text", lambda row: "" if row.rate is None else row.rate.pair),
        _plain("ts_event", "instant"),
        _plain("ts_recv", "instant"),
        _STATE,
    ),
}
_NAMES: dict[type, str] = {
    PriceView: "price", CertifiedTrade: "trade", BookLevel: "level", Candle: "candle", Bar: "bar",
    VenueQuote: "venue",
    IndexView: "index figure", ValuationView: "valuation",
}  # fmt: skip


class Table(Sequence[Row], Generic[Row]):
    """Rows, newest last (of a book: bids, then asks, best first), under one certificate.

    Attributes:
        refusals: of bars, what sources could not tell, each with its reason.
        indicators: of bars, those that were asked for, with a value and a state for each bar.
        built_from: of bars, the shorter interval that they are merged of; None where their source has them.
        as_of: of bars, up to when they are known, ns UTC, where nobody can be asked for what has come since, else None.
        notes: of bars, what has to be said beside them, where an index lent some.
    """

    __slots__ = ("_kind", "_rows", "as_of", "built_from", "coverage", "indicators", "notes", "refusals")

    def __init__(
        self,
        kind: type[Row],
        rows: Iterable[Row],
        coverage: Coverage,
        refusals: tuple[Refusal, ...] = (),
        indicators: tuple[Shown, ...] = (),
        *,
        built_from: Interval | None = None,
        as_of: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._kind: type[Row] = kind
        self.notes = notes
        self.built_from = built_from
        self.as_of = as_of
        self.refusals = refusals
        self.indicators = indicators
        self._rows: tuple[Row, ...] = tuple(rows)
        self.coverage = coverage

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Table[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Table[Row]:
        if isinstance(index, slice):
            shown = tuple(each.within(index) for each in self.indicators)
            return Table(
                self._kind, self._rows[index], self.coverage, self.refusals, shown,
                built_from=self.built_from, as_of=self.as_of, notes=self.notes,
            )  # fmt: skip
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        mine = (self._rows, self.coverage, self.indicators)
        return mine == (other._rows, other.coverage, other.indicators)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence that is compared by what it holds

    def __repr__(self) -> str:
        name, count = _NAMES[self._kind], len(self._rows)
        return f"<Table of {count} {name}{'' if count == 1 else 's'}, {self.coverage.state.value}>"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a frame's columns are called."""
        return tuple(name for name, _, _ in self._columns())

    def to_polars(self) -> pl.DataFrame:
        """As a polars frame; instants are UTC datetimes of nanoseconds.

        Raises:
            FeatureOff: polars is not installed.
        """
        polars = _library("polars")
        kinds = {
            "text": polars.String, "number": polars.Float64, "count": polars.Int64,
            "flag": polars.Boolean, "instant": polars.Int64,
        }  # fmt: skip
        columns = self._columns()
        frame: pl.DataFrame = polars.DataFrame(
            {name: values for name, _, values in columns},
            schema={name: kinds[type_] for name, type_, _ in columns},
        )
        instants = [name for name, type_, _ in columns if type_ == "instant"]
        return (
            frame.with_columns(polars.col(instants).cast(polars.Datetime("ns", "UTC"))) if instants else frame
        )

    def to_pandas(self) -> pd.DataFrame:
        """As a pandas frame; instants are UTC datetimes of nanoseconds, what is not known is NaN or NaT.

        Raises:
            FeatureOff: pandas is not installed.
        """
        pandas = _library("pandas")
        kinds = {"text": "str", "number": "float64", "count": "int64", "flag": "bool"}
        made = {}
        for name, type_, values in self._columns():
            if type_ == "instant":
                made[name] = pandas.Series(
                    [
                        pandas.NaT if value is None else pandas.Timestamp(value, unit="ns", tz="UTC")
                        for value in values
                    ],
                    dtype="datetime64[ns, UTC]",
                )
            else:
                made[name] = pandas.Series(values, dtype=kinds[type_])
        frame: pd.DataFrame = pandas.DataFrame(made)
        return frame

    def _columns(self) -> list[tuple[str, Type, list[object]]]:
        """Those of the rows, then those of the indicators, each followed by how complete its values are."""
        found: list[tuple[str, Type, list[object]]] = [
            (column.name, column.type, [column.of(row) for row in self._rows])
            for column in COLUMNS[self._kind]
        ]
        for shown in self.indicators:
            found += [(name, "number", list(values)) for name, values in shown.columns()]
            found.append((f"{shown.name}.coverage", "text", [state.value for state in shown.states]))
        return found


def joined(parts: Iterable[Coverage], *sources: str) -> Coverage:
    """One certificate for several rows: the weakest state, all gaps; of one origin where they all are."""
    found = list(parts)
    if not found:
        return unknown(*sources)
    origins = {part.provenance for part in found}
    together = derive(found)
    return replace(together, provenance=origins.pop()) if len(origins) == 1 else together


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise FeatureOff(
            name, f"{name} is not installed", hint=f"install it: pip install 'bethna[{name}]'"
        ) from None
