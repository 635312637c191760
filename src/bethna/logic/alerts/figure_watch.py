"""The alerts of figures that are told one by one: a spread, an indicator, how the desk is; it computes none of them.

Rules
  1. A figure counts from the first that is told after the rule was armed. Its moment says of when it is and how
     complete.
  2. Nobody knows a figure that was not told since it is watched (so after a start, too), that was lost, or of which the
     last moment says so itself. What was judged stands meanwhile: a figure that comes back on the same side is no edge.
  3. Each figure has a time of its own: its moments end holds of the rules that wait for it, and `pass_time` of all.
  4. A hold that is over while a figure is not known fires, and says that it stands on what nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from bethna.core.alerts import Moment, Step
from bethna.core.coverage import State
from bethna.logic.alerts.rules import BY_TRADES, Watched
from bethna.logic.alerts.stepping import Armed, Stepper


class FigureWatch(Stepper):
    """Figures of any kind but those of trades (`trade_watch`)."""

    def __init__(self, report: Callable[[Step], None]) -> None:
        super().__init__(report)
        self._lost: set[Watched] = set()

    def wanted(self) -> frozenset[Watched]:
        """The figures that somebody waits for."""
        return frozenset(self._figures)

    def tell(self, watched: Watched, moment: Moment) -> None:
        """A figure is `moment.value` now; fine if nobody waits for it."""
        self._run_out(moment, watched)
        figure = self._figures.get(watched)
        if figure is None:
            return
        if moment.state is State.UNKNOWN:
            self._lost.add(watched)
        else:
            self._lost.discard(watched)
        self._judge(self._wake(figure, moment.value, moment))

    def lose(self, watched: Watched) -> None:
        """Nobody knows it from now on, until it is told again (rule 2)."""
        if watched in self._figures:
            self._lost.add(watched)

    def pass_time(self, moment: Moment) -> None:
        """Event time has come to `moment.ts_event`; its value is not looked at."""
        self._run_out(moment)

    def is_unknown(self, name: str) -> bool:
        """Whether a figure of this rule is not known now (rule 2); False for one that has none here."""
        armed = self._armed.get(name)
        parts = () if armed is None else self._figures_of(armed)
        return any(watched in self._lost or figure.value is None for _, watched, figure in parts)

    def _is_mine(self, watched: Watched) -> bool:
        return watched.kind not in BY_TRADES

    def _seen_by(self, armed: Armed, moment: Moment) -> Moment:
        """Rule 4."""
        return replace(moment, state=State.UNKNOWN) if self.is_unknown(armed.name) else moment

    def disarm(self, name: str) -> None:
        """As Stepper.disarm."""
        super().disarm(name)
        self._lost &= self._figures.keys()
