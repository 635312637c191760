"""The alerts of figures that are told one by one: a spread, an indicator, how the desk is; it computes none of them.

A figure counts from the first that is told after the rule was armed. Its moment says of when it is and how complete.
"""

from __future__ import annotations

from bethna.core.alerts import Moment
from bethna.logic.alerts.rules import Watched
from bethna.logic.alerts.stepping import Stepper


class FigureWatch(Stepper):
    """Figures of any kind but those of trades (`trade_watch`)."""

    def wanted(self) -> frozenset[Watched]:
        """The figures that somebody waits for."""
        return frozenset(self._figures)

    def tell(self, watched: Watched, moment: Moment) -> None:
        """A figure is `moment.value` now; fine if nobody waits for it."""
        self._run_out(moment)
        figure = self._figures.get(watched)
        if figure is not None:
            self._judge(self._wake(figure, moment.value, moment))

    def pass_time(self, moment: Moment) -> None:
        """Event time has come to `moment.ts_event`; its value is not looked at."""
        self._run_out(moment)
