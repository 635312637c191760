"""Books, rule by rule: which snapshot joins, what is believed while the stream is away, what a corrupt id can do."""

from __future__ import annotations

from math import inf

import pytest

from bethna.core.coverage import Gap
from bethna.core.errors import CrossedBook
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Level
from bethna.core.status import Trust
from bethna.logic.book import OrderBook
from bethna.logic.booksync import MIN_CERTIFIED_DEPTH, BookSync
from bethna.logic.gaplog import MAX_JUMP

BTC = InstrumentId("BTC-USDT@binance")
SECOND = 1_000_000_000
CORRUPT = 10**15


class Ledger:
    """Hears everything in order."""

    def __init__(self, *, max_held: int = 100) -> None:
        self.told: list[str] = []
        self.now = SECOND
        self.sync = BookSync(self.moved, self, patience_ns=10 * SECOND, max_held=max_held, stood=self.stood)

    def moved(self, delta: BookDelta) -> None:
        self.told.append(f"moved {delta.first_id}-{delta.last_id}")

    def stood(self, snapshot: BookSnapshot) -> None:
        self.told.append(f"stood {snapshot.last_id}")

    def book_gap(self, gap: Gap, ts: int) -> None:
        self.told.append(f"gap {gap.first_id}-{gap.last_id}")

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        self.told.append(str(trust))

    def want_snapshot(self, reason: str, ts: int) -> None:
        self.told.append("want")

    def hear(self, *spans: int | tuple[int, int], ts_event: int | None = None) -> list[str]:
        """What is told when deltas of these ids come; each says its last id as the quantity of the best bid."""
        before = len(self.told)
        for span in spans:
            first, last = span if isinstance(span, tuple) else (span, span)
            self.now += SECOND // 10
            ts = self.now if ts_event is None else ts_event
            self.sync.apply(BookDelta(BTC, first, last, [(99.0, float(last))], [], ts, self.now))
        return self.told[before:]

    def fetch(self, last_id: int, *, levels: int = 1, limit: int = 5000) -> list[str]:
        before = len(self.told)
        self.now += SECOND // 10
        bids = [(99.0 - n, float(last_id)) for n in range(levels)]
        asks = [(101.0 + n, 1.0) for n in range(levels)]
        self.sync.snapshot(BookSnapshot(BTC, last_id, bids, asks, self.now, limit))
        return self.told[before:]

    def wait(self, seconds: float) -> list[str]:
        before = len(self.told)
        self.now += round(seconds * SECOND)
        self.sync.tick(self.now)
        return self.told[before:]

    @property
    def standing(self) -> tuple[Trust, int | None, float | None]:
        book = self.sync.book
        return (
            self.sync.trust,
            None if book is None else book.update_id,
            None if book is None else book.bids.get(99.0),
        )

    def gaps(self) -> list[tuple[int | None, int | None, str, bool]]:
        return [(gap.first_id, gap.last_id, gap.reason, gap.healed) for gap in self.sync.log.gaps()]


def synced(last_id: int = 100, *, max_held: int = 100) -> Ledger:
    ledger = Ledger(max_held=max_held)
    ledger.hear(last_id)
    ledger.fetch(last_id)
    ledger.told.clear()
    assert ledger.standing == (Trust.TRUSTED, last_id, float(last_id))
    return ledger


