"""What a stream says, in its plainest form: silence; who listens and how it leaves is not its matter."""

from __future__ import annotations

from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import Step
from bethna.twins.market.market import Market


class Publisher:
    """One stream. It hears its market's steps, or those of all when its stream is of all.

    Attributes:
        hears: False: steps are nothing to it (a heartbeat), and it is not asked about them.
    """

    hears = True

    def hear(self, market: Market, step: Step) -> list[bytes]:
        """A step happened; the payloads that are due now."""
        return []

    def flush(self, now: int) -> list[bytes]:
        """A multiple of `every_ns` by the venue's clock `now`; the payloads that are due now."""
        return []

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """What a new subscriber is told first, by the venue's clock `now`, such as a snapshot of the book.

        It must agree with what the others were told so far: the next `flush` or `hear` goes on from it.

        Args:
            past: the book as it was some time ago, where a fault shows an old one.
        """
        return []
