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
from collections.abc import Iterable
from zlib import crc32

from bethna.twins.kraken.speech import numbered
from bethna.twins.kraken.text import Precision, stamp
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Level, Market

SUMMED = 10


class Window:
    """The best levels of one side, as they were said (rule 1). Keys ascend and the best is last, as in the market.

    Between two messages it is the best `depth` of the market. Within one it has all levels of the market down to its
    edge, the worst that was said before; beyond that it knows nothing, unless the side was not full.
    """

    __slots__ = ("_depth", "_edge", "_keys", "_lots", "_sign")

    def __init__(self, *, bid: bool, depth: int, levels: Iterable[Level]) -> None:
        self._sign = 1 if bid else -1
        self._depth = depth
        self._lots = {self._sign * price: lots for price, lots in levels}
        self._keys = sorted(self._lots)
        self._edge: int | None = None
        self.settle(())

    def put(self, price: int, lots: int) -> bool:
        """A level has changed in the market; whether subscribers must hear it. 0 lots remove it."""
        key = self._sign * price
        if key in self._lots:
            if lots:
                self._lots[key] = lots
            else:
                del self._lots[key]
                del self._keys[bisect_left(self._keys, key)]
            return True
        if not lots or (self._edge is not None and key < self._edge):
            return False
        self._add(key, lots)
        return True

    @property
    def lacks(self) -> bool:
        """Levels from beyond the edge may have come in."""
        return self._edge is not None and len(self._keys) < self._depth

    def settle(self, levels: Iterable[Level]) -> list[Level]:
        """The message is complete: `levels`, the best of the market where some are lacking, come in, the rest drop out.

        Returns:
            Those that came in and must be said.
        """
        entered = [(price, lots) for price, lots in levels if self._sign * price not in self._lots]
        for price, lots in entered:
            self._add(self._sign * price, lots)
        while len(self._keys) > self._depth:
            del self._lots[self._keys.pop(0)]
        self._edge = self._keys[0] if len(self._keys) == self._depth else None
        return entered

    def best(self, limit: int) -> list[Level]:
        """The best levels, best first."""
        sign, lots = self._sign, self._lots
        return [(sign * key, lots[key]) for key in self._keys[: -limit - 1 : -1]]

    def _add(self, key: int, lots: int) -> None:
        self._lots[key] = lots
        insort(self._keys, key)


class Books(Publisher):
    """`book` of one pair in one depth."""

    def __init__(self, market: Market, depth: int, now: int) -> None:
        self._depth = depth
        self._precision = Precision(market.listing)
        bids, asks = market.depth(depth)
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
        entering: tuple[list[Level], list[Level]] = ([], [])
        if bids.lacks or asks.lacks:
            found = market.depth(self._depth)
            entering = (found[0] if bids.lacks else [], found[1] if asks.lacks else [])
        said_bids += bids.settle(entering[0])
        said_asks += asks.settle(entering[1])
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
    """Rule 3: CRC-32 over the digits of at most ten levels a side, best first."""
    digits = precision.digits
    return crc32(b"".join([digits(*level) for side in (asks, bids) for level in side[:SUMMED]]))
