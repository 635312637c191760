"""The time in which no socket carried an instrument, until a trade shows by its id what was missed; it opens nothing.

Rules
  1. It begins with the newest event before it, by the venue's clock; a second one that no trade parts from the first
     goes on with it.
  2. It ends, for what is known of it, when a socket carries the instrument again.
  3. A trade that came after it was noticed, by the desk's clock, has closed it: its id joins, or it opens a gap.
"""

from __future__ import annotations

from bethna.core.coverage import Gap


class Absence:
    """One instrument's. Times are ns UTC: `since` and `until` by the venue's clock, the rest by the desk's."""

    __slots__ = ("_noticed", "_since", "_until")

    def __init__(self) -> None:
        self._since: int | None = None
        self._noticed = 0
        self._until: int | None = None

    def begin(self, newest: int | None, traded: int | None, now: int) -> None:
        """The socket is gone (rule 1).

        Args:
            newest: the venue's time of the newest event. traded: when a trade last came.
        """
        if newest is not None:
            self._since = self._since if self._since is not None and self._stands(traded) else newest
            self._noticed, self._until = now, None

    def end(self, venue_now: int) -> None:
        """A socket carries it again (rule 2)."""
        if self._since is not None and self._until is None:
            self._until = venue_now

    def gaps(self, traded: int | None, venue_now: int) -> list[Gap]:
        """It, while it is known of no trade what was missed (rule 3)."""
        if self._since is None or not self._stands(traded):
            return []
        until = venue_now if self._until is None else self._until
        return [Gap("trades", None, None, self._since, until, "disconnected")]

    def _stands(self, traded: int | None) -> bool:
        return traded is None or traded <= self._noticed