# --- which snapshot joins (rules 1 to 3)


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [
        (8, ["want"]),  # older: update 9 is nowhere
        (9, ["stood 9", "moved 10-12", "moved 13-15", "trusted"]),
        (10, ["stood 10", "moved 10-12", "moved 13-15", "trusted"]),  # bridges inside the first delta
        (11, ["stood 11", "moved 10-12", "moved 13-15", "trusted"]),
        (12, ["stood 12", "moved 13-15", "trusted"]),
        (14, ["stood 14", "moved 13-15", "trusted"]),
        (15, ["stood 15", "trusted"]),
        (20, ["stood 20", "trusted"]),  # ahead of the stream
    ],
)
def test_a_snapshot_joins_what_is_held_or_is_asked_for_again(snapshot: int, told: list[str]) -> None:
    ledger = Ledger()
    assert ledger.hear((10, 12), (13, 15)) == ["syncing", "want"]
    assert ledger.fetch(snapshot) == told
    if "trusted" in told:
        assert ledger.standing == (Trust.TRUSTED, max(snapshot, 15), float(max(snapshot, 15)))
        assert ledger.sync.held == 0
        assert ledger.gaps() == []


def test_a_snapshot_ahead_of_the_stream_swallows_what_it_holds_in_silence() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(13)
    assert ledger.hear(11, (12, 13)) == []
    assert ledger.hear(14) == ["moved 14-14"]
    assert (ledger.gaps(), ledger.sync.log.duplicates) == ([], 0)


def test_a_delta_that_reaches_over_the_snapshot_is_applied_whole() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(13)
    assert ledger.hear((11, 15), 16) == ["moved 11-15", "moved 16-16"]
    assert ledger.standing == (Trust.TRUSTED, 16, 16.0)


def test_a_snapshot_before_any_delta_is_stood_upon() -> None:
    ledger = Ledger()
    assert ledger.fetch(9) == ["stood 9", "trusted"]
    assert ledger.hear(10) == ["moved 10-10"]


def test_the_same_snapshot_twice_is_no_resync() -> None:
    ledger = synced()
    assert ledger.fetch(100) == ["stood 100"]
    ledger.hear(101)
    assert ledger.fetch(100) == [], "older than the book: it says nothing"
    assert ledger.standing == (Trust.TRUSTED, 101, 101.0)
    assert ledger.sync.resyncs == 0


def test_a_gap_closed_by_a_snapshot_is_one_resync_and_healed() -> None:
    ledger = synced()
    assert ledger.hear(103) == ["gap 101-102", "syncing", "want"]
    assert ledger.fetch(101) == ["want"], "older than what is held"
    assert ledger.fetch(102) == ["stood 102", "moved 103-103", "trusted"]
    assert ledger.gaps() == [(101, 102, "missing", True)]
    assert ledger.sync.resyncs == 1


def test_a_gap_closed_by_the_stream_itself_was_a_reordering() -> None:
    ledger = synced()
    ledger.hear(103)
    assert ledger.hear(101, 102) == ["moved 101-101", "moved 102-102", "moved 103-103", "trusted"]
    assert ledger.gaps() == [(101, 102, "reordered", True)]


def test_a_delta_that_spans_the_gap_and_what_was_held_closes_it() -> None:
    ledger = synced()
    ledger.hear(103)
    assert ledger.hear((101, 104)) == ["moved 101-104", "trusted"]
    assert (ledger.gaps(), ledger.sync.held) == ([(101, 102, "reordered", True)], 0)


def test_held_deltas_that_another_one_spans_are_dropped_and_what_lies_beyond_waits() -> None:
    ledger = synced()
    ledger.hear(103, 106)
    assert ledger.hear((101, 104)) == ["moved 101-104"]
    assert (ledger.sync.held, ledger.sync.trust) == (1, Trust.SYNCING)
    assert ledger.hear(105) == ["moved 105-105", "moved 106-106", "trusted"]
    assert [reason for _, _, reason, _ in ledger.gaps()] == ["reordered", "reordered"]


def test_a_delta_that_begins_with_what_was_said_is_applied() -> None:
    ledger = synced()
    assert ledger.hear((100, 103), 104) == ["moved 100-103", "moved 104-104"]
    assert ledger.gaps() == []


