"""Indices and valuations as a client hears them: the Structs of their routes, made of the desk's facts; no route.

Instants are integer microseconds UTC, missing is null. It decides nothing: what is stale the desk has said.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from bethna.api.answers import age_ms, coverage_card, micros_or_none
from bethna.api.protocol import CoverageCard
from bethna.api.reader import DeskReader
from bethna.core.clock import NS_PER_MS
from bethna.core.instrument import ContractKind, split_id
from bethna.core.market import Greeks, InstrumentId
from bethna.core.reference import IndexKind, IndexView, Reference, ReferenceKind, ValuationView
from bethna.logic.references import has_kind


class IndexRow(Struct, frozen=True, gc=False):
    """An index that a venue computes and nobody trades; `unit` is a currency, or `%` a year of a volatility."""

    instrument: str
    venue: str
    symbol: str
    kind: IndexKind
    unit: str
    value: float | None
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    stale: bool
    stale_after_ms: int
    coverage: CoverageCard


class IndicesAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/indices and the `indices` topics."""

    indices: list[IndexRow]
    notice: str | UnsetType = UNSET


class GreeksCard(Struct, frozen=True, gc=False):
    """An option's sensitivities: delta per unit of the underlying, gamma of delta per unit of quote currency, vega per
    volatility point, theta per day and rho per point of rate, these three in quote currency.
    """

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class ValuationRow(Struct, frozen=True, gc=False):
    """What its venue says that a contract is worth; volatilities and funding are fractions."""

    instrument: str
    venue: str
    symbol: str
    kind: ContractKind
    price_unit: str | None
    quantity_unit: str | None
    mark_price: float | None
    index_price: float | None
    underlying_price: float | None
    underlying: str | None
    mark_iv: float | None
    bid_iv: float | None
    ask_iv: float | None
    greeks: GreeksCard | None
    open_interest: float | None
    funding: float | None
    funding_8h: float | None
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    stale: bool
    stale_after_ms: int
    coverage: CoverageCard


class ValuationsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/valuations and the `valuations` topics."""

    valuations: list[ValuationRow]
    notice: str | UnsetType = UNSET


def indices_answer(
    desk: DeskReader, instruments: Sequence[InstrumentId] | None = None, notice: str | None = None
) -> IndicesAnswer:
    """Some indices, all that are followed by default. Raises UnknownInstrument for what is none."""
    now_ns = desk.clock.now_ns()
    views = [
        desk.reference("indices", each)
        for each in (instruments_of(desk, "indices") if instruments is None else instruments)
    ]
    return IndicesAnswer(
        [index_row(view, now_ns) for view in views if isinstance(view, IndexView)], notice or UNSET
    )


def valuations_answer(
    desk: DeskReader, instruments: Sequence[InstrumentId] | None = None, notice: str | None = None
) -> ValuationsAnswer:
    """Some contracts, all that are followed by default. Raises UnknownInstrument for what is none."""
    now_ns = desk.clock.now_ns()
    views = [
        desk.reference("valuations", each)
        for each in (instruments_of(desk, "valuations") if instruments is None else instruments)
    ]
    rows = [valuation_row(view, now_ns) for view in views if isinstance(view, ValuationView)]
    return ValuationsAnswer(rows, notice or UNSET)


def reference_row(view: Reference, now_ns: int) -> IndexRow | ValuationRow:
    """One figure for the wire; its age counts from reception."""
    return index_row(view, now_ns) if isinstance(view, IndexView) else valuation_row(view, now_ns)


def index_row(view: IndexView, now_ns: int) -> IndexRow:
    """One index for the wire."""
    symbol, venue = split_id(view.instrument)
    return IndexRow(
        view.instrument, venue, symbol, view.kind, view.unit, view.value,
        micros_or_none(view.ts_event), micros_or_none(view.ts_recv), age_ms(now_ns, view.ts_recv), view.stale,
        view.stale_after_ns // NS_PER_MS, coverage_card(view.coverage),
    )  # fmt: skip


def valuation_row(view: ValuationView, now_ns: int) -> ValuationRow:
    """One contract for the wire."""
    symbol, venue = split_id(view.instrument)
    return ValuationRow(
        view.instrument, venue, symbol, view.kind, view.price_unit, view.quantity_unit,
        view.mark_price, view.index_price, view.underlying_price, view.underlying,
        view.mark_iv, view.bid_iv, view.ask_iv,
        None if view.greeks is None else _greeks_card(view.greeks),
        view.open_interest, view.funding, view.funding_8h,
        micros_or_none(view.ts_event), micros_or_none(view.ts_recv), age_ms(now_ns, view.ts_recv), view.stale,
        view.stale_after_ns // NS_PER_MS, coverage_card(view.coverage),
    )  # fmt: skip


def instruments_of(desk: DeskReader, kind: ReferenceKind) -> list[InstrumentId]:
    """The followed instruments that have such a figure, in the order of following."""
    return [each.id for each in desk.instruments() if has_kind(kind, each)]


def _greeks_card(greeks: Greeks) -> GreeksCard:
    return GreeksCard(greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
