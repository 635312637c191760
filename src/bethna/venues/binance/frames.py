"""What Binance's sockets say, as msgspec shapes that accept nothing which could not be true; they know no instruments.

The venue writes numbers as padded text (`"61837.63000000"`); the decoders are lax, so a float is read straight from
it. The bounds are what keeps NaN, infinities, prices of zero and integers beyond 64 bits out of the house: msgspec
checks them while it parses, which costs less than looking at the values afterwards.
"""

from __future__ import annotations

import sys
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

MAX_INT = 2**63 - 1
_MAX_FLOAT = sys.float_info.max

Price = Annotated[float, Meta(gt=0, le=_MAX_FLOAT)]
Amount = Annotated[float, Meta(ge=0, le=_MAX_FLOAT)]
Signed = Annotated[float, Meta(ge=-_MAX_FLOAT, le=_MAX_FLOAT)]
Id = Annotated[int, Meta(ge=0, le=MAX_INT)]
IdOrNone = Annotated[int, Meta(ge=-1, le=MAX_INT)]
"""An id where -1 says that there was no trade."""
Time = Annotated[int, Meta(ge=0, le=MAX_INT)]
"""An instant in the connection's unit, not yet in nanoseconds."""
Levels = list[tuple[Price, Amount]]

Frame = TypeVar("Frame")


class Combined(Struct, Generic[Frame], gc=False):
    """`{"stream":"btcusdt@trade","data":{...}}` when the name of the stream is already known."""

    data: Frame


class TradeFrame(Struct, gc=False):
    """`<s>@trade`.

    {"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}
    """

    event: Literal["trade"] = field(name="e")
    symbol: str = field(name="s")
    trade_id: Id = field(name="t")
    price: Price = field(name="p")
    quantity: Amount = field(name="q")
    time: Time = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggTradeFrame(Struct, gc=False):
    """`<s>@aggTrade`: one taker order at one price; `f..l` are the trades inside.

    {"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,
     "T":1672515782136,"m":true,"M":true}
    """

    event: Literal["aggTrade"] = field(name="e")
    symbol: str = field(name="s")
    trade_id: Id = field(name="a")
    price: Price = field(name="p")
    quantity: Amount = field(name="q")
    first: IdOrNone = field(name="f")
    last: IdOrNone = field(name="l")
    time: Time = field(name="T")
    buyer_is_maker: bool = field(name="m")


class BookTickerFrame(Struct, gc=False):
    """`<s>@bookTicker`: no kind and no time; order by `u`.

    {"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}
    """

    update_id: Id = field(name="u")
    symbol: str = field(name="s")
    bid: Price = field(name="b")
    bid_quantity: Amount = field(name="B")
    ask: Price = field(name="a")
    ask_quantity: Amount = field(name="A")
    event: Literal["bookTicker"] | UnsetType = field(default=UNSET, name="e")


class OneSidedFrame(Struct, gc=False):
    """A bookTicker where a side without orders is price 0 and quantity 0."""

    update_id: Id = field(name="u")
    symbol: str = field(name="s")
    bid: Amount = field(name="b")
    bid_quantity: Amount = field(name="B")
    ask: Amount = field(name="a")
    ask_quantity: Amount = field(name="A")
    event: Literal["bookTicker"] | UnsetType = field(default=UNSET, name="e")


class DepthFrame(Struct, gc=False):
    """`<s>@depth` and `<s>@depth@100ms`.

    {"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}
    """

    event: Literal["depthUpdate"] = field(name="e")
    time: Time = field(name="E")
    symbol: str = field(name="s")
    first: Id = field(name="U")
    last: Id = field(name="u")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")


class PartialDepthFrame(Struct, gc=False, rename="camel"):
    """`<s>@depth5|10|20[@100ms]` and GET /api/v3/depth: neither kind nor symbol nor time.

    {"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}
    """

    last_update_id: Id
    bids: Levels
    asks: Levels