def test_a_further_gap_above_the_snapshot_asks_again() -> None:
    ledger = synced()
    ledger.hear(103, 105)
    assert ledger.fetch(102) == ["stood 102", "moved 103-103", "want"]
    assert ledger.sync.trust is Trust.SYNCING
    assert ledger.fetch(105) == ["stood 105", "trusted"]
    assert all(healed for *_, healed in ledger.gaps())


def test_an_older_snapshot_never_brings_a_trusted_book_back_in_time() -> None:
    """A distrusted book has let go what it held: only a snapshot that is as new as the stream may be stood upon."""
    ledger = synced()
    ledger.sync.disproved("a quote differs", ledger.now)
    assert ledger.standing == (Trust.SYNCING, None, None)
    assert ledger.fetch(99) == ["want"]
    assert ledger.fetch(100) == ["stood 100", "trusted"]
    assert ledger.hear(101) == ["moved 101-101"]


def test_a_disproof_while_held_deltas_are_applied_ends_the_book() -> None:
    ledger = Ledger()

    def doubted(delta: BookDelta) -> None:
        ledger.sync.disproved("a quote differs", delta.ts_recv)

    ledger.sync._moved = doubted
    ledger.hear(10, 11)
    ledger.fetch(9)
    assert (ledger.standing, ledger.sync.held) == ((Trust.SYNCING, None, None), 0)


def test_a_duplicate_is_named_wherever_it_is() -> None:
    ledger = synced()
    ledger.hear(101, 101, 103, 103, 90)
    assert [gap.first_id for gap in ledger.sync.log.doubles] == [101, 103, 90]
    ledger.sync.overlapping = True
    ledger.hear(101)
    assert (ledger.sync.log.duplicates, ledger.sync.log.overlaps) == (3, 1)


def test_a_hole_below_a_snapshot_is_named_but_nothing_is_lost() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(20)
    assert ledger.hear(13) == []
    assert ledger.gaps() == [(11, 12, "missing", True)]
    assert ledger.sync.trust is Trust.TRUSTED


def test_held_deltas_are_bounded_and_an_old_snapshot_no_longer_joins() -> None:
    ledger = Ledger(max_held=3)
    ledger.hear(*range(10, 20))
    assert ledger.sync.held == 3
    assert ledger.fetch(15) == ["want"]
    assert ledger.fetch(16) == ["stood 16", "moved 17-17", "moved 18-18", "moved 19-19", "trusted"]


# --- patience and depth (rules 7 to 9)


def test_without_a_snapshot_the_book_is_untrusted_and_the_asking_goes_on() -> None:
    ledger = Ledger()
    ledger.hear(10)
    assert ledger.wait(10) == []
    assert ledger.wait(0.1) == ["untrusted", "want"]
    assert ledger.wait(10) == []
    assert ledger.wait(0.1) == ["want"]
    assert ledger.fetch(10) == ["stood 10", "trusted"]
    assert ledger.wait(60) == []


def test_a_clock_that_is_set_back_does_not_prolong_the_waiting() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.wait(-3600)
    assert ledger.wait(11) == ["untrusted", "want"]
    ledger.fetch(10, levels=5, limit=5)
    ledger.wait(11)
    ledger.wait(-3600)
    ledger.sync.apply(BookDelta(BTC, 11, 11, [(150.0, 1.0)], [], ledger.now, ledger.now))
    assert ledger.wait(11) == ["syncing", "want"]


def test_a_crossed_book_is_found_by_time_and_starts_again() -> None:
    ledger = synced()
    ledger.sync.apply(BookDelta(BTC, 101, 101, [(101.0, 1.0)], [], ledger.now, ledger.now))
    assert ledger.sync.trust is Trust.TRUSTED
    assert ledger.wait(10) == ["syncing", "want"]
    assert ledger.sync.book is None
    assert not ledger.sync.verify(ledger.now), "there is no book"


