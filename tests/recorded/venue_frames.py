"""Frames of a venue, recorded or made, and what can be measured on both in one way."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import zstandard

Payload = dict[str, Any]
Shape = tuple[object, ...] | str
MS = 1_000_000
NEAR = 8
"""How many quotes before and after a trade may be the one that it moved."""


@dataclass(frozen=True)
class Frame:
    """One frame of a combined connection: receive time in ns, stream, what it carries, its text."""

    ts: int
    stream: str
    payload: Any
    raw: str

    @property
    def kind(self) -> str:
        return self.stream.partition("@")[2]


@dataclass
class Tape:
    """Frames in order of arrival, and REST snapshots by symbol with their texts."""

    frames: list[Frame] = field(default_factory=list)
    snapshots: dict[str, tuple[Payload, str]] = field(default_factory=dict)

    def add(self, ts: int, raw: str) -> None:
        message = json.loads(raw)
        self.frames.append(Frame(ts, message["stream"], message["data"], raw))

    def of(self, *kinds: str, symbol: str = "") -> list[Frame]:
        return [
            each for each in self.frames if each.kind in kinds and (not symbol or each.payload["s"] == symbol)
        ]

    def symbols(self) -> set[str]:
        return {each.payload["s"] for each in self.frames if "s" in each.payload}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    text = path.read_bytes()
    if path.suffix == ".zst":
        text = zstandard.ZstdDecompressor().stream_reader(text).readall()
    yield from map(json.loads, text.splitlines())


def recorded(path: Path) -> Tape:
    tape = Tape()
    for line in lines(path):
        if line["kind"] == "rx":
            tape.add(line["ts"], line["raw"])
        elif line["kind"] == "http":
            symbol = line["url"].partition("symbol=")[2].partition("&")[0]
            tape.snapshots[symbol] = json.loads(line["raw"]), line["raw"]
    return tape


# --- form


def shape(value: object) -> Shape:
    """Keys in order, the type of every field, and of a number in text the digits after its point."""
    match value:
        case dict():
            return ("object", *((key, shape(inner)) for key, inner in value.items()))
        case list():
            return ("array", *sorted({shape(inner) for inner in value}, key=repr))
        case str() if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return f"number of {len(value.partition('.')[2])} digits in text"
        case _:
            return type(value).__name__


def shapes(values: Iterable[object]) -> set[Shape]:
    """All shapes that occur; an empty side of a diff says nothing of its levels."""
    return {shape(value) for value in values}


def filled(found: Iterable[Shape]) -> set[Shape]:
    """Those without an empty array in them."""
    return {each for each in found if "('array',)" not in repr(each)}


# --- ids


def diffs_chain(tape: Tape) -> bool:
    """`U` is one more than the `u` before, of each symbol."""
    return all(
        after.payload["U"] == before.payload["u"] + 1 <= after.payload["u"]
        for symbol in tape.symbols()
        for before, after in pairwise(tape.of("depth@100ms", symbol=symbol))
    )


def snapshot_is_bracketed(tape: Tape, symbol: str) -> bool:
    """The first diff that is newer than the snapshot continues it."""
    last = tape.snapshots[symbol][0]["lastUpdateId"]
    kept = [each.payload for each in tape.of("depth@100ms", symbol=symbol) if each.payload["u"] > last]
    return bool(kept[0]["U"] <= last + 1 <= kept[0]["u"])


def quotes_against_books(tape: Tape, symbol: str) -> tuple[int, int]:
    """Quotes whose `u` is that of a rebuilt book: how many equal its best levels, how many do not."""
    quotes = {each.payload["u"]: each.payload for each in tape.of("bookTicker", symbol=symbol)}
    snapshot = tape.snapshots[symbol][0]
    bids, asks = (dict(map(tuple, snapshot[side])) for side in ("bids", "asks"))
    equal = different = 0
    for each in tape.of("depth@100ms", symbol=symbol):
        if each.payload["u"] <= snapshot["lastUpdateId"]:
            continue
        for book, key in ((bids, "b"), (asks, "a")):
            for price, quantity in each.payload[key]:
                book[price] = quantity
                if not float(quantity):
                    del book[price]
        quote = quotes.get(each.payload["u"])
        if quote is not None:
            bid, ask = max(bids, key=float), min(asks, key=float)
            same = (quote["b"], quote["B"], quote["a"], quote["A"]) == (bid, bids[bid], ask, asks[ask])
            equal, different = equal + same, different + (not same)
    return equal, different


def quotes_behind_their_diff(tape: Tape) -> int:
    """Quotes that came after the diff which holds their change."""
    known: dict[str, int] = defaultdict(int)
    behind = 0
    for each in tape.of("depth@100ms", "bookTicker"):
        if each.kind == "bookTicker":
            behind += each.payload["u"] <= known[each.payload["s"]]
        else:
            known[each.payload["s"]] = each.payload["u"]
    return behind


def quotes_repeat(tape: Tape) -> int:
    """Quotes that say what the one before said."""
    return sum(
        all(one.payload[key] == other.payload[key] for key in "bBaA")
        for symbol in tape.symbols()
        for one, other in pairwise(tape.of("bookTicker", symbol=symbol))
    )


# --- time


def event_lags_ms(tape: Tape) -> list[int]:
    """E - T of trades, ascending."""
    return sorted(each.payload["E"] - each.payload["T"] for each in tape.of("trade", "aggTrade"))


def quantile(ascending: list[int], share: float) -> int:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def receive_jitter_ms(tape: Tape) -> float:
    """By how much receive time less `E` varies between its 5th and 95th percentile."""
    found = sorted(each.ts - each.payload["E"] * MS for each in tape.of("trade", "depth@100ms"))
    return (quantile(found, 0.95) - quantile(found, 0.05)) / MS


def diff_steps_ms(tape: Tape, symbol: str) -> list[int]:
    """Between the `E` of one diff and the next."""
    frames = tape.of("depth@100ms", symbol=symbol)
    return [after.payload["E"] - before.payload["E"] for before, after in pairwise(frames)]


def quotes_before_their_trade(tape: Tape, symbol: str) -> tuple[int, int]:
    """Trades whose quote (same price, less by what was traded) came before them, and after them.

    Trades of one instant at one price count as one, as the book saw them.
    """
    frames = tape.of("trade", "bookTicker", symbol=symbol)
    quotes = [(at, each.payload) for at, each in enumerate(frames) if each.kind == "bookTicker"]
    before = after = 0
    for first, price, sold, quantity in _orders(frames):
        key, size = ("b", "B") if sold else ("a", "A")
        place = bisect_left(quotes, first, key=_at)
        found = [
            at
            for (_, one), (at, other) in pairwise(quotes[max(0, place - NEAR) : place + NEAR])
            if one[key] == other[key] == price and _lots(one[size]) - _lots(other[size]) == quantity
        ]
        if found:
            nearest = min(found, key=lambda at: abs(at - first))
            before, after = before + (nearest < first), after + (nearest > first)
    return before, after


def _orders(frames: list[Frame]) -> Iterator[tuple[int, str, bool, int]]:
    """Trades that follow each other at one price, instant and side: place of the first, price, side, sum."""
    open_key, first, total = None, 0, 0
    for at, each in enumerate(frames):
        d = each.payload
        key = (d["p"], d["m"], d["T"]) if each.kind == "trade" else None
        if key != open_key and open_key is not None:
            yield first, open_key[0], open_key[1], total
        if key is not None and key != open_key:
            first, total = at, 0
        open_key = key
        if key is not None:
            total += _lots(d["q"])


def _lots(text: str) -> int:
    return int(text.replace(".", ""))


def _at(quote: tuple[int, Payload]) -> int:
    return quote[0]
