"""The book of one depth as its subscribers know it: snapshots, updates, checksums; who listens is not its matter.

    {"channel":"book","type":"update","data":[{"symbol":"MINA/GBP","bids":[{"price":0.0279,"qty":0.00000000}],
        "asks":[],"checksum":222201382,"timestamp":"2026-08-16T23:37:05.723653Z"}]}

Rules
  1. Subscribers know the best `depth` levels of each side and cut their book to that after each message. A level that
     drops out is not said; one that comes in, for the first time or again, is said with its quantity.
  2. What one step of the market changed is one message, in the order in which it happened: a price may come twice,
     prices are in no order. Where nothing changed inside the depth, nothing is said.
  3. The checksum is that of the ten best levels after the message, asks before bids, whatever the depth.
  4. The time is that of the last change, also in a snapshot.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from zlib import crc32

from bethna.twins.kraken.speech import numbered
from bethna.twins.kraken.text import Precision, stamp
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Level, Market

SUMMED = 10
RESERVE = 64
"""Levels beyond the depth that are kept at hand."""


class Window:
    """The best levels of one side (rule 1). Keys ascend and the best is last, as in the market.

    It knows some levels more than were said, so that those which come in need not be looked for each time. Beyond its
    edge, the worst that it knows, it knows nothing; without an edge it knows the whole side. The bound is the worst
    that was said; without one all that it knows was said.

    Args:
        levels: the best of the market, `wanted` of them where there are so many.

    Attributes:
        wanted: how many levels it asks for.
    """

    __slots__ = ("_bound", "_depth", "_edge", "_keys", "_lots", "_sign", "wanted")

    def __init__(self, *, bid: bool, depth: int, levels: Sequence[Level], reserve: int = RESERVE) -> None:
        self.wanted = depth + reserve
        self._sign = 1 if bid else -1
        self._depth = depth
        self._lots: dict[int, int] = {}
        self._keys: list[int] = []
        self._edge: int | None = None
        self._bound: int | None = None
        self.refill(levels)
        self.settle()

    def put(self, price: int, lots: int) -> bool:
        """A level has changed in the market; whether subscribers must hear it. 0 lots remove it."""
        key = self._sign * price
        if key in self._lots:
            if lots:
                self._lots[key] = lots
            else:
                del self._lots[key]
                del self._keys[bisect_left(self._keys, key)]
        elif not lots or (self._edge is not None and key < self._edge):
            return False
        else:
            self._lots[key] = lots
            insort(self._keys, key)
        return self._bound is None or key >= self._bound

    @property
    def lacks(self) -> bool:
        """It knows fewer levels than are to be said, and there may be more."""
        return self._edge is not None and len(self._keys) < self._depth

    def refill(self, levels: Sequence[Level]) -> None:
        """The best `wanted` levels of the market, as they are now."""
        self._lots = {self._sign * price: lots for price, lots in levels}
        self._keys = sorted(self._lots)
        self._edge = self._keys[0] if len(levels) == self.wanted else None

    def settle(self) -> list[Level]:
        """The message is complete: what came in and must be said with it; what dropped out is said no more."""
        keys, lots, depth = self._keys, self._lots, self._depth
        entered: list[Level] = []
        if self._bound is not None:
            index = max(0, len(keys) - depth)
            while index < len(keys) and keys[index] < self._bound:
                entered.append((self._sign * keys[index], lots[keys[index]]))
                index += 1
        if len(keys) > 2 * self.wanted - depth:
            for key in keys[: -self.wanted]:
                del lots[key]
            del keys[: -self.wanted]
            self._edge = keys[0]
        self._bound = keys[-depth] if len(keys) >= depth else None
        return entered

    def best(self, limit: int) -> list[Level]:
        """The best levels, best first."""
        sign, lots = self._sign, self._lots
        return [(sign * key, lots[key]) for key in self._keys[: -limit - 1 : -1]]


class Books(Publisher):
    """`book` of one pair in one depth."""

    def __init__(self, market: Market, depth: int, now: int) -> None:
        self._depth = depth
        self._precision = Precision(market.listing)
        bids, asks = market.depth(depth + RESERVE)
        self._bids = Window(bid=True, depth=depth, levels=bids)
        self._asks = Window(bid=False, depth=depth, levels=asks)
        self._said = market.update_id
        self._changed_at = now
        self._head = (
            b'{"channel":"book","type":"%b","data":[{"symbol":"' + market.listing.symbol.encode() + b'",'
        )

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """Rules 1 and 2."""
        bids, asks = self._bids, self._asks
        said_bids: list[Level] = []
        said_asks: list[Level] = []
        for change in step.changes:
            window, said = (bids, said_bids) if change.bid else (asks, said_asks)
            if window.put(change.price, change.quantity):
                said.append((change.price, change.quantity))
        if not said_bids and not said_asks:
            return []
        if bids.lacks or asks.lacks:
            found = market.depth(bids.wanted)
            bids.refill(found[0])
            asks.refill(found[1])
        said_bids += bids.settle()
        said_asks += asks.settle()
        self._changed_at = step.ts
        first, self._said = self._said + 1, market.update_id
        frame = self._frame(b"update", said_bids, said_asks, bids.best(SUMMED), asks.best(SUMMED), step.ts)
        return [numbered(first, self._said, frame)]

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """A snapshot; of `past` where a fault shows an old one, whose checksum is right for what it shows."""
        said, bids, asks = self._said, self._bids.best(self._depth), self._asks.best(self._depth)
        if past is not None:
            said, bids, asks = past.depth(self._depth)
        frame = self._frame(b"snapshot", bids, asks, bids[:SUMMED], asks[:SUMMED], self._changed_at)
        return [numbered(said, said, frame)]

    def _frame(
        self,
        kind: bytes,
        bids: list[Level],
        asks: list[Level],
        best_bids: list[Level],
        best_asks: list[Level],
        ts: int,
    ) -> bytes:
        return self._head % kind + b'"bids":[%b],"asks":[%b],"checksum":%d,"timestamp":"%b"}]}' % (
            levels_text(bids, self._precision),
            levels_text(asks, self._precision),
            checksum(best_bids, best_asks, self._precision),
            stamp(ts).encode(),
        )


def levels_text(levels: Iterable[Level], precision: Precision) -> bytes:
    """`{"price":0.0286,"qty":74198.19125726},...`"""
    price, quantity = precision.price, precision.quantity
    return b",".join([b'{"price":%b,"qty":%b}' % (price(ticks), quantity(lots)) for ticks, lots in levels])


def checksum(bids: list[Level], asks: list[Level], precision: Precision) -> int:
    """Rule 3: CRC-32 over the digits of at most ten levels a side, best first.

    Digits without point and leading zeros are whole steps of price and quantity.
    """
    lots = precision.lots
    numbers = [
        number for side in (asks, bids) for price, held in side[:SUMMED] for number in (price, held * lots)
    ]
    return crc32(b"%d" * len(numbers) % tuple(numbers))
