"""Books that a venue pushes: whatever the sockets do, a trusted book is the venue's, and a doubt is never forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot, InstrumentId, Level, Quote
from bethna.core.status import Trust
from bethna.core.wire import BookDoubt
from bethna.logic.booksync import BookSync
from bethna.logic.pushedbook import STANDING_NS, PushedBook
from bethna.logic.quotecheck import QuoteCheck

BTC = InstrumentId("BTC-USD@somewhere")
PATIENCE_NS = 10_000_000_000


@dataclass
class Out:
    """What the machine says."""

    wants: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    turns: list[Trust] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def book_gap(self, gap: Gap, ts: int) -> None:
        self.gaps.append(gap)

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        self.turns.append(trust)
        self.reasons.append(reason)

    def want_snapshot(self, reason: str, ts: int) -> None:
        self.wants.append(reason)


class Bench:
    """The venue's true book, and a desk's."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.bids: dict[float, float] = {100.0 - i: 1.0 + i for i in range(20)}
        self.asks: dict[float, float] = {101.0 + i: 1.0 + i for i in range(20)}
        self.now = 1
        self.out = Out()
        self.sync = BookSync(lambda _: None, self.out, patience_ns=PATIENCE_NS, max_held=10)
        self.quotes = QuoteCheck()
        self.pushed = PushedBook(self.sync, self.quotes)

    def snapshot(self, epoch: int) -> bool:
        self.now += 1
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        return self.pushed.snapshot(
            BookSnapshot(BTC, UNNUMBERED, bids, asks, self.now, len(bids) + 1, epoch=epoch, proven=10)
        )

    def change(self) -> tuple[list[Level], list[Level]]:
        """The venue's book moves."""
        side, first = self.rng.choice(((self.bids, 81.0), (self.asks, 101.0)))
        price, quantity = first + self.rng.randrange(20), float(self.rng.randrange(3))
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
        level = [(price, quantity)]
        return (level, []) if side is self.bids else ([], level)

    def tell(self, change: tuple[list[Level], list[Level]], epoch: int) -> bool:
        self.now += 1
        return self.pushed.apply(
            BookDelta(BTC, UNNUMBERED, UNNUMBERED, *change, self.now, self.now, epoch=epoch)
        )

    @property
    def trust(self) -> Trust:
        return self.sync.trust

    def agrees(self) -> None:
        assert self.sync.book is not None
        assert self.sync.book.levels() == (sorted(self.bids.items(), reverse=True), sorted(self.asks.items()))


