"""What people are told of a price that jumps: a wrong one looks just like that, and so does a crash. It judges neither.

Rules
  1. The first is told, and then at most one in QUIET_NS of each instrument.
  2. Options are left out: a premium of two ticks jumps by half whenever it moves.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_S
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId
from bethna.core.status import SystemEvent

QUIET_NS = 60 * NS_PER_S


class PriceJumps:
    """Of one desk. Instants are ns UTC by its clock, which may be set back."""

    def __init__(self) -> None:
        self._told: dict[InstrumentId, int] = {}

    def look(self, instrument: Instrument, jump: tuple[float, float] | None, now: int) -> SystemEvent | None:
        """What is told of one that was noted by `logic.candles`, None of most."""
        if jump is None or (instrument.contract is not None and instrument.contract.kind == "option"):
            return None
        told = self._told.get(instrument.id)
        if told is not None and abs(now - told) < QUIET_NS:
            return None
        self._told[instrument.id] = now
        low, high = jump
        said = f"its price was {low:.15g} and {high:.15g} within a second, or from one trade to the next"
        return SystemEvent(now, "warning", "price_jumped", instrument.id, said)
