"""How a venue as a whole is: that its connections fail, that it lets nobody in, that it does not trade; told once each.

It makes no connection and keeps no count of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from bethna.core.errors import excerpt_of
from bethna.core.status import EventLevel
from bethna.core.wire import VenueCondition
from bethna.logic.access import PLACE, next_step, refusal_words
from bethna.logic.condition import Condition

Report = Callable[[EventLevel, str, str], None]

_log = structlog.get_logger("bethna.connections")


class Outage:
    """One venue's troubles.

    Args:
        attempts: failures in a row from which on it is failing. another: it has more hosts than one.
    """

    def __init__(self, venue: str, attempts: int, *, another: bool, report: Report) -> None:
        self._venue = venue
        self._attempts = attempts
        self._another = another
        self._report = report
        self._failing = ""
        self._shut_out: int | None = None
        self._condition = Condition()

    @property
    def going_on(self) -> bool:
        """It was told that the venue fails, and not yet that it does not any more."""
        return bool(self._failing)

    @property
    def not_trading(self) -> str | None:
        """The venue's own words while it says that it does not trade."""
        return self._condition.not_trading

    def failed(self, failures: int, reason: str) -> None:
        """A connection failed for the `failures`-th time in a row: failing after so many, and attempts go on."""
        if failures < self._attempts or self._failing:
            return
        self._failing = reason
        text = f"{failures} connection attempts in a row failed, the last: {reason}; attempts go on"
        self._report("error", "venue_failing", text)
        _log.warning("venue_failing", venue=self._venue, failures=failures, reason=reason)

    def shut_out(self, status: int) -> None:
        """The venue does not let us in: that is failing at once, for no number of attempts makes it clearer."""
        if status == self._shut_out:
            return
        self._shut_out, self._failing = status, refusal_words(self._venue, status)
        self._report("error", "place_refused" if status == PLACE else "access_refused", self.advice(status))
        _log.warning("venue_shut_us_out", venue=self._venue, status=status)

    def advice(self, status: int) -> str:
        """That it does not let us in, and what to do."""
        step = next_step(self._venue, status, another=self._another)
        return f"{refusal_words(self._venue, status)}: {step}"

    def over(self) -> None:
        """Everything that is wanted is connected again."""
        self._failing, self._shut_out = "", None
        self._report("info", "venue_recovered", "connections hold again")

    def condition(self, connection: int, said: VenueCondition) -> None:
        """The venue said how it is: health repeats its words while it does not trade, each turn is told once."""
        turned = self._condition.said(connection, trading=said.trading, message=excerpt_of(said.message))
        if turned and said.trading:
            self._report("info", "venue_trading", "it says that it trades again")
        elif turned:
            words = f"it says that it does not trade: {self._condition.not_trading}"
            self._report("warning", "venue_not_trading", words)

    def look(self, living: Mapping[int, bool]) -> None:
        """Who was cut off does not hear that it is over. `living`: connection -> whether it works."""
        if self._condition.not_trading is not None and self._condition.look(living):
            words = "a new connection works, on which it does not say any more that it does not trade"
            self._report("info", "venue_trading", words)