class Sockets:
    """Sockets 1, 2, ... of the bench; one that loses a change raises a doubt with the next one, as a checksum does."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.open = [1]
        self.damaged: set[int] = set()
        bench.snapshot(1)

    def act(self, what: str) -> None:
        getattr(self, what)()

    def rotate(self) -> None:
        self.open.append(self.open[-1] + 1)
        self.bench.snapshot(self.open[-1])
        if len(self.open) > 2:
            self.bench.pushed.ended(self.open.pop(0), self.bench.now)

    def cut(self) -> None:
        """The newest goes; the older one remains."""
        gone = self.open.pop()
        self.bench.pushed.ended(gone, self.bench.now)
        self.open = self.open or [gone + 1]

    def renew(self) -> None:
        if self.bench.snapshot(self.open[0]):
            self.damaged.discard(self.open[0])

    def lose(self) -> None:
        self.damaged.add(self.open[-1])
        self._tell(self.open[:-1])

    def move(self) -> None:
        self._tell(self.open)

    def _tell(self, told: list[int]) -> None:
        change = self.bench.change()
        for socket in told:
            self.bench.tell(change, socket)
            if socket in self.damaged:
                self.bench.pushed.doubt(BookDoubt(BTC, "checksum", self.bench.now, socket))


@given(
    st.integers(0, 2**32), st.lists(st.sampled_from(("move", "lose", "rotate", "cut", "renew")), max_size=60)
)
def test_a_trusted_book_is_the_venues(seed: int, acts: list[str]) -> None:
    bench = Bench(Random(seed))
    sockets = Sockets(bench)
    for act in acts:
        sockets.act(act)
        if bench.trust is Trust.TRUSTED and bench.pushed.epoch not in sockets.damaged:
            bench.agrees()
    assert bench.trust is Trust.TRUSTED or bench.out.wants
    for socket in sockets.open:
        bench.pushed.ended(socket, bench.now)
    bench.snapshot(99)
    assert bench.trust is Trust.TRUSTED
    bench.agrees()
    assert not [gap for gap in bench.sync.log.gaps() if not gap.healed], "what was doubted is whole again"


def test_a_doubt_is_named_asked_about_and_healed_by_the_next_snapshot() -> None:
    bench = Bench(Random(1))
    bench.snapshot(1)
    bench.pushed.doubt(BookDoubt(BTC, "checksum 7 found, 8 told", 5, 1))
    assert bench.out.reasons[-1] == "checksum 7 found, 8 told"
    assert not bench.out.gaps, "our own count is no id that a person could look up"
    assert bench.out.wants == ["checksum 7 found, 8 told"]
    assert bench.out.turns == [Trust.TRUSTED, Trust.SYNCING]
    assert not bench.tell(bench.change(), 1), "its connection is not heard"
    bench.snapshot(1)
    assert bench.trust is Trust.TRUSTED
    assert [gap.healed for gap in bench.sync.log.gaps()] == [True]
    assert bench.tell(bench.change(), 1)
    bench.agrees()


def test_the_older_of_two_sockets_is_not_heard_and_takes_over_again_when_the_newer_one_ends() -> None:
    bench = Bench(Random(2))
    bench.snapshot(1)
    bench.snapshot(2)
    assert not bench.tell(bench.change(), 1)
    assert not bench.snapshot(1), "the newer one has the book"
    bench.pushed.ended(2, bench.now)
    assert bench.out.wants == ["the connection that carried the book has ended"]
    assert bench.snapshot(1)
    assert bench.tell(bench.change(), 1)
    bench.agrees()


def test_changes_before_the_first_snapshot_are_let_go_and_cast_doubt_on_it_once() -> None:
    bench = Bench(Random(3))
    assert not bench.tell(bench.change(), 1)
    assert (bench.trust, bench.pushed.early) == (Trust.WAITING, 1)
    assert not bench.snapshot(1)
    assert bench.out.wants == ["its connection told changes before the snapshot"]
    assert bench.snapshot(1)
    bench.sync.disconnected("gone", bench.now)
    assert bench.snapshot(2), "a snapshot on the stream says that there is a stream"
    assert bench.trust is Trust.TRUSTED


def turned(bench: Bench) -> Trust:
    return bench.out.turns[-1]


def test_a_crossed_book_is_doubted_by_the_update_that_crossed_it() -> None:
    bench = Bench(Random(4))
    bench.snapshot(1)
    bench.asks.clear()
    bench.asks.update({105.0: 1.0})
    assert bench.tell(([], [(float(price), 0.0) for price in range(101, 121)]), 1)
    assert bench.tell(([], [(105.0, 1.0)]), 1)
    assert turned(bench) is Trust.TRUSTED
    assert bench.tell(([(104.0, 1.0)], []), 1)
    assert turned(bench) is Trust.TRUSTED, "between the bounds of before and of now"
    bench.tell(([(105.0, 1.0)], []), 1)
    assert turned(bench) is Trust.SYNCING
    assert bench.out.wants == ["its best bid 105.0 is not below its best ask 105.0"]
    assert not bench.tell(([], [(106.0, 1.0)]), 1), "its connection is not heard"


def quote(bench: Bench, bid: float, ask: float, at: int, *, of: int | None = None) -> None:
    """A quote that comes `at` and is `of` a venue's time."""
    bench.quotes.quote(Quote(BTC, bid, 1.0, ask, 1.0, None, at if of is None else of, at), None)
    bench.pushed.tick(at + 1)


def test_two_quotes_a_second_apart_of_other_prices_doubt_a_book_that_does_not_move() -> None:
    bench = Bench(Random(5))
    bench.snapshot(1)
    quote(bench, 99.0, 102.0, 10)
    quote(bench, 99.0, 102.0, 11)
    assert turned(bench) is Trust.TRUSTED, "the update may be on its way"
    quote(bench, 99.0, 103.0, 10 + NS_PER_S)
    assert turned(bench) is Trust.SYNCING
    assert bench.out.wants == ["no update comes, and the venue quotes other prices"]


def test_quotes_prove_nothing_while_updates_come_or_when_they_agree() -> None:
    bench = Bench(Random(6))
    bench.snapshot(1)
    for second in range(1, 20):
        bench.now = second * NS_PER_S
        bench.tell(([(50.0, 1.0 + second)], []), 1)
        quote(bench, 99.0, 102.0, bench.now + 5)
    for second in range(20, 40):
        quote(bench, 100.0, 101.0, second * NS_PER_S)
    quote(bench, 99.0, 102.0, 40 * NS_PER_S)
    quote(bench, 100.0, 101.0, 41 * NS_PER_S)
    quote(bench, 99.0, 102.0, 42 * NS_PER_S)
    assert turned(bench) is Trust.TRUSTED