class KlineBody(Struct, gc=False):
    """The `k` of a kline."""

    open_time: Time = field(name="t")
    interval: str = field(name="i")
    first: IdOrNone = field(name="f")
    last: IdOrNone = field(name="L")
    open: Price = field(name="o")
    close: Price = field(name="c")
    high: Price = field(name="h")
    low: Price = field(name="l")
    volume: Amount = field(name="v")
    trades: Id = field(name="n")
    closed: bool = field(name="x")


class KlineFrame(Struct, gc=False):
    """`<s>@kline_<interval>`: final only with `x` true; a bucket without trades has f = L = -1.

    {"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,
     "L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500",
     "Q":"0.500","B":"123456"}}
    """

    event: Literal["kline"] = field(name="e")
    time: Time = field(name="E")
    symbol: str = field(name="s")
    kline: KlineBody = field(name="k")


class DayFrame(Struct, gc=False):
    """What both tickers of the last 24 hours say. A symbol that never traded has prices of 0."""

    time: Time = field(name="E")
    symbol: str = field(name="s")
    last: Amount = field(name="c")
    open: Amount = field(name="o")
    high: Amount = field(name="h")
    low: Amount = field(name="l")
    volume: Amount = field(name="v")
    quote_volume: Amount = field(name="q")


class MiniTickerFrame(DayFrame, gc=False):
    """`<s>@miniTicker`, and in arrays `!miniTicker@arr`.

    {"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010",
     "v":"10000","q":"18"}
    """

    event: Literal["24hrMiniTicker"] = field(name="e")


class TickerFrame(DayFrame, gc=False):
    """`<s>@ticker`, and in arrays the retired `!ticker@arr`. A side without orders is 0.

    {"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009","c":"0.0025",
     "Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18",
     "O":0,"C":86400000,"F":0,"L":18150,"n":18151}
    """

    event: Literal["24hrTicker"] = field(name="e")
    change_pct: Signed = field(name="P")
    bid: Amount = field(name="b")
    ask: Amount = field(name="a")
    trades: Id = field(name="n")
    last_trade: Annotated[int, Meta(ge=-1, le=MAX_INT)] = field(name="L")


class ShutdownFrame(Struct, gc=False):
    """`!serverShutdown`, to which nobody subscribes: {"e":"serverShutdown","E":1770123456789}."""

    event: Literal["serverShutdown"] = field(name="e")
    time: Time = field(name="E")


class ErrorBody(Struct, gc=False):
    """{"code":2,"msg":"Invalid request: invalid stream"}."""

    code: Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
    msg: str


RequestId = Annotated[int, Meta(ge=-MAX_INT - 1, le=MAX_INT)] | str | None


class Head(Struct, gc=False):
    """The keys by which any message is recognised; their values are read later, by the shape they announce.

    {"stream":"btcusdt@trade","data":{...}}          a combined frame
    {"result":null,"id":1}                           an answer, never wrapped
    {"error":{"code":2,"msg":"..."},"id":2}          a refusal as the live servers write it
    {"code":2,"msg":"...","id":2}                    a refusal as documented
    {"e":"trade",...}                                a bare event
    """

    stream: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    code: Raw | UnsetType = UNSET
    msg: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    event: Raw | UnsetType = field(default=UNSET, name="e")
    last_update_id: Raw | UnsetType = field(default=UNSET, name="lastUpdateId")
    bids: Raw | UnsetType = UNSET
    asks: Raw | UnsetType = UNSET
    u: Raw | UnsetType = UNSET
    s: Raw | UnsetType = UNSET
    b: Raw | UnsetType = UNSET
    B: Raw | UnsetType = UNSET
    a: Raw | UnsetType = UNSET
    A: Raw | UnsetType = UNSET

    @property
    def is_book_ticker(self) -> bool:
        """It has the keys of a bookTicker, which does not say its kind."""
        return UNSET not in (self.u, self.s, self.b, self.B, self.a, self.A)

    @property
    def is_partial_depth(self) -> bool:
        """It has the keys of a partial depth frame, which does not say its kind."""
        return UNSET not in (self.last_update_id, self.bids, self.asks)


MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that reading bytes raises when they are not what the protocol says."""
