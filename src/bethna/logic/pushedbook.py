"""Books of venues that push their snapshots: unnumbered updates get numbers that `booksync` knows; it keeps no book.

Such a venue says a snapshot on the socket when a book is subscribed, and changes after it, without ids: they follow
each other by the order of one connection. Whether one was lost, only the venue's own proof can tell (a checksum, a
count of all messages), and the codec that reads it raises a doubt.

Rules
  1. A snapshot begins the book of its connection. From then on that connection alone is heard: what an older one still
     says is the same once more, and is let go.
  2. Updates are numbered in the order in which they are heard. The count is the desk's own and goes on over snapshots
     and connections.
  3. An update without a snapshot of its connection before it has no book to change and is let go.
  4. When the heard connection ends, any other may begin the book anew. Until one does the book stands still.
  5. A doubt takes one number, of whatever it was that went missing. Its book stands still, and its connection is not
     heard, until there is another snapshot.
"""

from __future__ import annotations

from msgspec.structs import replace

from bethna.core.market import BookDelta, BookSnapshot
from bethna.core.wire import BookDoubt
from bethna.logic.booksync import BookSync


class PushedBook:
    """The way of one instrument's unnumbered updates into its `BookSync`.

    Attributes:
        epoch: the connection that is heard, 0 for none.
        proven: levels a side that the venue's proof covers, None for all. doubts: how many were raised.
        proved: updates heard that the venue's checksum confirmed, since only then the codec hands them on.
        overlaps: updates and doubts of connections that are not heard any more (rule 1). early: updates of rule 3.
    """

    def __init__(self, sync: BookSync) -> None:
        self.epoch = 0
        self.proven: int | None = 0
        self.doubts = 0
        self.proved = 0
        self.overlaps = 0
        self.early = 0
        self._sync = sync
        self._count = 0
        self._newest = 0

    def snapshot(self, snapshot: BookSnapshot) -> bool:
        """A book as its connection begins it, or begins it anew; True when the desk's book stands on it."""
        if snapshot.epoch < self._newest:
            self.overlaps += (
                1  # the older of two sockets, resubscribed while the newer one has the book already
            )
            return False
        self.epoch = self._newest = snapshot.epoch
        self.proven = snapshot.proven
        self._sync.connected(snapshot.ts_recv)
        return self._sync.snapshot(replace(snapshot, last_id=self._count))

    def apply(self, delta: BookDelta) -> bool:
        """One change; True when the book moved."""
        if delta.epoch != self.epoch:
            if delta.epoch < self._newest:
                self.overlaps += 1
            else:
                self.early += 1  # rule 3
            return False
        self._count += 1
        if self.proven:
            self.proved += 1
        return self._sync.apply(replace(delta, first_id=self._count, last_id=self._count))

    def ended(self, epoch: int, ts: int) -> None:
        """A connection has ended (rule 4)."""
        if epoch == self._newest:
            self._newest = 0
        if epoch == self.epoch:
            self._stand_still("the connection that carried the book has ended", ts)

    def doubt(self, doubt: BookDoubt) -> None:
        """The venue's proof fails (rule 5)."""
        if doubt.epoch != self.epoch:
            self.overlaps += 1
            return
        self.doubts += 1
        self._stand_still(doubt.reason, doubt.ts_recv)

    def _stand_still(self, reason: str, ts: int) -> None:
        self.epoch = 0
        self._count += 1
        self._sync.expect(self._count, ts, reason)
