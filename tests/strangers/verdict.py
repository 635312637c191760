"""What a foreign client was told against what happened; it knows no client and starts nothing.

Rules
  1. Everything told is compared, in whole units of 1e-8: not one price, quantity, side, time or id may differ.
  2. Trades and aggregates of streams come without a hole and without a double, each symbol's in order.
  3. A candle is what its trades add up to: those of its ids where they are told, those of its time when it is over,
     and while it runs the first of its time, as many as its volume says. A volume in coins of what is traded in USD
     may be off by 1e-8 a trade, for each is rounded.
  4. A ticker is what the trades of its ids add up to; without a first id, those from the first of all; with a time
     alone, those up to a moment of that millisecond. Its highest and lowest may hold what came later in the same one.
     What it does not tell is not compared.
  5. A quote and a book are the book's at their update id, their running number or their millisecond (`books.py`). A
     book says how deep it reaches where that is less than `DEEPEST`.
  6. What should be told and never was, is a finding too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from strangers.books import Books, Levels, key_of
from strangers.world import Bar, Symbol, Trade, lines_of, summed, symbols_of

UNIT = 100_000_000
DEEPEST = 50
LONGEST = 200
FIELDS = ("open", "high", "low", "close", "volume")
STREAMED = ("trade", "candle", "ticker", "quote", "book")
ALSO = ("market", "history")


class Verdict:
    """Compares a client's lines with a truth file.

    Args:
        kinds: what each wanted symbol must be told of.

    Attributes:
        counts: how many of each kind were compared and found equal. findings: what is wrong, a line each.
        about: the client and its version.
    """

    def __init__(
        self,
        told: Iterable[dict[str, Any]],
        truth: Path,
        wanted: Iterable[str],
        kinds: Iterable[str] = (*STREAMED, *ALSO),
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.findings: list[str] = []
        self.about: dict[str, Any] = {}
        self._symbols = symbols_of(lines_of(truth))
        self._seen: Counter[tuple[str, str]] = Counter()
        self._ids: dict[tuple[str, str], list[int]] = {}
        lines = list(told)
        asked = (key_of(line) for line in lines if line["kind"] in ("book", "quote"))
        self._books = Books(lines_of(truth), [key for key in asked if key is not None], DEEPEST).found
        for line in lines:
            self._judge(line)
        for (kind, symbol), ids in self._ids.items():
            holes = [(one, two) for one, two in pairwise(ids) if two != one + 1]  # rule 2
            if holes:
                self._find(f"{symbol} {kind}s: {len(holes)} times not the next id, first {holes[0]}")
        for symbol in wanted:  # rule 6
            for kind in kinds:
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
        first = line.get("first", -1)
        if first >= 0:
            trades = symbol.span(first, line["last"])
            expected = fields(summed(trades)) if trades else None
            if not line["closed"] or expected != found:
                return expected, found
        if line.get("coins"):
            return _in_coins(symbol, line), found
        inside = symbol.inside(line["opens"], line["length"])
        if not line["closed"] and not found[-1]:
            bar = symbol.bar(line["opens"], 0)  # before its first trade
            return (None if bar is None else fields(bar)), found
        if not line["closed"] and inside:
            volumes = list(accumulate(each.quantity for each in inside))
            return fields(summed(inside[: bisect_left(volumes, found[-1]) + 1])), found
        bar = symbol.bar(line["opens"], line["length"])
        return (None if bar is None else fields(bar)), found

    def ticker(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 4."""
        if "first" in line:
            trades = symbol.span(int(line["first"]), int(line["last"]))
            return (fields(summed(trades)) if trades else None), bar_of(line)
        told = [name for name in FIELDS if name in line]
        found = {name: units(line[name]) for name in told}
        if "last" in line:
            last = symbol.trade(int(line["last"]))
            begun = 0 if last is None else last.id - symbol.trades[0].id + 1
            ended = begun if last is None else symbol.until(last.time)[1]
        else:
            begun, ended = symbol.until(line["time"])
        candidates = [
            {name: value for name, value in zip(FIELDS, fields(bar), strict=True) if name in told}
            for bar in _tickers(symbol.running, begun, begun if "last" in line else ended, ended)
        ]
        return _the_one(candidates, found), found

    def quote(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 5."""
        found = tuple(_level(line[side]) for side in ("bid", "ask"))
        return _the_one([(bids[0], asks[0]) for bids, asks in self._at(line)], found), found

    def book(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """Rule 5."""
        found: list[Levels] = [[_level(each) for each in line[side]] for side in ("bids", "asks")]
        depth = line.get("depth", DEEPEST)
        return _the_one([[bids[:depth], asks[:depth]] for bids, asks in self._at(line)], found), found

    def market(self, symbol: Symbol, line: dict[str, Any]) -> tuple[Any, Any]:
        """What is listed; `step` is of quantities, where it is not that of the market: a lot is a multiple of it."""
        listing = symbol.listing
        expected = (listing["base"], listing["quote"], listing["tick"], listing["lot"])
        lot = listing["lot"]
        found = lot - lot % units(line["step"]) if "step" in line else units(line["lot"])
        return expected, (line["base"], line["quote"], units(line["tick"]), found)

    def _at(self, line: dict[str, Any]) -> list[tuple[Levels, Levels]]:
        key = key_of(line)
        return [] if key is None else self._books.get(key, [])


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
    return tuple(units(line[name]) for name in FIELDS)


def fields(bar: Bar) -> tuple[int, ...]:
    """In the order of `FIELDS`."""
    return (bar.open, bar.high, bar.low, bar.close, bar.volume)


def _tickers(running: list[Bar], begun: int, least: int, most: int) -> Iterable[Bar]:
    """After each number of trades from `begun` to `least` ... with the extremes of any of up to `most` (rule 4)."""
    for count in range(max(1, begun), max(1, least) + 1):
        for later in range(count, max(count, most) + 1):
            if later <= len(running):
                now, then = running[count - 1], running[later - 1]
                yield replace(now, high=then.high, low=then.low)


def _in_coins(symbol: Symbol, line: dict[str, Any]) -> tuple[int, ...] | None:
    """A candle whose volume is in coins of what is traded in USD; its own volume where that is near enough (rule 3)."""
    trades = symbol.inside(line["opens"], line["length"])
    volume = units(line["volume"])
    if not trades:
        bar = symbol.bar(line["opens"], line["length"])
        return None if bar is None else fields(bar)
    coins = list(accumulate(map(_coins, trades)))
    count = len(trades)
    if not line["closed"]:
        count = 1 + min(range(count), key=lambda index: abs(coins[index] - volume))
    true = coins[count - 1]
    near = volume if abs(true - volume) <= count else round(true)
    return fields(replace(summed(trades[:count]), volume=near))


def _coins(each: Trade) -> Fraction:
    return Fraction(each.quantity * UNIT, each.price)


def _the_one(candidates: list[Any], found: Any) -> Any:
    """The candidate that was found; else the last, None when there is none."""
    if found in candidates:
        return found
    return candidates[-1] if candidates else None


def _level(pair: list[Any]) -> tuple[int, int]:
    price, quantity = pair
    return units(price), units(quantity)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _which(line: dict[str, Any]) -> str:
    names = ("id", "update_id", "sequence", "opens", "last", "time")
    return next((f"{name} {line[name]}" for name in names if name in line), "")
