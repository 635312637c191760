"""Whether a venue still lists what is followed; it follows and unfollows nothing.

Hardly a venue says that an instrument was renamed, was delisted or has expired: its streams fall silent, and on the
next connection some refuse them, each in words of its own. The catalogue says it, on every venue alike.

Rules
  1. The catalogue is asked anew when something that is followed is silent or refused: for what has just come into doubt
     at most every SOONEST_S, for what stays there every LATER_S.
  2. What the catalogue lacks is refused, with what comes nearest; what it lists and does not trade says so. Each turn
     is told once.
  3. It is taken back when the catalogue lists it; and while data comes, nothing of it is told.
  4. A catalogue that cannot be had, or is empty, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from bethna.core.clock import Clock, seconds
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel
from bethna.services.connections import Explained

LOOK_S = 5.0
SOONEST_S = 300.0
LATER_S = 3600.0

Tell = Callable[[EventLevel, str, str, str], None]


class Doubts(Protocol):
    """What the pool knows of its instruments."""

    def doubtful(self) -> Collection[InstrumentId]:
        """What is refused, or silent on its socket, or explained."""
        ...

    def explain(self, instrument: InstrumentId, explained: Explained | None) -> bool:
        """What the venue's catalogue says of an instrument. Returns whether that is new."""
        ...


class Listing:
    """The look-out over one venue's catalogue.

    Args:
        pool: of the venue. listed: its catalogue, by instrument.
        ask: asks for the catalogue anew; False when there was no answer.
        near: listed symbols that come near a name, best first.
        tell: hears level, code, message, subject.
    """

    def __init__(
        self,
        venue: str,
        pool: Doubts,
        listed: Mapping[InstrumentId, Instrument],
        ask: Callable[[], Awaitable[bool]],
        near: Callable[[InstrumentId], list[str]],
        tell: Tell,
        clock: Clock,
    ) -> None:
        self._venue = venue
        self._pool = pool
        self._listed = listed
        self._ask = ask
        self._near = near
        self._tell = tell
        self._clock = clock
        self._asked_at: int | None = None
        self._known: set[InstrumentId] = set()

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Once (rule 1)."""
        doubtful = self._pool.doubtful()
        self._known &= set(doubtful)
        now = self._clock.monotonic_ns()
        pause_s = LATER_S if self._known.issuperset(doubtful) else SOONEST_S
        if not doubtful or (self._asked_at is not None and now - self._asked_at < seconds(pause_s)):
            return
        self._asked_at = now
        if not await self._ask():
            return  # rule 4
        self._known.update(doubtful)
        for instrument in doubtful:
            self._judge(instrument)

    def _judge(self, instrument: InstrumentId) -> None:
        """Rules 2 and 3."""
        symbol = instrument.partition("@")[0]
        found = self._listed.get(instrument)
        if found is None:
            near = self._near(instrument)
            hint = f". Nearest: {', '.join(near)}" if near else ""
            said = f"{self._venue} does not list {symbol} any more{hint}"
            if self._pool.explain(instrument, Explained(listed=False, reason=said)):
                self._tell("warning", "instrument_unlisted", said, instrument)
        elif not found.tradable:
            said = f"{self._venue} lists {symbol} but does not trade it now"
            if self._pool.explain(instrument, Explained(listed=True, reason=said)):
                self._tell("warning", "not_trading", said, instrument)
        elif self._pool.explain(instrument, None):
            self._tell("info", "instrument_listed", f"{self._venue} lists {symbol} and trades it", instrument)
