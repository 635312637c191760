"""What Deribit says, as msgspec shapes that accept nothing which could not be true; they know no instruments.

Numbers are JSON numbers, never text. Times of data are milliseconds, times of answers microseconds. The bounds keep
infinities, prices of zero, negative amounts and instants that 64 bits of nanoseconds cannot hold out of the house:
msgspec checks them while it parses. Keys that are not named here are ignored, so that new ones do no harm; a key that
the venue leaves out or fills with null where it has nothing to say has None for its default.
"""

from __future__ import annotations

import sys
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from bethna.core.clock import NS_PER_MS, NS_PER_US

MAX_INT = 2**63 - 1
_MAX_FLOAT = sys.float_info.max

Price = Annotated[float, Meta(gt=0, le=_MAX_FLOAT)]
Amount = Annotated[float, Meta(ge=0, le=_MAX_FLOAT)]
Signed = Annotated[float, Meta(ge=-_MAX_FLOAT, le=_MAX_FLOAT)]
Id = Annotated[int, Meta(ge=0, le=MAX_INT)]
Time = Annotated[int, Meta(ge=0, le=MAX_INT // NS_PER_MS)]
"""Milliseconds since 1970, UTC; until the year 2262."""
MicroTime = Annotated[int, Meta(ge=0, le=MAX_INT // NS_PER_US)]
"""Microseconds since 1970, UTC."""
AnyTime = Annotated[int, Meta(ge=0, le=MAX_INT)]
"""Milliseconds that may lie as far off as the year 3000, which stands for never."""
Action = Literal["new", "change", "delete"]
Changes = list[tuple[Action, Price, Amount]]
Levels = list[tuple[Price, Amount]]

Frame = TypeVar("Frame")


class Params(Struct, Generic[Frame], gc=False):
    """`{"channel":"...","data":{...}}` when the channel is already known."""

    data: Frame


class Notification(Struct, Generic[Frame], gc=False):
    """`{"jsonrpc":"2.0","method":"subscription","params":{"channel":"...","data":{...}}}`."""

    params: Params[Frame]


class Answer(Struct, Generic[Frame], gc=False):
    """`{"jsonrpc":"2.0","result":{...},"usIn":...,"usOut":...,"usDiff":...,"testnet":false}`."""

    result: Frame


class AnyTradeRow(Struct, gc=False):
    """A trade of anything, combos included, whose price may be below 0."""

    trade_seq: Id
    timestamp: Time
    price: Signed
    instrument_name: str
    direction: Literal["buy", "sell"]
    amount: Amount


class TradeRow(AnyTradeRow, gc=False):
    """One of the array in `trades.{instrument}.{interval}`, and of the history.

    {"timestamp":1789344933994,"price":76917.5,"amount":8450.0,"direction":"buy","index_price":76906.67,
     "instrument_name":"BTC-PERPETUAL","trade_seq":140284854,"mark_price":76917.12,"tick_direction":0,
     "starbase_match_id":225046781992378368,"trade_id":"267258393","contracts":845.0,
     "starbase_timestamp":1789344933994718924}
    """

    price: Price


class BookFrame(Struct, gc=False):
    """`book.{instrument}.{interval}`: the whole depth.

    {"timestamp":1789344937361,"type":"change","change_id":118850980778,"instrument_name":"BTC-15SEP26-77000-C",
     "bids":[["new",0.0055,41.0]],"asks":[["delete",0.0075,0.0]],"prev_change_id":118850965713}
    """

    type: Literal["snapshot", "change"]
    timestamp: Time
    instrument_name: str
    change_id: Id
    bids: Changes
    asks: Changes
    prev_change_id: Id | None = None


class GroupedBookFrame(Struct, gc=False):
    """`book.{instrument}.{group}.{depth}.{interval}`: no type, always whole.

    {"timestamp":1653983481909,"instrument_name":"BTC-PERPETUAL","change_id":45176552517,
     "bids":[[31523.5,128780.0]],"asks":[[31524.0,30.0]]}
    """

    timestamp: Time
    instrument_name: str
    change_id: Id
    bids: Levels
    asks: Levels


class GreeksBody(Struct, gc=False):
    """{"delta":0.74092,"gamma":2.0e-5,"vega":132.3649,"theta":-29.43212,"rho":121.30652}."""

    delta: Signed | None = None
    gamma: Signed | None = None
    vega: Signed | None = None
    theta: Signed | None = None
    rho: Signed | None = None


class StatsBody(Struct, gc=False):
    """{"high":null,"low":null,"price_change":null,"volume":0.0,"volume_usd":0.0}: the last 24 hours."""

    high: Amount | None = None
    low: Amount | None = None
    price_change: Signed | None = None
    volume: Amount | None = None
    volume_usd: Amount | None = None


class TickerFrame(Struct, gc=False):
    """`ticker.{instrument}.{interval}`; a side without orders is 0 or null, an option has greeks, a perpetual funding.

    {"timestamp":1790755217219,"state":"open","stats":{...},"greeks":{...},"index_price":83250.78,
     "instrument_name":"BTC-25DEC26-76000-C","last_price":0.133,"settlement_price":0.12972783,"min_price":0.0945,
     "max_price":0.1705,"open_interest":480.6,"mark_price":0.1296,"interest_rate":0.0,
     "estimated_delivery_price":83250.78,"best_ask_price":0.133,"best_bid_price":0.1255,"mark_iv":38.25,"bid_iv":35.6,
     "ask_iv":40.38,"underlying_price":84222.23,"underlying_index":"BTC-25DEC26","best_ask_amount":29.3,
     "best_bid_amount":29.3}
    """

    timestamp: Time
    instrument_name: str
    best_bid_price: Amount | None = None
    best_bid_amount: Amount | None = None
    best_ask_price: Amount | None = None
    best_ask_amount: Amount | None = None
    last_price: Amount | None = None
    mark_price: Amount | None = None
    index_price: Amount | None = None
    stats: StatsBody | None = None
    greeks: GreeksBody | None = None
    mark_iv: Amount | None = None
    bid_iv: Amount | None = None
    ask_iv: Amount | None = None
    underlying_price: Amount | None = None
    underlying_index: str | None = None
    open_interest: Amount | None = None
    current_funding: Signed | None = None
    funding_8h: Signed | None = None


class QuoteFrame(Struct, gc=False):
    """`quote.{instrument}`: null or 0 where a side is empty.

    {"timestamp":1654012570801,"instrument_name":"BTC-30SEP22","best_bid_price":32499.0,"best_bid_amount":2370.0,
     "best_ask_price":32503.5,"best_ask_amount":2400.0}
    """

    timestamp: Time
    instrument_name: str
    best_bid_price: Amount | None
    best_bid_amount: Amount | None
    best_ask_price: Amount | None
    best_ask_amount: Amount | None


class IndexFrame(Struct, gc=False):
    """`deribit_price_index.btc_usd`: {"timestamp":1535098298227,"price":6521.17,"index_name":"btc_usd"}."""

    timestamp: Time
    index_name: str
    price: Price


class VolatilityFrame(Struct, gc=False):
    """`deribit_volatility_index.btc_usd`: {"timestamp":1535098298227,"volatility":129.36,"index_name":"btc_usd"}."""

    timestamp: Time
    index_name: str
    volatility: Price


class MarkRow(Struct, gc=False):
    """One of the array in `markprice.options.btc_usd`; here `iv` is a fraction.

    {"timestamp":1622470378005,"mark_price":0.0333,"iv":0.9,"instrument_name":"BTC-2JUN21-37000-P"}
    """

    timestamp: Time
    instrument_name: str
    mark_price: Amount
    iv: Amount | None = None


class ChartFrame(Struct, gc=False):
    """`chart.trades.{instrument}.{resolution}`: `tick` is when it opened; nothing says that it is closed.

    {"tick":1767200040000,"open":87490.0,"high":87500.0,"low":87465.0,"close":87474.0,"volume":0.95978896,
     "cost":83970.0}
    """

    tick: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    cost: Amount


class PlatformFrame(Struct, gc=False):
    """`platform_state`: {"maintenance":true}, or of one index {"price_index":"btc_usdc","locked":true}."""

    maintenance: bool | None = None


class HeartbeatBody(Struct, gc=False):
    """{"type":"test_request"}."""

    type: str


class ChannelHead(Struct, gc=False):
    """The channel of a notification, before it is known what it carries."""

    channel: str
    data: Raw | UnsetType = UNSET


class ErrorBody(Struct, gc=False):
    """{"code":-32602,"data":{"reason":"value must be >= 10","param":"interval"},"message":"Invalid params"}."""

    code: Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
    message: str
    data: Raw | UnsetType = UNSET


class ErrorReason(Struct, gc=False):
    """The `data` of an error, where it is an object."""

    reason: str | None = None
    param: str | None = None


RequestId = Annotated[int, Meta(ge=-MAX_INT - 1, le=MAX_INT)] | str | None


class Head(Struct, gc=False):
    """The keys by which any message is recognised; their values are read later, by the shape they announce.

    {"method":"subscription","params":{...}}     a notification
    {"method":"heartbeat","params":{...}}        a heartbeat or a test request
    {"id":5,"result":[...]}                      an answer
    {"id":7,"error":{...}}                       a refusal
    """

    method: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    us_out: Raw | UnsetType = field(default=UNSET, name="usOut")


MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that reading bytes raises when they are not what the protocol says."""
