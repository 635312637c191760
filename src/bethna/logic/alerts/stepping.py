"""What every watch of figures does: asks the rules that a figure wakes, steps them, awaits the next; it sees no feed.

Rules
  1. Rules that one moment wakes are stepped in the order of their names: how they were armed does not matter.
  2. The parts of one rule that a moment changes change at once.
  3. What ran out up to a moment is, before its figures are judged (`machine.pass_time`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from bethna.core.alerts import AlertRule, LeafState, Moment, Phase, RuleState, Step
from bethna.logic.alerts.bands import ANY, Band
from bethna.logic.alerts.levels import Levels
from bethna.logic.alerts.machine import begin, parts_of, pass_time, turn, wakes_at
from bethna.logic.alerts.rules import Watched, band_of, watched_by

Part = tuple[str, int]
"""(name of the rule, number of its part)"""
NEVER = 2**63 - 1


class Armed(Struct, eq=False, gc=False):
    """A rule that is watched, with its state, which all its watches share.

    Attributes:
        bands, watched: of each part, in their order: when its figure counts, and which it is.
    """

    name: str
    rule: AlertRule
    state: RuleState
    bands: tuple[Band, ...]
    watched: tuple[Watched, ...]

    @classmethod
    def of(cls, name: str, rule: AlertRule, state: RuleState | None = None) -> Armed:
        """From a state, or from the beginning."""
        parts = parts_of(rule.condition)
        state = begin(rule) if state is None else state
        return cls(name, rule, state, tuple(map(band_of, parts)), tuple(map(watched_by, parts)))


class Figure:
    """One figure and who waits for it.

    Attributes:
        value: what it is now; None before it was ever told.
    """

    __slots__ = ("levels", "value")

    def __init__(self) -> None:
        self.levels: Levels[Part] = Levels()
        self.value: float | None = None


Woken = tuple[str, int, Figure, Moment]
"""(name of the rule, number of its part, the figure that woke it, the moment as that figure has it)"""


class Stepper(ABC):
    """Rules and the figures that they wait for.

    Args:
        report: hears every step, in order, while what made it is told.
    """

    def __init__(self, report: Callable[[Step], None]) -> None:
        self._report = report
        self._armed: dict[str, Armed] = {}
        self._figures: dict[Watched, Figure] = {}
        self._dues: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, armed: Armed) -> None:
        """Watch the parts of a rule that are of figures of this watch."""
        self._armed[armed.name] = armed
        for index, watched in enumerate(armed.watched):
            figure = self._figures.get(watched)
            if figure is None:
                if not self._is_mine(watched):
                    continue
                figure = self._figures[watched] = self._figure(watched)
            self._await(armed, index, figure)
        self._schedule(armed)

    def disarm(self, name: str) -> None:
        """Watch it no longer; fine if nobody does."""
        armed = self._armed.pop(name, None)
        for index, watched, figure in () if armed is None else self._figures_of(armed):
            levels = figure.levels
            levels.take((name, index))
            if not len(levels) and not self._keeps(watched):
                del self._figures[watched]

    def _figures_of(self, armed: Armed) -> list[tuple[int, Watched, Figure]]:
        """The parts of a rule that are watched here: number, what of, the figure."""
        return [
            (index, watched, self._figures[watched])
            for index, watched in enumerate(armed.watched)
            if watched in self._figures
        ]

    @abstractmethod
    def _is_mine(self, watched: Watched) -> bool:
        """Whether a figure is of this watch."""

    def _figure(self, watched: Watched) -> Figure:
        """One that nobody has waited for before."""
        return Figure()

    def _keeps(self, watched: Watched) -> bool:
        """Whether a figure for which nobody waits is kept."""
        return False

    # --- steps

    def _wake(self, figure: Figure, value: float, moment: Moment) -> list[Woken]:
        """Whom a new value of a figure wakes."""
        figure.value = value
        return [(name, index, figure, moment) for name, index in figure.levels.wake(value)]

    def _judge(self, woken: list[Woken]) -> None:
        """Step them (rules 1 and 2)."""
        for name, parts in groupby(sorted(woken, key=_by_part), key=itemgetter(0)):
            armed = self._armed[name]
            asked = list(parts)
            leaves = list(armed.state.leaves)
            for _, index, figure, _ in asked:
                assert figure.value is not None
                leaves[index] = armed.bands[index].judge(figure.value, leaves[index])
            step = turn(name, armed.rule, armed.state, tuple(leaves), _moment_of(armed, leaves, asked))
            if step is not None:
                self._take(armed, step)
            for _, index, figure, _ in asked:
                self._await(armed, index, figure)

    def _take(self, armed: Armed, step: Step) -> None:
        armed.state = step.after
        self._schedule(armed)
        self._report(step)

    def _await(self, armed: Armed, index: int, figure: Figure) -> None:
        levels, part = figure.levels, (armed.name, index)
        leaf = armed.state.leaves[index]
        if armed.state.phase is not Phase.ACTIVE:
            levels.take(part)
        elif figure.value is None or leaf is LeafState.UNSEEN:
            levels.put(part, *ANY)
        else:
            levels.put(part, *armed.bands[index].waits(leaf, figure.value))

    # --- time

    def _schedule(self, armed: Armed) -> None:
        at = wakes_at(armed.rule, armed.state)
        if at is not None:
            heappush(self._dues, (at, armed.name))

    def _next_due(self) -> int:
        return self._dues[0][0] if self._dues else NEVER

    def _run_out(self, moment: Moment, about: Watched | None = None) -> None:
        """Rule 3, in the order of time and then of names. `about`: of the rules that wait for this figure alone."""
        dues = self._dues
        others: list[tuple[int, str]] = []
        while dues and dues[0][0] <= moment.ts_event:
            due = heappop(dues)
            armed = self._armed.get(due[1])
            if armed is None:
                continue
            if about is not None and about not in armed.watched:
                others.append(due)
                continue
            for step in pass_time(armed.name, armed.rule, armed.state, self._seen_by(armed, moment)):
                self._take(armed, step)
        for due in others:
            heappush(dues, due)

    def _seen_by(self, armed: Armed, moment: Moment) -> Moment:
        """A moment at which something of a rule has run out, as that rule sees it."""
        return moment


def _by_part(woken: Woken) -> tuple[str, int]:
    return woken[0], woken[1]


def _moment_of(armed: Armed, leaves: list[LeafState], asked: list[Woken]) -> Moment:
    """The moment as the part tells it that came to hold, before any other that changed."""
    changed = [each for each in asked if leaves[each[1]] is not armed.state.leaves[each[1]]] or asked
    return next((each[3] for each in changed if leaves[each[1]] is LeafState.YES), changed[0][3])
