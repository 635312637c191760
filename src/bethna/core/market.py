"""Market facts: what a venue said, normalised; they carry no behaviour beyond their own invariants.

Times are integer nanoseconds UTC: `ts_event` is the venue's clock, `ts_recv` ours. Prices are in quote currency (of an
inverse option in the coin), quantities in base units, but of an inverse perpetual or future in quote currency
(`Instrument.quantity_unit`), both floats. `side` is the taker's, always.
"""

from __future__ import annotations

from typing import Literal, NewType

from msgspec import Struct

from bethna.core.coverage import Coverage
from bethna.core.intervals import Interval

InstrumentId = NewType("InstrumentId", str)
"""`BTC-USDT@binance`: the one spelling used in facts, topics, URLs and JSON."""

Side = Literal["buy", "sell"]
Level = tuple[float, float]
"""(price, absolute quantity); in a delta, quantity 0 removes the level."""
UNNUMBERED = -1
"""The update id of a venue that has none."""


class Trade(Struct, frozen=True, gc=False):
    """One public execution, or one aggregate of executions where the venue aggregates.

    Attributes:
        trade_id: the venue's id, contiguous per instrument and kind of stream where the venue promises it.
        count: executions inside: 1, or the size of an aggregate.
    """

    instrument: InstrumentId
    price: float
    quantity: float
    side: Side
    trade_id: int
    ts_event: int
    ts_recv: int
    count: int = 1


class Quote(Struct, frozen=True, gc=False):
    """Best bid and ask with their quantities at one state of the book.

    Attributes:
        update_id: the book's update id that this quote shows, None where the venue gives none.
        ts_event: the venue's time, None where the venue sends none (Binance bookTicker).
    """

    instrument: InstrumentId
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    update_id: int | None
    ts_event: int | None
    ts_recv: int


class BookDelta(Struct, frozen=True, gc=False):
    """Changed levels of a book: absolute quantities, 0 removes.

    Attributes:
        first_id, last_id: the update ids that this delta covers, inclusive; UNNUMBERED where the venue has none.
        epoch: the connection by whose order unnumbered updates follow each other, 0 where the venue numbers them.
    """

    instrument: InstrumentId
    first_id: int
    last_id: int
    bids: list[Level]
    asks: list[Level]
    ts_event: int
    ts_recv: int
    epoch: int = 0


class BookSnapshot(Struct, frozen=True, gc=False):
    """The levels of a book at one update id, best first.

    Attributes:
        last_id: UNNUMBERED where the venue has no ids.
        limit: how many levels a side were asked for; a side with fewer levels than that is the whole side.
        partial: True for a pushed top-of-book frame that certifies nothing below itself.
        epoch: as of a delta.
        proven: how many levels a side the venue lets us prove after every update; None for all, 0 for none.
        counted: no update after it can be lost unseen; whether it was right itself, nothing proves.
    """

    instrument: InstrumentId
    last_id: int
    bids: list[Level]
    asks: list[Level]
    ts_recv: int
    limit: int
    partial: bool = False
    ts_event: int | None = None
    epoch: int = 0
    proven: int | None = None
    counted: bool = False


class VenueCandle(Struct, frozen=True, gc=False):
    """A candle as the venue computed it.

    Attributes:
        interval: the venue's own word (`1m`, `3d`, `1M`); it may be one that we do not build.
        open_time: ns UTC, inclusive. closed: only then are the figures final.
        trades: None where the venue does not say.
        first_id, last_id: trade ids inside, None when there was no trade.
    """

    instrument: InstrumentId
    interval: str
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None
    closed: bool
    first_id: int | None
    last_id: int | None
    ts_event: int | None
    ts_recv: int


