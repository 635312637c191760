"""What faults did to the frames of each connection: what was damaged. It is bounded and judges nothing."""

from __future__ import annotations

from collections import Counter, deque

import msgspec
from msgspec import Struct

WITHHELD = 100_000
"""Trades of a symbol that REST can be without."""


class Damage(Struct, frozen=True):
    """One frame that a connection did not get, got again or got late.

    Attributes:
        connection: its number. stream: as subscribed. symbol: "BTCUSDT", "" for streams of all.
        kind: of the fault. at: when it should have come, ns UTC of the caller's clock.
        first, last: trade ids, or update ids; None where the frame carries none.
    """

    connection: int
    stream: str
    symbol: str
    kind: str
    first: int | None
    last: int | None
    at: int


class Ledger:
    """The damage so far, newest last; `counts` goes on where the lists forget.

    Attributes:
        lost: frames that did not come. doubled: frames that came again. swapped: frames that others overtook.
        counts: by (list, kind of fault).
        withheld: by symbol: trade ids that history lacks, too.
    """

    def __init__(self, kept: int) -> None:
        self.lost: deque[Damage] = deque(maxlen=kept)
        self.doubled: deque[Damage] = deque(maxlen=kept)
        self.swapped: deque[Damage] = deque(maxlen=kept)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.withheld: dict[str, dict[int, None]] = {}

    def lose(self, damage: Damage) -> None:
        """A frame did not come."""
        self.lost.append(damage)
        self.counts["lost", damage.kind] += 1

    def double(self, damage: Damage) -> None:
        """A frame came once more."""
        self.doubled.append(damage)
        self.counts["doubled", damage.kind] += 1

    def swap(self, damage: Damage) -> None:
        """A frame was overtaken by others of its stream."""
        self.swapped.append(damage)
        self.counts["swapped", damage.kind] += 1

    def withhold(self, damage: Damage) -> None:
        """The trades of a lost frame are missing in history as well."""
        if damage.first is None or damage.last is None:
            return
        ids = self.withheld.setdefault(damage.symbol, {})
        ids.update(dict.fromkeys(range(damage.first, damage.last + 1)))
        while len(ids) > WITHHELD:
            del ids[next(iter(ids))]


class _Ids(Struct, rename={"trade": "t", "first_trade": "f", "last_trade": "l", "first": "U", "last": "u"}):
    """The ids of any frame; a kline's lie deeper and are not looked for."""

    trade: int | None = None
    first_trade: int | None = None
    last_trade: int | str | None = None  # a ticker's `l` is its low
    first: int | None = None
    last: int | None = None
    snapshot: int | None = msgspec.field(default=None, name="lastUpdateId")


_DECODER = msgspec.json.Decoder(_Ids)


def ids_of(payload: bytes) -> tuple[int | None, int | None]:
    """First and last id that a payload (not wrapped) carries."""
    if not payload.startswith(b"{"):
        return None, None
    ids = _DECODER.decode(payload)
    if ids.trade is not None:
        return ids.trade, ids.trade
    if ids.first_trade is not None and isinstance(ids.last_trade, int):
        return ids.first_trade, ids.last_trade
    last = ids.last if ids.last is not None else ids.snapshot
    return (last if ids.first is None else ids.first), last
