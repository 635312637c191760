"""Books of a twin's truth file at chosen update ids, running numbers or milliseconds; it compares nothing.

Rules
  1. A book that its client names by an update id or by the running number of Coinbase Exchange (the update id and
     twice the last trade id) is one book.
  2. One that is named by its millisecond alone may be any of that millisecond: what it began with, or what a step of
     the market within it left. Nothing older and nothing newer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from heapq import nlargest, nsmallest
from typing import Any

NS_PER_MS = 1_000_000
Levels = list[tuple[int, int]]
Key = tuple[str, str, int]
"""Symbol, by what it is named (`NAMED_BY`) and the number."""
NAMED_BY = ("update_id", "sequence", "time")
LAST = 2**63


class Books:
    """The best levels of every book that was asked for; names of books that never were are missing.

    Args:
        lines: of the truth file. wanted: which books. levels: how many a side are kept.
    """

    def __init__(self, lines: Iterable[dict[str, Any]], wanted: Iterable[Key], levels: int) -> None:
        self._levels = levels
        self._wanted = set(wanted)
        moments = defaultdict(list)
        for symbol, named_by, number in sorted(self._wanted, key=lambda key: -key[2]):
            if named_by == "time":
                moments[symbol].append(number)
        self._moments = moments  # the next is last
        self._units: dict[str, tuple[int, int]] = {}
        self._books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        self._trades: dict[str, int] = {}
        self.found: dict[Key, list[tuple[Levels, Levels]]] = {}
        for line in lines:
            self._take(line)
        for symbol in self._books:
            self._pass(symbol, LAST)

    def _take(self, line: dict[str, Any]) -> None:
        match line["type"]:
            case "world":
                self._units = {each["symbol"]: (each["tick"], each["lot"]) for each in line["listings"]}
            case "book":
                self._books[line["symbol"]] = (dict(line["bids"]), dict(line["asks"]))
                self._name(line["symbol"], line["update_id"])
            case "trade":
                self._trades[line["symbol"]] = line["trade_id"]
            case "change":
                self._change(line)
            case _:
                pass

    def _change(self, line: dict[str, Any]) -> None:
        symbol, moment = line["symbol"], line["ts"] // NS_PER_MS
        self._pass(symbol, moment)
        key = (symbol, "time", moment)
        is_wanted = key in self._wanted
        if is_wanted and key not in self.found:
            self._keep(key)  # what the millisecond began with
        for update_id, side, price, quantity in line["changes"]:
            book = self._books[symbol][side == "ask"]
            if quantity:
                book[price] = quantity
            else:
                book.pop(price, None)
            self._name(symbol, update_id)
        if is_wanted:
            self._keep(key)
        sequence = (symbol, "sequence", line["changes"][-1][0] + 2 * self._trades.get(symbol, 0))
        if sequence in self._wanted:
            self._keep(sequence)

    def _pass(self, symbol: str, moment: int) -> None:
        """Milliseconds before this one in which nothing changed: the book as it stands."""
        moments = self._moments[symbol]
        while moments and moments[-1] < moment:
            key = (symbol, "time", moments.pop())
            if key not in self.found:
                self._keep(key)

    def _name(self, symbol: str, update_id: int) -> None:
        key = (symbol, "update_id", update_id)
        if key in self._wanted:
            self._keep(key)

    def _keep(self, key: Key) -> None:
        tick, lot = self._units[key[0]]
        bids, asks = self._books[key[0]]
        best = nlargest(self._levels, bids.items()), nsmallest(self._levels, asks.items())
        bid_levels, ask_levels = (
            [(price * tick, quantity * lot) for price, quantity in side] for side in best
        )
        self.found.setdefault(key, []).append((bid_levels, ask_levels))


def key_of(line: dict[str, Any]) -> Key | None:
    """Which book a line is about."""
    named_by = next((name for name in NAMED_BY if name in line), None)
    return None if named_by is None else (line["symbol"], named_by, int(line[named_by]))
