"""What the market data sockets of Coinbase Advanced Trade say, as msgspec shapes that accept nothing impossible.

Every message has an envelope, `{"channel":...,"timestamp":...,"sequence_num":N,"events":[...]}`; until about 2024 there
was a `client_id` too, which nobody needs. One decoder reads them all by their `channel`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

from bethna.venues.coinbase.shapes import Amount, Id, Price, Seconds, Signed

Count = Annotated[int, Meta(ge=0, le=2**62)]
"""Far below the end of 64 bits: the number after it must be one too."""


class Envelope(Struct, gc=False, tag_field="channel"):
    """What all messages of a channel have: `sequence_num` counts them over all channels of the connection."""

    sequence_num: Count


class BookChange(Struct, gc=False):
    """{"side":"bid","event_time":"2026-09-30T02:39:53.718078Z","price_level":"2332.78","new_quantity":"0.00857346"}."""

    side: Literal["bid", "offer"]
    price_level: Price
    new_quantity: Amount


class BookEvent(Struct, gc=False):
    """A whole book or changes of one: absolute quantities, 0 removes."""

    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[BookChange]


class BookFrame(Envelope, gc=False, tag="l2_data"):
    """The reply to the channel `level2`.

    {"channel":"l2_data","timestamp":"2026-09-30T02:39:53.787841965Z","sequence_num":6,"events":[{"type":"update",
     "product_id":"ETH-USD","updates":[{"side":"bid","event_time":"2026-09-30T02:39:53.718078Z","price_level":"2332.78",
     "new_quantity":"0.00857346"}]}]}
    """

    timestamp: str
    events: list[BookEvent]


class TradeRow(Struct, gc=False):
    """{"product_id":"BTC-USD","trade_id":"1100253573","price":"83320.66","size":"0.0041608",
    "time":"2026-09-30T02:39:59.416138Z","side":"SELL"}; `side` is the maker's."""

    product_id: str
    trade_id: Id
    price: Price
    size: Amount
    time: str
    side: Literal["BUY", "SELL"]


class TradesEvent(Struct, gc=False):
    """Trades, newest first; those of a snapshot happened before the subscription."""

    trades: list[TradeRow]


class TradesFrame(Envelope, gc=False, tag="market_trades"):
    """Batched up to 250 ms."""

    events: list[TradesEvent]


class TickerRow(Struct, gc=False):
    """{"type":"ticker","product_id":"BTC-USD","price":"21932.98","volume_24_h":"16038.28770938","low_24_h":"21835.29",
    "high_24_h":"23011.18","low_52_w":"15460","high_52_w":"48240","price_percent_chg_24_h":"-4.15775596190603",
    "best_bid":"21931.98","best_bid_quantity":"8000.21","best_ask":"21933.98","best_ask_quantity":"8038.07770938"};
    `ticker_batch` has no best bid and ask."""

    product_id: str
    price: Amount
    volume_24_h: Amount | None = None
    low_24_h: Amount | None = None
    high_24_h: Amount | None = None
    price_percent_chg_24_h: Signed | None = None
    best_bid: Amount | None = None
    best_bid_quantity: Amount | None = None
    best_ask: Amount | None = None
    best_ask_quantity: Amount | None = None


class TickerEvent(Struct, gc=False):
    """Tickers of several products."""

    tickers: list[TickerRow]


class TickerFrame(Envelope, gc=False, tag="ticker"):
    """With each match."""

    timestamp: str
    events: list[TickerEvent]


class TickerBatchFrame(TickerFrame, gc=False, tag="ticker_batch"):
    """Every five seconds."""


class CandleRow(Struct, gc=False):
    """{"start":"1688998200","high":"1867.72","low":"1865.63","open":"1867.38","close":"1866.81","volume":"0.20269406",
    "product_id":"ETH-USD"}: five minutes from `start`, UNIX seconds."""

    product_id: str
    start: Seconds
    low: Price
    high: Price
    open: Price
    close: Price
    volume: Amount


class CandlesEvent(Struct, gc=False):
    """Candles of several products."""

    candles: list[CandleRow]


class CandlesFrame(Envelope, gc=False, tag="candles"):
    """Every second; five minutes is the only length."""

    timestamp: str
    events: list[CandlesEvent]


class HeartbeatsFrame(Envelope, gc=False, tag="heartbeats"):
    """Every second. What it says is of the venue's own process (its uptime, Go's way to write a time), and not read."""


class SubscriptionsEvent(Struct, gc=False):
    """Channels and what each has: {"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}}."""

    subscriptions: dict[str, list[str] | None]


class SubscriptionsFrame(Envelope, gc=False, tag="subscriptions"):
    """Everything that the connection has now."""

    events: list[SubscriptionsEvent]


Frame = (
    BookFrame
    | TradesFrame
    | TickerFrame
    | TickerBatchFrame
    | CandlesFrame
    | HeartbeatsFrame
    | SubscriptionsFrame
)
CHANNELS: Final = frozenset(
    {"l2_data", "market_trades", "ticker", "ticker_batch", "candles", "heartbeats", "subscriptions"}
)


class Head(Struct, gc=False):
    """The keys by which any message is recognised. An error has neither a channel nor a number:
    {"type":"error","message":"authentication failure"}."""

    channel: Raw | UnsetType = UNSET
    sequence_num: Raw | UnsetType = UNSET
    type: Raw | UnsetType = UNSET


class ErrorBody(Struct, gc=False):
    """{"type":"error","message":"failure to subscribe"}."""

    message: str


class NamedEvent(Struct, gc=False):
    """Whose an event of a book is."""

    product_id: str


class NamedBooks(Struct, gc=False):
    """Whose books a message is of that otherwise cannot be read."""

    events: list[NamedEvent]


read_frame: Final = Decoder[Frame](Frame, strict=False).decode
read_head: Final = Decoder(Head).decode
read_text: Final = Decoder(str).decode
read_count: Final = Decoder[int](Count, strict=False).decode
read_error: Final = Decoder(ErrorBody).decode
read_named: Final = Decoder(NamedBooks).decode
