"""Books: while a book is trusted it equals the venue's, whatever happened to its deltas on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.coverage import Gap
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Level
from bethna.core.status import Trust
from bethna.logic.booksync import BookSync

BTC = InstrumentId("BTC-USDT@binance")
SECOND = 1_000_000_000

Change = st.tuples(st.booleans(), st.integers(1, 20), st.integers(0, 3))


class VenueBook:
    """The truth: a book that numbers its changes and can be photographed at any id."""

    def __init__(self, batches: list[list[tuple[bool, int, int]]]) -> None:
        bids: dict[float, float] = {100.0 - i: 1.0 for i in range(1, 8)}
        asks: dict[float, float] = {100.0 + i: 1.0 for i in range(1, 8)}
        self.states = {10: (dict(bids), dict(asks))}
        self.deltas: list[BookDelta] = []
        update_id = 10
        for number, batch in enumerate(batches):
            first = update_id + 1
            update_id += len(batch)
            changed_bids: list[Level] = []
            changed_asks: list[Level] = []
            for is_bid, distance, quantity in batch:
                side, changed = (bids, changed_bids) if is_bid else (asks, changed_asks)
                price = 100.0 - distance if is_bid else 100.0 + distance
                changed.append((price, float(quantity)))
                if quantity:
                    side[price] = float(quantity)
                else:
                    side.pop(price, None)
            self.states[update_id] = (dict(bids), dict(asks))
            ts = (number + 1) * SECOND
            self.deltas.append(BookDelta(BTC, first, update_id, changed_bids, changed_asks, ts, ts))

    def snapshot(self, update_id: int, ts: int, limit: int = 5000) -> BookSnapshot:
        bids, asks = self.states[update_id]
        return BookSnapshot(
            BTC,
            update_id,
            sorted(bids.items(), reverse=True)[:limit],
            sorted(asks.items())[:limit],
            ts,
            limit,
        )


class Ledger:
    def __init__(self, max_held: int = 1000) -> None:
        self.wants: list[str] = []
        self.moved_ids: list[int] = []
        self.sync = BookSync(self.moved, self, patience_ns=10 * SECOND, max_held=max_held)

    def moved(self, delta: BookDelta) -> None:
        self.moved_ids.append(delta.last_id)

    def book_gap(self, gap: Gap, ts: int) -> None: ...

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None: ...

    def want_snapshot(self, reason: str, ts: int) -> None:
        self.wants.append(reason)


def agrees(ledger: Ledger, venue: VenueBook) -> None:
    """A trusted book equals the venue's at its id."""
    book = ledger.sync.book
    if ledger.sync.trust is Trust.TRUSTED:
        assert book is not None
        bids, asks = venue.states[book.update_id]
        assert (book.bids, book.asks) == (bids, asks)


Batches = st.lists(st.lists(Change, min_size=1, max_size=4), min_size=1, max_size=25)
Fates = st.lists(
    st.tuples(st.sampled_from(["keep"] * 5 + ["drop", "double", "delay"]), st.integers(1, 4)), max_size=25
)


@given(Batches, Fates, st.data())
def test_a_trusted_book_is_right_and_a_damaged_one_recovers(
    batches: list[list[tuple[bool, int, int]]], fates: list[tuple[str, int]], draw: st.DataObject
) -> None:
    venue = VenueBook(batches)
    due: list[tuple[float, BookDelta]] = []
    for index, delta in enumerate(venue.deltas):
        fate, amount = fates[index] if index < len(fates) else ("keep", 0)
        if fate == "drop":
            continue
        due.append((index + (amount + 0.5 if fate == "delay" else 0), delta))
        if fate == "double":
            due.append((index + 0.25, delta))
    ledger = Ledger()
    answered = 0
    ids = sorted(venue.states)
    for _, delta in sorted(due, key=lambda each: each[0]):
        ledger.sync.apply(delta)
        agrees(ledger, venue)
        while answered < len(ledger.wants) and draw.draw(st.booleans()):
            answered += 1
            ledger.sync.snapshot(venue.snapshot(draw.draw(st.sampled_from(ids)), delta.ts_recv))
            agrees(ledger, venue)
    ledger.sync.snapshot(venue.snapshot(ids[-1], 1000 * SECOND))
    assert ledger.sync.trust is Trust.TRUSTED
    agrees(ledger, venue)
    assert ledger.sync.book is not None
    assert ledger.sync.book.update_id == ids[-1]


@given(Batches)
def test_an_undamaged_stream_names_nothing(batches: list[list[tuple[bool, int, int]]]) -> None:
    venue = VenueBook(batches)
    ledger = Ledger()
    ledger.sync.snapshot(venue.snapshot(10, SECOND))
    for delta in venue.deltas:
        ledger.sync.apply(delta)
        agrees(ledger, venue)
    assert ledger.moved_ids == [delta.last_id for delta in venue.deltas]
    assert not list(ledger.sync.log.gaps())
    assert not ledger.sync.log.duplicates
    assert not ledger.wants


@given(Batches, st.integers(0, 24))
def test_a_dropped_delta_is_named_by_its_ids(batches: list[list[tuple[bool, int, int]]], index: int) -> None:
    venue = VenueBook(batches)
    if not 0 < index < len(venue.deltas) - 1:
        return
    ledger = Ledger()
    ledger.sync.snapshot(venue.snapshot(10, SECOND))
    for number, delta in enumerate(venue.deltas):
        if number != index:
            ledger.sync.apply(delta)
    gone = venue.deltas[index]
    assert [(gap.first_id, gap.last_id) for gap in ledger.sync.log.gaps()] == [(gone.first_id, gone.last_id)]
    assert ledger.sync.trust is Trust.SYNCING
    assert ledger.wants == ["gap"]


def test_the_snapshot_certifies_no_deeper_than_itself() -> None:
    venue = VenueBook([[(True, 15, 2), (False, 15, 2)]])
    ledger = Ledger()
    ledger.sync.snapshot(venue.snapshot(10, SECOND, limit=3))
    ledger.sync.apply(venue.deltas[0])
    assert ledger.sync.book is not None
    bids, asks = ledger.sync.book.top(50)
    assert [price for price, _ in bids] == [99.0, 98.0, 97.0]
    assert [price for price, _ in asks] == [101.0, 102.0, 103.0]


def test_a_crossed_book_is_distrusted_and_starts_again() -> None:
    venue = VenueBook([[(True, 1, 1)]])
    ledger = Ledger()
    ledger.sync.snapshot(venue.snapshot(10, SECOND))
    crossing = BookDelta(BTC, 11, 11, [(150.0, 1.0)], [], 2 * SECOND, 2 * SECOND)
    ledger.sync.apply(crossing)
    assert not ledger.sync.verify(3 * SECOND)
    assert ledger.sync.trust is Trust.SYNCING
    assert ledger.sync.book is None
    assert ledger.wants


def test_the_waiting_room_is_bounded() -> None:
    venue = VenueBook([[(True, 1 + i % 5, 1)] for i in range(300)])
    ledger = Ledger(max_held=20)
    for delta in venue.deltas:
        ledger.sync.apply(delta)
        assert ledger.sync.held <= 20
    trusts = []
    for update_id in (100, 310):
        ledger.sync.snapshot(venue.snapshot(update_id, SECOND))
        agrees(ledger, venue)
        trusts.append(ledger.sync.trust)
    assert trusts == [Trust.SYNCING, Trust.TRUSTED]
