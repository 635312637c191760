"""Facts of the market model: what is listed and what happened; they hold integers and no behaviour.

Prices are whole ticks, quantities whole lots, instants int nanoseconds UTC of the venue's clock. A tick is
`Listing.tick` units of 1e-8 of the quote currency, a lot `Listing.lot` units of 1e-8 of the base currency, so that
price x quantity is exact in units of 1e-16.
"""

from __future__ import annotations

from msgspec import Struct

UNIT = 100_000_000
"""Units of 1e-8 in one whole: a price in quote currency is `ticks * tick / UNIT`."""


class Listing(Struct, frozen=True, gc=False):
    """One symbol of the venue.

    Attributes:
        symbol, base, quote: as the venue spells them: `BTCUSDT`, `BTC`, `USDT`.
        tick, lot: the least step of prices and quantities, in units of 1e-8 of quote and base currency.
        price: fair price at the start, in quote currency.
        rate: orders of all kinds a second in an average hour; a fifth of them take.
        trading: False: listed, but nothing ever happens and the book is empty.
        size: a usual order, in lots.
        levels: levels a side that the book keeps to.
        width: how far from the fair price orders usually stand, as a share of it.
    """

    symbol: str
    base: str
    quote: str
    tick: int
    lot: int
    price: float
    rate: float
    trading: bool = True
    size: int = 800
    levels: int = 60
    width: float = 0.0002


class Execution(Struct, frozen=True, gc=False):
    """One public trade.

    Attributes:
        trade_id: contiguous per market. order: number of the taker's order; its executions share it.
        aggregate: number of those of one order at one price; contiguous per market.
        price, quantity: ticks, lots. ts: venue time, whole milliseconds in ns.
        buyer_is_maker: the taker sold.
    """

    trade_id: int
    order: int
    price: int
    quantity: int
    buyer_is_maker: bool
    ts: int
    aggregate: int


class Change(Struct, frozen=True, gc=False):
    """One level of the book has a new absolute quantity (lots); 0 removes it."""

    update_id: int
    bid: bool
    price: int
    quantity: int


class Step(Struct, frozen=True, gc=False):
    """Everything that one incoming order did, at once.

    Attributes:
        ts: venue time, ns. executions: best price first. changes: ids ascending, never empty.
        best_changed: the best price or its quantity, of either side, is another than before.
    """

    ts: int
    executions: tuple[Execution, ...]
    changes: tuple[Change, ...]
    best_changed: bool


class Bar(Struct, frozen=True, gc=False):
    """A candle of the venue: exact sums over the executions with `open_time <= ts < open_time + length`.

    Attributes:
        open, high, low, close: ticks; open and close are those of the lowest and the highest trade id inside.
        volume, taker_buy_volume: lots. quote_volume, taker_buy_quote: units of 1e-16 of the quote currency.
        first_id, last_id: None when there was no trade; then all four prices are the close before.
    """

    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    taker_buy_volume: int
    taker_buy_quote: int
    first_id: int | None
    last_id: int | None


class Day(Struct, frozen=True, gc=False):
    """A rolling day: the executions with `start <= ts`, `start` being a whole minute 23 h 59 to 24 h before now.

    Attributes:
        open, high, low, last: ticks, None before the first price ever; without a trade inside all are the last price.
        previous: the last price before `start`, None when there is none.
        volume: lots. quote_volume: units of 1e-16 of the quote currency.
    """

    start: int
    end: int
    open: int | None
    high: int | None
    low: int | None
    last: int | None
    previous: int | None
    volume: int
    quote_volume: int
    trades: int
    first_id: int | None
    last_id: int | None
