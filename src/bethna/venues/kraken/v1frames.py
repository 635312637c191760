"""What Kraken's sockets of version 1 said, as msgspec shapes; numbers are padded text, and nothing is judged."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from bethna.venues.kraken.frames import Amount, Id, Price, RequestId
from bethna.venues.kraken.times import MAX_INT


class BookBody(Struct, gc=False):
    """{"as":[["5541.30000","2.50700000","1534614248.123678"]],"bs":[...]} or {"b":[...],"c":"974947235"}."""

    new_asks: list[list[str]] | UnsetType = field(default=UNSET, name="as")
    new_bids: list[list[str]] | UnsetType = field(default=UNSET, name="bs")
    asks: list[list[str]] | UnsetType = field(default=UNSET, name="a")
    bids: list[list[str]] | UnsetType = field(default=UNSET, name="b")
    checksum: str | UnsetType = field(default=UNSET, name="c")


class TradeRow(Struct, gc=False, array_like=True):
    """["354.11000000","0.89594024","1618678142.557535","s","l",""]."""

    price: Price
    quantity: Amount
    time: str
    side: str


class SpreadRow(Struct, gc=False, array_like=True):
    """["31760.00000","31760.10000","1654031976.197239","0.02167307","6.46761464"]."""

    bid: Amount
    ask: Amount
    time: str
    bid_quantity: Amount
    ask_quantity: Amount


class CandleRow(Struct, gc=False, array_like=True):
    """["1542057314.748456","1542057360.435743","3586.70","3586.70","3586.60","3586.60","3586.68894","0.03373",2]."""

    time: str
    end: str
    open: Price
    high: Price
    low: Price
    close: Price
    vwap: Amount
    volume: Amount
    count: Id


Best = tuple[Amount, Amount, Amount]
TwoAmounts = tuple[Amount, Amount]
TwoCounts = tuple[Id, Id]


class TickerBody(Struct, gc=False):
    """{"a":["13.253900",35,"35.72892241"],"b":[...],"c":["13.253900","3.71672000"],"v":["today","24h"],"p":[...],
    "t":[640,1353],"l":[...],"h":[...],"o":[...]}."""

    ask: Best = field(name="a")
    bid: Best = field(name="b")
    last: TwoAmounts = field(name="c")
    volume: TwoAmounts = field(name="v")
    trades: TwoCounts = field(name="t")
    low: TwoAmounts = field(name="l")
    high: TwoAmounts = field(name="h")
    open: TwoAmounts = field(name="o")


class Subscription(Struct, gc=False):
    """{"depth":1000,"name":"book"}."""

    name: str
    depth: Annotated[int, Meta(ge=0, le=MAX_INT)] | None = None
    interval: Annotated[int, Meta(ge=0, le=MAX_INT)] | None = None


class EventFrame(Struct, gc=False, rename="camel"):
    """{"channelID":1665,"channelName":"trade","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed",
    "subscription":{"name":"trade"}}, or another object with `event`."""

    event: str | UnsetType = UNSET
    status: str = ""
    pair: str | None = None
    channel_name: str | None = None
    error_message: str | None = None
    subscription: Subscription | None = None
    reqid: RequestId | None = None
