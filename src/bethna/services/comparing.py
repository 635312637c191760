"""Comparing: holds the books of one venue against its own answers, where nothing on the stream proves them.

It keeps no book and mends none: it says to the feed what it found, and the feed asks for what it needs.

Rules
  1. Compared is a trusted book of which something is unproven: soon after it began, then every `every_s`; one book of a
     venue at a time, the one that has waited longest first, in the last lane of the quota.
  2. The answer shows the venue's book at some instant, and nobody knows which. So the book is listened to from BEFORE_S
     before the question (a venue may answer from memory) until the answer agrees, at most AFTER_S after it came (the
     stream may be late). An answer that by the venue's time is older than that window is let go.
  3. One contradiction is no proof: the answer may be an old one that bears no time. After AGAIN_S the venue is asked
     once more, and the book is doubted when the second answer contradicts at one of the same levels.
  4. A venue whose answers contradict its own stream for ever would have its books subscribed anew for ever: each doubt
     in a row doubles the time to the next comparison, up to LONGEST_S.
  5. A book that is begun anew or not trusted any more while it is compared is compared another time. So is one whose
     answer did not come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from bethna.core.clock import Clock, seconds
from bethna.core.errors import RateLimited, VenueError, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId
from bethna.core.status import Trust
from bethna.core.wire import BookDoubt, RestEvent
from bethna.logic.bookcompare import Comparison, Verdict
from bethna.logic.feed import BookStreamItem, InstrumentFeed
from bethna.logic.pushedbook import PushedBook
from bethna.runtime.bus import Bus
from bethna.venues.spec import Codec, RestRequest

LOOK_S = 1.0
"""So often it is asked whether a comparison is due."""
BEFORE_S = 2.0
AFTER_S = 10.0
AGAIN_S = 3.0
LONGEST_S = 3600.0


class Fetch(Protocol):
    """A venue's REST side, behind its quota keeper."""

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        """One answer as facts; raises VenueError."""
        ...


class Followed(Protocol):
    """The feeds, as comparing needs them."""

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments."""
        ...

    def feed(self, instrument: InstrumentId) -> InstrumentFeed:
        """One feed. Raises UnknownInstrument."""
        ...


class Comparing:
    """The comparer of one venue; `run` is its one coroutine.

    Args:
        rest: in the lane of what may wait. every_s: how long until the same book is compared again.
        limit: levels a side that are asked for.
    """

    def __init__(
        self,
        venue: str,
        codec: Codec,
        rest: Fetch,
        feeds: Followed,
        bus: Bus,
        clock: Clock,
        *,
        every_s: float,
        limit: int,
    ) -> None:
        self._venue = venue
        self._codec = codec
        self._rest = rest
        self._feeds = feeds
        self._bus = bus
        self._clock = clock
        self._every_s = every_s
        self._limit = limit
        self._due: dict[InstrumentId, int] = {}
        self._suspected: dict[InstrumentId, Verdict] = {}
        self._doubts: dict[InstrumentId, int] = {}

    async def run(self) -> None:
        """Compare one book after the other until cancelled."""
        while True:
            feed = self._next()
            if feed is None:
                await asyncio.sleep(LOOK_S)
                continue
            self._put_off(feed.id, self._every_s)
            try:
                await self._compare(feed)
            except RateLimited as error:
                await asyncio.sleep(error.retry_after_s)
            except (VenueError, WireError):
                await asyncio.sleep(LOOK_S)  # rule 5

    def _next(self) -> InstrumentFeed | None:
        """Rule 1."""
        now = self._clock.monotonic_ns()
        followed = {each.id for each in self._feeds.instruments() if each.venue == self._venue}
        for gone in self._due.keys() - followed:
            for kept in (self._due, self._suspected, self._doubts):
                kept.pop(gone, None)
        due = [name for name in followed if self._due_at(name) <= now]
        feeds = [feed for feed in map(self._feeds.feed, due) if _comparable(feed)]
        return min(feeds, key=lambda feed: (self._due_at(feed.id), feed.id), default=None)

    def _due_at(self, instrument: InstrumentId) -> int:
        return self._due.get(instrument, 0)

    async def _compare(self, feed: InstrumentFeed) -> None:
        """Rules 2 to 5, for one book. Meanwhile it may be followed no longer; then nobody hears what came of it."""
        name, sync, pushed = feed.id, feed.booksync, feed.pushed
        assert sync.book is not None
        assert pushed is not None
        window = _Window(Comparison(sync.book, whole=pushed.counted))
        heard = self._bus.channel("book", name).subscribe(window.hear, f"comparing {name}")
        try:
            begun = sync.stands_at()[0]
            await asyncio.sleep(BEFORE_S)
            if window.closed:
                self._put_off(name, AGAIN_S)
                return
            found = await self._rest.fetch(self._codec.snapshot_request(feed.instrument, self._limit))
            snapshot = next((each for each in found if isinstance(each, BookSnapshot)), None)
            if snapshot is None or _older(snapshot, begun):
                return
            verdict = await self._judge(window, snapshot)
        finally:
            heard.close()
        if verdict is None:
            self._put_off(name, AGAIN_S)
        else:
            self._conclude(feed, pushed, verdict)

    async def _judge(self, window: _Window, snapshot: BookSnapshot) -> Verdict | None:
        """Rule 2; None when the window closed before it could be said."""
        until = self._clock.monotonic_ns() + seconds(AFTER_S)
        while not (window.closed or window.comparison.overrun):
            verdict = window.comparison.judge(snapshot)
            if not verdict.contradictions or self._clock.monotonic_ns() >= until:
                return verdict
            await asyncio.sleep(LOOK_S)
        return None

    def _conclude(self, feed: InstrumentFeed, pushed: PushedBook, verdict: Verdict) -> None:
        """Rules 3 and 4."""
        name, now = feed.id, self._clock.now_ns()
        before = self._suspected.pop(name, None)
        if not verdict.contradictions:
            self._doubts.pop(name, None)
            pushed.compared(verdict.equal, verdict.reach, now)
        elif before is None or not verdict.shares(before):
            self._suspected[name] = verdict
            self._put_off(name, AGAIN_S)
        else:
            times = self._doubts[name] = self._doubts.get(name, 0) + 1
            self._put_off(name, min(LONGEST_S, self._every_s * 2.0 ** min(times, 16)))
            count = len(verdict.contradictions)
            reason = f"the venue's own snapshot contradicts it at {count} levels: {verdict.words()}"
            feed.apply_doubt(BookDoubt(name, reason, now, pushed.epoch))

    def _put_off(self, instrument: InstrumentId, by_s: float) -> None:
        self._due[instrument] = self._clock.monotonic_ns() + seconds(by_s)


class _Window:
    """What the feed says of the book while it is compared."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.closed = False

    def hear(self, item: BookStreamItem) -> None:
        """Rule 5."""
        if isinstance(item, BookDelta):
            self.comparison.hear(item)
        else:
            self.closed = True


def _comparable(feed: InstrumentFeed) -> bool:
    """Whether its book stands, and is not proven by itself."""
    pushed, sync = feed.pushed, feed.booksync
    if pushed is None or pushed.proven is None or not pushed.epoch:
        return False
    return sync.book is not None and sync.trust is Trust.TRUSTED


def _older(snapshot: BookSnapshot, begun: int | None) -> bool:
    return snapshot.ts_event is not None and begun is not None and snapshot.ts_event < begun