class Ticker(Struct, frozen=True, gc=False):
    """The venue's rolling 24 hours; fields that a venue or a shorter form does not carry are None.

    Attributes:
        last_trade_id: the newest trade inside, as the subscribed trade stream counts; None where that counts otherwise.
    """

    instrument: InstrumentId
    last: float
    open: float | None
    high: float | None
    low: float | None
    volume: float | None
    quote_volume: float | None
    change_pct: float | None
    bid: float | None
    ask: float | None
    trades: int | None
    ts_event: int
    ts_recv: int
    last_trade_id: int | None = None


class LastTrade(Struct, frozen=True, gc=False):
    """How far an instrument's trades have come, as the venue says beside them (a heartbeat).

    Attributes:
        trade_id: as the subscribed trade stream counts.
    """

    instrument: InstrumentId
    trade_id: int
    ts_event: int
    ts_recv: int


class IndexPrice(Struct, frozen=True, gc=False):
    """A figure that the venue computes and nobody trades: a price index, or a volatility index in percent a year."""

    instrument: InstrumentId
    value: float
    ts_event: int
    ts_recv: int


class Greeks(Struct, frozen=True, gc=False):
    """An option's sensitivities as the venue says them.

    Attributes:
        delta: per unit of the underlying. gamma: of delta per unit of quote currency.
        vega: quote currency per volatility point. theta: quote currency per day. rho: quote currency per point of rate.
    """

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class Valuation(Struct, frozen=True, gc=False):
    """What a venue says that a derivative is worth, beside its trades and its book; None where it says nothing of that.

    Attributes:
        mark_price: in the instrument's own quote unit (an inverse option's is the coin).
        underlying: what `underlying_price` is the price of, in the venue's words.
        mark_iv, bid_iv, ask_iv: volatility a year as a fraction, 0.3825 is 38.25 %.
        open_interest: in the unit of the instrument's quantities.
        funding, funding_8h: rate of the moment and of the last eight hours, as a fraction.
    """

    instrument: InstrumentId
    mark_price: float
    index_price: float | None
    ts_event: int
    ts_recv: int
    underlying_price: float | None = None
    underlying: str | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    greeks: Greeks | None = None
    open_interest: float | None = None
    funding: float | None = None
    funding_8h: float | None = None


class TradePage(Struct, frozen=True, gc=False):
    """Trades fetched from the venue's history, ascending by id."""

    instrument: InstrumentId
    trades: list[Trade]


class CandlePage(Struct, frozen=True, gc=False):
    """Candles fetched from the venue's history, ascending by open time."""

    instrument: InstrumentId
    candles: list[VenueCandle]


class Candle(Struct, frozen=True, gc=False):
    """A candle as the desk built it.

    Attributes:
        open_time: ns UTC, inclusive; the candle ends at `interval.close_time(open_time)`, exclusive.
        volume: in the unit of quantities, summed as integer lots. trades: executions inside.
        closed: True once the venue's time has passed its end.
        first_id, last_id: trade ids inside, None when there was no trade.
    """

    instrument: InstrumentId
    interval: Interval
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    closed: bool
    first_id: int | None
    last_id: int | None
    coverage: Coverage


class PriceView(Struct, frozen=True, gc=False):
    """What the desk shows as an instrument's price: its last trade, with what stands around it.

    Attributes:
        price: last trade's price, None before one was seen.
        ts_event, ts_recv: of that trade. last_message: ns UTC by the desk's clock, of any data of the instrument.
        stale: nothing has come for longer than this instrument's own cadence allows.
    """

    instrument: InstrumentId
    price: float | None
    ts_event: int | None
    ts_recv: int | None
    last_message: int | None
    stale: bool
    change_24h_pct: float | None
    bid: float | None
    ask: float | None
    coverage: Coverage


class BookView(Struct, frozen=True, gc=False):
    """The top of a book, best first, never deeper than certified.

    Attributes:
        certified_depth: levels of the shorter side that are certified now.
        trust: a `bethna.core.status.Trust` word.
    """

    instrument: InstrumentId
    bids: list[Level]
    asks: list[Level]
    update_id: int | None
    trust: str
    certified_depth: int
    ts_event: int | None
    ts_recv: int | None
    coverage: Coverage
