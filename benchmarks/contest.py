"""The facts both sides share: what a contestant is given and what it must answer. No measuring."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["trade", "depth", "bar"]
Top = tuple[float, float, float, float]
"""Best bid price and size, best ask price and size."""

BINANCE_CONTESTS = ("trades", "depth", "mix", "top")
VENUE_CONTESTS = ("coinbase", "kraken_v1", "kraken", "deribit", "venues")
INDICATORS = "indicators"
CONTESTS = (*BINANCE_CONTESTS, *VENUE_CONTESTS, INDICATORS)
CHUNK, FIRST_READ = 1_000, 2_000
"""Bars between two readings of the indicators' figures, and the bar of the first reading."""
TOLERANCE = 1e-9
SYMBOL = "BTCUSDT"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: `raw` as on the wire, `ts_recv` int nanoseconds UTC, never decreasing in a contest.

    `wire` is the language it is in, a name of `bethna decode`.
    """

    kind: Kind
    raw: str
    ts_recv: int
    wire: str = "binance"


@dataclass(frozen=True, slots=True)
class Work:
    """One contest. `prelude` holds depth frames older than the snapshot; it is fed before the clock starts.

    Of other venues than Binance, whose books begin on the socket, it holds all frames up to the last snapshot. `origin`
    says where the frames are from, where that is not what the run says of all.
    """

    contest: str
    snapshot: str
    prelude: tuple[Frame, ...]
    frames: tuple[Frame, ...]
    origin: str = ""

    @property
    def wires(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(frame.wire for frame in self.prelude + self.frames))

    @property
    def of_venues(self) -> bool:
        return self.contest in VENUE_CONTESTS

    @property
    def has_trades(self) -> bool:
        return any(frame.kind == "trade" for frame in self.frames)

    @property
    def has_depth(self) -> bool:
        return any(frame.kind == "depth" for frame in self.frames)

    @property
    def reads_top(self) -> bool:
        return self.contest == "top"

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Work:
        stored = json.loads(path.read_text(encoding="utf-8"))
        prelude = tuple(Frame(**frame) for frame in stored["prelude"])
        frames = tuple(Frame(**frame) for frame in stored["frames"])
        return Work(stored["contest"], stored["snapshot"], prelude, frames, stored["origin"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of the callbacks. Compared whole: it agrees with the replay, or the run fails."""

    trades: int = 0
    last_price: float | None = None
    updates: int = 0
    top: Top | None = None
    tops_read: str | None = None
    figures: tuple[float, ...] = ()
    """Of indicators: what was read, in the order of `benchmarks.indicators`."""

    def agrees(self, expected: Outcome) -> bool:
        """The same; figures to 1e-9 of them, or of 1 where they are smaller."""
        if replace(self, figures=()) != replace(expected, figures=()):
            return False
        if len(self.figures) != len(expected.figures):
            return False
        pairs = zip(self.figures, expected.figures, strict=True)
        return all(abs(found - wanted) <= TOLERANCE * max(abs(wanted), 1.0) for found, wanted in pairs)


@dataclass(slots=True)
class Seen:
    """What the callbacks of one pass leave behind. `tops` is filled in the contest `top` only."""

    trades: int = 0
    last_price: Any = None
    updates: int = 0
    tops: list[tuple[Any, Any, Any, Any]] = field(default_factory=list)

    def outcome(self, work: Work, bid: Any, ask: Any) -> Outcome:
        """`bid` and `ask` are (price, size) in any numeric type, or None without a book."""
        return Outcome(
            trades=self.trades,
            last_price=None if self.last_price is None else float(self.last_price),
            updates=self.updates,
            top=as_top(bid, ask) if work.has_depth else None,
            tops_read=tops_digest(self.tops) if work.reads_top else None,
        )


@dataclass(slots=True)
class SeenVenues:
    """What the callbacks of one pass leave behind where there are several symbols; `last` by symbol as on the wire."""

    trades: int = 0
    updates: int = 0
    last: dict[str, Any] = field(default_factory=dict)

    def outcome(self, tops: Iterable[tuple[str, Any, Any]]) -> Outcome:
        """`tops` are (symbol, best bid, best ask) of every book, each (price, size)."""
        told = [f"{symbol} {as_top(bid, ask)}" for symbol, bid, ask in tops]
        told += [f"{symbol} last {float(price)}" for symbol, price in self.last.items()]
        digest = hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:16]
        return Outcome(self.trades, None, self.updates, None, f"{len(told)} facts {digest}")


def symbols_of(work: Work) -> list[tuple[str, str]]:
    """Every (wire, symbol as the venue spells it) of a contest, in order of appearance."""
    return list(dict.fromkeys((frame.wire, symbol_of(frame)) for frame in work.prelude + work.frames))


def symbol_of(frame: Frame) -> str:
    """Of a frame of trades or of a book, which are all of one symbol."""
    said: Any = json.loads(frame.raw)
    match frame.wire:
        case "coinbase":
            symbol = said["product_id"]
        case "kraken":
            symbol = said["data"][0]["symbol"]
        case "kraken_v1":
            symbol = said[-1]
        case "deribit":
            symbol = said["params"]["channel"].split(".")[1]
        case _:
            symbol = said["data"]["s"]
    return str(symbol)


def as_top(bid: Any, ask: Any) -> Top | None:
    if bid is None or ask is None:
        return None
    return float(bid[0]), float(bid[1]), float(ask[0]), float(ask[1])


def tops_digest(tops: Iterable[tuple[Any, Any, Any, Any]]) -> str:
    """Of the sequence of different tops: a repeated one (an update deep in the book) counts once."""
    digest, last = hashlib.sha256(), None
    for top in tops:
        current = tuple(map(float, top))
        if current != last:
            digest.update(repr(current).encode())
            last = current
    return digest.hexdigest()[:16]