def test_a_worn_book_asks_for_a_deeper_snapshot_and_stays_trusted() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(10, levels=MIN_CERTIFIED_DEPTH, limit=MIN_CERTIFIED_DEPTH)
    assert ledger.wait(10) == []
    ledger.sync.apply(BookDelta(BTC, 11, 11, [(98.0, 0.0)], [], ledger.now, ledger.now))
    assert ledger.wait(9) == []
    assert ledger.wait(1) == ["want"]
    assert ledger.sync.certified_depth == MIN_CERTIFIED_DEPTH - 1
    assert ledger.wait(10) == [], "asked once"
    assert ledger.fetch(10, levels=200, limit=200) == ["want"], "older than the book"
    assert ledger.fetch(11, levels=200, limit=200) == ["stood 11"]
    assert (ledger.sync.trust, ledger.sync.resyncs, ledger.sync.certified_depth) == (Trust.TRUSTED, 0, 200)


def test_a_disconnect_forgets_that_a_deeper_snapshot_was_asked_for() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(10, levels=5, limit=5)
    assert ledger.wait(10) == ["want"]
    ledger.sync.disconnected("cut", ledger.now)
    ledger.hear(11)
    assert ledger.wait(10) == ["want"]


@pytest.mark.parametrize(
    ("bids", "asks", "worn"), [(5, 5, True), (4, 5, True), (5, 4, True), (4, 4, False), (0, 0, False)]
)
def test_a_side_that_the_snapshot_exhausted_is_never_worn(bids: int, asks: int, *, worn: bool) -> None:
    """With a limit of five, a side of four levels is the whole side: no snapshot could tell of more."""
    book = OrderBook(
        BookSnapshot(
            BTC, 1, [(9.0 - n, 1.0) for n in range(bids)], [(11.0 + n, 1.0) for n in range(asks)], 1, 5
        )
    )
    assert book.worn(6) is worn
    assert not book.worn(min(bids, asks))


# --- without a stream (rule 10)


def test_while_the_stream_is_away_nothing_is_asked_and_nothing_is_trusted() -> None:
    ledger = synced()
    ledger.sync.disconnected("cut", ledger.now)
    assert ledger.told == ["syncing"]
    assert ledger.wait(60) == []
    assert ledger.fetch(150) == []
    assert ledger.standing == (Trust.SYNCING, 100, 100.0)
    assert ledger.hear(101) == ["trusted", "moved 101-101"]


def test_after_the_break_a_gap_asks_at_once() -> None:
    ledger = synced()
    ledger.sync.disconnected("cut", ledger.now)
    assert ledger.hear(105) == ["gap 101-104", "want"]
    assert ledger.fetch(105) == ["stood 105", "trusted"]


def test_a_break_before_the_first_snapshot_begins_anew_with_the_first_delta() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.sync.disconnected("cut", ledger.now)
    assert ledger.told[-1] == "waiting"
    assert ledger.fetch(10) == [], "the stream that it would join is gone"
    assert ledger.hear(15) == ["gap 11-14", "syncing", "want"]
    assert ledger.fetch(15) == ["stood 15", "trusted"]


def test_a_break_before_any_data_is_no_event() -> None:
    ledger = Ledger()
    ledger.sync.disconnected("subscribing", ledger.now)
    assert ledger.told == []
    assert ledger.hear(10) == ["syncing", "want"]


# --- ids that are far from the stream's (rule 11)


def test_one_corrupt_delta_disturbs_nobody() -> None:
    ledger = synced()
    assert ledger.hear(CORRUPT, 101, 102) == ["syncing", "trusted", "moved 101-101", "moved 102-102"]
    assert ledger.wait(11) == []
    assert [(gap.first_id, gap.reason) for gap in ledger.sync.log.doubles] == [(CORRUPT, "stray")]
    assert ledger.hear(104) == ["gap 103-103", "syncing", "want"], "gaps are found as ever"
    assert ledger.fetch(104) == ["stood 104", "trusted"]


