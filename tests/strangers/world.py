"""A twin's truth file as the verdict asks for it: trades by id or time, candles from trades, books of `books.py`.

Prices are units of 1e-8 of the quote currency, quantities of the base currency; times are ms.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Trade:
    """What happened."""

    id: int
    price: int
    quantity: int
    sold: bool
    time: int
    aggregate: int


@dataclass(frozen=True)
class Bar:
    """What some trades add up to; without trades, the price of the one before and no volume."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass
class Symbol:
    """One symbol's listing and trades, ascending and contiguous."""

    listing: dict[str, Any]
    trades: list[Trade] = field(default_factory=list)

    def trade(self, trade_id: int) -> Trade | None:
        """The trade with an id."""
        index = trade_id - self.trades[0].id if self.trades else -1
        return self.trades[index] if 0 <= index < len(self.trades) else None

    def span(self, first: int, last: int) -> list[Trade]:
        """The trades of these ids, both included."""
        base = self.trades[0].id if self.trades else 0
        return self.trades[max(0, first - base) : max(0, last - base + 1)]

    def aggregate(self, number: int) -> list[Trade]:
        """The trades of an aggregate."""
        found = bisect_left(self.trades, number, key=lambda each: each.aggregate)
        end = bisect_left(self.trades, number + 1, key=lambda each: each.aggregate)
        return self.trades[found:end]

    @cached_property
    def running(self) -> list[Bar]:
        """What the trades add up to from the first to each of them."""
        trades = self.trades
        highs = accumulate((each.price for each in trades), max)
        lows = accumulate((each.price for each in trades), min)
        volumes = accumulate(each.quantity for each in trades)
        return [
            Bar(trades[0].price, high, low, each.price, volume)
            for each, high, low, volume in zip(trades, highs, lows, volumes, strict=True)
        ]

    def until(self, time: int) -> tuple[int, int]:
        """How many trades there were when a millisecond began, and when it was over."""
        first, last = (bisect_left(self.trades, at, key=_time) for at in (time, time + 1))
        return first, last

    def inside(self, opens: int, length: int) -> list[Trade]:
        """The trades of a candle."""
        start, end = (bisect_left(self.trades, at, key=_time) for at in (opens, opens + length))
        return self.trades[start:end]

    def bar(self, opens: int, length: int) -> Bar | None:
        """What a candle must be; None before the first price."""
        start, end = (bisect_left(self.trades, at, key=_time) for at in (opens, opens + length))
        if start == end:
            before = self.trades[start - 1].price if start else None
            return None if before is None else Bar(before, before, before, before, 0)
        return summed(self.trades[start:end])


def _time(each: Trade) -> int:
    return each.time


def summed(trades: list[Trade]) -> Bar:
    """What at least one trade adds up to."""
    prices = [each.price for each in trades]
    return Bar(prices[0], max(prices), min(prices), prices[-1], sum(each.quantity for each in trades))


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a truth file, the `world` line first."""
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def symbols_of(lines: Iterable[dict[str, Any]]) -> dict[str, Symbol]:
    """Every symbol with its trades."""
    symbols: dict[str, Symbol] = {}
    for line in lines:
        if line["type"] == "world":
            symbols = {each["symbol"]: Symbol(each) for each in line["listings"]}
        elif line["type"] == "trade":
            symbol = symbols[line["symbol"]]
            symbol.trades.append(
                Trade(
                    id=line["trade_id"],
                    price=line["price"] * symbol.listing["tick"],
                    quantity=line["quantity"] * symbol.listing["lot"],
                    sold=line["buyer_is_maker"],
                    time=line["ts"] // NS_PER_MS,
                    aggregate=line["aggregate"],
                )
            )
    return symbols
