"""Reference figures as the desk shows them: what a venue computes and nobody trades; how old, how complete they are.

Times are ns UTC, `ts_event` by the venue's clock, `ts_recv` by the desk's. They judge nothing: `logic.references` does.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bethna.core.coverage import Coverage
from bethna.core.instrument import ContractKind
from bethna.core.market import Greeks, InstrumentId

IndexKind = Literal["price", "volatility"]


class IndexView(Struct, frozen=True, gc=False):
    """An index as the desk has it.

    Attributes:
        kind: of prices, or of volatilities. unit: of `value`: a currency, or `%` a year of a volatility.
        value: None before there was one.
        stale: it is older than `stale_after_ns`, or nothing carries it now.
        stale_after_ns: how old it may be by its own pace.
    """

    instrument: InstrumentId
    kind: IndexKind
    unit: str
    value: float | None
    ts_event: int | None
    ts_recv: int | None
    stale: bool
    stale_after_ns: int
    coverage: Coverage


class ValuationView(Struct, frozen=True, gc=False):
    """What its venue says that a contract is worth, as the desk has it.

    What the venue says nothing of is None, and so are units until its catalogue has spoken.

    Attributes:
        kind: of the contract. price_unit: of `mark_price` (an inverse option's is the coin).
        index_price, underlying_price: in quote currency. underlying: what `underlying_price` is the price of.
        mark_iv, bid_iv, ask_iv: volatility a year as a fraction.
        greeks: of an option, in the units of `Greeks`.
        open_interest: in `quantity_unit`.
        funding, funding_8h: of a perpetual, rate of the moment and of the last eight hours, as a fraction.
        stale, stale_after_ns: as of an index.
    """

    instrument: InstrumentId
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
    greeks: Greeks | None
    open_interest: float | None
    funding: float | None
    funding_8h: float | None
    ts_event: int | None
    ts_recv: int | None
    stale: bool
    stale_after_ns: int
    coverage: Coverage


Reference = IndexView | ValuationView
ReferenceKind = Literal["indices", "valuations"]
REFERENCE_KINDS: tuple[ReferenceKind, ...] = ("indices", "valuations")
"""The words of topics, routes and nouns."""
