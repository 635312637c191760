"""What every indicator is: a machine of closed bars whose values carry how complete they are; it fetches no bars.

Rules
  1. `update` takes a closed bar, oldest first. `peek` says what `update` would say of a bar, bit for bit, and changes
     nothing: an open bar is drawn again many times before it closes.
  2. Not yet is None, never a number. `first` is how many known bars there must be for the first value.
  3. An unknown bar has no figures, so none enters: no value is said of it (None), the next known bar follows the last
     known one, and what stands on bars of both sides of the hole is incomplete, as a merged bar with a hole is.
  4. A value is as weak as the weakest bar that it stands on. `span` says how many of the newest known bars these are:
     of a window exactly its bars. What is smoothed recursively stands on everything since the start, so a bar counts
     until its weight in the averages is below 1e-9 of the weight that it came with: after that no digit that anybody
     reads is its own. What is smoothed twice (MACD, ADX) keeps it longer (`fading`).
     What is summed since the start (OBV), or since its session (VWAP), stands on all of that.
  5. The batch form feeds the same machine, so its values are the same bit for bit.

A series tells every interval once (`logic/bars.py`, rule 1): a machine compares no times, and a bar fed twice counts
twice. Figures are finite and prices below 1e150, as codecs see to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from math import ceil, log
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct

from bethna.core.bars import Bar
from bethna.core.coverage import State
from bethna.core.intervals import Interval

Value = TypeVar("Value")
NEGLIGIBLE = 1e-9
COMPLETE = State.COMPLETE
STATES = tuple(State)
RANK = {state: rank for rank, state in enumerate(STATES)}
HOLE = RANK[State.INCOMPLETE]


class Machine(ABC, Generic[Value]):
    """One indicator of one series.

    Attributes:
        first: known bars until the first value, that bar included.
        span: newest known bars that a value stands on (rule 4); infinite where it is all of them.
        free: its values have no level of their own: they count from the bar that it began with.
    """

    free: ClassVar[bool] = False
    __slots__ = ("_at", "_skipped", "_weak", "first", "span")

    def __init__(self, first: int, span: float) -> None:
        self.first = first
        self.span = span
        # Bars that are not complete and still count: (number, rank), each weaker than those after it. Numbers go on
        # only while there is one, so complete bars cost one comparison.
        self._weak: deque[tuple[int, int]] = deque()
        self._at = 0
        self._skipped = False

    def needs(self, _interval: Interval) -> float:
        """Bars before the first one that is shown, so that its value is the same wherever the machine began."""
        return self.span - 1

    def take(self, bar: Bar) -> None:
        """`update`, where nobody asks for the value."""
        self.update(bar)

    @abstractmethod
    def update(self, bar: Bar) -> Value | None:
        """Take a closed bar; its value, None where there is none yet or the bar is unknown."""

    @abstractmethod
    def peek(self, bar: Bar) -> Value | None:
        """What `update(bar)` would say; the machine stays as it is."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether known bars have been enough for a value."""

    @property
    def state(self) -> State:
        """How complete the value of the last `update` is; unknown where it was None."""
        if self._skipped or not self.ready:
            return State.UNKNOWN
        return STATES[self._weak[0][1]] if self._weak else COMPLETE

    def peek_state(self, bar: Bar) -> State:
        """How complete `peek(bar)` is; unknown where that is None."""
        if self.peek(bar) is None:
            return State.UNKNOWN
        return STATES[max(self._standing(bar), RANK[bar.coverage.state])]

    def _standing(self, bar: Bar) -> int:
        """The weakest rank before `bar` that its value would stand on."""
        gone = self._at + 1 - self.span
        return next((rank for at, rank in self._weak if at > gone), 0)

    def _mark(self, state: State) -> None:
        """Count a known bar (rule 4)."""
        self._skipped = False
        self._at += 1
        weak, gone = self._weak, self._at - self.span
        while weak and weak[0][0] <= gone:
            weak.popleft()
        if state is not COMPLETE:
            self._stand(RANK[state])

    def _skip(self) -> Value | None:
        """Pass over an unknown bar (rule 3): the hole lies after the last known one, and the value is None."""
        self._skipped = True
        self._stand(HOLE)
        return None

    def _stand(self, rank: int) -> None:
        weak = self._weak
        while weak and weak[-1][1] <= rank:
            weak.pop()
        weak.append((self._at, rank))

    def _forget(self) -> None:
        """Nothing before this bar counts any more."""
        self._weak.clear()
        self._skipped = False


class Series(Struct, Generic[Value], frozen=True):
    """What an indicator says of bars, one entry a bar: `values` (None: not yet, or unknown) and their `states`."""

    values: tuple[Value | None, ...]
    states: tuple[State, ...]


def batch(machine: Machine[Value], bars: Iterable[Bar]) -> Series[Value]:
    """Feed closed bars to a machine, oldest first (rule 5); it goes on from what it has seen before."""
    values: list[Value | None] = []
    states: list[State] = []
    for bar in bars:
        values.append(machine.update(bar))
        states.append(machine.state)
    return Series(tuple(values), tuple(states))


def fading(factor: float, poles: int = 1) -> int:
    """Bars until the weight of one is below 1e-9 of what it came with (rule 4), where each bar leaves `factor` of it.

    With two `poles` what is smoothed is smoothed again; with the slower factor for both a bar that is `k` old weighs at
    most (k + 1) factor^k.
    """
    if factor <= 0.0:
        return poles
    bars = 0.0
    for _ in range(60):  # contracts by 1 / (9 ln 10) and better: far fewer do
        more = log(bars + 1.0) if poles > 1 else 0.0
        bars = (more - log(NEGLIGIBLE)) / -log(factor)
    return ceil(bars) + 1
