"""A twin's truth file as the verdict asks for it: trades by id, candles from trades, books at chosen update ids.

Prices are units of 1e-8 of the quote currency, quantities of the base currency; times are ms.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

NS_PER_MS = 1_000_000
Levels = list[tuple[int, int]]


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

    def bar(self, opens: int, length: int) -> Bar | None:
        """What a candle must be; None before the first price."""
        start, end = (
            bisect_left(self.trades, at, key=lambda each: each.time) for at in (opens, opens + length)
        )
        if start == end:
            before = self.trades[start - 1].price if start else None
            return None if before is None else Bar(before, before, before, before, 0)
        return summed(self.trades[start:end])


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


def books_at(
    lines: Iterable[dict[str, Any]], wanted: Mapping[str, set[int]], levels: int
) -> dict[tuple[str, int], tuple[Levels, Levels]]:
    """The best levels of books at chosen update ids; those of ids that never were are missing."""
    found = {}
    units: dict[str, tuple[int, int]] = {}
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}

    def keep(symbol: str, update_id: int) -> None:
        if update_id in wanted.get(symbol, ()):
            tick, lot = units[symbol]
            bids, asks = books[symbol]
            best = sorted(bids.items(), reverse=True)[:levels], sorted(asks.items())[:levels]
            bid_levels, ask_levels = (
                [(price * tick, quantity * lot) for price, quantity in side] for side in best
            )
            found[symbol, update_id] = (bid_levels, ask_levels)

    for line in lines:
        if line["type"] == "world":
            units = {each["symbol"]: (each["tick"], each["lot"]) for each in line["listings"]}
        elif line["type"] == "book":
            books[line["symbol"]] = (dict(line["bids"]), dict(line["asks"]))
            keep(line["symbol"], line["update_id"])
        elif line["type"] == "change":
            for update_id, side, price, quantity in line["changes"]:
                book = books[line["symbol"]][side == "ask"]
                if quantity:
                    book[price] = quantity
                else:
                    book.pop(price, None)
                keep(line["symbol"], update_id)
    return found
