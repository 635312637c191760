"""Prices, books, candles and events as a desk behind an address says them: what is known, and what a listener is told.

Machines: they are handed facts of the wire and the desk's time, open no socket and ask nobody. Trades are in
`mirror_trades`.

Rules
  1. Prices and candles are states: after a loss what differs is told, each closed candle that the snapshot has too.
  2. A book at `every` is a snapshot and the changes that join it. A change that does not join is Unjoined: whoever
     owns the mirror takes a new snapshot. One that the book has already is passed over.
  3. At `ui` each frame is the whole top of the book; nobody is told of it, it is there to be read.
  4. Levels beyond what a snapshot certified are not shown. A side of fewer than SHALLOW levels counts as whole.
  5. Of events what repeats the end of what is known is not told again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from bethna.api.protocol import BookChange
from bethna.client.local_ears import snapshot_of
from bethna.client.remote_facts import nanos
from bethna.core.coverage import State, unknown, weakest
from bethna.core.errors import CrossedBook
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookSnapshot, BookView, Candle, InstrumentId, PriceView
from bethna.core.status import BookStatus, SystemEvent, Trust
from bethna.logic.book import OrderBook

KEPT_CANDLES = 500
KEPT_EVENTS = 200
SHALLOW = 20


class Unjoined(Exception):
    """A change that does not continue what is known: a new snapshot is needed."""


class PricesMirror:
    """One topic of prices: of one instrument, or of all."""

    def __init__(self) -> None:
        self.rows: dict[InstrumentId, PriceView] = {}
        self.begun = False

    def snapshot(self, views: Sequence[PriceView]) -> list[PriceView]:
        """All there is; what differs (rule 1)."""
        self.begun = True
        changed = [view for view in views if view != self.rows.get(view.instrument)]
        self.rows = {view.instrument: view for view in views}
        return changed

    def delta(self, views: Iterable[PriceView]) -> list[PriceView]:
        """What has changed."""
        changed = [view for view in views if view != self.rows.get(view.instrument)]
        self.rows.update((view.instrument, view) for view in changed)
        return changed


class CandlesMirror:
    """One topic of candles."""

    def __init__(self, instrument: InstrumentId, interval: Interval) -> None:
        self.instrument = instrument
        self.interval = interval
        self.begun = False
        self._kept: dict[int, Candle] = {}  # ascending

    @property
    def last(self) -> Candle | None:
        """The newest."""
        return self._kept[next(reversed(self._kept))] if self._kept else None

    def snapshot(self, candles: Sequence[Candle], *, since: int | None = None) -> list[Candle]:
        """The newest, ascending; what differs (rule 1). Of the first one what had not ended at `since`."""
        before, self.begun = self._kept, True
        if before and candles and candles[-1].open_time < next(reversed(before)):
            changed = list(candles[-1:])  # a tape that starts over, another desk
            self._kept = {}
        elif before:
            changed = [candle for candle in candles if before.get(candle.open_time) != candle]
        else:
            changed = [
                candle
                for candle in candles
                if since is not None and self.interval.close_time(candle.open_time) >= since
            ]
        self._keep(candles)
        return changed

    def delta(self, candles: Sequence[Candle]) -> list[Candle]:
        """What has changed, ascending."""
        changed = [candle for candle in candles if self._kept.get(candle.open_time) != candle]
        self._keep(changed)
        return changed

    def _keep(self, candles: Iterable[Candle]) -> None:
        newest = next(reversed(self._kept), -1)
        in_order = True
        for candle in candles:
            in_order = in_order and (candle.open_time >= newest or candle.open_time in self._kept)
            newest = max(newest, candle.open_time)
            self._kept[candle.open_time] = candle
        if not in_order:
            self._kept = dict(sorted(self._kept.items()))
        while len(self._kept) > KEPT_CANDLES:
            del self._kept[next(iter(self._kept))]


class BookMirror:
    """One topic of a book, at either rate."""

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.begun = False
        self.worn = False  # fewer levels are certified than are shown: a snapshot would tell of more
        self._top = BookView(
            instrument, [], [], None, Trust.WAITING, 0, None, None, unknown(instrument.partition("@")[2])
        )
        self._book: OrderBook | None = None
        self._every = False

    def snapshot(self, top: BookView, now: int, *, every: bool) -> list[BookSnapshot | BookStatus]:
        """The book as it is; at `every` with all certified levels."""
        turned = self.begun and top.trust != self._top.trust
        self.begun, self.worn, self._top, self._every = True, False, top, every
        self._book = None
        said: list[BookSnapshot | BookStatus] = []
        if turned:
            said.append(BookStatus(self.instrument, Trust(top.trust), "", now))
        if top.update_id is not None and every:
            self._book = OrderBook(replace(snapshot_of(top, top.update_id), limit=_limit(top)))
            said.append(snapshot_of(top, top.update_id))
        return said

    def whole(self, top: BookView) -> None:
        """The top of the book at `ui` (rule 3)."""
        self._top = top
        self._book = None

    def change(self, change: BookChange) -> list[BookDelta]:
        """Changed levels (rule 2). Raises Unjoined."""
        if not self._every:
            return []  # of a subscription that has given way
        book = self._book
        first_id, last_id = int(change.first_update_id), int(change.update_id)
        if book is None or first_id > book.update_id + 1:
            raise Unjoined(f"expected update {book.update_id + 1 if book else 'of a book'}, found {first_id}")
        if last_id <= book.update_id:
            return []
        delta = BookDelta(
            self.instrument, first_id, last_id, change.bids, change.asks,
            nanos(change.ts_event), nanos(change.ts_recv),
        )  # fmt: skip
        book.apply(delta.bids, delta.asks, last_id)
        self._top = replace(
            self._top,
            update_id=last_id,
            ts_event=delta.ts_event,
            ts_recv=delta.ts_recv,
            coverage=replace(self._top.coverage, as_of=delta.ts_event),
        )
        return [delta]

    def turn(self, trust: Trust, reason: str, now: int) -> list[BookStatus]:
        """The trust in the book has changed. Without trust the certificate says so; with it a snapshot renews it."""
        coverage = self._top.coverage
        if trust is not Trust.TRUSTED:
            coverage = replace(coverage, state=weakest((coverage.state, State.INCOMPLETE)))
        self._top = replace(self._top, trust=trust, coverage=coverage)
        return [BookStatus(self.instrument, trust, reason, now)]

    def view(self, depth: int) -> BookView:
        """The top of the book as far as it is at hand."""
        top, book = self._top, self._book
        if book is None:
            return replace(top, bids=top.bids[:depth], asks=top.asks[:depth])
        try:
            bids, asks = book.top(depth)
        except CrossedBook:
            self.worn = True
            nothing = unknown(*top.coverage.sources, provenance=top.coverage.provenance)
            return BookView(self.instrument, [], [], None, Trust.UNTRUSTED, 0, None, None, nothing)
        self.worn = self.worn or book.worn(SHALLOW)
        return replace(top, bids=bids, asks=asks, certified_depth=min(book.certified_depth, book.known_depth))


def _limit(top: BookView) -> int:
    """Rule 4: a side with fewer levels than the limit counts as whole."""
    fewer, more = sorted((len(top.bids), len(top.asks)))
    if fewer >= SHALLOW:
        return fewer
    return more if more >= SHALLOW else more + 1


class EventsMirror:
    """The events of the desk, newest last."""

    def __init__(self) -> None:
        self.begun = False
        self._known: deque[SystemEvent] = deque(maxlen=KEPT_EVENTS)

    def snapshot(self, events: Sequence[SystemEvent]) -> list[SystemEvent]:
        """The newest there are; those that are new (rule 5), of a first snapshot none."""
        fresh = list(events[self._overlap(events) :]) if self.begun else []
        self.begun = True
        self._known.clear()
        self._known.extend(events)
        return fresh

    def delta(self, events: Sequence[SystemEvent]) -> list[SystemEvent]:
        """New ones."""
        self._known.extend(events)
        return list(events)

    def _overlap(self, events: Sequence[SystemEvent]) -> int:
        """How many of the first events are the last known ones."""
        known = list(self._known)
        for count in range(len(events), 0, -1):
            both = min(count, len(known))
            if both and list(events[count - both : count]) == known[-both:]:
                return count
        return 0
