"""What a trial's listeners hear on the desk's bus, and what its judge finds; neither decides anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bethna.app.desk import Desk
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Trade
from bethna.core.status import BookStatus, GapFound, GapMarked, Healed, Trust


@dataclass
class Findings:
    """What one trial brought. Times are ns of the world.

    Attributes:
        unproven: books that differ, were damaged, and are called unverified.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disturbed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    unproven: dict[InstrumentId, str] = field(default_factory=dict)
    healed: int = 0
    repaired_at: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.disturbed)


class Listener:
    """Hears one instrument on the bus, in order."""

    def __init__(self, desk: Desk, instrument: InstrumentId, now: Callable[[], int]) -> None:
        self.instrument = instrument
        self.trades: list[Trade] = []
        self.turns: list[GapFound | Healed | GapMarked] = []
        self.trust: list[BookStatus] = []
        self.snapshots: list[BookSnapshot] = []
        self.deltas: list[tuple[int, int]] = []
        """First update id and receive time of each that was applied."""
        self.repaired_at = 0
        self.begun = True
        """Nothing has moved the book since its snapshot."""
        self._now = now
        desk.bus.channel("trades", instrument).subscribe(self._trade, "grid")
        desk.bus.channel("book", instrument).subscribe(self._book, "grid")

    def _trade(self, item: Trade | GapFound | Healed | GapMarked) -> None:
        if isinstance(item, Trade):
            self.trades.append(item)
            return
        self.turns.append(item)
        if isinstance(item, Healed):
            self.repaired_at = self._now()

    def _book(self, item: BookDelta | BookSnapshot | BookStatus) -> None:
        if isinstance(item, BookStatus):
            self.trust.append(item)
            if item.trust is Trust.TRUSTED and len(self.trust) > 2:
                self.repaired_at = self._now()
        elif isinstance(item, BookSnapshot):
            self.snapshots.append(item)
            self.begun = True
        else:
            self.begun = False
            self.deltas.append((item.first_id, item.ts_recv))