def test_a_corrupt_delta_while_the_snapshot_is_fetched() -> None:
    ledger = Ledger()
    ledger.hear(10, (CORRUPT, CORRUPT + 5), 11)
    assert ledger.fetch(10) == ["stood 10", "moved 11-11", "trusted"]


def test_a_corrupt_delta_that_comes_twice_is_a_duplicate_and_no_agreement() -> None:
    ledger = synced()
    assert ledger.hear(CORRUPT, CORRUPT, 101) == ["syncing", "trusted", "moved 101-101"]
    assert [(gap.first_id, gap.reason) for gap in ledger.sync.log.doubles] == [(CORRUPT, "duplicate")]


def test_a_last_id_that_was_corrupt_does_not_freeze_the_book() -> None:
    ledger = synced()
    ledger.hear((101, CORRUPT))
    assert ledger.hear(102) == ["syncing"]
    assert ledger.hear(103) == ["want"]
    assert ledger.standing == (Trust.SYNCING, None, None)
    assert ledger.fetch(102) == ["stood 102", "moved 103-103", "trusted"]
    assert ledger.gaps() == [(CORRUPT + 1, CORRUPT + 1, "renumbered", True)]


def test_a_first_delta_that_was_corrupt_does_not_stand_in_the_way() -> None:
    ledger = Ledger()
    ledger.hear(CORRUPT, 10, 11)
    assert ledger.fetch(10) == ["stood 10", "moved 11-11", "trusted"]


def test_a_first_delta_far_from_the_snapshot_of_a_tape() -> None:
    ledger = Ledger()
    ledger.fetch(10)
    first = 10 + 5 * MAX_JUMP
    assert ledger.hear(first) == ["syncing"]
    assert ledger.hear(first + 1) == [f"gap 11-{first - 1}", "want"]


def test_a_long_break_is_believed_with_the_second_delta_and_not_trusted_before() -> None:
    far = 100 + 5 * MAX_JUMP
    ledger = synced()
    assert ledger.hear(far) == ["syncing"]
    assert ledger.hear(far + 1) == [f"gap 101-{far - 1}", "want"]
    assert ledger.hear(far + 2) == []
    assert ledger.fetch(far + 1) == [f"stood {far + 1}", f"moved {far + 2}-{far + 2}", "trusted"]


def test_a_slow_book_after_a_long_break_gets_its_snapshot_and_then_agreement() -> None:
    far = 100 + 5 * MAX_JUMP
    ledger = synced()
    ledger.hear(far)
    assert ledger.wait(11) == ["untrusted", "want"]
    assert ledger.fetch(far + 3) == [f"stood {far + 3}", "trusted"]
    assert ledger.hear(far + 1, (far + 2, far + 4)) == ["syncing", f"moved {far + 2}-{far + 4}", "trusted"]
    assert ledger.gaps() == [(101, far - 1, "missing", True)]


def test_the_largest_near_jump_and_the_smallest_far_one() -> None:
    assert synced().hear(101 + MAX_JUMP)[0] == f"gap 101-{100 + MAX_JUMP}"
    assert synced().hear(102 + MAX_JUMP) == ["syncing"]


def test_old_deltas_said_again_are_duplicates_however_old() -> None:
    ledger = synced(5 * MAX_JUMP)
    assert ledger.hear(7, 8, 9, ts_event=1) == []
    assert (ledger.sync.log.duplicates, ledger.sync.log.strays) == (3, 0)


def test_what_is_missing_far_below_may_still_come() -> None:
    ledger = synced()
    far = 101 + 2 * MAX_JUMP
    ledger.hear(far, far + 1)
    assert ledger.hear(101, 102) == ["moved 101-101", "moved 102-102"]
    assert ledger.sync.log.strays == 0


