"""When a figure is on which side: each part of a condition as a band with hysteresis; it remembers nothing itself.

Rules
  1. Edges are strict: a figure that stands on a level is still where it came from.
  2. Between its two levels a band keeps what it was (hysteresis), so it cannot flap.
  3. `waits` names the nearest figures at which a band can change: above the first, or below the second. Until then
     nobody needs to ask it.
"""

from __future__ import annotations

from math import inf
from typing import Protocol

from msgspec import Struct

from bethna.core.alerts import LeafState

YES, NO, UNSEEN = LeafState.YES, LeafState.NO, LeafState.UNSEEN
Waits = tuple[float, float]
"""(wake above this, wake below this)"""
ANY: Waits = (-inf, -inf)
"""For whatever comes next: every figure is above it."""


class Band(Protocol):
    """A condition on one figure."""

    def judge(self, value: float, before: LeafState) -> LeafState:
        """What it is now, by what it was."""
        ...

    def waits(self, state: LeafState, value: float) -> Waits:
        """Rule 3; `value` is the figure on which `state` stands."""
        ...


class Over(Struct, frozen=True, gc=False):
    """YES above `level`, NO below `rearm`, which is not above it.

    Attributes:
        from_beyond: a first figure between the two is UNSEEN until it was beyond one of them; else it is NO.
    """

    level: float
    rearm: float
    from_beyond: bool = False

    def judge(self, value: float, before: LeafState) -> LeafState:
        """As Band.judge."""
        if value > self.level:
            return YES
        if value < self.rearm:
            return NO
        return NO if before is UNSEEN and not self.from_beyond else before

    def waits(self, state: LeafState, value: float) -> Waits:
        """As Band.waits."""
        return (inf if state is YES else self.level, -inf if state is NO else self.rearm)


class Under(Struct, frozen=True, gc=False):
    """YES below `level`, NO above `rearm`, which is not below it; else as `Over`."""

    level: float
    rearm: float
    from_beyond: bool = False

    def judge(self, value: float, before: LeafState) -> LeafState:
        """As Band.judge."""
        if value < self.level:
            return YES
        if value > self.rearm:
            return NO
        return NO if before is UNSEEN and not self.from_beyond else before

    def waits(self, state: LeafState, value: float) -> Waits:
        """As Band.waits."""
        return (inf if state is NO else self.rearm, -inf if state is YES else self.level)


class Inside(Struct, frozen=True, gc=False):
    """YES strictly between `low` and `high`, NO beyond them by more than `margin`; `outside` turns it round."""

    low: float
    high: float
    margin: float = 0.0
    outside: bool = False

    def judge(self, value: float, before: LeafState) -> LeafState:
        """As Band.judge."""
        if self.low < value < self.high:
            return NO if self.outside else YES
        if value < self.low - self.margin or value > self.high + self.margin:
            return YES if self.outside else NO
        return before

    def waits(self, state: LeafState, value: float) -> Waits:
        """As Band.waits."""
        if state is UNSEEN:
            return ANY  # on an edge
        if (state is YES) is not self.outside:
            return (self.high + self.margin, self.low - self.margin)
        return (inf, self.high) if value >= self.high else (self.low, -inf)
