"""What a foreign client was told against what happened; it knows no client and starts nothing.

Rules
  1. Everything told is compared, in whole units of 1e-8: not one price, quantity, side, time or id may differ.
  2. Trades and aggregates of streams come without a hole and without a double, each symbol's in order.
  3. A candle is what its trades add up to: those of its ids where they are told; those of its time when it is over.
  4. A ticker is what the trades of its ids add up to. A quote and a book are the book's at their update id.
  5. What should be told and never was, is a finding too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from strangers.world import Levels, Symbol, books_at, lines_of, summed, symbols_of

UNIT = 100_000_000
DEEPEST = 50
LONGEST = 200
STREAMED = ("trade", "candle", "ticker", "quote", "book")
ALSO = ("market", "history")


class Verdict:
    """Compares a client's lines with a truth file.

    Attributes:
        counts: how many of each kind were compared and found equal. findings: what is wrong, a line each.
        about: the client and its version.
    """

    def __init__(self, told: Iterable[dict[str, Any]], truth: Path, wanted: Iterable[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.findings: list[str] = []
        self.about: dict[str, Any] = {}
        self._symbols = symbols_of(lines_of(truth))
        self._seen: Counter[tuple[str, str]] = Counter()
        self._ids: dict[tuple[str, str], list[int]] = {}
        lines = list(told)
        asked: dict[str, set[int]] = {}
        for line in lines:
            if line["kind"] in ("book", "quote"):
                asked.setdefault(line["symbol"], set()).add(int(line["update_id"]))
        self._books = books_at(lines_of(truth), asked, DEEPEST)
        for line in lines:
            self._judge(line)
        for (kind, symbol), ids in self._ids.items():
            holes = [(one, two) for one, two in pairwise(ids) if two != one + 1]  # rule 2
            if holes:
                self._find(f"{symbol} {kind}s: {len(holes)} times not the next id, first {holes[0]}")
        for symbol in wanted:  # rule 5
            for kind in (*STREAMED, *ALSO):
                if not self._seen[kind, symbol]:
                    self._find(f"{symbol}: no {kind} was told")

    def _find(self, text: str) -> None:
        self.findings.append(text)

    def _judge(self, line: dict[str, Any]) -> None:
        kind = line["kind"]
        if kind == "about":
            self.about = line
            return
        if kind == "error":
            self._find(f"the client said: {line['text']}")
            return
        name = line["symbol"]
        is_past = kind.startswith("past ") or line.get("via") == "request"
        self._seen["history" if is_past else kind, name] += 1
        symbol = self._symbols[name]
        expected, found = _COMPARE[kind.removeprefix("past ")](self, symbol, line)
        if expected != found:
            self._find(f"{name} {kind} {_which(line)}: expected {_cut(expected)}, found {_cut(found)}")
            return
        self.counts["history" if is_past else kind] += 1
        if kind in ("trade", "aggregate"):
            self._ids.setdefault((kind, name), []).append(line["id"])

    # --- each returns what is expected and what was found

    def trade(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """One trade."""
        true = symbol.trade(line["id"])
        expected = true and (true.price, true.quantity, true.sold, true.time)
        return expected, (units(line["price"]), units(line["quantity"]), line["sold"], line["time"])

    def aggregate(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """The trades of one order at one price; some clients drop the ids."""
        trades = symbol.aggregate(line["id"])
        found: tuple[Any, ...] = (units(line["price"]), units(line["quantity"]), line["sold"], line["time"])
        if not trades:
            return None, found
        quantity = sum(each.quantity for each in trades)
        expected: tuple[Any, ...] = (trades[0].price, quantity, trades[0].sold, trades[0].time)
        if "first" in line:
            expected += (trades[0].id, trades[-1].id)
            found += (line["first"], line["last"])
        return expected, found

    def candle(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 3."""
        found = bar_of(line)
        expected: tuple[int, ...] | None = found
        first = line.get("first", -1)
        if first >= 0:
            trades = symbol.span(first, line["last"])
            expected = _fields(summed(trades)) if trades else None
        if line["closed"] and expected == found:
            bar = symbol.bar(line["opens"], line["length"])
            expected = None if bar is None else _fields(bar)
        return expected, found

    def ticker(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 4."""
        trades = symbol.span(int(line["first"]), int(line["last"]))
        return (_fields(summed(trades)) if trades else None), bar_of(line)

    def quote(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 4."""
        book = self._books.get((line["symbol"], int(line["update_id"])))
        expected = book and (book[0][0], book[1][0])
        return expected, tuple(_level(line[side]) for side in ("bid", "ask"))

    def book(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 4."""
        found: list[Levels] = [[_level(each) for each in line[side]] for side in ("bids", "asks")]
        book = self._books.get((line["symbol"], int(line["update_id"])))
        return book and list(book), found

    def market(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """What is listed."""
        names = ("base", "quote", "tick", "lot")
        expected = tuple(symbol.listing[name] for name in names)
        return expected, (line["base"], line["quote"], units(line["tick"]), units(line["lot"]))


_COMPARE = {
    "trade": Verdict.trade,
    "aggregate": Verdict.aggregate,
    "candle": Verdict.candle,
    "ticker": Verdict.ticker,
    "quote": Verdict.quote,
    "book": Verdict.book,
    "market": Verdict.market,
}


def units(value: str | float) -> int:
    """A price or quantity in units of 1e-8, exactly: a client's float is read as it would be printed."""
    exact = Decimal(str(value)) * UNIT
    if exact != exact.to_integral_value():
        raise ValueError(f"expected at most 8 decimals, found {value!r}")
    return int(exact)


def bar_of(line: dict[str, Any]) -> tuple[int, ...]:
    """Open, high, low, close and volume of a line."""
    return tuple(units(line[name]) for name in ("open", "high", "low", "close", "volume"))


def _fields(bar: Any) -> tuple[int, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume)


def _level(pair: list[Any]) -> tuple[int, int]:
    price, quantity = pair
    return units(price), units(quantity)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _which(line: dict[str, Any]) -> str:
    return next((f"{name} {line[name]}" for name in ("id", "update_id", "opens", "last") if name in line), "")