def test_a_snapshot_to_which_the_stream_does_not_come_is_not_of_this_stream() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(CORRUPT)
    assert ledger.sync.trust is Trust.TRUSTED, "a snapshot may be ahead of the stream, for a while"
    for update_id in range(11, 112):
        if ledger.sync.book is None:
            break
        ledger.hear(update_id)
    assert ledger.told[-2:] == ["syncing", "want"]
    assert ledger.now - SECOND == pytest.approx(10 * SECOND, rel=0.05)
    ledger.hear(200)
    assert ledger.fetch(200) == ["stood 200", "trusted"]


def test_a_slow_stream_that_comes_to_the_snapshot_is_believed_however_late() -> None:
    ledger = Ledger()
    ledger.hear(100)
    ledger.fetch(101)
    ledger.now += 3600 * SECOND
    assert ledger.hear(101, 102) == ["moved 102-102"]
    assert ledger.sync.trust is Trust.TRUSTED


# --- the book itself


def book(bids: list[Level], asks: list[Level], limit: int = 2) -> OrderBook:
    return OrderBook(BookSnapshot(BTC, 1, bids, asks, 1, limit))


def test_an_empty_side_has_no_best_and_crosses_nothing() -> None:
    empty = book([], [(11.0, 1.0)])
    assert empty.best() == (None, (11.0, 1.0))
    assert empty.top(5) == ([], [(11.0, 1.0)])
    assert (empty.certified_depth, empty.known_depth) == (0, 0)
    empty.apply([(10.0, 2.0)], [(11.0, 0.0)], 2)
    assert empty.best() == ((10.0, 2.0), None)
    empty.apply([(10.0, 0.0), (9.0, 0.0)], [], 3)
    assert empty.best() == (None, None)
    assert empty.levels() == ([], [])


@pytest.mark.parametrize("ask", [10.0, 9.0])
def test_a_locked_or_crossed_book_is_refused(ask: float) -> None:
    with pytest.raises(CrossedBook, match="expected bid below ask, found bid 10"):
        book([(10.0, 1.0)], [(ask, 1.0)]).best()


def test_only_the_certified_range_is_shown_until_a_quote_widens_it() -> None:
    deep = book([(10.0, 1.0), (9.0, 1.0)], [(11.0, 1.0), (12.0, 1.0)])
    deep.apply([(8.0, 3.0), (10.0, 0.0), (9.0, 0.0)], [(13.0, 3.0)], 2)
    assert deep.top(5) == ([], [(11.0, 1.0), (12.0, 1.0)])
    assert (deep.certifies(9.0, 12.0), deep.certifies(8.9, 12.0), deep.certifies(9.0, 12.1)) == (
        True,
        False,
        False,
    )
    deep.confirm(8.0, 11.0)
    assert deep.top(5) == ([(8.0, 3.0)], [(11.0, 1.0), (12.0, 1.0)])
    assert deep.certifies(8.0, -inf)
    assert (deep.certified_depth, deep.known_depth) == (1, 1)


def test_a_zero_in_a_snapshot_is_no_level() -> None:
    assert book([(10.0, 0.0)], [(11.0, 0.0)], limit=1).levels() == ([], [])


# --- what the venue says by the way (rule 5)


def test_what_the_venue_quotes_and_no_update_has_shown_is_a_gap() -> None:
    ledger = Ledger()
    ledger.hear(10)
    ledger.fetch(10)
    before = len(ledger.told)
    ledger.sync.expect(12, ledger.now)
    assert ledger.told[before:] == ["gap 11-12", "syncing", "want"]
    ledger.fetch(12)
    assert ledger.told[-2:] == ["stood 12", "trusted"]
    assert [gap.healed for gap in ledger.sync.log.gaps()] == [True]


def test_nothing_is_expected_without_a_book_or_of_what_is_there() -> None:
    ledger = Ledger()
    ledger.sync.expect(12, ledger.now)
    ledger.hear(10)
    ledger.sync.expect(12, ledger.now)
    ledger.fetch(10)
    ledger.sync.expect(10, ledger.now)
    assert list(ledger.sync.log.gaps()) == []
