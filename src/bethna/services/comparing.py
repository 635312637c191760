"""Comparing: holds the books of one venue against its own answers, where nothing on the stream proves them.

It keeps no book and mends none: it says to the feed what it found, and the feed asks for what it needs.

Rules
  1. Compared is a trusted book of which something is unproven: soon after it began, then every `every_s`; one book of a
     venue is asked for at a time, the one that has waited longest first, in the last lane of the quota. The next AHEAD
     of them are listened to meanwhile (rule 2), so that a hundred books have their turns within a minute.
  2. The answer shows the venue's book at some instant, and nobody knows which. So the book is listened to from BEFORE_S
     before the question (a venue may answer from memory) until the answer agrees, at most AFTER_S after it came (the
     stream may be late). An answer that by the venue's time is older than that window says nothing.
  3. One contradiction is no proof: the answer may be an old one that bears no time. After AGAIN_S the venue is asked
     once more, and the book is doubted when the second answer contradicts at one of the same levels. Meanwhile it is
     listened to: the second window begins where the first began, so that only answers which are older than the two
     questions are apart can raise a false doubt. Once more is asked, too, after an answer that says nothing (rule 2).
  4. A venue whose answers contradict its own stream for ever would have its books subscribed anew for ever: each doubt
     in a row doubles the time to the next comparison, up to LONGEST_S.
  5. A book that is begun anew or not trusted any more while it is compared is compared another time. So is one whose
     answer did not come.
  6. A doubt is told as `book_disproved`, with when a snapshot agreed last: since then the book may have been wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.errors import RateLimited, VenueError, WireError
from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId
from bethna.core.status import SystemEvent, Trust
from bethna.core.wire import BookDoubt, RestEvent
from bethna.logic.bookcompare import Comparison, Verdict
from bethna.logic.feed import BookStreamItem, InstrumentFeed
from bethna.logic.pushedbook import STANDING_NS
from bethna.runtime.bus import Bus
from bethna.venues.spec import Codec, RestRequest

LOOK_S = 1.0
"""So often it is asked whether a comparison is due."""
BEFORE_S = 2.0
AFTER_S = 10.0
AGAIN_S = 3.0
AHEAD = 4
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

    def report(self, event: SystemEvent) -> None:
        """Tell people."""
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
        self._open: dict[InstrumentId, _Window] = {}
        self._doubts: dict[InstrumentId, int] = {}

    async def run(self) -> None:
        """Compare one book after the other until cancelled."""
        try:
            while True:
                await self._step()
        finally:
            for window in self._open.values():
                window.close()
            self._open.clear()

    async def _step(self) -> None:
        line = self._line()
        if not line:
            await asyncio.sleep(LOOK_S)
            return
        for feed in line[: AHEAD + 1]:
            self._listen(feed)
        feed = line[0]
        self._put_off(feed.id, self._every_s)
        try:
            await self._compare(feed, self._open.pop(feed.id))
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
        except (VenueError, WireError):
            await asyncio.sleep(LOOK_S)  # rule 5

    def _line(self) -> list[InstrumentFeed]:
        """Who is due, in turn (rule 1)."""
        now = self._clock.monotonic_ns()
        followed = {each.id for each in self._feeds.instruments() if each.venue == self._venue}
        for gone in {*self._due, *self._open} - followed:
            self._due.pop(gone, None)
            self._doubts.pop(gone, None)
            if window := self._open.pop(gone, None):
                window.close()
        due = [name for name in followed if self._due_at(name) <= now]
        feeds = [feed for feed in map(self._feeds.feed, due) if _comparable(feed)]
        return sorted(feeds, key=lambda feed: (self._due_at(feed.id), feed.id))

    def _listen(self, feed: InstrumentFeed) -> None:
        """Have a window of it that can be judged."""
        window = self._open.get(feed.id)
        if window is not None and window.spent:
            window.close()
            window = None
        if window is None:
            self._open[feed.id] = _Window(feed, self._bus, self._clock.monotonic_ns())

    def _due_at(self, instrument: InstrumentId) -> int:
        return self._due.get(instrument, 0)

    async def _compare(self, feed: InstrumentFeed, window: _Window) -> None:
        """Rules 2 to 5, for one book. Meanwhile it may be followed no longer; then nobody hears what came of it."""
        try:
            listened = self._clock.monotonic_ns() - window.opened
            await asyncio.sleep(max(0.0, BEFORE_S - listened / NS_PER_S))
            await self._ask(feed, window)
        finally:
            if self._open.get(feed.id) is not window:
                window.close()

    async def _ask(self, feed: InstrumentFeed, window: _Window) -> None:
        """One question, and what comes of it."""
        verdict: Verdict | None = None
        if not window.spent:
            window.asked += 1
            found = await self._rest.fetch(self._codec.snapshot_request(feed.instrument, self._limit))
            snapshot = next((each for each in found if isinstance(each, BookSnapshot)), None)
            if snapshot is None:
                return
            if window.is_newer(snapshot):
                if window.asked == 1:
                    self._keep(feed.id, window)
                return
            verdict = await self._judge(window, snapshot)
        if verdict is not None:
            self._conclude(feed, window, verdict)
        elif not window.comparison.overrun:
            self._put_off(feed.id, AGAIN_S)

    async def _judge(self, window: _Window, snapshot: BookSnapshot) -> Verdict | None:
        """Rule 2; None when the window closed before it could be said."""
        until = self._clock.monotonic_ns() + seconds(AFTER_S)
        while not window.spent:
            verdict = window.comparison.judge(snapshot)
            if not verdict.contradictions or self._clock.monotonic_ns() >= until:
                return verdict
            await asyncio.sleep(LOOK_S)
        return None

    def _conclude(self, feed: InstrumentFeed, window: _Window, verdict: Verdict) -> None:
        """Rules 3, 4 and 6."""
        name, pushed, now = feed.id, feed.pushed, self._clock.now_ns()
        assert pushed is not None
        before, window.suspicion = window.suspicion, verdict
        if not verdict.contradictions:
            self._doubts.pop(name, None)
            pushed.compared(verdict.equal, verdict.reach, now)
            if pushed.counted and now - pushed.since < STANDING_NS:
                self._put_off(name, STANDING_NS / NS_PER_S)  # too young to be proven by that
        elif before is None or not verdict.shares(before):
            self._keep(name, window)
        else:
            times = self._doubts[name] = self._doubts.get(name, 0) + 1
            self._put_off(name, min(LONGEST_S, self._every_s * 2.0 ** min(times, 16)))
            count = len(verdict.contradictions)
            reason = f"the venue's own snapshot contradicts it at {count} levels: {verdict.words()}"
            self._tell(name, reason, pushed.compared_at, now)
            feed.apply_doubt(BookDoubt(name, reason, now, pushed.epoch))

    def _tell(self, name: InstrumentId, reason: str, agreed: int | None, now: int) -> None:
        """Rule 6."""
        since = (
            "none agreed before" if agreed is None else f"one agreed {(now - agreed) / NS_PER_S:.0f} s ago"
        )
        message = f"the book is wrong, {reason}; {since}"
        self._feeds.report(SystemEvent(now, "warning", "book_disproved", name, message))

    def _keep(self, name: InstrumentId, window: _Window) -> None:
        """Ask once more in the same window (rule 3)."""
        self._open[name] = window
        self._put_off(name, AGAIN_S)

    def _put_off(self, instrument: InstrumentId, by_s: float) -> None:
        self._due[instrument] = self._clock.monotonic_ns() + seconds(by_s)


class _Window:
    """What the feed says of a book while it is compared; it listens until it is closed.

    Attributes:
        opened: when, monotonic ns. begun: the venue's time of the book then. asked: questions so far.
        suspicion: what the newest answer came to.
    """

    def __init__(self, feed: InstrumentFeed, bus: Bus, opened: int) -> None:
        sync, pushed = feed.booksync, feed.pushed
        assert sync.book is not None
        assert pushed is not None
        self.comparison = Comparison(sync.book, whole=pushed.counted)
        self.opened = opened
        self.begun = sync.stands_at()[0]
        self.asked = 0
        self.suspicion: Verdict | None = None
        self._of_another = False
        self._heard = bus.channel("book", feed.id).subscribe(self._hear, f"comparing {feed.id}")

    @property
    def spent(self) -> bool:
        """Whether nothing can be judged in it any more (rule 5)."""
        return self._of_another or self.comparison.overrun

    def is_newer(self, snapshot: BookSnapshot) -> bool:
        """Whether by the venue's time it began after this snapshot."""
        return snapshot.ts_event is not None and self.begun is not None and snapshot.ts_event < self.begun

    def close(self) -> None:
        """Hear nothing more."""
        self._heard.close()

    def _hear(self, item: BookStreamItem) -> None:
        if isinstance(item, BookDelta):
            self.comparison.hear(item)
        else:
            self._of_another = True


def _comparable(feed: InstrumentFeed) -> bool:
    """Whether its book stands, and is not proven by itself."""
    pushed, sync = feed.pushed, feed.booksync
    if pushed is None or pushed.proven is None or not pushed.epoch:
        return False
    return sync.book is not None and sync.trust is Trust.TRUSTED
