"""The independent replay of the other venues' frames in exact decimals: what every contestant must have seen.

It proves itself where the venue gives means: every checksum of Kraken's is computed from its own books, every update
of Deribit's and Binance's must name the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from zlib import crc32

from benchmarks.contest import Frame, Outcome, SeenVenues, Work
from benchmarks.venues import BOOK_DEPTH

V1_DEPTH = 1000
SUMMED = 10
Side = dict[Decimal, Decimal]


class Replay:
    """All books and trades of a contest."""

    def __init__(self, snapshot: str) -> None:
        self.seen = SeenVenues()
        self.books: dict[str, tuple[Side, Side]] = {}
        self.chain: dict[str, int] = {}
        self.texts: dict[str, tuple[int, int]] = {}
        if snapshot:
            said = json.loads(snapshot)
            self.books["BTCUSDT"] = (_side(said["bids"]), _side(said["asks"]))
            self.chain["BTCUSDT"] = said["lastUpdateId"]

    def take(self, frame: Frame) -> None:
        """One frame."""
        said = json.loads(frame.raw, parse_float=Decimal, parse_int=_whole(frame.wire))
        _TAKE[frame.wire](self, said)

    def trade(self, symbol: str, price: Any) -> None:
        self.seen.trades += 1
        self.seen.last[symbol] = Decimal(price)

    def change(self, symbol: str, changes: Iterable[tuple[bool, Any, Any]], depth: int = 0) -> None:
        """Each (is a bid, price, size); then the book is cut to `depth` levels a side."""
        bids, asks = self.books[symbol]
        for is_bid, price, size in changes:
            side = bids if is_bid else asks
            side.pop(Decimal(price), None)
            if Decimal(size):
                side[Decimal(price)] = Decimal(size)
        if depth:
            for price in sorted(bids, reverse=True)[depth:]:
                del bids[price]
            for price in sorted(asks)[depth:]:
                del asks[price]

    def outcome(self) -> Outcome:
        return self.seen.outcome(
            (symbol, _best(bids, max), _best(asks, min)) for symbol, (bids, asks) in self.books.items()
        )

    # --- the wires

    def binance(self, said: Any) -> None:
        event = said["data"]
        if event["e"] == "trade":
            self.trade(event["s"], event["p"])
            return
        symbol, last = event["s"], self.chain[event["s"]]
        if event["u"] <= last:
            return
        _must(event["U"] <= last + 1, f"update {last + 1}", event["U"])
        self.chain[symbol] = event["u"]
        self.change(
            symbol, [(is_bid, *row) for is_bid, name in ((True, "b"), (False, "a")) for row in event[name]]
        )
        self.seen.updates += 1

    def coinbase(self, said: Any) -> None:
        symbol = said["product_id"]
        match said["type"]:
            case "match":
                self.trade(symbol, said["price"])
            case "snapshot":
                self.books[symbol] = (_side(said["bids"]), _side(said["asks"]))
            case _:
                self.change(symbol, [(side == "buy", price, size) for side, price, size in said["changes"]])
                self.seen.updates += 1

    def kraken(self, said: Any) -> None:
        if said["channel"] == "trade":
            for row in said["data"]:
                self.trade(row["symbol"], row["price"])
            return
        (row,) = said["data"]
        symbol = row["symbol"]
        changes = [
            (side == "bids", each["price"], each["qty"]) for side in ("bids", "asks") for each in row[side]
        ]
        if said["type"] == "snapshot":
            self.books[symbol] = ({}, {})
        else:
            self.seen.updates += 1
        self.change(symbol, changes, BOOK_DEPTH)
        _must(self.checksum(symbol) == int(row["checksum"]), "the checksum of its own book", row["checksum"])

    def kraken_v1(self, said: Any) -> None:
        symbol = said[-1]
        if said[-2] == "trade":
            for row in said[1]:
                self.trade(symbol, row[0])
            return
        parts = said[1:-2]
        if "as" in parts[0]:
            self.books[symbol] = (_side(parts[0]["bs"]), _side(parts[0]["as"]))
            return
        self.seen.updates += 1
        sides = [(name == "b", row) for part in parts for name in ("a", "b") for row in part.get(name, ())]
        self.change(symbol, [(is_bid, row[0], row[1]) for is_bid, row in sides], V1_DEPTH)
        told = parts[-1]["c"]
        _must(self.checksum(symbol) == int(told), "the checksum of its own book", told)

    def checksum(self, symbol: str) -> int:
        """Kraken's, of the ten best levels, asks first; decimals keep the zeros of their texts."""
        bids, asks = self.books[symbol]
        best = [(asks, sorted(asks)), (bids, sorted(bids, reverse=True))]
        numbers = [
            number for side, prices in best for price in prices[:SUMMED] for number in (price, side[price])
        ]
        return crc32("".join(f"{number:f}".replace(".", "").lstrip("0") for number in numbers).encode())

    def deribit(self, said: Any) -> None:
        data = said["params"]["data"]
        if said["params"]["channel"].startswith("trades."):
            for row in data:
                self.trade(row["instrument_name"], row["price"])
            return
        symbol = data["instrument_name"]
        if data["type"] == "snapshot":
            self.books[symbol] = ({}, {})
        else:
            before = self.chain[symbol]
            _must(data["prev_change_id"] == before, f"update {before}", data["prev_change_id"])
            self.seen.updates += 1
        self.chain[symbol] = data["change_id"]
        changes = [
            (side == "bids", price, size) for side in ("bids", "asks") for _, price, size in data[side]
        ]
        self.change(symbol, changes)


_TAKE: dict[str, Callable[[Replay, Any], None]] = {
    "binance": Replay.binance,
    "coinbase": Replay.coinbase,
    "kraken": Replay.kraken,
    "kraken_v1": Replay.kraken_v1,
    "deribit": Replay.deribit,
}


def replay(work: Work) -> Outcome:
    """What is seen of `work`; the prelude is played and not counted."""
    found = Replay(work.snapshot)
    for frame in work.prelude:
        found.take(frame)
    found.seen = SeenVenues()
    for frame in work.frames:
        found.take(frame)
    return found.outcome()


def _whole(wire: str) -> Callable[[str], Any]:
    return Decimal if wire == "kraken" else int


def _side(levels: Iterable[Iterable[Any]]) -> Side:
    return {Decimal(price): Decimal(size) for price, size, *_ in levels}


def _best(side: Side, better: Callable[[Iterable[Decimal]], Decimal]) -> tuple[Decimal, Decimal] | None:
    if not side:
        return None
    price = better(side)
    return price, side[price]


def _must(holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise ValueError(f"frames do not fit: expected {expected}, found {found}")
