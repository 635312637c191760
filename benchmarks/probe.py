"""The limit: decode, keep a book, call back. It checks nothing, so nothing that is used can be as fast.

No contiguity, no coverage, no candles, no recovery: it shows how much of our cost is the price of those.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, Literal, final

import msgspec

from benchmarks.contest import Seen
from benchmarks.contestant import CallbackContestant, OnFrame, OnSnapshot, serve

Levels = list[tuple[float, float]]


@final
class TradeEvent(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    t: int
    p: float
    q: float
    T: int
    m: bool


@final
class DepthEvent(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    U: int
    u: int
    b: Levels
    a: Levels


class Message(msgspec.Struct, gc=False):
    data: TradeEvent | DepthEvent


class Snapshot(msgspec.Struct):
    last_id: int = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels


class Side:
    """Sizes by price, and the prices sorted with the best last, where changes are cheap."""

    def __init__(self, sign: Literal[1, -1]) -> None:
        self.sign = sign
        self.sizes: dict[float, float] = {}
        self.keys: list[float] = []

    def apply(self, levels: Levels) -> None:
        sizes, keys, sign = self.sizes, self.keys, self.sign
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(keys, price * sign)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del keys[bisect_left(keys, price * sign)]

    def best(self) -> tuple[float, float]:
        price = self.keys[-1] * self.sign
        return price, self.sizes[price]


def build(*, read_top: bool) -> tuple[OnFrame, OnSnapshot, Callable[[], dict[str, Any]]]:
    decode = msgspec.json.Decoder(Message, strict=False).decode
    bids, asks, seen = Side(1), Side(-1), Seen()
    last_id = 0

    def on_trade(trade: TradeEvent) -> None:
        seen.trades += 1
        seen.last_price = trade.p

    def on_book(bids: Side, asks: Side) -> None:
        seen.updates += 1
        if read_top:
            seen.tops.append((*bids.best(), *asks.best()))

    def on_snapshot(symbol: str, raw: str, ts_recv: int) -> None:  # noqa: ARG001 - the seam's signature
        nonlocal last_id
        snapshot = msgspec.json.decode(raw, type=Snapshot, strict=False)
        last_id = snapshot.last_id
        bids.apply(snapshot.bids)
        asks.apply(snapshot.asks)

    def on_frame(raw: bytes, ts_recv: int) -> None:  # noqa: ARG001 - the seam's signature
        event = decode(raw).data
        if type(event) is TradeEvent:
            on_trade(event)
        elif event.u > last_id:
            bids.apply(event.b)
            asks.apply(event.a)
            on_book(bids, asks)

    def result() -> dict[str, Any]:
        known = bool(bids.keys and asks.keys)
        return {
            "trades": seen.trades,
            "last_price": seen.last_price,
            "updates": seen.updates,
            "bid": bids.best() if known else None,
            "ask": asks.best() if known else None,
            "tops": seen.tops,
        }

    return on_frame, on_snapshot, result


if __name__ == "__main__":
    serve(CallbackContestant(build, ("msgspec",)))
