"""What faults did to the frames of each connection: what was damaged. It is bounded and judges nothing."""

from __future__ import annotations

from collections import Counter, deque

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
        spoiled: frames that came with a wrong checksum.
        counts: by (list, kind of fault).
        withheld: by symbol: trade ids that history lacks, too.
    """

    def __init__(self, kept: int) -> None:
        self.lost: deque[Damage] = deque(maxlen=kept)
        self.doubled: deque[Damage] = deque(maxlen=kept)
        self.swapped: deque[Damage] = deque(maxlen=kept)
        self.spoiled: deque[Damage] = deque(maxlen=kept)
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

    def spoil(self, damage: Damage) -> None:
        """A frame came with a wrong checksum."""
        self.spoiled.append(damage)
        self.counts["spoiled", damage.kind] += 1

    def withhold(self, damage: Damage) -> None:
        """The trades of a lost frame are missing in history as well."""
        if damage.first is None or damage.last is None:
            return
        ids = self.withheld.setdefault(damage.symbol, {})
        ids.update(dict.fromkeys(range(damage.first, damage.last + 1)))
        while len(ids) > WITHHELD:
            del ids[next(iter(ids))]
