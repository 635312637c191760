"""Books whose updates name the one before them: ids jump, a lost one is a gap, two sockets are one book."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId
from bethna.core.status import Trust
from bethna.logic.feed import FeedSettings, InstrumentFeed
from bethna.logic.gaplog import MAX_JUMP

PATIENCE_NS = FeedSettings().patience_ns
PERPETUAL = Instrument(InstrumentId("BTC-PERPETUAL@somewhere"), "somewhere", "BTC", "USD", "BTC-PERPETUAL")


class Ports:
    def __init__(self) -> None:
        self.snapshots: list[str] = []
        self.trade = self.book = self.quote = self.ticker = lambda _: None

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        self.snapshots.append(reason)

    def want_trades(self, *_: object) -> None: ...

    def owe_trades(self, *_: object) -> None: ...


class Bench:
    """A venue whose change ids count everything that happens there, so that one book's jump."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.ports = Ports()
        self.feed = InstrumentFeed(PERPETUAL, self.ports, FeedSettings(), book_style="chained")
        self.id = 118_850_965_713
        self.now = 1
        self.bids = {100.0 - i: 1.0 for i in range(30)}
        self.asks = {101.0 + i: 1.0 for i in range(30)}

    def snapshot(self) -> None:
        self.now += 1
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        self.feed.apply_pushed_snapshot(
            BookSnapshot(PERPETUAL.id, self.id, bids, asks, self.now, len(bids) + 1, ts_event=self.now)
        )

    def change(self) -> BookDelta:
        """The venue's next update of this book."""
        before, self.id = self.id, self.id + self.rng.choice((1, 700, MAX_JUMP + 1, 15_065, 10**9))
        level = (100.0 - self.rng.randrange(30), float(self.rng.randrange(1, 9)))
        self.bids[level[0]] = level[1]
        self.now += 1
        return BookDelta(PERPETUAL.id, before + 1, self.id, [level], [], self.now, self.now)

    def is_right(self) -> None:
        assert self.feed.booksync.trust is Trust.TRUSTED
        assert self.feed.booksync.book is not None
        assert self.feed.booksync.book.levels()[0] == sorted(self.bids.items(), reverse=True)


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_a_pushed_snapshot_and_its_chain_are_a_trusted_book_at_once(seed: int, changes: int) -> None:
    bench = Bench(seed)
    bench.snapshot()
    for _ in range(changes):
        bench.feed.apply_delta(bench.change())
        bench.is_right()
    assert not bench.ports.snapshots
    assert not list(bench.feed.booksync.log.gaps())


@given(st.integers(0, 2**32), st.integers(1, 20))
def test_two_sockets_that_say_the_same_are_one_book(seed: int, changes: int) -> None:
    bench = Bench(seed)
    bench.snapshot()
    bench.feed.set_overlapping(True)
    bench.snapshot()
    for _ in range(changes):
        change = bench.change()
        bench.feed.apply_delta(change)
        bench.feed.apply_delta(change)
        bench.is_right()
    assert not list(bench.feed.booksync.log.gaps())


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_a_lost_change_is_a_gap_and_the_next_snapshot_heals_it(seed: int, lost: int) -> None:
    bench = Bench(seed)
    bench.snapshot()
    missing = [bench.change() for _ in range(lost)]
    bench.feed.apply_delta(bench.change())
    [gap] = bench.feed.booksync.log.gaps()
    assert (gap.first_id, gap.last_id) == (missing[0].first_id, missing[-1].last_id)
    assert bench.feed.booksync.trust is Trust.SYNCING
    assert bench.ports.snapshots
    bench.snapshot()
    bench.is_right()
    assert [gap.healed for gap in bench.feed.booksync.log.gaps()] == [True]


@given(st.integers(0, 2**32), st.integers(0, 10))
def test_a_new_socket_begins_with_a_snapshot_that_is_trusted_at_once(seed: int, meanwhile: int) -> None:
    bench = Bench(seed)
    bench.snapshot()
    bench.feed.disconnected("gone", bench.now)
    for _ in range(meanwhile):
        bench.change()
    bench.snapshot()
    bench.is_right()
    bench.feed.apply_delta(bench.change())
    bench.is_right()


@given(st.integers(0, 2**32), st.integers(1, 10), st.booleans())
def test_a_venue_that_counts_anew_below_begins_anew_with_its_next_snapshot(
    seed: int, changes: int, cut: bool
) -> None:
    bench = Bench(seed)
    bench.snapshot()
    for _ in range(changes):
        bench.feed.apply_delta(bench.change())
    if cut:
        bench.feed.disconnected("gone", bench.now)
    bench.id = bench.rng.randrange(1_000_000)
    bench.snapshot()
    bench.is_right()
    for _ in range(changes):
        bench.feed.apply_delta(bench.change())
        bench.is_right()
    [gap] = bench.feed.booksync.log.gaps()
    assert (gap.reason, gap.healed) == ("renumbered", True)


@given(st.integers(0, 2**32), st.integers(1, 10))
def test_a_second_socket_that_is_behind_is_not_another_count(seed: int, changes: int) -> None:
    bench = Bench(seed)
    bench.snapshot()
    behind = (bench.id, bench.now)
    for _ in range(changes):
        bench.feed.apply_delta(bench.change())
    bench.feed.apply_pushed_snapshot(
        BookSnapshot(PERPETUAL.id, behind[0], [(1.0, 1.0)], [(2.0, 1.0)], bench.now, 100, ts_event=behind[1])
    )
    bench.is_right()
    assert not list(bench.feed.booksync.log.gaps())


def test_a_book_that_is_never_begun_is_asked_for() -> None:
    bench = Bench(1)
    bench.feed.connected(bench.now)
    bench.feed.tick(bench.now + PATIENCE_NS, 0)
    assert not bench.ports.snapshots
    for turn in range(1, 4):
        bench.feed.tick(bench.now + turn * (PATIENCE_NS + 1), 0)
        assert bench.ports.snapshots.count("no snapshot has come") == 1 or turn > 1
    assert len(bench.ports.snapshots) >= 3, "and again, until there is one"
    assert bench.feed.booksync.trust is not Trust.WAITING
    bench.snapshot()
    bench.is_right()
    bench.ports.snapshots.clear()
    bench.feed.tick(bench.now + 20 * PATIENCE_NS, 0)
    assert not bench.ports.snapshots
