"""From a snapshot and deltas to a trusted book, for venues that number their updates; it never fetches.

Rules (Binance spot, "how to manage a local order book correctly"; protocol sheet section 4)
  1. Deltas are held until there is a snapshot; the first held delta asks for one.
  2. A snapshot older than the first held delta (last_id + 1 < first_id) cannot join: ask again. So it is with one that
     is older than what the stream said before and nobody held.
  3. Held deltas with last_id <= snapshot are dropped. The first one kept must cover snapshot + 1.
  4. A delta that begins at the book's id + 1 is applied; one wholly at or below the book's id is a duplicate.
  5. A delta that begins beyond the book's id + 1 is a gap: announce it, distrust the book, hold, ask for a snapshot.
     The gap closes without one when the missing deltas turn up after all (they were only reordered). A venue that says
     elsewhere (in its quotes) how far its book has come shows a gap that no later delta has shown yet.
  6. Held deltas are bounded; the oldest are let go and the snapshot must then be newer than they were.
  7. A book whose certified depth has worn thin asks for a fresh snapshot and stays trusted meanwhile.
  8. A crossed book is corrupt: distrust it and start again with a snapshot.
  9. No snapshot for `patience_ns`: the book is untrusted, and the asking goes on.
  10. While the stream is down a book is not trusted and nothing is asked for: a snapshot without a stream ages unseen.
     The first delta tells what is needed: it joins, or it opens a gap. Where the venue begins every book with a
     snapshot of its own, one that has not come `patience_ns` after the stream stands is asked for.
  11. A delta whose ids are far from the stream's (gaplog rule 5) is in doubt. Two that agree are believed: above as a
     gap, below as a venue that counts anew; meanwhile the book is not trusted. Likewise a snapshot that the stream has
     not reached after `patience_ns` is not of this stream: start again. Where ids may jump, a snapshot on the stream
     that is below what it said before, and later by the venue's time, is that of a venue that counts anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.errors import CrossedBook
from bethna.core.market import BookDelta, BookSnapshot
from bethna.core.status import Trust
from bethna.logic.book import OrderBook
from bethna.logic.gaplog import MAX_JUMP, Astray, GapLog

MIN_CERTIFIED_DEPTH = 100
COUNT_EVERY_NS = 10 * NS_PER_S
# In Python 3.11 a member of an enum is looked up by a Python function, 0.2 us each time.
TRUSTED = Trust.TRUSTED


class BookOutput(Protocol):
    """Where the machine's effects go, in order."""

    def book_gap(self, gap: Gap, ts: int) -> None:
        """Deltas are missing."""
        ...

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        """The trust state changed."""
        ...

    def want_snapshot(self, reason: str, ts: int) -> None:
        """A snapshot is needed; ask again until one arrives."""
        ...


