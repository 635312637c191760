"""The facts both sides share: what a contestant is given and what it must answer. No measuring."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["trade", "depth"]
Top = tuple[float, float, float, float]
"""Best bid price and size, best ask price and size."""

CONTESTS = ("trades", "depth", "mix", "top")
SYMBOL = "BTCUSDT"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: `raw` as on the wire, `ts_recv` int nanoseconds UTC, never decreasing in a contest."""

    kind: Kind
    raw: str
    ts_recv: int


@dataclass(frozen=True, slots=True)
class Work:
    """One contest. `prelude` holds depth frames older than the snapshot; it is fed before the clock starts."""

    contest: str
    snapshot: str
    prelude: tuple[Frame, ...]
    frames: tuple[Frame, ...]

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
        return Work(stored["contest"], stored["snapshot"], prelude, frames)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of the callbacks. Compared whole: equal to the replay, or the run fails."""

    trades: int = 0
    last_price: float | None = None
    updates: int = 0
    top: Top | None = None
    tops_read: str | None = None


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
