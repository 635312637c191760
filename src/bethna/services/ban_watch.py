"""Tells that a venue has stopped this address on its REST side, until when, and when that is over; it stops nothing.

Rules
  1. 418 is a ban, and so is a 429 that asks for LONG_S or more: what is fetched waits for all that time. A shorter wait
     is everyday life.
  2. It is told once when it begins, and again when the venue makes it longer by LONG_S, and when it ends.
  3. What the venue said to another process of the user counts as well: the quota's ledger is shared.
  4. The streams go on meanwhile, if the venue lets them: that is the pool's to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from bethna.core.clock import NS_PER_S, Clock, until_utc
from bethna.core.status import EventLevel

LONG_S = 10.0
LOOK_S = 1.0

Report = Callable[[EventLevel, str, str], None]


class Stopped(Protocol):
    """A venue's quota, as its watch needs it."""

    def stopped(self) -> int:
        """Nanoseconds until the venue lets anything go again; 0 when it has not said wait."""
        ...

    @property
    def banned(self) -> bool:
        """The last stop was a 418."""
        ...


class Ban(Struct, frozen=True, gc=False):
    """A venue's word against this address. `until`: ns UTC by the desk's clock. `words`: for a person."""

    until: int
    words: str


class BanWatch:
    """One venue's. `run` is its one coroutine."""

    def __init__(self, venue: str, quota: Stopped, clock: Clock, report: Report) -> None:
        self._venue = venue
        self._quota = quota
        self._clock = clock
        self._report = report
        self._until = 0  # of the ban that stands, monotonic ns; 0 while there is none
        self._told_until = 0

    def ban(self) -> Ban | None:
        """The ban that stands now, told when it is new."""
        now, left = self._clock.monotonic_ns(), self._quota.stopped()
        if not left:
            if self._until:
                self._until = self._told_until = 0
                self._report("info", "venue_ban_over", f"{self._venue} may be asked by REST again")
            return None
        banned = self._quota.banned
        if not self._until and not banned and left < LONG_S * NS_PER_S:  # rule 1
            return None
        self._until = now + left
        until = self._clock.now_ns() + left
        status = 418 if banned else 429
        verb = (
            "has banned this address from its REST side"
            if banned
            else "takes no REST requests of this address"
        )
        words = f"{self._venue} {verb} until {until_utc(until, left)} (HTTP {status})"
        if self._until >= self._told_until + LONG_S * NS_PER_S:  # rule 2
            self._told_until = self._until
            text = f"{words}: what streams goes on, snapshots, gaps and history wait until then"
            self._report("error" if banned else "warning", "venue_banned", text)
        return Ban(until, words)

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            self.ban()
            await asyncio.sleep(LOOK_S)
