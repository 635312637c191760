"""The chronicle of one instrument: tells people what its feed's rare effects mean, and never more than they can read.

A machine: it is called for gaps and turns of trust only, never for a trade or an update, and asks no clock.

Rules
  1. A gap in the trades is told when it is found, and once more when its fate is known: history had them, they stay
     missing, or they came by themselves and were only late (`trade_gap_closed`).
  2. A book that stood and does not join any more is told once, with the reason, and once more when it joins again. The
     first synchronisation is no news, and a lost connection is told by whoever lost it.
  3. At most MOST events a minute; of the others only how many there were, when the minute is over.
"""

from __future__ import annotations

from collections.abc import Callable

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel, SystemEvent, Trust

MOST = 20
WINDOW_NS = 60 * NS_PER_S


class Chronicle:
    """Events of one instrument. Times are ns UTC by the desk's clock, which is the tape's while a tape plays."""

    def __init__(self, instrument: InstrumentId, report: Callable[[SystemEvent], None]) -> None:
        self._instrument = instrument
        self._report = report
        self._stood = False
        self._lost = False
        self._window = 0
        self._told = 0
        self._untold = 0

    def gap_found(self, gap: Gap, ts: int) -> None:
        """Trades are missing (rule 1)."""
        self._tell("warning", "trade_gap", f"missing: {_ids(gap)}", ts)

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        """All of them came (rule 1)."""
        if gap.reason == "reordered":
            self._tell(
                "info", "trade_gap_closed", f"came by themselves, late: {_ids(gap)}; nothing was lost", ts
            )
            return
        self._tell("info", "trade_gap_healed", f"healed: {_ids(gap)}, {found} found", ts)

    def gap_marked(self, gap: Gap, ts: int) -> None:
        """They did not come (rule 1)."""
        self._tell("warning", "trade_gap_marked", f"not healed: {_ids(gap)} ({gap.reason})", ts)

    def book_gap(self, gap: Gap, ts: int) -> None:
        """Updates of the book are missing (rule 2)."""
        self._lose(f"updates {gap.first_id} to {gap.last_id} are missing", ts)

    def book_trust(self, trust: Trust, reason: str, ts: int, *, connected: bool) -> None:
        """The book's trust changed (rule 2)."""
        if trust is not Trust.TRUSTED:
            if connected:
                self._lose(reason, ts)
            return
        if self._lost:
            self._tell("info", "book_trusted", f"the book can be believed again: {reason}", ts)
        self._stood, self._lost = True, False

    def tick(self, now: int) -> None:
        """Rule 3. A clock that is set back ends the minute."""
        if not 0 <= now - self._window < WINDOW_NS:
            self.finish(now)

    def finish(self, now: int) -> None:
        """The minute is over, or everything is: say what was left out (rule 3)."""
        untold, self._window, self._told, self._untold = self._untold, now, 0, 0
        if untold:
            self._tell("warning", "events_left_out", f"{untold} more gaps and turns of the book", now)

    def _lose(self, reason: str, ts: int) -> None:
        if self._stood and not self._lost:
            self._lost = True
            self._tell("warning", "book_syncing", f"the book cannot be believed now: {reason}", ts)

    def _tell(self, level: EventLevel, code: str, message: str, ts: int) -> None:
        self.tick(ts)
        if self._told >= MOST:
            self._untold += 1
            return
        self._told += 1
        self._report(SystemEvent(ts, level, code, self._instrument, message))


def _ids(gap: Gap) -> str:
    if gap.first_id is None:
        return "trades of unknown number"
    return (
        f"trade {gap.first_id}" if gap.first_id == gap.last_id else f"trades {gap.first_id} to {gap.last_id}"
    )
