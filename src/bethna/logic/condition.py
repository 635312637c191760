"""Whether a venue trades, by what its connections said of it; it asks nobody.

Some venues say how they are at once on every connection, others only when it changes: who was not connected then never
hears that it is over.

Rules
  1. The newest word counts, on whatever connection it was said. `It trades` takes back everything.
  2. A word against trading stands as long as the connection lives on which it was said.
  3. When no such connection lives any more, it stands until one that was opened later is proven and has not said it.
"""

from __future__ import annotations

from collections.abc import Mapping


class Condition:
    """One venue's. Connections are numbered in the order of opening."""

    def __init__(self) -> None:
        self.not_trading: str | None = None
        """In the venue's words, None while it trades."""
        self._said_on: set[int] = set()
        self._newest = 0

    def said(self, number: int, *, trading: bool, message: str) -> bool:
        """The venue said how it is on a connection; whether that is a turn."""
        was = self.not_trading
        if trading:
            self.not_trading = None
            self._said_on.clear()
        else:
            self.not_trading = message
            self._said_on.add(number)
            self._newest = max(self._newest, number)
        return (was is None) != (self.not_trading is None)

    def look(self, living: Mapping[int, bool]) -> bool:
        """Whether the venue's word against trading is taken back now (rule 3).

        Args:
            living: the connections that live, and whether each has proven that it works.
        """
        self._said_on &= living.keys()
        if self.not_trading is None or self._said_on:
            return False
        if not any(works and number > self._newest for number, works in living.items()):
            return False
        self.not_trading = None
        return True