def test_late_quotes_of_what_was_before_the_book_prove_nothing() -> None:
    bench = Bench(Random(7))
    bench.snapshot(1)
    bench.now = 10 * NS_PER_S
    bench.tell(([(50.0, 2.0)], []), 1)
    for second in range(11, 20):
        quote(bench, 99.0, 102.0, second * NS_PER_S, of=(second - 5) * NS_PER_S if second < 15 else bench.now)
    for second in range(3):
        quote(bench, 99.0, 102.0, bench.now, of=(30 + second) * NS_PER_S)
    assert turned(bench) is Trust.TRUSTED


LATER = 2 + STANDING_NS
"""By when that snapshot has stood long enough."""


def compared(bench: Bench, *, counted: bool, proven: int | None) -> PushedBook:
    """A book of twenty levels a side, and another snapshot that agrees in twelve of them."""
    bids, asks = sorted(bench.bids.items(), reverse=True), sorted(bench.asks.items())
    first = BookSnapshot(BTC, UNNUMBERED, bids, asks, 2, 21, epoch=1, proven=proven, counted=counted)
    assert bench.pushed.proves(), "where there is no book, there is nothing to prove"
    assert bench.pushed.snapshot(first)
    assert bench.pushed.proves() is (proven is None)
    bench.pushed.compared(24, (89.0, 112.0), LATER)
    return bench.pushed


def proven_levels(bench: Bench) -> list[int]:
    book = bench.sync.book
    assert book is not None
    return [depth for depth in (1, 10, 12, 13, 20) if bench.pushed.proves(book.top(depth))]


def test_a_comparison_proves_a_counted_book_as_far_as_it_went_until_it_is_doubted() -> None:
    bench = Bench(Random(8))
    pushed = compared(bench, counted=True, proven=0)
    assert (pushed.compared_at, pushed.compared_levels) == (LATER, 24)
    assert (proven_levels(bench), pushed.proves()) == ([1, 10, 12], False)
    bench.tell(([(100.5, 1.0)], []), 1)
    assert proven_levels(bench) == [1, 10, 12], "a new level was heard, twelve bids end at 90 now"
    bench.tell(([(100.5, 0.0), (100.0, 0.0)], []), 1)
    assert proven_levels(bench) == [1, 10], "twelve bids end at 88 now, of which nothing is proven"
    pushed.compared(40, (-inf, inf), LATER)
    assert pushed.proves()
    bench.pushed.doubt(BookDoubt(BTC, "a message is missing", 5, 1))
    assert (pushed.compared_at, pushed.compared_levels, proven_levels(bench)) == (None, 0, [])
    pushed.compared(40, (-inf, inf), 6)
    assert pushed.compared_at is None, "nothing is said of a book that is doubted"
    bench.snapshot(1)
    assert proven_levels(bench) == [1, 10], "the ten of its checksum; that snapshot was never compared"


def test_a_book_that_has_just_begun_is_not_proven_by_an_answer_that_may_be_as_old() -> None:
    bench = Bench(Random(8))
    pushed = compared(bench, counted=True, proven=0)
    pushed.compared(40, (-inf, inf), pushed.since + STANDING_NS - 1)
    assert (pushed.compared_levels, proven_levels(bench), pushed.proves()) == (40, [], False)
    pushed.compared(40, (-inf, inf), pushed.since + STANDING_NS)
    assert pushed.proves()


def test_a_comparison_proves_nothing_of_a_book_whose_updates_may_be_lost_unseen() -> None:
    for proven, levels in ((0, []), (10, [1, 10]), (None, [1, 10, 12, 13, 20])):
        bench = Bench(Random(9))
        pushed = compared(bench, counted=False, proven=proven)
        assert (pushed.compared_at, proven_levels(bench)) == (LATER, levels)


def test_a_snapshot_that_is_crossed_is_no_book_and_a_new_best_ask_is_seen_like_a_bid() -> None:
    bench = Bench(Random(10))
    bench.pushed.tick(1)  # nothing was quoted, and nothing stands
    bench.bids[103.0] = 1.0
    assert not bench.snapshot(1)
    assert bench.out.wants == ["its best bid 103.0 is not below its best ask 101.0"]
    bench.pushed.disproved("somebody else found it, too", bench.now)
    assert (bench.pushed.doubts, len(bench.out.wants)) == (1, 1)
    del bench.bids[103.0]
    assert bench.snapshot(1)
    bench.tell(([], [(100.5, 1.0)]), 1)
    assert turned(bench) is Trust.TRUSTED
    bench.tell(([], [(100.0, 1.0)]), 1)
    assert turned(bench) is Trust.SYNCING