class BookSync:
    """The synchronisation machine of one instrument's book.

    Args:
        moved: called with each delta after it was applied, in order, once each.
        output: told of gaps, trust and wants.
        patience_ns: how long to wait for a snapshot (rule 9). max_held: how many deltas may wait (rule 6).
        max_jump: ids between updates beyond which one is in doubt (rule 11); None where every update names the one
            before it, so that ids may jump and are never in doubt.
        pushes: the venue begins every book with a snapshot on the stream.
        stood: called with a snapshot when the book stands on it, before the held deltas that join it are `moved`.

    Attributes:
        certified_depth: certified levels of the shorter side, counted every ten seconds.
        stood: it was trusted at least once.
    """

    def __init__(
        self,
        moved: Callable[[BookDelta], None],
        output: BookOutput,
        *,
        patience_ns: int,
        max_held: int,
        stood: Callable[[BookSnapshot], None] | None = None,
        max_jump: int | None = MAX_JUMP,
        pushes: bool = False,
    ) -> None:
        self.log = GapLog("book")
        self.book: OrderBook | None = None
        self.trust = Trust.WAITING
        self.applied = 0
        self.resyncs = 0
        self.last: BookDelta | None = None
        self.overlapping = False
        self.certified_depth = 0
        self.stood = False
        self._counted_at = 0
        self._moved = moved
        self._stood = stood
        self._output = output
        self._patience_ns = patience_ns
        self._max_held = max_held
        self._max_jump = max_jump
        self._pushes = pushes
        self._next_id = -1
        self._seen_id = -1
        self._held: dict[int, BookDelta] = {}
        self._wanted_at = 0
        self._refreshing = False
        self._down = False
        self._snapshots = 0
        self._stood_at = 0
        self._stood_on: BookSnapshot | None = None
        self._frozen: BookDelta | None = None
        self._mute: BookDelta | None = None
        self._astray: Astray[BookDelta] = Astray(self.log)

    def apply(self, delta: BookDelta) -> bool:
        """Take one delta from the stream; True when the book moved."""
        self._down = False
        if delta.first_id == self._next_id and not self._held:  # rule 4
            self._next_id = delta.last_id + 1
            self._seen_id = delta.last_id
            if self.trust is not TRUSTED:
                self._found(delta)
                self._set_trust(Trust.TRUSTED, "updates join", delta.ts_recv)
            book = self.book
            assert book is not None
            book.apply(delta.bids, delta.asks, delta.last_id)  # as `_move`, without its call: the hot path
            self.applied += 1
            self.last = delta
            self._moved(delta)
            return True
        if self._far(delta):
            return self._doubt(delta)
        return self._irregular(delta)

    def snapshot(self, snapshot: BookSnapshot) -> bool:
        """Take a snapshot; True when the book now stands on it."""
        if self._down:  # rule 10
            return False
        if self.book is not None and self.trust is TRUSTED and snapshot.last_id < self.book.update_id:
            if self._refreshing:  # it says nothing new, and a worn book still wants one (rule 7)
                self._want("snapshot older than the book", snapshot.ts_recv)
            return False
        if snapshot.last_id + 1 < min(self._held, default=self._seen_id + 1):  # rule 2
            self._want("snapshot older than the held deltas", snapshot.ts_recv)
            return False
        self._stand_on(snapshot)
        return True

    def pushed(self, snapshot: BookSnapshot) -> bool:
        """As `snapshot`, of one that stands on the stream itself (rules 10 and 11)."""
        self.connected(snapshot.ts_recv)
        before, ts = self._last_ts(), snapshot.ts_event
        below = self._max_jump is None and snapshot.last_id < self._seen_id
        if below and before is not None and ts is not None and before < ts:
            self._begin_anew(snapshot)
        return self.snapshot(snapshot)

    def tick(self, now: int) -> None:
        """Let time pass (rules 7 to 9 and 11). `now` is on the clock of `ts_recv`, which may be set back."""
        self._wanted_at, self._stood_at = min(self._wanted_at, now), min(self._stood_at, now)
        self._counted_at = min(self._counted_at, now)
        if self._astray.since is not None and abs(now - self._astray.since) > self._patience_ns:
            self._astray.expire(self._expected())
        if self._down:
            return
        if self.trust is Trust.WAITING and self._pushes:
            self._await_first(now)
        elif self.trust is Trust.SYNCING and now - self._wanted_at > self._patience_ns:
            self._set_trust(Trust.UNTRUSTED, "no snapshot came in time", now)
            self._want("still no snapshot", now)
        elif self.trust is Trust.UNTRUSTED and now - self._wanted_at > self._patience_ns:
            self._want("still no snapshot", now)
        if now - self._counted_at >= COUNT_EVERY_NS:
            self._counted_at = now
            self._look_over(now)

    def _await_first(self, now: int) -> None:
        """Rule 10, last sentence."""
        if self._wanted_at and now - self._wanted_at > self._patience_ns:
            self._set_trust(Trust.SYNCING, "the venue has begun no book", now)
            self._want("no snapshot has come", now)

    def _look_over(self, now: int) -> None:
        """Rules 7 and 8, now and then: reading a whole book costs as much as many updates."""
        if not self.verify(now) or self.book is None:
            return
        self.certified_depth = self.book.certified_depth
        if self.trust is TRUSTED and not self._refreshing and self.book.worn(MIN_CERTIFIED_DEPTH):
            self._refreshing = True
            self._want("certified depth has worn thin", now)

    def verify(self, ts: int) -> bool:
        """True when the book is not crossed; a crossed one is distrusted (rule 8)."""
        if self.book is None:
            return False
        try:
            self.book.best()
        except CrossedBook as error:
            self._distrust(error.message, ts)
            return False
        return True

    def expect(self, last_id: int, ts: int, reason: str = "") -> None:
        """The venue's book has come to `last_id`, and the updates up to it have not come here (rule 5).

        Args:
            reason: how it is known, where not from the venue's quotes; then it is told in place of ids, which would be
                those of our own count.
        """
        first = max(self._expected(), self._next_id)
        if self.book is None or not 0 <= first <= last_id:
            return
        hole = self.log.open(first, last_id, self._last_ts(), None)
        self._seen_id = last_id
        if not reason:
            self._output.book_gap(self.log.fact(hole), ts)
        said = reason or f"updates {first} to {last_id} have not come, the venue quotes them"
        self._set_trust(Trust.SYNCING, said, ts)
        if self.mute:  # another snapshot would age as the last one did: `tick` asks, with patience
            self._wanted_at = ts
        else:
            self._want(reason or "behind the venue's quotes", ts)
        self._mute = self.last

    @property
    def mute(self) -> bool:
        """Updates were missed, and none has come since."""
        return self._mute is not None and self._mute is self.last

    def stands_at(self) -> tuple[int | None, int | None]:
        """The venue's time (None where it gave none) and the receive time of what the book shows."""
        shown: BookDelta | BookSnapshot | None = self._frozen or self.last
        snapshot = self._stood_on
        if snapshot is not None and (shown is None or shown.last_id <= snapshot.last_id):
            shown = snapshot
        return (None, None) if shown is None else (shown.ts_event, shown.ts_recv)

    def disproved(self, reason: str, ts: int) -> None:
        """Another oracle contradicts the book: start again with a snapshot."""
        self._distrust(reason, ts)

    def off(self) -> None:
        """No book is wanted: there is none, and none is missed."""
        self.trust = Trust.OFF

    def disconnected(self, reason: str, ts: int) -> None:
        """The stream is down (rule 10)."""
        self._down = True
        self._refreshing = False
        if self.trust not in (Trust.WAITING, Trust.OFF):
            self._set_trust(Trust.WAITING if self.book is None else Trust.SYNCING, reason, ts)

    def connected(self, now: int) -> None:
        """The stream is there again; a snapshot on the stream itself is a proof of that (rule 10)."""
        self._down = False
        if self._pushes and self.trust is not TRUSTED:  # the venue owes one from now on
            self._wanted_at = now

    @property
    def book_lost(self) -> bool:
        """There was a book, and now there is none that can be trusted."""
        return self._snapshots > 0 and self.trust is not TRUSTED

    @property
    def held(self) -> int:
        """How many deltas wait."""
        return len(self._held)

    def _irregular(self, delta: BookDelta) -> bool:
        first, last = delta.first_id, delta.last_id
        if first in self._held or not self._in_chain(delta):
            self.log.double(first, last, delta.ts_event, overlap=self.overlapping)
            return False
        self._seen_id = max(self._seen_id, last)
        if self.book is not None and last < self._next_id:  # rule 3: the snapshot has it already
            if self._seen_id < self._next_id - 1 and delta.ts_recv - self._stood_at > self._patience_ns:
                self._distrust("the stream does not come to the snapshot", delta.ts_recv)  # rule 11
            return False
        if self.book is not None and first <= self._next_id:
            self._next_id = last + 1
            self._move(delta)
            self._drain(delta.ts_recv)
            return True
        self._hold(delta)
        return False

    def _expected(self) -> int:
        """The id with which the stream goes on, -1 while nothing is known of it."""
        return self._seen_id + 1 if self._seen_id >= 0 else self._next_id

    def _far(self, delta: BookDelta) -> bool:
        """Rule 11; below the stream only what is newer than the last delta: else it is a late one or a duplicate."""
        expected, most = self._expected(), self._max_jump
        if most is None or expected < 0:
            return False
        if abs(delta.first_id - expected) <= most or delta.first_id in self._held:
            return False
        if delta.first_id > expected:
            return True
        return (
            self.last is not None
            and delta.ts_event >= self.last.ts_event
            and not self.log.missing(delta.last_id)
        )

    def _doubt(self, delta: BookDelta) -> bool:
        """Rule 11."""
        ids = (delta.first_id, delta.last_id)
        if ids == self._astray.ids:
            self.log.double(*ids, delta.ts_event, overlap=self.overlapping)
            return False
        if self.trust is TRUSTED:
            self._set_trust(Trust.SYNCING, "an update far from the stream's", delta.ts_recv)
            self._wanted_at = delta.ts_recv
        agreed = self._astray.doubt(delta, ids, delta.ts_event, delta.ts_recv, self._expected())
        if agreed and agreed[1].last_id < self._expected():
            self._begin_anew(agreed[0])
        moved = [self._irregular(each) for each in agreed]
        return any(moved)

    def _begin_anew(self, first: BookDelta | BookSnapshot) -> None:
        """Rule 11: what the stream said before belongs to another count; a new snapshot makes the book whole."""
        lost = self._expected()
        self.log.seal()
        hole = self.log.open(lost, lost, self._last_ts(), first.ts_event, "renumbered")
        hole.take(lost, lost, fetched=True)
        self._seen_id = -1
        self._distrust("the venue counts its updates anew", first.ts_recv)

    def _last_ts(self) -> int | None:
        return self.last.ts_event if self.last is not None else None

    def _in_chain(self, delta: BookDelta) -> bool:
        """Name what the stream passed over; False when it said this delta before."""
        first, last, seen, expected = delta.first_id, delta.last_id, self._seen_id, self._expected()
        if expected < 0:
            return True
        if seen >= 0 and first <= seen:
            found = self._found(delta)
            if last <= seen:
                return found
        if first > expected:  # rule 5
            self._open_hole(expected, first - 1, delta)
        return True

    def _found(self, delta: BookDelta) -> bool:
        """Whether it was missing; it is not any more."""
        found = False
        while self.log.take(delta.first_id, delta.last_id, fetched=False):
            found = True
        return found

    def _open_hole(self, first: int, last: int, delta: BookDelta) -> None:
        hole = self.log.open(first, last, self._last_ts(), delta.ts_event)
        if self.book is not None and last < self._next_id:  # below the snapshot: nothing is lost
            hole.take(first, last, fetched=True)
            return
        self._output.book_gap(self.log.fact(hole), delta.ts_recv)
        if self.book is not None:
            self._set_trust(Trust.SYNCING, f"updates {first} to {last} are missing", delta.ts_recv)
            self._want("gap", delta.ts_recv)

    def _hold(self, delta: BookDelta) -> None:
        """Rules 1, 5 and 6."""
        if not self._held:
            self._frozen = self.last  # the book stands still from here on
        self._held[delta.first_id] = delta
        self.last = delta
        if self.trust is Trust.WAITING:
            self._set_trust(Trust.SYNCING, "first delta, snapshot wanted", delta.ts_recv)
            self._want("first delta", delta.ts_recv)
        while len(self._held) > self._max_held:
            del self._held[next(iter(self._held))]

    def _move(self, delta: BookDelta) -> None:
        book = self.book
        assert book is not None
        book.apply(delta.bids, delta.asks, delta.last_id)
        self.applied += 1
        self.last = delta
        self._moved(delta)

    def _drain(self, now: int) -> None:
        """Apply every held delta that joins; when none is left the book is whole again."""
        while self._held:
            delta = self._held.pop(self._next_id, None) or self._covering()
            if delta is None:
                break
            self._next_id = delta.last_id + 1
            self._move(delta)
        if not self._held:
            self._frozen = None
        if self.book is not None and not self._held:
            self._set_trust(Trust.TRUSTED, "updates join", now)

    def _covering(self) -> BookDelta | None:
        """A held delta that covers the next id without beginning at it (rule 3), dropping older ones."""
        for first in sorted(self._held):
            delta = self._held[first]
            if first > self._next_id:
                return None
            del self._held[first]
            if delta.last_id >= self._next_id:
                return delta
        return None

    def _stand_on(self, snapshot: BookSnapshot) -> None:
        """Rule 3: a new book on the snapshot, then every held delta that joins it."""
        self._snapshots += 1
        self.resyncs += self._snapshots > 1 and self.trust is not TRUSTED
        self._refreshing = False
        self._stood_at = snapshot.ts_recv
        self._stood_on = snapshot
        self.book = OrderBook(snapshot)
        self.certified_depth = self.book.certified_depth
        self._next_id = snapshot.last_id + 1
        self.log.settle(snapshot.last_id)
        if self._stood is not None:
            self._stood(snapshot)
        self._drain(snapshot.ts_recv)
        if self._held:  # a hole above the snapshot remains
            self._set_trust(Trust.SYNCING, "updates are missing above the snapshot", snapshot.ts_recv)
            self._want("gap above the snapshot", snapshot.ts_recv)

    def _distrust(self, reason: str, ts: int) -> None:
        self.book = None
        self._next_id = -1
        self._held.clear()
        self._set_trust(Trust.SYNCING, reason, ts)
        self._want(reason, ts)

    def _want(self, reason: str, ts: int) -> None:
        self._wanted_at = ts
        self._output.want_snapshot(reason, ts)

    def _set_trust(self, trust: Trust, reason: str, ts: int) -> None:
        if trust is not self.trust:
            self.trust = trust
            self.stood = self.stood or trust is TRUSTED
            self._output.book_trust(trust, reason, ts)
