"""What the sockets of Coinbase Exchange say, as msgspec shapes that accept nothing which could not be true.

One decoder reads them all: the `type` says which one it is, wherever it stands.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.json import Decoder

from bethna.core.market import Level
from bethna.venues.coinbase.shapes import Amount, Id, Price

Row = tuple[Price, Amount]


class SnapshotFrame(Struct, gc=False, tag_field="type", tag="snapshot"):
    """The whole book, once per subscription; tens of thousands of levels. Some say when (`time`), most do not.

    {"type":"snapshot","product_id":"BTC-USD","bids":[["10101.10","0.45054140"]],"asks":[["10102.55","0.57753524"]]}
    """

    product_id: str
    bids: list[Row]
    asks: list[Row]
    time: str | None = None


class UpdateFrame(Struct, gc=False, tag_field="type", tag="l2update"):
    """Changed levels: absolute sizes, 0 removes; `buy` is a bid.

    {"type":"l2update","product_id":"BTC-USD","changes":[["buy","83404.00","0.70000000"],["sell","83421.13","0.00000000"]],
     "time":"2026-09-30T02:03:13.763929Z"}
    """

    product_id: str
    changes: list[tuple[Literal["buy", "sell"], Price, Amount]]
    time: str | None = None


class MatchFrame(Struct, gc=False, tag_field="type", tag="match"):
    """A trade; `side` is the maker's.

    {"type":"match","trade_id":1100243487,"maker_order_id":"d5bc...","taker_order_id":"91fd...","side":"sell",
     "size":"0.00005934","price":"83420.99","product_id":"BTC-USD","sequence":136999328367,
     "time":"2026-09-30T02:03:13.822201Z"}
    """

    product_id: str
    trade_id: Id
    side: Literal["buy", "sell"]
    size: Amount
    price: Price
    time: str


class LastMatchFrame(MatchFrame, gc=False, tag_field="type", tag="last_match"):
    """The newest trade at the moment of subscribing, in the shape of any other."""


class HeartbeatFrame(Struct, gc=False, tag_field="type", tag="heartbeat"):
    """Every second: {"type":"heartbeat","last_trade_id":1100243487,"product_id":"BTC-USD","sequence":136999328604,
    "time":"2026-09-30T02:03:14.000000Z"}."""

    product_id: str
    last_trade_id: Id
    time: str | None = None


class TickerFrame(Struct, gc=False, tag_field="type", tag="ticker"):
    """With each match; `side` is the taker's here. Sizes of the best bid and ask stand in newer ones only.

    {"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","open_24h":"14.6647",
     "volume_24h":"94381.28","low_24h":"14.3691","high_24h":"16.55","volume_30d":"2295579.57","best_bid":"14.7550",
     "best_ask":"14.8060","side":"buy","time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}
    """

    product_id: str
    price: Amount
    open_24h: Amount | None = None
    volume_24h: Amount | None = None
    low_24h: Amount | None = None
    high_24h: Amount | None = None
    best_bid: Amount | None = None
    best_bid_size: Amount | None = None
    best_ask: Amount | None = None
    best_ask_size: Amount | None = None
    time: str | None = None
    trade_id: Id | None = None


class ListedChannel(Struct, gc=False):
    """One channel of the connection; `status` and its like have no products."""

    name: str
    product_ids: list[str] | None = None


class SubscriptionsFrame(Struct, gc=False, tag_field="type", tag="subscriptions"):
    """Everything that the connection has now: {"type":"subscriptions","channels":[{"name":"level2_50",
    "product_ids":["ETH-USD"],"account_ids":null}]}."""

    channels: list[ListedChannel]


class ErrorFrame(Struct, gc=False, tag_field="type", tag="error"):
    """{"type":"error","message":"Failed to subscribe","reason":"FOO-USD is not a valid product"}."""

    message: str
    reason: str | None = None


Frame = (
    UpdateFrame
    | MatchFrame
    | TickerFrame
    | HeartbeatFrame
    | LastMatchFrame
    | SnapshotFrame
    | SubscriptionsFrame
    | ErrorFrame
)
KINDS: Final = frozenset(
    {"snapshot", "l2update", "match", "last_match", "heartbeat", "ticker", "subscriptions", "error"}
)


class Head(Struct, gc=False):
    """The key by which any message is recognised."""

    type: Raw | UnsetType = UNSET


read_frame: Final = Decoder[Frame](Frame, strict=False).decode
read_head: Final = Decoder(Head).decode
read_text: Final = Decoder(str).decode


def sides(changes: list[tuple[Literal["buy", "sell"], float, float]]) -> tuple[list[Level], list[Level]]:
    """Changes as bids and asks, each in the order in which they were said."""
    if len(changes) == 1:  # nearly every one of the unbatched channel
        ((side, price, size),) = changes
        return ([(price, size)], []) if side == "buy" else ([], [(price, size)])
    return (
        [(price, size) for side, price, size in changes if side == "buy"],
        [(price, size) for side, price, size in changes if side == "sell"],
    )
