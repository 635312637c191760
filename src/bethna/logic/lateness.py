"""Data that flows and is old when it comes: fresh to whoever counts from its reception, and late all the same.

It is told the lag; it measures none and reads no clock.

Rules
  1. An instrument whose lag is LATE_MS or more at LATE_NOTES notes in a row is late; said once.
  2. It is in time again when the lag falls below half of that; said when it was late before. In between nothing
     changes.
  3. A lag that is not known changes nothing.
"""

from __future__ import annotations

from typing import Literal

from bethna.core.market import InstrumentId

LATE_MS = 3_000.0
LATE_NOTES = 3

Turn = Literal["data_late", "data_in_time"]


class Lateness:
    """Of all instruments of a desk; noted about once a second each."""

    def __init__(self) -> None:
        self._notes: dict[InstrumentId, int] = {}
        self._lags: dict[InstrumentId, float] = {}

    def note(self, instrument: InstrumentId, lag_ms: float | None) -> Turn | None:
        """How old the newest event was when it came; what is to be told now."""
        if lag_ms is None:  # rule 3
            return None
        before = self._notes.get(instrument, 0)
        if lag_ms >= LATE_MS:
            self._notes[instrument] = before + 1
            self._lags[instrument] = lag_ms
            return "data_late" if before + 1 == LATE_NOTES else None  # rule 1
        if before and (lag_ms < LATE_MS / 2 or before < LATE_NOTES):  # rule 2
            self.forget(instrument)
            return "data_in_time" if before >= LATE_NOTES else None
        return None

    def words(self, instrument: InstrumentId) -> str:
        """What a person is told of it; empty while it is not late."""
        if self._notes.get(instrument, 0) < LATE_NOTES:
            return ""
        return f"its data comes {self._lags[instrument] / 1000:.1f} s late"

    def forget(self, instrument: InstrumentId) -> None:
        """Followed no longer, or in time."""
        self._notes.pop(instrument, None)
        self._lags.pop(instrument, None)
