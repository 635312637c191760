"""What Kraken's sockets of version 2 say, as msgspec shapes that accept nothing which could not be true.

Prices and quantities are bare JSON numbers. Those of books stay text (`Raw`), since checksums are over their text.
"""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from bethna.venues.kraken.times import MAX_INT

_MAX_FLOAT = sys.float_info.max

Price = Annotated[float, Meta(gt=0, le=_MAX_FLOAT)]
Amount = Annotated[float, Meta(ge=0, le=_MAX_FLOAT)]
Signed = Annotated[float, Meta(ge=-_MAX_FLOAT, le=_MAX_FLOAT)]
Id = Annotated[int, Meta(ge=0, le=MAX_INT)]
Checksum = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Kind = Literal["snapshot", "update"]

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that reading bytes raises when they are not what the protocol says."""


class TradeData(Struct, gc=False):
    """{"symbol":"BTC/USD","side":"buy","price":111399.1,"qty":0.00037711,"ord_type":"limit","trade_id":86881079,
    "timestamp":"2025-09-09T21:31:50.716224Z"}; `side` is the taker's."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Price
    qty: Amount
    trade_id: Id
    timestamp: str


class TradeFrame(Struct, gc=False):
    """{"channel":"trade","type":"update","data":[...]}."""

    channel: Literal["trade"]
    type: Kind
    data: list[TradeData]


class BookEntry(Struct, gc=False):
    """{"price":0.0286,"qty":74198.19125726}."""

    price: Raw
    qty: Raw


class BookData(Struct, gc=False):
    """{"symbol":"MINA/GBP","bids":[...],"asks":[],"checksum":222201382,"timestamp":"2026-08-16T23:37:05.723653Z"}.

    Snapshots of 2025 have no timestamp.
    """

    symbol: str
    bids: list[BookEntry]
    asks: list[BookEntry]
    checksum: Checksum
    timestamp: str | None = None


class BookFrame(Struct, gc=False):
    """{"channel":"book","type":"snapshot","data":[...]}."""

    channel: Literal["book"]
    type: Kind
    data: list[BookData]


class TickerData(Struct, gc=False):
    """{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10036,"ask_qty":1361.44813783,"last":0.10035,
    "volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17,
    "timestamp":"2023-09-25T09:04:31.742648Z"}; the timestamp was added later."""

    symbol: str
    bid: Amount
    bid_qty: Amount
    ask: Amount
    ask_qty: Amount
    last: Amount
    volume: Amount
    low: Amount
    high: Amount
    change_pct: Signed
    timestamp: str | None = None


class TickerFrame(Struct, gc=False):
    """{"channel":"ticker","type":"snapshot","data":[...]}."""

    channel: Literal["ticker"]
    type: Kind
    data: list[TickerData]


class CandleData(Struct, gc=False):
    """{"symbol":"BTC/USDT","open":77499.9,"high":77509.2,"low":77467.5,"close":77509.2,"trades":15,"volume":0.58051276,
    "vwap":77482.2,"interval_begin":"2026-09-10T17:35:00.000000000Z","interval":1,
    "timestamp":"2026-09-10T17:36:00.000000Z"}; that timestamp is the end, deprecated and not read."""

    symbol: str
    open: Price
    high: Price
    low: Price
    close: Price
    trades: Id
    volume: Amount
    interval_begin: str
    interval: int


class CandleFrame(Struct, gc=False):
    """{"channel":"ohlc","type":"update","timestamp":"2026-09-10T17:35:52.114514810Z","data":[...]}."""

    channel: Literal["ohlc"]
    type: Kind
    data: list[CandleData]
    timestamp: str | None = None


class StatusData(Struct, gc=False):
    """{"version":"2.0.10","system":"online","api_version":"v2","connection_id":16174536464690282295}.

    The id is beyond what a float holds; keys are added over time.
    `system`: online, maintenance, cancel_only, post_only.
    """

    system: str


class StatusFrame(Struct, gc=False):
    """{"channel":"status","type":"update","data":[...]}."""

    channel: Literal["status"]
    data: list[StatusData]


class PairData(Struct, gc=False):
    """{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_increment":1e-08,"price_increment":0.1}.

    No fact is made of it, since the catalogue comes from REST; it is read so that nonsense is not passed over.
    """

    symbol: str
    status: str
    qty_increment: Amount | None = None
    price_increment: Amount | None = None


class InstrumentData(Struct, gc=False):
    """{"assets":[...],"pairs":[...]}; here `data` is an object."""

    pairs: list[PairData] = []


class InstrumentFrame(Struct, gc=False):
    """{"channel":"instrument","type":"snapshot","data":{"assets":[...],"pairs":[...]}}."""

    channel: Literal["instrument"]
    type: Kind
    data: InstrumentData


class Result(Struct, gc=False):
    """{"channel":"book","depth":25,"snapshot":true,"symbol":"MINA/GBP"}, maybe with `warnings`."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval: int | None = None
    event_trigger: str | None = None


RequestId = Annotated[int, Meta(ge=-MAX_INT - 1, le=MAX_INT)]


class Answer(Struct, gc=False):
    """An answer to a control message, one for each symbol.

    {"method":"subscribe","req_id":1,"result":{...},"success":true,"time_in":"...","time_out":"..."}
    {"error":"Currency pair not supported XBT/USDT","method":"subscribe","success":false,"symbol":"XBT/USDT",...}
    {"error":"Exceeded msg rate","success":false}
    {"method":"pong","req_id":101,"time_in":"...","time_out":"..."}
    """

    method: str = ""
    success: bool | UnsetType = UNSET
    error: str | None = None
    symbol: str | None = None
    req_id: RequestId | None = None
    result: Raw | UnsetType = UNSET


class Head(Struct, gc=False):
    """The keys by which any message is recognised."""

    channel: str | UnsetType = UNSET
    method: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    success: Raw | UnsetType = UNSET
